"""What the ledger says a board holds, for whoever compares the two. Writes nothing.

What an item should be is what was last acknowledged, cell by cell. What the ledger knows of an item
may be newer: a run reads boards again when something about them is strange, and then takes what
people wrote for what is there. So acknowledged operations go before what was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import func, select

from target_monday.diff import certain
from target_monday.keys import bare
from target_monday.ledger import tables
from target_monday.ledger.items import cells_and_maker
from target_monday.ledger.layouts import Layouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Engine

    from target_monday.diff import Cell

__all__ = ["BoardOnRecord", "Evidence", "Expected", "Write"]

_CHUNK: Final = 500
_ACKNOWLEDGED: Final = "acknowledged"
_LEFT: Final = "gone"  # the item was no longer there
_OPEN: Final = frozenset({None, "unknown"})
_names = msgspec.json.Decoder(list[str]).decode
_totals = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class BoardOnRecord:
    """A board of a stream; `id` is the ledger's number, `columns` maps properties to columns."""

    id: int
    stream: str
    board_id: str
    key_column: str | None
    columns: Mapping[str, str]


@dataclass(slots=True)
class Expected:
    """An item as the board should have it.

    `item_id` is "" where it is not known. `writers` maps columns, and "name", to the number of the
    operation that wrote them last. `known`: whether the ledger counts the item to its board still.
    """

    key: str
    item_id: str = ""
    name: str | None = None
    cells: dict[str, Cell] = field(default_factory=dict)
    writers: dict[str, int] = field(default_factory=dict)
    known: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Who wrote last, by the ledger; times are seconds since 1970. `outcome` None: not known."""

    operation: int
    run: str
    sent_at: float
    outcome: str | None


class Evidence:
    """Boards and items at one API address (`scope`) as the ledger has them."""

    def __init__(self, engine: Engine, scope: str) -> None:
        self._engine = engine
        self._scope = scope
        self._layouts = Layouts()

    def boards(self) -> list[BoardOnRecord]:
        """The boards that runs have written to, by stream."""
        board, column = tables.boards, tables.columns
        with self._engine.connect() as connection:
            found = connection.execute(
                select(board).where(board.c.scope == self._scope).order_by(board.c.stream)
            ).all()
            mapped: dict[int, dict[str, str]] = {row.id: {} for row in found}
            for row in connection.execute(select(column).where(column.c.board.in_(mapped))):
                mapped[row.board][row.property] = row.column_id
        return [
            BoardOnRecord(row.id, row.stream, row.board_id, row.key_column, mapped[row.id])
            for row in found
        ]

    def expected(self, board: int) -> dict[str, Expected]:
        """Key -> item, of all items that a run has made or found and none has taken away."""
        found: dict[str, Expected] = {}
        self._replay(board, found)
        self._add_known(board, found)
        return {key: item for key, item in found.items() if item.name is not None}

    def _replay(self, board: int, found: dict[str, Expected]) -> None:
        """The acknowledged operations of the board, one after another."""
        operation, outcome = tables.operations, tables.outcomes
        wanted = (
            select(
                *(operation.c.id, operation.c.key, operation.c.kind, operation.c.name),
                *(operation.c.layout, operation.c.cells, outcome.c.outcome),
                func.coalesce(outcome.c.item_id, operation.c.item_id),
            )
            .outerjoin(outcome, outcome.c.operation == operation.c.id)
            .where(operation.c.board == board)
            .order_by(operation.c.id)
        )
        keys: dict[str, str] = {}  # the key that an item had by its last operation
        with self._engine.connect() as connection:
            for row in connection.execute(wanted):
                number, key, kind, name, layout, packed, became, item_id = row
                key = bare(key)
                if item_id and became == _ACKNOWLEDGED:
                    _move(found, keys.get(item_id, key), key)
                    keys[item_id] = key
                cells = self._layouts.unpack(connection, layout, packed)
                if became == _LEFT or (
                    kind not in {"create", "update"} and became == _ACKNOWLEDGED
                ):
                    found.pop(key, None)
                elif became == _ACKNOWLEDGED:
                    if kind == "create":
                        found[key] = Expected(key)
                    _write(found.setdefault(key, Expected(key)), number, name, cells, item_id)
                elif became in _OPEN:
                    _doubt(found.setdefault(key, Expected(key)), number, name, cells)

    def _add_known(self, board: int, found: dict[str, Expected]) -> None:
        """What was read fills in what no acknowledged operation says."""
        table = tables.items
        own, made_with, joined = cells_and_maker()
        about = (table.c.key, table.c.item_id, table.c.name, table.c.layout)
        wanted = select(*about, own, made_with).select_from(joined)
        with self._engine.connect() as connection:
            found_rows = connection.execute(wanted.where(table.c.board == board))
            for of, item_id, name, layout, packed, given in found_rows:
                key = bare(of)
                item = found.setdefault(key, Expected(key))
                item.known = True
                item.item_id = item_id or item.item_id
                item.name = name if item.name is None else item.name
                known = certain(self._layouts.unpack(connection, layout, packed or given))
                for column, cell in known.items():
                    item.cells.setdefault(column, cell)

    def writes(self, operations: Iterable[int]) -> dict[int, Write]:
        """Operation -> the write that it was."""
        operation, request, outcome = tables.operations, tables.requests, tables.outcomes
        wanted = (
            select(operation.c.id, request.c.run_id, request.c.sent_at, outcome.c.outcome)
            .join(request, request.c.id == operation.c.request)
            .outerjoin(outcome, outcome.c.operation == operation.c.id)
        )
        numbers = sorted(set(operations))
        found: dict[int, Write] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(numbers), _CHUNK):
                these = operation.c.id.in_(numbers[start : start + _CHUNK])
                for row in connection.execute(wanted.where(these)):
                    found[row.id] = Write(row.id, row.run_id, row.sent_at, row.outcome)
        return found

    def left(self, board: int, item_ids: Iterable[str]) -> dict[str, Write]:
        """Item -> the write by which a run took it off the board, of those of these items."""
        operation, request, outcome = tables.operations, tables.requests, tables.outcomes
        item_id = func.coalesce(outcome.c.item_id, operation.c.item_id)
        wanted = (
            select(operation.c.id, request.c.run_id, request.c.sent_at, outcome.c.outcome, item_id)
            .join(request, request.c.id == operation.c.request)
            .join(outcome, outcome.c.operation == operation.c.id)
            .where(operation.c.board == board, operation.c.kind.in_(("archive", "delete")))
            .order_by(operation.c.id)
        )
        ids = sorted(set(item_ids))
        found: dict[str, Write] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(ids), _CHUNK):
                for row in connection.execute(
                    wanted.where(item_id.in_(ids[start : start + _CHUNK]))
                ):
                    found[row[4]] = Write(*row[:4])
        return found

    def key_properties(self, stream: str) -> tuple[str, ...]:
        """What the keys of a stream are made of, by its last schema."""
        table = tables.schemas
        wanted = select(table.c.key_properties).where(table.c.stream == stream)
        with self._engine.connect() as connection:
            found = connection.execute(wanted.order_by(table.c.at.desc())).scalars().first()
        return tuple(_names(found)) if found else ()

    def booked_totals(self, board: BoardOnRecord) -> dict[str, Any] | None:
        """The control totals that the last run with any has written of this board."""
        books, runs = tables.run_books, tables.runs
        wanted = (
            select(books.c.totals)
            .join(runs, runs.c.id == books.c.run_id)
            .where(books.c.stream == board.stream, books.c.board_id == board.board_id)
            .order_by(runs.c.started_at.desc())
        )
        with self._engine.connect() as connection:
            found = (row.totals for row in connection.execute(wanted))
            return next((_totals(totals) for totals in found if totals), None)

    def last_operation(self) -> int:
        """The newest operation of any run: as long as it stays, nothing was sent to a board."""
        with self._engine.connect() as connection:
            found = connection.execute(select(func.max(tables.operations.c.id)))
            return found.scalar_one() or 0

    def last_run(self) -> str | None:
        """The run that began last."""
        table = tables.runs
        with self._engine.connect() as connection:
            found = select(table.c.id).order_by(table.c.started_at.desc()).limit(1)
            return connection.execute(found).scalar_one_or_none()


def _move(found: dict[str, Expected], before: str, key: str) -> None:
    """An item that had another key before, of a former definition, has this one now."""
    if before != key and before in found:
        found[key] = found.pop(before)
        found[key].key = key


def _write(
    item: Expected, number: int, name: str | None, cells: Mapping[str, Cell], item_id: str | None
) -> None:
    item.item_id = item_id or item.item_id
    item.cells.update(cells)
    item.writers.update(dict.fromkeys(cells, number))
    if name is not None:
        item.name = name
        item.writers["name"] = number


def _doubt(item: Expected, number: int, name: str | None, cells: Mapping[str, Cell]) -> None:
    """Nobody knows whether this was written: what was read says how it is."""
    for column in cells:
        item.cells.pop(column, None)
    item.writers.update(dict.fromkeys(cells, number))
    if name is not None:
        item.name = None
        item.writers["name"] = number
