"""What is known of boards and their items: the cache of the board that makes diffs cheap."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from target_monday.diff import Cell, KnownItem
from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["BoardEntry", "ItemStore", "write_items"]

_CHUNK: Final = 500  # keys a statement
_TRUSTED: Final = 24 * 3600.0  # seconds; the count of items does not tell one item from another
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Cell]).decode


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """A board of a stream as the ledger knows it; `id` is the ledger's own number for it.

    `part` tells the boards of one stream from each other; a stream with one board has the part "".
    """

    id: int
    stream: str
    part: str
    board_id: str
    key_column: str | None
    other_items: int | None
    columns: Mapping[str, str]


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


def write_items(connection: Connection, board: int, known: Mapping[str, KnownItem]) -> None:
    """Put these items in place of what was known under their keys; versions are kept."""
    table = tables.items
    for keys in _chunks(list(known)):
        these = (table.c.board == board) & table.c.key.in_(keys)
        rows = connection.execute(select(table.c.key, table.c.version).where(these))
        versions = {row.key: row.version for row in rows}
        connection.execute(delete(table).where(these))
        connection.execute(
            insert(table), [_row(board, key, known[key], versions.get(key)) for key in keys]
        )


def _row(board: int, key: str, item: KnownItem, version: int | None) -> dict[str, object]:
    cells = {column: cell for column, cell in item.cells.items() if cell is not None}
    return {
        "board": board,
        "key": key,
        "item_id": item.item_id,
        "name": item.name,
        "cells": _encode(cells),
        "version": version,
    }


class ItemStore:
    """Boards, their columns and items at one API address (`scope`)."""

    def __init__(
        self, engine: Engine, scope: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._scope = scope
        self._clock = clock

    def boards(self) -> dict[tuple[str, str], BoardEntry]:
        """The known boards by stream and part."""
        board, column = tables.boards, tables.columns
        with self._engine.connect() as connection:
            rows = connection.execute(select(board).where(board.c.scope == self._scope)).all()
            mapped: dict[int, dict[str, str]] = {row.id: {} for row in rows}
            wanted = select(column).where(column.c.board.in_(mapped))
            for entry in connection.execute(wanted):
                mapped[entry.board][entry.property] = entry.column_id
        return {
            (row.stream, row.part): BoardEntry(
                *(row.id, row.stream, row.part, row.board_id, row.key_column, row.other_items),
                mapped[row.id],
            )
            for row in rows
        }

    def save_board(
        self,
        stream: str,
        part: str,
        board_id: str,
        key_column: str | None,
        columns: Mapping[str, str],
    ) -> BoardEntry:
        """Remember which board a stream goes to. A change of board forgets the old one's items."""
        known = self.boards().get((stream, part))
        if known is not None and known.board_id != board_id:
            self.forget_items(known.id)
        values = {"board_id": board_id, "key_column": key_column}
        with self._engine.begin() as connection:
            number = self._board_row(connection, (stream, part), values, known)
            connection.execute(delete(tables.columns).where(tables.columns.c.board == number))
            if columns:
                rows = [
                    {"board": number, "property": name, "column_id": column_id}
                    for name, column_id in columns.items()
                ]
                connection.execute(insert(tables.columns), rows)
        same = known if known is not None and known.board_id == board_id else None
        others = same.other_items if same else None
        return BoardEntry(number, stream, part, board_id, key_column, others, dict(columns))

    def _board_row(
        self,
        connection: Connection,
        place: tuple[str, str],
        values: Mapping[str, object],
        known: BoardEntry | None,
    ) -> int:
        table = tables.boards
        if known is None:
            stream, part = place
            added = insert(table).values(scope=self._scope, stream=stream, part=part, **values)
            number: int = connection.execute(added.returning(table.c.id)).scalar_one()
            return number
        moved = {"other_items": None} if known.board_id != values["board_id"] else {}
        connection.execute(update(table).where(table.c.id == known.id).values(**values, **moved))
        return known.id

    def items(self, board: int, keys: Sequence[str]) -> dict[str, KnownItem]:
        """The known items among these keys."""
        table = tables.items
        wanted = select(table.c.key, table.c.item_id, table.c.name, table.c.cells)
        found: dict[str, KnownItem] = {}
        with self._engine.connect() as connection:
            for chunk in _chunks(keys):
                these = (table.c.board == board) & table.c.key.in_(chunk)
                for key, item_id, name, cells in connection.execute(wanted.where(these)).all():
                    found[key] = KnownItem(item_id, name, _decode(cells))
        return found

    def cells(self, board: int) -> Iterator[tuple[str, Mapping[str, Cell]]]:
        """Key and cells of all known items of a board."""
        table = tables.items
        wanted = select(table.c.key, table.c.cells).where(table.c.board == board)
        with self._engine.connect() as connection:
            for key, cells in connection.execute(wanted):
                yield key, _decode(cells)

    def keys_by_item(self, board: int) -> dict[str, str]:
        """Item id -> key of all items of a board whose ids are known."""
        table = tables.items
        these = (table.c.board == board) & (table.c.item_id != "")
        with self._engine.connect() as connection:
            rows = connection.execute(select(table.c.item_id, table.c.key).where(these))
            return {row.item_id: row.key for row in rows}

    def keys(self, board: int) -> set[str]:
        """The keys of all known items of a board."""
        table = tables.items
        with self._engine.connect() as connection:
            return set(
                connection.execute(select(table.c.key).where(table.c.board == board)).scalars()
            )

    def a_key(self, board: int) -> str | None:
        """The key of any item of a board."""
        table = tables.items
        with self._engine.connect() as connection:
            one = select(table.c.key).where(table.c.board == board).limit(1)
            return connection.execute(one).scalar_one_or_none()

    def is_empty(self, board: int) -> bool:
        """Whether the board was read and held nothing, neither of ours nor of others."""
        table = tables.boards
        with self._engine.connect() as connection:
            others = connection.execute(select(table.c.other_items).where(table.c.id == board))
            return others.scalar_one_or_none() == 0 and self.count(board) == 0

    def count(self, board: int) -> int:
        """Known items of a board."""
        table = tables.items
        with self._engine.connect() as connection:
            found = connection.execute(
                select(func.count()).select_from(table).where(table.c.board == board)
            )
            return int(found.scalar_one())

    def distrust(self, board: int) -> None:
        """Have the board's items read again before they are next compared."""
        this = tables.boards.c.id == board
        with self._engine.begin() as connection:
            connection.execute(update(tables.boards).where(this).values(other_items=None))

    def adopt(self, board: int, known: Mapping[str, KnownItem]) -> None:
        """Take over items as they were read from the board."""
        if known:
            with self._engine.begin() as connection:
                write_items(connection, board, known)

    def replace_all(
        self, board: int, known: Mapping[str, KnownItem], other_items: int | None
    ) -> None:
        """A whole board was read: what was not found is forgotten."""
        gone = self.keys(board) - set(known)
        with self._engine.begin() as connection:
            for keys in _chunks(list(gone)):
                these = (tables.items.c.board == board) & tables.items.c.key.in_(keys)
                connection.execute(delete(tables.items).where(these))
            write_items(connection, board, known)
            one = tables.boards.c.id == board
            connection.execute(update(tables.boards).where(one).values(other_items=other_items))
            reads = tables.index_reads
            connection.execute(delete(reads).where(reads.c.board == board))
            connection.execute(insert(reads).values(board=board, at=self._clock()))

    def is_old(self, board: int) -> bool:
        """Whether the board's items were last read more than a day ago."""
        table = tables.index_reads
        with self._engine.connect() as connection:
            found = connection.execute(select(table.c.at).where(table.c.board == board))
            return (found.scalar_one_or_none() or 0.0) < self._clock() - _TRUSTED

    def forget_items(self, board: int, keys: Iterable[str] | None = None) -> None:
        """Forget items, by default all of a board."""
        table = tables.items
        with self._engine.begin() as connection:
            if keys is None:
                connection.execute(delete(table).where(table.c.board == board))
                return
            for chunk in _chunks(list(keys)):
                these = (table.c.board == board) & table.c.key.in_(chunk)
                connection.execute(delete(table).where(these))

    def see(self, boards: Sequence[int], keys: Sequence[str], version: int) -> None:
        """These keys were in this version of the stream, whichever of these boards they are on."""
        table = tables.items
        with self._engine.begin() as connection:
            for chunk in _chunks(keys):
                these = table.c.board.in_(boards) & table.c.key.in_(chunk)
                connection.execute(update(table).where(these).values(version=version))

    def doubled(self, boards: Sequence[int]) -> set[str]:
        """Keys that have items on several of these boards."""
        table = tables.items
        several = (
            select(table.c.key)
            .where(table.c.board.in_(boards))
            .group_by(table.c.key)
            .having(func.count() > 1)
        )
        with self._engine.connect() as connection:
            return set(connection.execute(several).scalars())

    def unseen(self, board: int, version: int) -> dict[str, str]:
        """Key -> item id of the items that were not in this version."""
        table = tables.items
        other = table.c.version.is_(None) | (table.c.version != version)
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(table.c.key, table.c.item_id).where((table.c.board == board) & other)
            )
            return {row.key: row.item_id for row in rows}
