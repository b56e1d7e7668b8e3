"""Where the cells of an item come from, as far as the ledger can tell.

For each cell the newest operation that wrote what stands there is looked for. Where there is none,
the cell was on the board when its items were read: written by a person, or by a ledger before this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import or_, select

from target_monday.diff import GROUP, Cell, certain
from target_monday.ledger import tables
from target_monday.ledger.board_names import board_names
from target_monday.ledger.items import cells_and_maker
from target_monday.ledger.layouts import Layouts
from target_monday.mapping import default_board_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine, Row

__all__ = ["NAME", "Explained", "Writing", "explain", "find_boards"]

NAME: Final = "name"  # stands for the item's name among its cells
# How an operation came to be known as done.
_BY: Final = {
    "answer": "monday's answer",
    "resend": "monday's answer to the same request, sent again",
    "report": "the upload's report",
    "reading": "reading the board after its answer was lost",
}
_LOOKED_UP: Final = "looking its key up on the board afterwards"
_REFUSED: Final = frozenset({"rejected", "carried over"})
_columns = msgspec.json.Decoder(list[str]).decode


@dataclass(frozen=True, slots=True)
class Writing:
    """An operation that wrote a cell: what stood there before, and everything that led to it."""

    value: Cell
    before: Cell
    before_known: bool  # whether the ledger knew what stood there
    operation: int
    kind: str
    outcome: str | None  # acknowledged, gone, ...; None: never told
    known_by: str | None
    run: str
    at: float  # when it was sent, seconds since 1970, UTC
    settled_at: float | None
    request: int
    lane: str
    idempotency_key: str
    request_id: str | None  # monday's own name of the request
    mapping_hash: str | None
    version: str
    record: int | None
    etag: str | None
    row_version: str | None
    page: int | None
    record_run: str | None
    record_at: float | None
    schema_hash: str | None


@dataclass(slots=True)
class Explained:
    """One cell of an item: its value, who wrote it, and what can be said beside that.

    `how` is one of: `written`, `left empty` (the operation that made the item gave it nothing),
    `cleared`, `found` (on the board when its items were read) and `left the board`.
    """

    stream: str
    board_id: str
    key: str
    item_id: str | None
    column_id: str
    property_name: str | None
    value: Cell
    how: str
    writing: Writing | None = None
    found_at: float | None = None
    found_in_run: str | None = None
    history: list[Writing] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """It in a sentence."""
        match self.how, self.writing:
            case ("found", None):
                return f"was on the board when its items were read {self._reading}"
            case ("found", _):
                return (
                    f"was changed on the board by others after the last write, and found there "
                    f"when its items were read {self._reading}"
                )
            case ("left the board", Writing() as last):
                return f"the item left the board: {last.kind} by run {last.run}"
            case (how, Writing() as last):
                return f"{how} by run {last.run}, known by {last.known_by or last.outcome}"
        return self.how

    @property
    def _reading(self) -> str:
        return f"in run {self.found_in_run}" if self.found_in_run else "(by which run is not known)"


def find_boards(engine: Engine, name: str) -> list[Row[Any]]:
    """The ledger's rows of the boards that are called so: by id, stream, part, or name."""
    table = tables.boards
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.id)).all()
        named = board_names(connection)
    return [
        row
        for row in rows
        if name in {row.board_id, row.stream, row.part, named.get(row.board_id)}
        or name == default_board_name(row.stream)
    ]


def keys_of(engine: Engine, board: int) -> list[str]:
    """All keys that the ledger knows of a board, also of items that left it."""
    with engine.connect() as connection:
        return sorted(
            {
                key
                for table in (tables.items, tables.operations)
                for key in connection.execute(
                    select(table.c.key).where(table.c.board == board).distinct()
                ).scalars()
            }
        )


def columns_of(engine: Engine, board: int) -> set[str]:
    """All names of the columns of a board: ids and properties, also of earlier mappings."""
    with engine.connect() as connection:
        found = {NAME}
        for column, name in _properties(connection, board).items():
            found |= {column, name}
        wanted = select(tables.operations.c.layout).where(tables.operations.c.board == board)
        layouts = select(tables.layouts.c.columns).where(tables.layouts.c.id.in_(wanted))
        for columns in connection.execute(layouts).scalars():
            found |= set(_columns(columns))
    return found


def explain(engine: Engine, board: Row[Any], key: str) -> list[Explained]:
    """Every cell of an item, its name first; empty if the ledger knows no such item."""
    with engine.connect() as connection:
        return list(_explained(connection, board, key))


def _explained(connection: Connection, board: Row[Any], key: str) -> Iterator[Explained]:
    layouts = Layouts()
    this = (tables.items.c.board == board.id) & (tables.items.c.key == key)
    own, made_with, joined = cells_and_maker()
    about = (tables.items.c.item_id, tables.items.c.name, tables.items.c.layout)
    wanted = select(*about, own, made_with).select_from(joined).where(this)
    item = connection.execute(wanted).one_or_none()
    operations = _operations(connection, board.id, key)
    if item is None and not operations:
        return
    properties = _properties(connection, board.id)
    written = [(row, layouts.unpack(connection, row.layout, row.cells)) for row in operations]
    before = [layouts.unpack(connection, row.layout, row.before) for row in operations]
    cells = item.cells or item.made_with if item else None
    known = certain(layouts.unpack(connection, item.layout, cells)) if item else {}
    read_at, read_in = _reading(connection, board.id)
    columns = dict.fromkeys(
        [NAME, *properties, *known, *(each for _, cells in written for each in cells)]
    )
    for column in columns:
        history = [
            _writing(row, cells, earlier, column)
            for (row, cells), earlier in zip(written, before, strict=True)
            if _writes(row, cells, column)
        ]
        value = (item.name if column == NAME else known.get(column)) if item else None
        each = Explained(
            stream=board.stream,
            board_id=board.board_id,
            key=key,
            item_id=item.item_id or None if item else None,
            column_id=column,
            property_name=properties.get(column),
            value=value,
            how="found",
            history=history,
        )
        _settle(each, operations, written, before, present=item is not None)
        if each.how == "found":
            each.found_at, each.found_in_run = read_at, read_in
        yield each


