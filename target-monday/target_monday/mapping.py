"""Stream -> board: what the settings and the JSON schema ask for. Pure.

What comes out are specifications; which column of a real board each one is, `binding` decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from target_monday.board_access import BoardAccess, board_access
from target_monday.columns import ColumnSpec, asked_column, default_columns
from target_monday.control_totals import TotalsSpec, totals_spec
from target_monday.keys import key_of, key_text
from target_monday.presets import preset_of
from target_monday.privacy import is_masked
from target_monday.rejects import Reject
from target_monday.retire_when import RetireWhen, retire_when
from target_monday.templates import Template, template
from target_monday.trail import trail_columns
from target_monday.truncation import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "KEY_TITLE",
    "BoardSpec",
    "ColumnSpec",
    "board_spec",
    "default_board_name",
    "default_columns",
    "is_left_out",
    "spec_faults",
]

KEY_TITLE: Final = "Record key"
_OTHER_KEY_TITLE: Final = "Record key (target-monday)"  # for streams with a property KEY_TITLE


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """The board that a stream goes to, as asked for."""

    stream: str
    name: str
    board_id: str | None
    group: str | None  # title or id of the group of new items
    item_name: Template | None  # None: the key parts
    key_column: str | None  # id or title; None: `key_title`, made where it is missing
    key_properties: tuple[str, ...]  # empty: append, every record makes an item
    columns: tuple[ColumnSpec, ...]
    mode: str = "upsert"
    group_by: Template | None = None  # gives the title of an item's group
    moves: bool = True  # whether items change their group when the title changes
    totals: TotalsSpec | None = None
    name_by: Template | None = None  # gives the name of each record's board
    name_if_null: str | None = None  # the board of records that give no name
    retire: RetireWhen | None = None  # which documents leave their boards
    access: BoardAccess = field(default_factory=BoardAccess)  # to a board that is made
    former_key: tuple[str, ...] = ()  # what makes up the keys of before, where keys changed
    masked: tuple[str, ...] = ()  # the properties that hold masks
    part: str = ""  # tells the boards of a stream from each other, where it has several

    @property
    def place(self) -> tuple[str, str]:
        """Stream and part: what the ledger knows the board by."""
        return self.stream, self.part

    def of_part(self, name: str) -> BoardSpec:
        """The same for one board of a stream that has several."""
        return replace(self, name=name, part=name)

    def key_or_none(self, record: Mapping[str, Any]) -> str | None:
        """The key of a record that may be spoilt; None where it has none."""
        try:
            return key_text(key_of(record, self.key_properties)) or None
        except Reject:
            return None

    @property
    def append(self) -> bool:
        """Whether records have no identity: nothing is compared, each one creates an item."""
        return not self.key_properties

    @property
    def key_title(self) -> str:
        """The id or title of the key column; no default column has the same one."""
        taken = any(each.property == each.reference == KEY_TITLE for each in self.columns)
        return self.key_column or (_OTHER_KEY_TITLE if taken else KEY_TITLE)


def default_board_name(stream: str) -> str:
    """`purchase_order` -> "Purchase order"; see `title_of` for long names."""
    words = stream.replace("_", " ").strip() or stream
    return title_of(words[:1].upper() + words[1:])


def is_left_out(stream: str, settings: Mapping[str, Any]) -> bool:
    """Whether the settings leave a stream out, by `false` or by not naming it."""
    boards: Mapping[str, Any] = settings.get("boards") or {}
    if stream in boards:
        return boards[stream] is False
    return settings.get("unmapped_streams") == "ignore"


def board_spec(
    stream: str,
    schema: Mapping[str, Any],
    key_properties: Sequence[str],
    settings: Mapping[str, Any],
    linkable: Mapping[str, int] | None = None,
) -> BoardSpec:
    """What `settings` (the whole configuration) and the schema ask for.

    `linkable`: the streams that a preset may link to, each with the number of its key's parts.
    """
    asked: Mapping[str, Any] = (settings.get("boards") or {}).get(stream) or {}
    mode = asked.get("mode") or settings.get("mode") or "upsert"
    append = not key_properties or mode == "append"
    preset = preset_of(schema, key_properties)
    group: str | None = asked.get("group")
    by_value = group is not None and "{" in group
    named: Mapping[str, Any] = asked.get("columns") or {}
    columns = list(_columns(schema, asked, metadata=bool(settings.get("add_record_metadata"))))
    board_name: str = asked.get("board_name") or default_board_name(stream)
    if preset is not None and _takes_defaults(asked):
        links = preset.link_columns(schema["properties"], linkable or {})
        columns += [each for each in links if each.property not in named]
    trail = asked.get("trail_columns", settings.get("trail_columns")) or {}
    return BoardSpec(
        stream=stream,
        name=board_name,
        board_id=str(asked["board_id"]) if asked.get("board_id") else None,
        group=None if by_value else group,
        item_name=_item_name(asked, preset.item_name if preset else None),
        key_column=asked.get("key_column"),
        key_properties=() if append else tuple(key_properties),
        columns=(
            *(columns if named or preset is None else preset.ordered(columns)),
            *trail_columns(trail),
        ),
        mode="append" if append and mode == "upsert" else mode,
        group_by=template(group) if group and by_value else None,
        moves=asked.get("group_moves") != "stay",
        totals=totals_spec(asked.get("control_totals"), columns, key_properties, preset),
        name_by=_name_by(asked),
        name_if_null=asked.get("board_if_null"),
        retire=retire_when(asked.get("retire_when"), settings.get("timezone")),
        access=board_access(asked, settings),
        former_key=tuple(asked.get("former_key") or ()),
        masked=tuple(
            sorted(name for name, each in schema["properties"].items() if is_masked(each))
        ),
    )


def _name_by(asked: Mapping[str, Any]) -> Template | None:
    made = template(asked.get("board_name") or "")
    return made if made.fields else None


def _item_name(asked: Mapping[str, Any], preset: str | None) -> Template | None:
    text = asked.get("item_name") or preset
    return template(text) if text else None


def _columns(
    schema: Mapping[str, Any], asked: Mapping[str, Any], *, metadata: bool
) -> Iterator[ColumnSpec]:
    named: Mapping[str, Any] = asked.get("columns") or {}
    defaults = {spec.property: spec for spec in default_columns(schema, metadata=metadata)}
    for name, entry in named.items():
        if entry == {} and name in defaults:
            yield defaults[name]
        elif not _leaves_out(entry):
            yield asked_column(name, entry, defaults.get(name))
    if _takes_defaults(asked):
        yield from (spec for name, spec in defaults.items() if name not in named)


def _leaves_out(entry: Any) -> bool:
    """Whether an entry under `columns` wants no column; an empty object wants the usual one."""
    return not entry and not isinstance(entry, dict)


def _takes_defaults(asked: Mapping[str, Any]) -> bool:
    """Whether what `columns` does not name gets columns too."""
    named: Mapping[str, Any] = asked.get("columns") or {}
    only_left_out = bool(named) and all(map(_leaves_out, named.values()))
    unmapped = asked.get("unmapped", "create" if only_left_out else "ignore")
    return not named or unmapped == "create"


def spec_faults(spec: BoardSpec, schema: Mapping[str, Any]) -> Iterator[str]:
    """What in the mapping contradicts the stream's own schema, one sentence each."""
    known = schema["properties"]
    where = f"stream {spec.stream!r}, board {spec.board_id or spec.name!r}"
    for column in spec.columns:
        unknown = [name for name in column.fields() if name not in known]
        for name in unknown:
            of = "" if name == column.property else f" of {column.property!r}"
            yield f"{where}: the stream has no property {name!r} (`columns`{of})."
    yield from _shared_columns(spec, where)
    if spec.append and spec.mode != "append":
        yield f"{where}: mode {spec.mode!r} needs key properties, and the stream has none."
    yield from _totals_faults(spec, where)
    if spec.retire is not None:
        for name in {spec.retire.property, spec.retire.since} - set(known):
            yield f"{where}: the stream has no property {name!r} (`retire_when`)."
        if spec.append:
            yield f"{where}: `retire_when` needs key properties, and appended rows have none."
    templates = {"item_name": spec.item_name, "group": spec.group_by, "board_name": spec.name_by}
    named = {setting: used.fields for setting, used in templates.items() if used}
    for setting, names in {**named, "former_key": spec.former_key}.items():
        for name in names:
            if name not in known:
                yield f"{where}: the stream has no property {name!r} (`{setting}`)."


def _totals_faults(spec: BoardSpec, where: str) -> Iterator[str]:
    """Totals come from the board: what they are made of must be a column, or in the key."""
    if spec.totals is None:
        return
    columns = {column.property for column in spec.columns if column.source is None}
    for name in spec.totals.amounts:
        if name not in columns:
            yield f"{where}: {name!r} has no column of its own (`control_totals`)."
    for name in spec.totals.fields:
        if name not in columns and name not in spec.key_properties:
            yield f"{where}: {name!r} is neither a column nor in the key (`control_totals`)."


def _shared_columns(spec: BoardSpec, where: str) -> Iterator[str]:
    taken = {} if spec.append else {spec.key_title: "the key"}
    for column in spec.columns:
        other = taken.setdefault(column.reference, repr(column.property))
        if other != repr(column.property):
            yield f"{where}: {other} and {column.property!r} both go to {column.reference!r}."
