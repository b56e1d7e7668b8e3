"""Links between boards: which rows of another stream a record points to. Pure.

A link names its target by the target's key, a template a part: `["{Company}", "B", "{CodeB}"]`.
A part that is one property's bare field may be a list, and then makes a link for each member.
The cell holds the targets' item ids, sorted: the one form that both sides know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.keys import key_text, part_text
from target_monday.quoting import quoted
from target_monday.rejects import BadCell
from target_monday.templates import ABSENT, Absent, Template, is_empty, template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Link", "LinkTargets", "link_faults", "link_of"]

_REMEMBERED: Final = 10_000  # values whose keys are not made again


@dataclass(frozen=True, slots=True)
class Link:
    """What a link's cell is made of: the target's stream, and the parts of the target's key.

    `missing`: `reject` has a target that does not come reported as LINK_TARGET_MISSING, `wait`
    only counts it; None leaves that to the run's setting.
    """

    stream: str
    key: tuple[Template, ...]
    missing: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties that it uses."""
        return tuple(dict.fromkeys(name for part in self.key for name in part.fields))

    def targets(self, record: Mapping[str, Any]) -> tuple[str, ...] | Absent:
        """The keys of the target's rows: none if a part is null; ABSENT if a property is missing.

        Raises BadCell for a nested value, or for lists of different lengths.
        """
        if any(name not in record for name in self.fields):
            return ABSENT
        parts = [_values(part, record) for part in self.key]
        lengths = {len(each) for each in parts if each is not None and len(each) != 1}
        if None in parts or 0 in lengths:
            return ()
        if len(lengths) > 1:
            raise BadCell("the lists that make its keys differ in length")
        count = lengths.pop() if lengths else 1
        columns = [each * count if len(each) == 1 else each for each in parts if each is not None]
        return tuple(dict.fromkeys(key_text(key) for key in zip(*columns, strict=True)))


def _values(part: Template, record: Mapping[str, Any]) -> list[str] | None:
    """One part of the key, or of each key; None if there is no value."""
    values = [record[name] for name in part.fields]
    bare = len(part.parts) == 1 and part.source == f"{{{part.parts[0].property}}}"
    if bare and isinstance(values[0], list):
        name = part.parts[0].property
        return [part_text(each, name) for each in values[0] if not is_empty(each)]
    if any(map(is_empty, values)):
        return None
    if bare:
        return [part_text(values[0], part.parts[0].property)]
    made = part.render(record)
    return [made] if isinstance(made, str) else None


def link_of(name: str, asked: Mapping[str, Any]) -> Link | None:
    """The link that an entry under `columns` asks for; without a key it is the property's value."""
    if not asked.get("stream"):
        return None
    given = asked.get("key") or f"{{{name}}}"
    parts = [given] if isinstance(given, str) else given
    return Link(asked["stream"], tuple(map(template, parts)), asked.get("missing_targets"))


def link_faults(entry: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a link by itself, one clause each."""
    stream, given = entry.get("stream"), entry.get("key")
    if entry.get("type") == "board_relation" and not stream:
        yield "a link needs the `stream` that it links to"
    if not stream:
        if given and entry.get("type") is None:
            yield "`key` is for links, which need the `stream` that they link to"
        return
    parts: Sequence[str] = [given] if isinstance(given, str) else given or ()
    try:
        fields = [name for part in parts for name in template(part).fields]
    except ValueError as error:
        yield f"`key` {quoted(given)} is malformed: {error}"
        return
    if parts and not fields:
        yield (
            f"`key` {quoted(given)} names no property: write {{{parts[0]}}} for a property's value"
        )


@dataclass(slots=True)
class LinkTargets:
    """What is known of the targets of one column of links: key -> item id.

    `boards` are the boards that the target's items are on, by the ledger's numbers; none while
    nothing is known of the stream.
    """

    link: Link
    boards: tuple[int, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)
    _keys: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)
    _cells: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def keys(self, record: Mapping[str, Any]) -> tuple[str, ...] | Absent:
        """As `Link.targets`; the keys of plain values are remembered."""
        values = tuple(record.get(name, ABSENT) for name in self.link.fields)
        if any(type(value) is not str and type(value) is not int for value in values):
            return self.link.targets(record)
        found = self._keys.get(values)
        if found is None:
            made = self.link.targets(record)
            if isinstance(made, Absent) or len(self._keys) >= _REMEMBERED:
                return made
            found = self._keys[values] = made
        return found

    def learn(self, ids: Mapping[str, str]) -> None:
        """Items that are there."""
        self.ids.update(ids)
        self._cells.clear()

    def forget(self, keys: Sequence[str] | None = None) -> None:
        """Have them asked for again, by default all of them."""
        for key in list(self.ids) if keys is None else keys:
            self.ids.pop(key, None)
        self._cells.clear()

    def cell(self, keys: tuple[str, ...]) -> list[str] | None:
        """The cell that links to all of these; None if one is not known to be there."""
        cell = self._cells.get(keys)
        if cell is None and all(key in self.ids for key in keys):
            cell = self._cells[keys] = sorted({self.ids[key] for key in keys})
        return cell