def _settle(
    each: Explained,
    operations: Sequence[Row[Any]],
    written: Sequence[tuple[Row[Any], dict[str, Cell]]],
    before: Sequence[dict[str, Cell]],
    *,
    present: bool,
) -> None:
    """Find who wrote the value of a cell. Operations are in order, the newest first."""
    if not present:
        each.how = "left the board"
        (row, cells), earlier = written[0], before[0]
        each.writing = _writing(row, cells, earlier, each.column_id)
        return
    for writing in each.history:
        if writing.outcome in _REFUSED or writing.kind in {"archive", "delete"}:
            continue
        if writing.value == each.value:
            each.how = "written" if each.value is not None else "cleared"
            each.writing = writing
            return
        if writing.outcome == "acknowledged":  # somebody changed it since
            each.writing = writing
            return
    if each.value is None:
        made = next(
            (
                at
                for at, row in enumerate(operations)
                if row.kind == "create" and row.outcome not in _REFUSED
            ),
            None,
        )
        if made is not None:
            row, cells = written[made]
            each.how = "left empty"
            each.writing = _writing(row, cells, before[made], each.column_id)


def _writes(row: Row[Any], cells: dict[str, Cell], column: str) -> bool:
    return row.name is not None if column == NAME else column in cells


def _known_by(outcome: str | None, how: str | None) -> str | None:
    if outcome == "gone":  # what was found under its key counts
        return _LOOKED_UP
    return _BY.get(how or "") if outcome in {None, "acknowledged"} else None


def _writing(
    row: Row[Any], cells: dict[str, Cell], before: dict[str, Cell], column: str
) -> Writing:
    is_name = column == NAME
    return Writing(
        value=row.name if is_name else cells.get(column),
        before=row.name_before if is_name else before.get(column),
        before_known=row.kind == "create"
        or (is_name and row.name_before is not None)
        or column in before,
        operation=row.id,
        kind=row.kind,
        outcome=row.outcome,
        known_by=_known_by(row.outcome, row.how),
        run=row.run_id,
        at=row.sent_at,
        settled_at=row.settled_at,
        request=row.request,
        lane=row.lane,
        idempotency_key=row.idempotency_key,
        request_id=row.request_id,
        mapping_hash=row.mapping_hash,
        version=row.version,
        record=row.record,
        etag=row.etag,
        row_version=row.row_version,
        page=row.page,
        record_run=row.record_run,
        record_at=row.record_at,
        schema_hash=row.schema_hash,
    )


def _operations(connection: Connection, board: int, key: str) -> list[Row[Any]]:
    """The operations on an item with all that belongs to them, the newest first."""
    operations, requests, settled = tables.operations, tables.requests, tables.settlements
    records, runs, outcomes = tables.records, tables.runs, tables.outcomes
    wanted = (
        select(
            operations,
            outcomes.c.outcome,
            requests.c.run_id,
            requests.c.sent_at,
            requests.c.lane,
            requests.c.idempotency_key,
            settled.c.at.label("settled_at"),
            settled.c.how,
            settled.c.request_id,
            runs.c.mapping_hash,
            runs.c.version,
            records.c.etag,
            records.c.row_version,
            records.c.page,
            records.c.schema_hash,
            records.c.run_id.label("record_run"),
            records.c.at.label("record_at"),
        )
        .join(requests, requests.c.id == operations.c.request)
        .join(runs, runs.c.id == requests.c.run_id)
        .join(outcomes, outcomes.c.operation == operations.c.id, isouter=True)
        .join(settled, settled.c.request == operations.c.request, isouter=True)
        .join(records, records.c.id == operations.c.record, isouter=True)
        .where(operations.c.board == board, operations.c.key == key)
        .order_by(operations.c.id.desc())
    )
    return list(connection.execute(wanted).all())


def _properties(connection: Connection, board: int) -> dict[str, str]:
    """Column id -> property, as the stream was mapped last."""
    table = tables.columns
    rows = connection.execute(select(table).where(table.c.board == board))
    return {row.column_id: row.property for row in rows if row.column_id != GROUP}


def _reading(connection: Connection, board: int) -> tuple[float | None, str | None]:
    """When the items of a board were last read, and by which run."""
    reads, runs, ends = tables.index_reads, tables.runs, tables.run_ends
    at = connection.execute(select(reads.c.at).where(reads.c.board == board)).scalar_one_or_none()
    if at is None:
        return None, None
    around = (
        select(runs.c.id)
        .join(ends, ends.c.run_id == runs.c.id, isouter=True)
        .where(runs.c.started_at <= at, or_(ends.c.ended_at >= at, ends.c.ended_at.is_(None)))
        .order_by(runs.c.started_at.desc())
        .limit(1)
    )
    return at, connection.execute(around).scalar_one_or_none()
