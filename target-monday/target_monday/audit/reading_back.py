"""Boards read back and held against the ledger. Writes nothing, neither there nor here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.audit.comparing import Difference, Match, RowPair, differences, matched
from target_monday.audit.scope import Share, chosen, shares
from target_monday.binding import reading_plan
from target_monday.cells import SUPPORTED_TYPES
from target_monday.diff import GROUP, KnownItem
from target_monday.errors import Stopped
from target_monday.monday.boards import boards_by_id, items_by_id, look_up, read_items

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from target_monday.ledger.evidence import BoardOnRecord, Evidence, Expected
    from target_monday.monday.boards import Board, Item
    from target_monday.monday.client import Call
    from target_monday.plan import BoardPlan

__all__ = ["BoardRead", "ReadingBack"]

_CHOICES: Final = frozenset({"status", "dropdown"})


@dataclass(slots=True)
class BoardRead:
    """A stream's board beside what the ledger says of it.

    `columns` maps the compared columns to (property, title, type). `sampled`: rows that were drawn;
    None: all. `expected_rows`: rows that the ledger has, `known_by_reading`: those that no
    run with this ledger has written. `booked`: control totals of the last run. `not_looked_at`: why
    its items were not read at all.
    """

    record: BoardOnRecord
    name: str | None = None
    expected_rows: int = 0
    known_by_reading: int = 0
    not_looked_at: str | None = None
    found_rows: int = 0
    sampled: int | None = None
    seed: str | None = None
    key_properties: tuple[str, ...] = ()
    booked: Mapping[str, Any] | None = None
    columns: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    pairs: list[RowPair] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """A board as its items were read, before it is known where the missing ones are."""

    read: BoardRead
    board: Board
    plan: BoardPlan
    key_column: str | None
    wanted: Mapping[str, KnownItem]
    on_board: dict[str, KnownItem]
    match: Match


@dataclass(slots=True)
class ReadingBack:
    """Reads the boards of the ledger. `sample`: rows of each board; None: all.

    `people_add`: people keep items of their own there, and those are no difference.
    """

    call: Call
    evidence: Evidence
    sample: int | None = None
    max_calls: int | None = None
    seed: str | None = None
    people_add: bool = False
    _expected: dict[int, dict[str, Expected]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _restored: dict[tuple[int, str], int] = field(default_factory=dict)  # -> who took it away

    def boards(self, streams: Sequence[str] = ()) -> list[BoardRead]:
        """All boards, or those of these streams."""
        records = self.evidence.boards()
        seed = self.seed or self.evidence.last_run() or ""
        self._expected = {each.id: self.evidence.expected(each.id) for each in records}
        asked = [each for each in records if not streams or each.stream in streams]
        live = boards_by_id(self.call, sorted({each.board_id for each in asked}))
        sizes = {
            each.id: board.items_count or 0
            for each in asked
            if (board := live.get(each.board_id)) is not None and board.state == "active"
        }
        how = shares(sizes, sample=self.sample, max_calls=self.max_calls)
        reads = [BoardRead(each) for each in asked]
        found = [
            self._read(read, live.get(read.record.board_id), how.get(read.record.id), seed)
            for read in reads
        ]
        for each in found:  # only now: what is missing on one board must not cost another one
            if each is not None:
                self._settle(each)
        return reads

    def writers(self, read: BoardRead) -> dict[str, Mapping[str, int]]:
        """Of the rows that differ: which operation wrote a column last."""
        rows = self._expected[read.record.id]
        found: dict[str, Mapping[str, int]] = {
            each.key: rows[each.key].writers
            for each in read.found
            if each.key is not None and each.key in rows
        }
        for (board, key), operation in self._restored.items():
            if board == read.record.id and key not in found:
                found[key] = {"name": operation}
        return found

    def _read(
        self, read: BoardRead, board: Board | None, share: Share | None, seed: str
    ) -> _Found | None:
        """Read a board; None if its items were not read, which is noted."""
        record = read.record
        expected = self._expected[record.id]
        read.expected_rows = len(expected)
        read.known_by_reading = sum(not each.writers for each in expected.values())
        read.key_properties = self.evidence.key_properties(record.stream)
        read.booked = self.evidence.booked_totals(record)
        read.name = board.name if board else None
        if board is None or board.state != "active":
            state = f"is {board.state}" if board else "is gone, or hidden from us"
            read.found.append(Difference("board", f"The board {state}.", rows=len(expected)))
            return None
        if share is None:
            read.not_looked_at = f"`--max-calls` {self.max_calls} did not reach it."
            return None
        plan = reading_plan(
            *(record.stream, board),
            ledger_id=record.id,
            key_column=record.key_column,
            columns={name: each for name, each in record.columns.items() if name != GROUP},
        )
        read.found += self._look_at_columns(read, board)
        key_column = plan.key_column if plan.key_column in _live(board) else None
        keys = list(expected)
        if share.sample is not None and share.sample < len(keys):
            keys = chosen(keys, share.sample, f"{seed}\n{record.board_id}\n{record.stream}")
            read.sampled, read.seed = len(keys), seed
        wanted = {key: _known(expected[key], key, key_column, read.columns) for key in keys}
        try:
            items = self._items(read, key_column, wanted, plan.column_ids)
        except Stopped as error:
            if self.max_calls is None:
                raise
            read.not_looked_at = str(error)
            return None
        on_board = {item.id: _as_read(read, plan, board, item) for item in items}
        match = matched(wanted, on_board.values(), key_column)
        return _Found(read, board, plan, key_column, wanted, on_board, match)

    def _look_at_columns(self, read: BoardRead, board: Board) -> Iterator[Difference]:
        """The mapped columns that can be compared, and a difference for each other one."""
        columns = _live(board)
        record = read.record
        if record.key_column and record.key_column not in columns:
            yield _column_gone("the key", record.key_column, read.expected_rows)
        for name, column_id in record.columns.items():
            column = columns.get(column_id)
            if column_id == GROUP:
                read.columns[GROUP] = (name, "Group", "group")
            elif column is None:
                yield _column_gone(f"property {name!r}", column_id, read.expected_rows)
            elif column.type not in SUPPORTED_TYPES:
                yield Difference(
                    *("column", f"The column of property {name!r} is of type {column.type!r} now."),
                    column_id=column_id,
                    rows=read.expected_rows,
                )
            else:
                read.columns[column_id] = (name, column.title, column.type)

    def _settle(self, found: _Found) -> None:
        """Find out what is missing and what is strange, and note each difference."""
        read, board, plan = found.read, found.board, found.plan
        wanted, on_board, match = found.wanted, found.on_board, found.match
        key_column = found.key_column
        lost = [wanted[key].item_id for key in match.missing if wanted[key].item_id]
        states = self._states(lost, plan.column_ids)
        back = [
            item
            for item in (states or {}).values()
            if item.board_id == board.id and item.state == "active" and item.id not in on_board
        ]
        if back:
            on_board |= {item.id: _as_read(read, plan, board, item) for item in back}
            match = matched(wanted, on_board.values(), key_column)
        read.found_rows = len(on_board)
        self._pair(read, wanted, match)
        read.found += _lost(match.missing, wanted, states or {}, board, looked=states is not None)
        read.found += _edited(match, key_column)
        read.found += self._strange(read, match, key_column)
        types = {column: kind for column, (_, _, kind) in read.columns.items()}
        read.found += differences(read.pairs, types, _texts(read, board, plan))

    def _states(self, lost: Sequence[str], columns: Sequence[str]) -> dict[str, Item] | None:
        """Where items are that were not found on their board; None if the calls do not reach."""
        try:
            return items_by_id(self.call, lost, columns)
        except Stopped:
            if self.max_calls is None:
                raise
            return None

    def _items(
        self,
        read: BoardRead,
        key_column: str | None,
        wanted: Mapping[str, KnownItem],
        columns: Sequence[str],
    ) -> list[Item]:
        """The items of the rows that are asked for, or all that the board has."""
        board_id = read.record.board_id
        if read.sampled is None:
            return read_items(self.call, board_id, columns)
        if key_column is None:  # by their ids, as what is missing is looked for
            return []
        found = look_up(self.call, board_id, key_column, list(wanted), columns=columns)
        return [item for items in found.values() for item in items]

    def _pair(self, read: BoardRead, wanted: Mapping[str, KnownItem], match: Match) -> None:
        found = dict((*match.pairs, *match.edited))
        for key, item in wanted.items():
            here = found.get(key)
            read.pairs.append(RowPair(key, here.item_id if here else item.item_id, item, here))

    def _strange(
        self, read: BoardRead, match: Match, key_column: str | None
    ) -> Iterator[Difference]:
        """Items on the board that are no row of this stream, nor of another one on this board."""
        strangers = (*match.duplicates, *match.extra, *match.unkeyed)
        left = self.evidence.left(read.record.id, [item.item_id for item in strangers])
        ids: set[str] = set()
        keys: set[str] = set()
        for record in self.evidence.boards():
            if record.board_id == read.record.board_id and record.id != read.record.id:
                others = self._expected[record.id]
                ids.update(item.item_id for item in others.values())
                keys.update(others)
        for kind, items in (
            ("duplicate", match.duplicates),
            ("extra", match.extra),
            ("unkeyed", match.unkeyed),
        ):
            for item in items:
                key = item.cells.get(key_column) if key_column else None
                known_elsewhere = item.item_id in ids or (kind == "extra" and key in keys)
                if known_elsewhere or item.item_id in self._told:
                    continue
                if kind == "unkeyed" and self.people_add:
                    continue
                self._told.add(item.item_id)
                text = key if isinstance(key, str) else None
                if (write := left.get(item.item_id)) is not None:
                    self._restored[read.record.id, text or ""] = write.operation
                    why = f"Run {write.run} took the item off the board; somebody brought it back."
                    yield Difference("restored", why, text, item.item_id, board=item.name)
                    continue
                yield Difference(kind, _STRANGE[kind], text, item.item_id, board=item.name)


_STRANGE: Final = {
    "duplicate": "Another item carries this key too; this one was not made by a run.",
    "extra": "No run has made an item with this key.",
    "unkeyed": "No run has made this item; it carries no key.",
}
_LOST: Final = {
    "archived": "The item was archived by somebody.",
    "deleted": "The item was deleted by somebody.",
    "moved": "The item was moved to another board.",
    "missing": "The item is not on the board any more.",
}

_NOT_LOOKED_FOR: Final = (
    "The item was not found on the board. Where it is was not looked for: the calls of "
    "`--max-calls` were used up."
)


def _live(board: Board) -> dict[str, Any]:
    return {column.id: column for column in board.columns if not column.archived}


def _column_gone(what: str, column_id: str, rows: int) -> Difference:
    return Difference(
        "column", f"The column of {what} is gone from the board.", column_id=column_id, rows=rows
    )


def _known(item: Expected, key: str, key_column: str | None, columns: Container[str]) -> KnownItem:
    """The row as its item should be; columns that were mapped once belong to people now."""
    cells = {column: cell for column, cell in item.cells.items() if column in columns}
    if key_column:
        cells[key_column] = key
    return KnownItem(item.item_id, item.name or "", cells)


def _as_read(read: BoardRead, plan: BoardPlan, board: Board, item: Item) -> KnownItem:
    known = plan.read(item)
    if GROUP not in read.columns:
        return known
    titles = {group.id: group.title for group in board.groups}
    cells = {**known.cells, GROUP: titles.get(item.group_id or "")}
    return KnownItem(known.item_id, known.name, cells)


def _lost(
    keys: Sequence[str],
    wanted: Mapping[str, KnownItem],
    states: Mapping[str, Item],
    board: Board,
    *,
    looked: bool,
) -> Iterator[Difference]:
    for key in keys:
        item = states.get(wanted[key].item_id)
        kind = "missing"
        if item is not None:
            elsewhere = item.state == "active" and item.board_id != board.id
            kind = "moved" if elsewhere else str(item.state)
        kind = kind if kind in _LOST else "missing"
        why = _LOST[kind] if looked else _NOT_LOOKED_FOR
        yield Difference(kind, why, key, wanted[key].item_id or None, ledger=wanted[key].name)


def _edited(match: Match, key_column: str | None) -> Iterator[Difference]:
    for key, item in match.edited:
        now = item.cells.get(key_column) if key_column else None
        yield Difference(
            *("key", "The key of the item was changed by hand.", key, item.item_id, key_column),
            ledger=key,
            board=now,
        )


def _texts(read: BoardRead, board: Board, plan: BoardPlan) -> dict[str, frozenset[str]]:
    """The labels of status and dropdown columns, and the titles of groups, as they are now."""
    texts = {
        cell.column.id: frozenset(_labels(cell.column.settings))
        for cell in plan.cells
        if cell.column.type in _CHOICES and cell.column.id in read.columns
    }
    if GROUP in read.columns:
        texts[GROUP] = frozenset(group.title for group in board.groups)
    return texts


def _labels(settings: Any) -> Iterator[str]:
    entries = settings.get("labels") if isinstance(settings, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        yield str(entry.get("label") or entry.get("name"))
