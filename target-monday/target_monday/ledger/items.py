"""What is known of boards and their items: the cache of the board that makes diffs cheap."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Engine, func, select

from target_monday.diff import Cell, KnownItem
from target_monday.identity import Identity
from target_monday.keys import former
from target_monday.ledger import tables
from target_monday.ledger.layouts import Layouts, packed, plain
from target_monday.ledger.link_revisions import note_targets
from target_monday.ledger.sealed import writing
from target_monday.seen import Sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, FromClause, RowMapping

    from target_monday.ledger.sealed import Writing
    from target_monday.seen import Seen

__all__ = ["BoardEntry", "ItemStore", "cells_and_maker", "write_items"]

_CHUNK: Final = 500  # keys a statement
_STREAMED: Final = 5_000  # rows read at a time
_ITEMS: Final = """
SELECT items.key, items.item_id, items.name, items.layout, items.cells, operations.cells,
  items.record_hash
FROM items LEFT JOIN operations ON operations.id = items.made_by
WHERE items.board = {board} AND items.key IN ({keys})"""
_LEFT: Final = "{}"  # a board that the settings name by nothing
_json = msgspec.json.Encoder().encode
_identity = msgspec.json.Decoder(Identity).decode
_names = msgspec.json.Decoder(list[str]).decode
_TRUSTED: Final = 24 * 3600.0  # seconds; the count of items does not tell one item from another


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """A board of a stream as the ledger knows it; `id` is the ledger's own number for it.

    `part` tells the boards of one stream from each other; a stream with one board has the part "".
    `identity` says what the keys of its items are made of, `asked` (JSON) by what the settings
    named the board; None of both: an earlier version did not note it. What was remembered before
    `doubted_at` is not believed.
    """

    id: int
    stream: str
    part: str
    board_id: str
    key_column: str | None
    other_items: int | None
    columns: Mapping[str, str]
    identity: Identity | None = None
    asked: str | None = None
    doubted_at: float | None = None

    @property
    def is_left(self) -> bool:
        """Whether the settings have sent its stream elsewhere since."""
        return self.asked == _LEFT


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


def cells_and_maker() -> tuple[ColumnElement[Any], ColumnElement[Any], FromClause]:
    """For a SELECT: the items' own cells, those of the operations that made them, and from where.

    An item has the one or the other.
    """
    items, operations = tables.items, tables.operations
    joined = items.outerjoin(operations, operations.c.id == items.c.made_by)
    return items.c.cells, operations.c.cells.label("made_with"), joined


def write_items(
    ledger: Writing,
    layouts: Layouts,
    board: int,
    known: Mapping[str, KnownItem],
    makers: Mapping[tuple[int, str], int] | None = None,
) -> None:
    """Put these items in place of what was known under their keys.

    `makers`: by board and key, operations that made items with just these cells. The hash of a
    record is kept only where the item stays as it was.
    """
    note_targets(ledger, board, {key: item.item_id for key, item in known.items()})
    makers = makers or {}
    unknown = [key for key, item in known.items() if item.record_hash is None]
    before = _with_hashes(ledger, board, unknown)
    rows: list[dict[str, object]] = []
    for key, item in known.items():
        columns = layouts.order([name for name, cell in item.cells.items() if cell is not None])
        layout, maker = layouts.number(ledger, columns), makers.get((board, key))
        cells = b"" if maker else packed(item.cells, columns)
        was = before.get(key)
        stays = was is not None and was[1:4] == (item.name, layout, cells)
        rows.append(
            {
                "board": board,
                "key": key,
                "item_id": item.item_id,
                "name": item.name,
                "layout": layout,
                "cells": cells,
                "made_by": maker,
                "record_hash": was[4] if was is not None and stays else item.record_hash,
            }
        )
    ledger.put(tables.items, rows)


def _with_hashes(
    ledger: Writing, board: int, keys: Sequence[str]
) -> dict[str, tuple[str, str, int | None, bytes, bytes]]:
    """Key, name, layout, cells and the hash of a record, by key, of items that have such a hash."""
    if not keys:
        return {}
    table = tables.items
    own, made_with, joined = cells_and_maker()
    wanted = select(table.c.key, table.c.name, table.c.layout, own, made_with, table.c.record_hash)
    found: dict[str, tuple[str, str, int | None, bytes, bytes]] = {}
    for chunk in _chunks(keys):
        these = (table.c.board == board) & table.c.key.in_(chunk) & table.c.record_hash.is_not(None)
        rows = ledger.connection.execute(wanted.select_from(joined).where(these))
        for key, name, layout, cells, given, record in rows:
            found[key] = (key, name, layout, plain(cells or given), record)
    return found


class ItemStore:
    """Boards, their columns and items at one API address (`scope`)."""

    def __init__(
        self, engine: Engine, scope: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._scope = scope
        self._clock = clock
        self._layouts = Layouts()

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
                None if row.identity is None else _identity(row.identity),
                row.asked,
                row.doubted_at,
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
        identity: Identity | None = None,
        asked: str | None = None,
    ) -> BoardEntry:
        """Remember which board a stream goes to. A change of board forgets the old one's items."""
        known = self.boards().get((stream, part))
        if known is not None and known.board_id != board_id:
            self.forget_items(known.id)
        text = None if identity is None else _json(identity).decode()
        values = {"board_id": board_id, "key_column": key_column, "identity": text, "asked": asked}
        with writing(self._engine, "board") as ledger:
            number = self._board_row(ledger, (stream, part), values, known)
            ledger.remove(tables.columns, tables.columns.c.board == number)
            ledger.put(
                tables.columns,
                [
                    {"board": number, "property": name, "column_id": column_id}
                    for name, column_id in columns.items()
                ],
            )
        same = known if known is not None and known.board_id == board_id else None
        others = same.other_items if same else None
        doubted = same.doubted_at if same else None
        named = (number, stream, part, board_id, key_column, others, dict(columns))
        return BoardEntry(*named, identity, asked, doubted)

    def leave(self, board: int) -> None:
        """The settings send the stream elsewhere: its items there are nobody's from now on."""
        self.forget_items(board)
        with writing(self._engine, "leave board") as ledger:
            this = tables.boards.c.id == board
            ledger.change(tables.boards, this, other_items=None, asked=_LEFT)

    def rekey(self, board: int, identity: Identity) -> int:
        """From now on keys are of this definition; gives how many items have one of the former.

        They wait under it for the rows that claim them. What waits for their rows is dropped with
        them: the rows bring it.
        """
        table, text = tables.items, _json(identity).decode()
        with writing(self._engine, "rekey") as ledger:
            these = table.c.board == board
            rows = ledger.connection.execute(select(table).where(these)).mappings().all()
            ledger.remove(table, these)
            new = [{**row, "key": former(row["key"]), "record_hash": None} for row in rows]
            ledger.put(table, new)
            for each in (tables.pending_cells, tables.pending_links, tables.lost_links):
                ledger.remove(each, each.c.board == board)
            ledger.change(tables.boards, tables.boards.c.id == board, identity=text)
        return len(rows)

    def claim(self, board: int, keys: Mapping[str, str]) -> None:
        """Former key -> new one: give the items their new keys, where no other item has them."""
        table = tables.items
        taken = set(self.items(board, list(keys.values())))
        wanted = {former(old): new for old, new in keys.items() if new not in taken}
        found: list[RowMapping] = []
        with self._engine.connect() as connection:
            for chunk in _chunks(list(wanted)):
                these = (table.c.board == board) & table.c.key.in_(chunk)
                found += connection.execute(select(table).where(these)).mappings()
        if found:
            with writing(self._engine, "claim") as ledger:
                ledger.forget(table, [(board, row["key"]) for row in found])
                ledger.put(table, [{**row, "key": wanted[row["key"]]} for row in found])

    def unclaimed(self, board: int) -> int:
        """How many items still have a key of a former definition."""
        table = tables.items
        these = (table.c.board == board) & table.c.key.startswith(former(""), autoescape=True)
        with self._engine.connect() as connection:
            wanted = select(func.count()).select_from(table).where(these)
            return int(connection.execute(wanted).scalar_one())

    def announced(self, stream: str) -> tuple[str, ...] | None:
        """The key properties of the last schema that the stream came under; None for the first."""
        table = tables.schemas
        wanted = select(table.c.key_properties).where(table.c.stream == stream)
        with self._engine.connect() as connection:
            found = connection.execute(wanted.order_by(table.c.at.desc())).scalars().first()
        return None if found is None else tuple(_names(found))

    def doubt(self) -> int:
        """Believe nothing any more that is remembered of boards; gives how many there are.

        All are read again before they are compared. Cells and links that wait may be older than
        what the boards hold, so they are dropped: their rows bring them.
        """
        table = tables.boards
        with writing(self._engine, "doubt") as ledger:
            every = table.c.id.is_not(None)
            count = ledger.change(table, every, other_items=None, doubted_at=self._clock())
            for each in (tables.pending_cells, tables.pending_links, tables.lost_links):
                ledger.remove(each, each.c.board.is_not(None))
        return count

    def _board_row(
        self,
        ledger: Writing,
        place: tuple[str, str],
        values: Mapping[str, object],
        known: BoardEntry | None,
    ) -> int:
        table = tables.boards
        if known is None:
            stream, part = place
            row = {"scope": self._scope, "stream": stream, "part": part}
            unread = {"other_items": None, "doubted_at": None}
            return ledger.put(table, [{**row, **unread, **values}])[0]
        changes: dict[str, object] = dict(values)
        if known.board_id != values["board_id"]:
            changes |= {"other_items": None, "doubted_at": None}
        ledger.change(table, table.c.id == known.id, **changes)
        return known.id

    def items(self, board: int, keys: Sequence[str]) -> dict[str, KnownItem]:
        """The known items among these keys."""
        found: dict[str, KnownItem] = {}
        mark = "?" if self._engine.dialect.name == "sqlite" else "%s"
        with self._engine.connect() as connection:
            for chunk in _chunks(keys):
                wanted = _ITEMS.format(board=mark, keys=", ".join(repeat(mark, len(chunk))))
                rows = connection.exec_driver_sql(wanted, (board, *chunk)).cursor.fetchall()
                for key, item_id, name, layout, cells, given, record in rows:
                    known = self._layouts.unpack(connection, layout, cells or given)
                    found[key] = KnownItem(item_id, name, known, record)
        return found

    def cells(
        self, board: int, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Mapping[str, Cell]]]:
        """Key and cells of all known items of a board, if asked for in these columns only."""
        only = None if columns is None else tuple(columns)
        table = tables.items
        own, made_with, joined = cells_and_maker()
        wanted = select(table.c.key, table.c.layout, own, made_with).select_from(joined)
        with self._engine.connect() as connection:
            found = connection.execute(wanted.where(table.c.board == board))
            while rows := found.cursor.fetchmany(_STREAMED):
                for key, layout, cells, given in rows:
                    yield key, self._layouts.unpack(connection, layout, cells or given, only)

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

    def counts(self) -> dict[int, int]:
        """Known items of all boards, by the ledger's numbers."""
        table = tables.items
        wanted = select(table.c.board, func.count()).group_by(table.c.board)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted)}

    def keys_on(self, board_id: str) -> set[str]:
        """The keys of all streams' known items on a board of monday."""
        items, boards = tables.items, tables.boards
        here = (boards.c.scope == self._scope) & (boards.c.board_id == board_id)
        wanted = select(items.c.key).join(boards, boards.c.id == items.c.board).where(here)
        with self._engine.connect() as connection:
            return set(connection.execute(wanted).scalars())

    def distrust(self, board: int) -> None:
        """Have the board's items read again before they are next compared."""
        with writing(self._engine, "distrust") as ledger:
            ledger.change(tables.boards, tables.boards.c.id == board, other_items=None)

    def adopt(self, board: int, known: Mapping[str, KnownItem]) -> None:
        """Take over items as they were read from the board."""
        if known:
            with writing(self._engine, "adopt") as ledger:
                write_items(ledger, self._layouts, board, known)

    def replace_all(
        self, board: int, known: Mapping[str, KnownItem], other_items: int | None
    ) -> None:
        """A whole board was read: what was not found is forgotten."""
        gone = self.keys(board) - set(known)
        with writing(self._engine, "read board") as ledger:
            note_targets(ledger, board, dict.fromkeys(gone, ""))
            for keys in _chunks(list(gone)):
                these = (tables.items.c.board == board) & tables.items.c.key.in_(keys)
                ledger.remove(tables.items, these)
            write_items(ledger, self._layouts, board, known)
            ledger.change(tables.boards, tables.boards.c.id == board, other_items=other_items)
            ledger.put(tables.index_reads, [{"board": board, "at": self._clock()}])

    def is_old(self, board: int) -> bool:
        """Whether the board's items were last read more than a day ago."""
        table = tables.index_reads
        with self._engine.connect() as connection:
            found = connection.execute(select(table.c.at).where(table.c.board == board))
            return (found.scalar_one_or_none() or 0.0) < self._clock() - _TRUSTED

    def forget_items(self, board: int, keys: Iterable[str] | None = None) -> None:
        """Forget items, by default all of a board."""
        table = tables.items
        with writing(self._engine, "forget") as ledger:
            if keys is None:
                note_targets(ledger, board, None)
                ledger.remove(table, table.c.board == board)
                return
            going = dict.fromkeys(keys, "")
            note_targets(ledger, board, going)
            for chunk in _chunks(list(going)):
                ledger.remove(table, (table.c.board == board) & table.c.key.in_(chunk))

    def see(self, boards: Sequence[int], seen: Seen) -> None:
        """These keys were in this version of the stream, whichever of these boards they are on."""
        table = tables.sightings
        with writing(self._engine, "see", durable=False) as ledger:
            for board in boards:
                this = (table.c.board == board) & (table.c.version == seen.version)
                before = ledger.connection.execute(select(table.c["keys"]).where(this))
                keys = seen.joined(before.scalar_one_or_none() or b"")
                ledger.put(table, [{"board": board, "version": seen.version, "keys": keys}])

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
        sightings, items = tables.sightings, tables.items
        with self._engine.connect() as connection:
            this = (sightings.c.board == board) & (sightings.c.version == version)
            found = connection.execute(select(sightings.c["keys"]).where(this))
            seen = Sightings(found.scalar_one_or_none() or b"")
            rows = connection.execute(
                select(items.c.key, items.c.item_id)
                .where(items.c.board == board)
                .execution_options(yield_per=_STREAMED)
            )
            return {key: item_id for key, item_id in rows if key not in seen}
