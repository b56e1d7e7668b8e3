"""A mapping bound to a real board: which column each property goes to, and record -> wanted row.

Pure: what is asked for (`mapping`) and what is there (a `Board`) come in as values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.cells import (
    LONG_TEXT_LIMIT,
    NAME_LIMIT,
    SUPPORTED_TYPES,
    Canonical,
    Codec,
    Encode,
    codec_for,
    shorten,
)
from target_monday.diff import Archive, Cell, Create, KnownItem, Operation, Update, WantedRow
from target_monday.keys import key_of, key_text, part_text
from target_monday.labels import Label, Labels
from target_monday.mapping import BoardSpec, ColumnSpec, template_fields
from target_monday.monday.operations import ArchiveItem, CreateItem, Mutation, UpdateItem
from target_monday.rejects import BadCell, EmptyName, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_monday.monday.boards import Board, Column, Item

__all__ = [
    "KEY",
    "BoardPlan",
    "CellPlan",
    "bind",
    "board_faults",
    "key_columns",
    "missing_columns",
]

_ABSENT = object()
KEY: Final = "\0key"  # stands for the key column among the properties whose columns are known


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One property and its column."""

    property: str
    column: Column
    codec: Codec


@dataclass(slots=True)
class BoardPlan:
    """How records of one stream become items of one board."""

    spec: BoardSpec
    board_id: str
    ledger_id: int
    key_column: str | None
    group_id: str | None
    cells: tuple[CellPlan, ...]
    clear_nulls: bool
    create_labels: bool
    first_group: str | None = None  # where new items go if no group is asked for
    _steps: list[tuple[str, str, Canonical, bool]] = field(default_factory=list)
    _fields: tuple[str, ...] = ()
    _encoders: dict[str, Encode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._encoders = {cell.column.id: cell.codec.encode for cell in self.cells}
        self._steps = [
            (cell.property, cell.column.id, cell.codec.canonical, cell.column.type == "long_text")
            for cell in self.cells
        ]
        self._fields = tuple(template_fields(self.spec.item_name or ""))

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.spec.stream

    @property
    def column_ids(self) -> list[str]:
        """The columns that are ours: the key's and the mapped ones."""
        mapped = [cell.column.id for cell in self.cells]
        return [self.key_column, *mapped] if self.key_column else mapped

    def row(self, record: Mapping[str, Any]) -> WantedRow:
        """The record as its item should be. Raises a Reject that names property and column."""
        parts = key_of(record, self.spec.key_properties)
        key = key_text(parts)
        cells: dict[str, Cell] = {self.key_column: key} if self.key_column else {}
        shortened = self._fill(cells, record)
        name, cut = self._name(record)
        fallback = shorten(" / ".join(parts).strip(), NAME_LIMIT)
        if self.spec.item_name is None and fallback:
            name = fallback
        if not (name or fallback):
            fallback = self._first_text(cells)
        return WantedRow(key, name, fallback, cells, shortened + cut)

    def key_or_none(self, record: Mapping[str, Any]) -> str | None:
        """The key of a record that may be spoilt; None where it has none."""
        try:
            return key_text(key_of(record, self.spec.key_properties)) or None
        except Reject:
            return None

    def _fill(self, cells: dict[str, Cell], record: Mapping[str, Any]) -> int:
        shortened = 0
        for name, column_id, canonical, limited in self._steps:
            value = record.get(name, _ABSENT)
            if value is _ABSENT:
                continue
            if value is None:
                if self.clear_nulls:
                    cells[column_id] = None
                continue
            try:
                cells[column_id] = cell = canonical(value)
            except (ValueError, BadCell) as error:
                raise BadCell(f"property {name!r}, column {column_id!r}: {error}") from error
            if limited and isinstance(value, str) and len(value) > LONG_TEXT_LIMIT and cell:
                shortened += 1
        return shortened

    def _name(self, record: Mapping[str, Any]) -> tuple[str | None, int]:
        """The name by the template, None if it cannot be told; and whether it was cut."""
        if self.spec.item_name is None or any(name not in record for name in self._fields):
            return None, 0
        values = {name: _name_part(record[name], name) for name in self._fields}
        name = " ".join(self.spec.item_name.format_map(values).split())
        return shorten(name, NAME_LIMIT) or None, int(len(name) > NAME_LIMIT)

    def _first_text(self, cells: Mapping[str, Cell]) -> str:
        """A name for a row without a key: its first cell that has a text."""
        texts = (cell for cell in cells.values() if isinstance(cell, str) and cell.strip())
        name = next(texts, self.spec.stream)
        return shorten(" ".join(name.split()), NAME_LIMIT)

    def mutation(self, operation: Operation) -> Mutation:
        """The operation as monday takes it."""
        match operation:
            case Create():
                if not operation.name:
                    raise EmptyName(f"key {operation.row.key!r} gives no item name")
                values = self._encoded(operation.cells)
                name, group = operation.name, self.group_id
                return CreateItem(self.board_id, name, values, group, self.create_labels)
            case Update():
                values = self._encoded(operation.cells)
                if operation.name is not None:
                    values["name"] = operation.name
                return UpdateItem(self.board_id, operation.item_id, values, self.create_labels)
            case Archive():
                return ArchiveItem(operation.item_id, operation.delete)

    def _encoded(self, cells: Mapping[str, Cell]) -> dict[str, Any]:
        return {
            column: cell
            if cell is None or column == self.key_column
            else self._encoders[column](cell)
            for column, cell in cells.items()
        }

    def read(self, item: Item) -> KnownItem:
        """An item as it was read from the board, in canonical cells."""
        cells: dict[str, Cell] = {}
        if self.key_column:
            cells[self.key_column] = item.values.get(self.key_column, (None, None))[0] or None
        for cell in self.cells:
            text, value = item.values.get(cell.column.id, (None, None))
            cells[cell.column.id] = cell.codec.decode(text, value)
        return KnownItem(item.id, item.name, cells)


def _name_part(value: object, name: str) -> str:
    return "" if value is None else part_text(value, name)


def board_faults(spec: BoardSpec, board: Board, known: Mapping[str, str]) -> Iterator[str]:
    """What keeps the mapping from this board, one sentence each.

    `known` maps properties, and KEY, to the columns that the ledger says they went to before; KEY
    is in it if items are known by that column.
    """
    where = f"stream {spec.stream!r}, board {board.id} ({board.name!r})"
    if board.state != "active":
        yield f"{where}: the board is {board.state}."
    if board.hierarchy_type == "multi_level":
        yield (
            f"{where}: a multi-level board rolls cells up and ignores what is written to parent "
            "items; use a classic board."
        )
    for column in spec.columns:
        yield from _column_faults(where, column, board, known)
    yield from _key_faults(where, spec, board, known)
    yield from _shared_columns(where, spec, board, known)
    yield from _group_faults(where, spec, board)


def _column_faults(
    where: str, spec: ColumnSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    found = _find(spec, board, known)
    if not found and not spec.create:
        titles = ", ".join(sorted(repr(column.title) for column in board.columns)) or "none"
        yield (
            f"{where}: property {spec.property!r} goes to column {spec.reference!r}, which is "
            f"not on the board (its columns: {titles}). Give it a `type` to have it made."
        )
    if len(found) > 1:
        ids = ", ".join(column.id for column in found)
        yield f"{where}: several columns are titled {spec.reference!r}: name one by id ({ids})."
    for column in found[:1]:
        if column.type not in SUPPORTED_TYPES:
            yield (
                f"{where}: column {column.title!r} of property {spec.property!r} is of type "
                f"{column.type!r}, which is read-only or not supported yet."
            )
        elif spec.column_type not in {None, column.type} and not _default(spec):
            yield (
                f"{where}: column {column.title!r} of property {spec.property!r} is of type "
                f"{column.type!r}, not {spec.column_type!r}."
            )


def _default(spec: ColumnSpec) -> bool:
    """Default columns follow the board's own type: a person may have chosen a better one."""
    return spec.create and spec.reference == spec.property


def key_columns(spec: BoardSpec, board: Board, known: Mapping[str, str]) -> Sequence[Column]:
    """What may be the key column: the one that is asked for, else the known one, else by title."""
    if spec.append:
        return ()
    return board.column(spec.key_column or known.get(KEY) or spec.key_title)


def _key_faults(
    where: str, spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    if spec.append:
        return
    found = key_columns(spec, board, known)
    if not found and spec.key_column:
        yield (
            f"{where}: the key column {spec.key_column!r} is not on the board. Put it back, or "
            "name the text column that holds the keys as `key_column`."
        )
    elif not found and KEY in known:
        yield (
            f"{where}: the key column ({known[KEY]}) is gone from the board, so its items cannot "
            "be told apart. Restore it from the board's bin, or name another text column that "
            "holds the keys as `key_column`."
        )
    if len(found) > 1:
        ids = ", ".join(column.id for column in found)
        yield (
            f"{where}: several columns are titled {spec.key_title!r}: name one by its id as "
            f"`key_column` ({ids})."
        )
    if found and found[0].type != "text":
        yield f"{where}: the key column {found[0].title!r} must be a text column."


def _shared_columns(
    where: str, spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    """Two properties in one column would overwrite each other in each run."""
    taken = {column.id: "the key" for column in key_columns(spec, board, known)[:1]}
    for each in spec.columns:
        for column in _find(each, board, known)[:1]:
            other = taken.setdefault(column.id, f"property {each.property!r}")
            if other != f"property {each.property!r}":
                yield (
                    f"{where}: {other} and property {each.property!r} both go to column "
                    f"{column.title!r} ({column.id})."
                )


def _group_faults(where: str, spec: BoardSpec, board: Board) -> Iterator[str]:
    if spec.group and len(_groups(spec.group, board)) != 1:
        titles = ", ".join(repr(group.title) for group in board.groups)
        yield f"{where}: {spec.group!r} is not exactly one of its groups ({titles})."


def _groups(reference: str, board: Board) -> list[str]:
    live = [group for group in board.groups if not (group.archived or group.deleted)]
    by_id = [group.id for group in live if group.id == reference]
    return by_id or [group.id for group in live if group.title == reference]


def _find(spec: ColumnSpec, board: Board, known: Mapping[str, str]) -> Sequence[Column]:
    """The column of a property: the one it went to before, else by id or title."""
    before = known.get(spec.property)
    same = [column for column in board.columns if column.id == before and not column.archived]
    if same and _default(spec):
        return same
    found = board.column(spec.reference)
    if _default(spec):  # a column of the same title that cannot hold values is somebody else's
        usable = [column for column in found if column.type in SUPPORTED_TYPES]
        return [column for column in usable if column.id != known.get(KEY)]
    return found


def missing_columns(
    spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> tuple[ColumnSpec, ...]:
    """The columns that have to be made, the key column first."""
    wanted = []
    if not spec.append and not key_columns(spec, board, known):
        wanted = [ColumnSpec(KEY, spec.key_title, "text", create=True)]
    wanted += [column for column in spec.columns if not _find(column, board, known)]
    return tuple(wanted)


def bind(
    spec: BoardSpec,
    board: Board,
    known: Mapping[str, str],
    *,
    ledger_id: int,
    clear_nulls: bool,
    create_labels: bool,
) -> BoardPlan:
    """The plan, once `board_faults` found nothing and no column is missing."""
    cells = []
    for column_spec in spec.columns:
        column = _find(column_spec, board, known)[0]
        labels = _labels(column, create=create_labels)
        cells.append(CellPlan(column_spec.property, column, codec_for(column.type, labels)))
    key = None if spec.append else key_columns(spec, board, known)[0].id
    group = _groups(spec.group, board)[0] if spec.group else None
    return BoardPlan(
        spec,
        board.id,
        ledger_id,
        key,
        group,
        tuple(cells),
        clear_nulls,
        create_labels,
        first_group=_first_group(board),
    )


def _first_group(board: Board) -> str | None:
    live = (each.id for each in board.groups if not (each.archived or each.deleted))
    return next(live, None)


def _labels(column: Column, *, create: bool) -> Labels | None:
    if column.type not in {"status", "dropdown"}:
        return None
    labels = Labels(column.title, create)
    if column.type == "dropdown":
        labels.max_count = labels.max_length = None
    settings = column.settings if isinstance(column.settings, dict) else {}
    entries = settings.get("labels")
    labels.know(_label_entries(entries))
    return labels


def _label_entries(entries: object) -> Iterator[Label]:
    for entry in entries if isinstance(entries, list) else ():
        text = entry.get("label") or entry.get("name")
        number = entry.get("id", entry.get("index"))
        if text and isinstance(number, int) and not entry.get("is_deactivated"):
            yield Label(text, number)
