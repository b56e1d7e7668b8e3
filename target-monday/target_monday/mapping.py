"""Stream -> board, property -> column: what the settings and the JSON schema ask for. Pure.

What comes out are specifications; which column of a real board each one is, `plan` decides.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_monday.labels import MAX_LABEL_LENGTH, MAX_LABELS, is_number_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "IGNORED_PREFIXES",
    "KEY_TITLE",
    "BoardSpec",
    "ColumnSpec",
    "board_spec",
    "default_board_name",
    "default_columns",
    "spec_faults",
    "template_fields",
]

KEY_TITLE: Final = "Record key"
_OTHER_KEY_TITLE: Final = "Record key (target-monday)"  # for streams with a property KEY_TITLE
IGNORED_PREFIXES: Final = ("_sdc_", "_ifs_")
_LONG: Final = 255  # characters; longer texts get a long text column


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """The column that a property goes to.

    `reference` is a column id or title; with `create` the column is made where it is missing, as
    `column_type` with `labels`. Without, the column must be on the board and its own type counts.
    """

    property: str
    reference: str
    column_type: str | None = None
    create: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """The board that a stream goes to, as asked for."""

    stream: str
    name: str
    board_id: str | None
    group: str | None
    item_name: str | None  # template such as "{OrderNo} - {VendorName}"; None: the key parts
    key_column: str | None  # id or title; None: `key_title`, made where it is missing
    key_properties: tuple[str, ...]  # empty: append, every record makes an item
    columns: tuple[ColumnSpec, ...]

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
    """`purchase_order` -> "Purchase order"."""
    words = stream.replace("_", " ").strip() or stream
    return words[:1].upper() + words[1:]


def board_spec(
    stream: str,
    schema: Mapping[str, Any],
    key_properties: Sequence[str],
    settings: Mapping[str, Any],
) -> BoardSpec:
    """What `settings` (the whole configuration) and the schema ask for."""
    asked = settings.get("boards", {}).get(stream) or {}
    append = not key_properties or asked.get("mode", settings.get("mode")) == "append"
    return BoardSpec(
        stream=stream,
        name=asked.get("board_name") or default_board_name(stream),
        board_id=str(asked["board_id"]) if asked.get("board_id") else None,
        group=asked.get("group"),
        item_name=asked.get("item_name"),
        key_column=asked.get("key_column"),
        key_properties=() if append else tuple(key_properties),
        columns=tuple(_columns(schema, asked)),
    )


def _columns(schema: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[ColumnSpec]:
    named: Mapping[str, Any] = asked.get("columns") or {}
    defaults = {spec.property: spec for spec in default_columns(schema)}
    for name, entry in named.items():
        if entry:
            yield _asked_column(name, entry, defaults.get(name))
    if not named or asked.get("unmapped") == "create":
        yield from (spec for name, spec in defaults.items() if name not in named)


def _asked_column(name: str, entry: Any, default: ColumnSpec | None) -> ColumnSpec:
    options = {"column": entry} if isinstance(entry, str) else entry
    column_type = options.get("type")
    labels = tuple(options.get("labels", ())) or (default.labels if default else ())
    return ColumnSpec(
        property=name,
        reference=options.get("column") or options.get("title") or name,
        column_type=column_type,
        create=column_type is not None,
        labels=labels if column_type in {"status", "dropdown"} else (),
    )


def default_columns(schema: Mapping[str, Any]) -> Iterator[ColumnSpec]:
    """One typed column a property, titled with the property's name."""
    for name, definition in schema["properties"].items():
        if not name.startswith(IGNORED_PREFIXES):
            column_type, labels = _default_type(_effective(definition))
            yield ColumnSpec(name, name, column_type, create=True, labels=labels)


def _effective(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The branch of `anyOf`/`oneOf` that says most: with a format, else one that is not null."""
    branches = definition.get("anyOf") or definition.get("oneOf")
    if not branches:
        return definition
    ranked = sorted(
        branches, key=lambda branch: ("format" not in branch, _types(branch) <= {"null"})
    )
    return {**definition, **ranked[0]}


def _types(definition: Mapping[str, Any]) -> set[str]:
    types = definition.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _default_type(definition: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    types = _types(definition) - {"null"}
    members = definition.get("enum") or definition.get("x-extensible-enum") or ()
    if types == {"boolean"}:
        return "checkbox", ()
    if types and types <= {"integer", "number"}:
        return "numbers", ()
    if types & {"object", "array"} or len(types) > 1:
        return "long_text", ()
    if definition.get("format") in {"date", "date-time"}:
        return "date", ()
    if members and _fit_a_status(members):
        return "status", tuple(member for member in members if member)
    return ("long_text" if (definition.get("maxLength") or 0) > _LONG else "text"), ()


def _fit_a_status(members: Sequence[object]) -> bool:
    texts = [member for member in members if isinstance(member, str) and member.strip()]
    same_kind = len(texts) == len([member for member in members if member not in {None, ""}])
    distinct = len({text.casefold() for text in texts}) == len(texts)
    fit = all(len(text) <= MAX_LABEL_LENGTH and not is_number_like(text) for text in texts)
    return bool(texts) and same_kind and distinct and fit and len(texts) <= MAX_LABELS


def template_fields(template: str) -> list[str]:
    """The properties that an item name template uses. Raises ValueError for a malformed one.

    Only plain `{Property}` fields: a format (`:>8`), a conversion (`!r`) or a part (`.x`, `[0]`)
    would make names that depend on Python.
    """
    fields = []
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if form or conversion or not name or any(mark in name for mark in ".[]"):
            raise ValueError("only plain fields such as {OrderNo} can be used")
        fields.append(name)
    return fields


def spec_faults(spec: BoardSpec, schema: Mapping[str, Any]) -> Iterator[str]:
    """What in the mapping contradicts the stream's own schema, one sentence each."""
    known = schema["properties"]
    where = f"stream {spec.stream!r}, board {spec.board_id or spec.name!r}"
    for column in spec.columns:
        if column.property not in known:
            yield f"{where}: the stream has no property {column.property!r} (`columns`)."
    yield from _shared_columns(spec, where)
    try:
        fields = template_fields(spec.item_name or "")
    except ValueError as error:
        yield f"{where}: `item_name` {spec.item_name!r} is malformed: {error}."
        return
    for name in fields:
        if name not in known:
            yield f"{where}: the stream has no property {name!r} (`item_name`)."


def _shared_columns(spec: BoardSpec, where: str) -> Iterator[str]:
    taken = {} if spec.append else {spec.key_title: "the key"}
    for column in spec.columns:
        other = taken.setdefault(column.reference, repr(column.property))
        if other != repr(column.property):
            yield f"{where}: {other} and {column.property!r} both go to {column.reference!r}."
