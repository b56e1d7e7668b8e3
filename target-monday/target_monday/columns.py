"""Property -> column: what the mapping and the schema ask for, what a cell is made of. Pure.

What comes out are specifications; which column of a real board each one is, `binding` decides.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from target_monday.labels import MAX_LABEL_LENGTH, MAX_LABELS, is_number_like, label_of
from target_monday.links import Link, link_faults, link_of
from target_monday.options import NO_OPTIONS, ColumnOptions
from target_monday.quoting import quoted
from target_monday.templates import ABSENT, Absent, Template, is_empty, template
from target_monday.truncation import title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "IGNORED_PREFIXES",
    "METADATA",
    "ColumnSpec",
    "Source",
    "asked_column",
    "default_columns",
]
__all__ += ["entry_faults", "misplaced"]

METADATA: Final = "_sdc_"  # how properties begin that tell of the record, not of its subject
IGNORED_PREFIXES: Final = (METADATA, "_ifs_")
_LONG: Final = 255  # characters; longer texts get a long text column
# What a cell of several values calls its first one.
_MAIN: Final[Mapping[str, str]] = {"link": "url", "email": "email", "phone": "phone"}
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "timeline": ("from", "to"),
    "location": ("lat", "lng", "address"),
}
_PART_NAMES: Final = tuple(part for parts in _PARTS.values() for part in parts)
# Options that mean something only for some types.
_ONLY_FOR: Final[Mapping[str, frozenset[str]]] = {
    "unit": frozenset({"numbers"}),
    "direction": frozenset({"numbers"}),
    "precision": frozenset({"numbers"}),
    "limit": frozenset({"rating"}),
    "time": frozenset({"date"}),
    "timezone": frozenset({"date"}),
    "country": frozenset({"phone"}),
    "text": frozenset({"link", "email"}),
    "unknown_people": frozenset({"people"}),
    **dict.fromkeys(("stream", "key", "missing_targets"), frozenset({"board_relation"})),
    "labels": frozenset({"status", "dropdown"}),
    "missing_labels": frozenset({"status", "dropdown"}),
    **{part: frozenset({kind}) for kind, parts in _PARTS.items() for part in parts},
}
_OPTIONS: Final = {each.name for each in fields(ColumnOptions)} - {"labels", "connects"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a cell's value comes from, if that is not one property as it is.

    Either `base` (a property or a template) with `extra` values beside it, or `parts`: properties
    by what they are to the cell. `main` is what a cell with extra values calls its first one.
    """

    base: str | Template | None
    main: str | None = None
    extra: tuple[tuple[str, Template], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()

    def bound(self, column_type: str) -> Source:
        """The source for a column of this type."""
        return replace(self, main=_MAIN.get(column_type))

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties that it uses."""
        used = [name for _, name in self.parts]
        if isinstance(self.base, str):
            used.append(self.base)
        templates = [self.base] if isinstance(self.base, Template) else []
        for each in (*templates, *(words for _, words in self.extra)):
            used += each.fields
        return tuple(dict.fromkeys(used))

    def value(self, record: Mapping[str, Any]) -> Any:
        """The value for the column's codec: None if it is null, ABSENT if a property is missing."""
        if self.parts:
            if any(name not in record for _, name in self.parts):
                return ABSENT
            found = {part: record[name] for part, name in self.parts}
            return None if all(map(is_empty, found.values())) else found
        base = self._base(record)
        if base is None or isinstance(base, Absent) or self.main is None or not self.extra:
            return base
        words = {name: each.render(record) for name, each in self.extra}
        if any(isinstance(each, Absent) for each in words.values()):
            return ABSENT
        return {self.main: base, **words}

    def _base(self, record: Mapping[str, Any]) -> Any:
        if isinstance(self.base, Template):
            in_address = self.main == "url"
            return self.base.address(record) if in_address else self.base.render(record)
        return record.get(self.base or "", ABSENT)


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """The column that a property, or several, go to.

    `property` is its name in the mapping: a property's, unless `source` tells what it is made of.
    `reference` is a column id or title; with `create` the column is made where it is missing, as
    `column_type` with `labels`. Without, the column must be on the board and its own type counts.
    """

    property: str
    reference: str
    column_type: str | None = None
    create: bool = False
    labels: tuple[str, ...] = ()
    options: ColumnOptions = NO_OPTIONS
    source: Source | None = None
    asked: frozenset[str] = frozenset()  # the options that the mapping names
    link: Link | None = None

    def fields(self) -> tuple[str, ...]:
        """The properties that its cells are made of."""
        if self.link is not None:
            return self.link.fields
        return self.source.fields if self.source else (self.property,)


def asked_column(name: str, entry: Any, default: ColumnSpec | None) -> ColumnSpec:
    """What an entry under `columns` asks for; `default` is what its property would get."""
    asked: Mapping[str, Any] = {"column": entry} if isinstance(entry, str) else entry
    column_type = asked.get("type")
    labels = asked.get("labels")
    mapped = labels if isinstance(labels, dict) else {}
    options = {key: asked[key] for key in _OPTIONS if asked.get(key) is not None}
    return ColumnSpec(
        property=name,
        reference=asked.get("column") or asked.get("title") or title_of(name),
        column_type=column_type,
        create=column_type is not None,
        labels=_first_labels(labels, default) if column_type in {"status", "dropdown"} else (),
        options=ColumnOptions(labels=mapped, **options) if options or mapped else NO_OPTIONS,
        source=_source(name, asked),
        asked=frozenset(key for key in asked if asked[key] is not None),
        link=link_of(name, asked),
    )


def _first_labels(labels: Any, default: ColumnSpec | None) -> tuple[str, ...]:
    """The labels that a column is made with: as listed, else the members of the schema, mapped."""
    if isinstance(labels, list):
        return tuple(labels)
    mapped: Mapping[str, str] = labels or {}
    named = {label_of(value) for value in mapped}
    members = () if "*" in mapped or default is None else default.labels
    wanted = [*mapped.values(), *(each for each in members if label_of(each) not in named)]
    return tuple({label_of(label): label for label in wanted}.values())


def _source(name: str, asked: Mapping[str, Any]) -> Source | None:
    parts = tuple((part, asked[part]) for part in _PART_NAMES if asked.get(part))
    if parts:
        return Source(None, parts=parts)
    base: str | Template = template(asked["template"]) if asked.get("template") else name
    extra = tuple((part, template(asked[part])) for part in ("text", "country") if asked.get(part))
    return Source(base, extra=extra) if extra or isinstance(base, Template) else None


def misplaced(options: Iterable[str], column_type: str) -> Iterator[str]:
    """Options that mean nothing for a column of this type, one clause each."""
    for option in sorted(options):
        kinds = _ONLY_FOR.get(option)
        if kinds is not None and column_type not in kinds:
            yield f"`{option}` is for columns of type {' or '.join(sorted(kinds))}"


def entry_faults(entry: Any) -> Iterator[str]:
    """What is wrong with an entry under `columns` by itself, one clause each."""
    if not isinstance(entry, dict):
        return
    for option in ("template", "text", "country"):
        try:
            template(str(entry.get(option) or ""))
        except ValueError as error:
            yield f"`{option}` {quoted(entry[option])} is malformed: {error}"
    if entry.get("type") is not None:
        given = [option for option, value in entry.items() if value is not None]
        yield from misplaced(given, entry["type"])
    if entry.get("type") == "status":
        yield from _label_faults(entry.get("labels") or ())
    yield from link_faults(entry)
    if bool(entry.get("from")) != bool(entry.get("to")):
        yield "a timeline needs both `from` and `to`"
    if bool(entry.get("lat")) != bool(entry.get("lng")):
        yield "a location needs both `lat` and `lng`"


def _label_faults(labels: Any) -> Iterator[str]:
    texts = list(labels.values() if isinstance(labels, dict) else labels)
    long = [text for text in texts if len(text) > MAX_LABEL_LENGTH]
    if long:
        shown = ", ".join(map(quoted, long))
        yield f"labels have at most {MAX_LABEL_LENGTH} characters, these have more: {shown}"
    distinct = {label_of(text): text for text in texts}
    if len(distinct) > MAX_LABELS:
        yield f"a status column has at most {MAX_LABELS} labels, these are {len(distinct)}"


def default_columns(schema: Mapping[str, Any], *, metadata: bool = False) -> Iterator[ColumnSpec]:
    """One typed column a property, titled with its name; `_sdc_` ones if asked for."""
    for name, definition in schema["properties"].items():
        if not name.startswith(IGNORED_PREFIXES) or (metadata and name.startswith(METADATA)):
            column_type, labels = _default_type(_effective(definition))
            yield ColumnSpec(name, title_of(name), column_type, create=True, labels=labels)


def _effective(definition: Any) -> Mapping[str, Any]:
    """The branch of `anyOf`/`oneOf` that says most: with a format, else one that is not null."""
    if not isinstance(definition, dict):  # JSON Schema's `true`: any value
        return {}
    branches = [
        each
        for each in definition.get("anyOf") or definition.get("oneOf") or ()
        if isinstance(each, dict)
    ]
    if not branches:
        return definition
    ranked = sorted(
        branches, key=lambda branch: ("format" not in branch, _types(branch) <= {"null"})
    )
    return {**definition, **ranked[0]}


def _types(definition: Mapping[str, Any]) -> set[str]:
    types = definition.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _members(definition: Mapping[str, Any]) -> Sequence[Any]:
    members: Sequence[Any] = definition.get("enum") or definition.get("x-extensible-enum") or ()
    return members


def _default_type(definition: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    types = _types(definition) - {"null"}
    if types == {"boolean"}:
        return "checkbox", ()
    if types and types <= {"integer", "number"}:
        return "numbers", ()
    if types == {"array"} and isinstance(definition.get("items"), dict):
        return _default_of_lists(_effective(definition["items"]))
    if types & {"object", "array"} or len(types) > 1:
        return "long_text", ()
    return _default_of_texts(definition)


def _default_of_texts(definition: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if definition.get("format") in {"date", "date-time"}:
        return "date", ()
    members = _members(definition)
    if members and _fit_a_status(members):
        return "status", tuple(member for member in members if member)
    return ("long_text" if (definition.get("maxLength") or 0) > _LONG else "text"), ()


def _default_of_lists(items: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Choices from a known set make a dropdown; all other lists are told in a long text."""
    members = _members(items)
    plain = members and not any("," in str(member) for member in members)
    if plain and _fit_a_status(members):
        return "dropdown", tuple(member for member in members if member)
    return "long_text", ()


def _fit_a_status(members: Sequence[object]) -> bool:
    texts = [member for member in members if isinstance(member, str) and member.strip()]
    same_kind = len(texts) == len([member for member in members if not is_empty(member)])
    distinct = len({label_of(text) for text in texts}) == len(texts)
    fit = all(len(text) <= MAX_LABEL_LENGTH and not is_number_like(text) for text in texts)
    return bool(texts) and same_kind and distinct and fit and len(texts) <= MAX_LABELS
