"""Records in, outcomes out: compared with the ledger, gathered into packs, delivered, settled."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING, Any, assert_never

from target_monday.delivery.alias_lane import AliasLane, Pending
from target_monday.delivery.calls import until_midnight
from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import Archive, Create, KnownItem, Unchanged, WantedRow, diff
from target_monday.errors import RunFailed
from target_monday.ledger.journal import Journal, RejectedRow
from target_monday.monday.boards import look_up
from target_monday.rejects import AmbiguousKey, NullKey, Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.books import Books, StreamBooks
    from target_monday.checkpoints import Checkpoints
    from target_monday.diff import Operation
    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan

__all__ = ["Loader", "Row"]

_MAX_TRIES = 3  # of an item that leaves its board again and again
_MAX_REFUSALS = 10  # of an operation that is to be sent again later
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Row:
    """A record with the ticket of its checkpoint."""

    record: dict[str, Any]
    ticket: int


@dataclass(slots=True)
class Loader:
    """Keeps the boards equal to the rows that it is given.

    Operations of all boards wait in one pool until they fill a request, so that a run with a few
    changes on many boards costs one call. A key is in the pool once: later rows are merged into
    the operation that waits, and the last value wins.
    """

    lane: AliasLane
    items: ItemStore
    journal: Journal
    books: Books
    checkpoints: Checkpoints
    max_aliases: int
    ambiguous: Mapping[str, Mapping[str, tuple[str, ...]]]
    after_pack: Callable[[], None]
    before_pack: Callable[[Sequence[tuple[BoardPlan, Operation]]], None] = lambda _: None
    failed: dict[str, str] = field(default_factory=dict)
    without_key: int = 0
    _pool: dict[tuple[int, str], Pending] = field(default_factory=dict)
    _serial: count[int] = field(default_factory=count)

    def load(self, plan: BoardPlan, rows: Sequence[Row]) -> None:
        """Take rows of one stream; full packs are delivered at once."""
        books = self.books.of(plan.stream)
        books.read += len(rows)
        self.books.board_ids[plan.stream] = plan.board_id
        if plan.stream in self.failed:
            books.carried_over += len(rows)
            return
        wanted = self._wanted(plan, rows)
        if plan.spec.append:
            self._append(plan, wanted)
        else:
            self._compare(plan, wanted)
        while len(self._pool) >= self._capacity():
            self.deliver_pack()

    def _wanted(self, plan: BoardPlan, rows: Sequence[Row]) -> list[tuple[WantedRow, Row]]:
        wanted: list[tuple[WantedRow, Row]] = []
        rejected: list[tuple[Row, Reject]] = []
        for row in rows:
            try:
                wanted.append((self._unambiguous(plan, plan.row(row.record)), row))
            except Reject as error:
                rejected.append((row, error))
        if rejected:
            self._reject_rows(plan, rejected)
        return wanted

    def _unambiguous(self, plan: BoardPlan, row: WantedRow) -> WantedRow:
        several = self.ambiguous.get(plan.stream, {}).get(row.key)
        if several:
            raise AmbiguousKey(row.key, several)
        return row

    def _reject_rows(self, plan: BoardPlan, rejected: Sequence[tuple[Row, Reject]]) -> None:
        keys = [plan.key_or_none(row.record) for row, _ in rejected]
        self.journal.reject(
            RejectedRow(plan.stream, key, error.code, str(error), row.record)
            for (row, error), key in zip(rejected, keys, strict=True)
        )
        for (row, error), key in zip(rejected, keys, strict=True):
            _log.warning("row.rejected stream=%s key=%r code=%s", plan.stream, key, error.code)
            self.without_key += isinstance(error, NullKey) and error.missing
            self.books.of(plan.stream).rejected += 1
            self.checkpoints.settle(row.ticket)

    def _append(self, plan: BoardPlan, wanted: Iterable[tuple[WantedRow, Row]]) -> None:
        for each, row in wanted:
            key = f"append:{next(self._serial)}"
            pending = Pending(plan, key, Create(each), None, [row.ticket], row.record)
            self._pool[plan.ledger_id, key] = pending

    def _compare(self, plan: BoardPlan, wanted: Sequence[tuple[WantedRow, Row]]) -> None:
        known = self.items.items(plan.ledger_id, list({each.key for each, _ in wanted}))
        books = self.books.of(plan.stream)
        settled: list[str] = []
        for each, row in wanted:
            place = (plan.ledger_id, each.key)
            waiting = self._pool.pop(place, None)
            before = waiting.before if waiting else known.get(each.key)
            merged = _merged(waiting, each)
            operation = diff(merged, before)
            tickets = [*(waiting.tickets if waiting else ()), row.ticket]
            if isinstance(operation, Unchanged):
                _count_unsent(books, operation, len(tickets))
                books.merged += len(tickets) - 1
                self._settle(tickets)
                settled.append(each.key)
            else:
                record = {**waiting.record, **row.record} if waiting else row.record
                self._pool[place] = Pending(plan, each.key, operation, before, tickets, record)
        self.journal.resolve(plan.stream, settled)

    def _settle(self, tickets: Iterable[int]) -> None:
        for ticket in tickets:
            self.checkpoints.settle(ticket)

    def _capacity(self) -> int:
        return self.lane.calls.budget.capacity(self.max_aliases)

    def deliver_all(self) -> None:
        """Deliver everything that waits."""
        while self._pool:
            self.deliver_pack()

    def deliver_pack(self) -> None:
        """Deliver one pack and settle its rows; bookmarks that are free now go out."""
        pack = list(islice(self._pool.values(), self._capacity()))
        outcomes = self._send(pack)
        self.after_pack()
        self._heed(outcomes)

    def _heed(self, outcomes: Iterable[Outcome]) -> None:
        """Wait, or stop, as monday asks for with single operations."""
        asked = [each for each in outcomes if isinstance(each, CarriedOver)]
        for each in asked:
            if each.run_ends:
                raise until_midnight(each.message)
        longest = max(
            (each for each in asked if each.wait is not None),
            key=lambda each: each.wait or 0.0,
            default=None,
        )
        if longest is not None:
            self.lane.calls.pause(longest.wait, longest.message)

    def _send(self, pack: Sequence[Pending]) -> list[Outcome]:
        calls, points = self.lane.calls.made, self.lane.calls.points
        self.before_pack([(pending.plan, pending.operation) for pending in pack])
        outcomes = self.lane.deliver(pack)
        self._share_costs(pack, self.lane.calls.made - calls, self.lane.calls.points - points)
        for pending in pack:  # first of all: what is accounted for waits no more
            del self._pool[pending.plan.ledger_id, pending.key]
        gone: list[tuple[Pending, str]] = []
        for pending, outcome in zip(pack, outcomes, strict=True):
            self._account(pending, outcome, gone)
        self._look_up_gone(gone)
        if all(isinstance(outcome, Unknown) for outcome in outcomes):
            raise RunFailed(
                "monday did not answer: whether the last request ran is not known. "
                "The next run finds out before it sends anything."
            )
        return outcomes

    def _share_costs(self, pack: Sequence[Pending], calls: int, points: int) -> None:
        streams: dict[str, int] = {}
        for pending in pack:
            streams[pending.plan.stream] = streams.get(pending.plan.stream, 0) + 1
        for stream, operations in streams.items():
            books = self.books.of(stream)
            books.calls += calls
            books.points += points * operations // len(pack)

    def _account(self, pending: Pending, outcome: Outcome, gone: list[tuple[Pending, str]]) -> None:
        books = self.books.of(pending.plan.stream)
        match outcome:
            case Acknowledged():
                self._acknowledged(pending, books)
            case Rejected(code, message):
                self._rejected(pending, books, code, message)
            case Gone(message):
                self._pool[pending.plan.ledger_id, pending.key] = pending
                gone.append((pending, message))
            case CarriedOver():
                self._carried_over(pending, outcome)
            case Unknown(message):
                books.unknown += len(pending.tickets)
                self._fail(pending, message)
            case _:
                assert_never(outcome)

    def _acknowledged(self, pending: Pending, books: StreamBooks) -> None:
        operation = pending.operation
        if isinstance(operation, Archive):
            books.archived += 1
            return
        if isinstance(operation, Create):
            books.created += 1
        else:
            books.updated += 1
        books.shortened += operation.row.shortened
        books.merged += len(pending.tickets) - 1
        books.unchanged += len(pending.tickets) - 1
        self._settle(pending.tickets)
        self.journal.resolve(pending.plan.stream, [pending.key])

    def _rejected(self, pending: Pending, books: StreamBooks, code: str, message: str) -> None:
        stream = pending.plan.stream
        _log.warning("row.rejected stream=%s key=%r code=%s", stream, pending.key, code)
        key = None if pending.plan.spec.append else pending.key
        self.journal.reject([RejectedRow(stream, key, code, message, pending.record)])
        books.rejected += len(pending.tickets)
        self._settle(pending.tickets)

    def _look_up_gone(self, gone: Iterable[tuple[Pending, str]]) -> None:
        """Last: a look-up may stop the run, and then what waits in the pool is carried over."""
        for pending, message in gone:
            if self._pool.get((pending.plan.ledger_id, pending.key)) is pending:
                self._gone(pending, self.books.of(pending.plan.stream), message)

    def _gone(self, pending: Pending, books: StreamBooks, message: str) -> None:
        """The item left the board: its key is looked up, then it is updated or created."""
        place = (pending.plan.ledger_id, pending.key)
        if isinstance(pending.operation, Archive):
            del self._pool[place]
            books.archived += 1
            return
        if pending.tries >= _MAX_TRIES or pending.plan.key_column is None:
            del self._pool[place]
            self._rejected(pending, books, "ITEM_GONE", message)
            return
        plan, key, row = pending.plan, pending.key, pending.operation.row
        try:
            known = self._looked_up(plan, key)
        except AmbiguousKey as error:
            del self._pool[place]
            self._rejected(pending, books, error.code, str(error))
            return
        operation = diff(row, known)
        if isinstance(operation, Unchanged):
            del self._pool[place]
            _count_unsent(books, operation, len(pending.tickets))
            self._settle(pending.tickets)
            return
        again = Pending(plan, key, operation, known, pending.tickets, pending.record)
        again.tries = pending.tries + 1
        self._pool[place] = again

    def _looked_up(self, plan: BoardPlan, key: str) -> KnownItem | None:
        """The item that carries the key now. Raises AmbiguousKey."""
        found = look_up(
            self.lane.calls.query,
            plan.board_id,
            plan.key_column or "",
            [key],
            columns=plan.column_ids,
        )
        known = [plan.read(item) for item in found.get(key, ())]
        if len(known) > 1:
            raise AmbiguousKey(key, [item.item_id for item in known])
        if known:
            self.items.adopt(plan.ledger_id, {key: known[0]})
        return known[0] if known else None

    def _carried_over(self, pending: Pending, outcome: CarriedOver) -> None:
        pending.tries += not outcome.too_large
        failed = outcome.board_failed or pending.plan.stream in self.failed
        if failed or pending.tries > _MAX_REFUSALS:
            self._fail(pending, outcome.message)
        else:
            self._pool[pending.plan.ledger_id, pending.key] = pending

    def _fail(self, pending: Pending, message: str) -> None:
        """This board takes nothing more in this run; what waits for it is carried over."""
        self.books.of(pending.plan.stream).carried_over += len(pending.tickets)
        self.fail_stream(pending.plan.stream, message)

    def fail_stream(self, stream: str, message: str) -> None:
        """Give a stream up for this run: its rows, those that wait too, are carried over."""
        if stream not in self.failed:
            _log.error("board.failed stream=%s reason=%r", stream, message)
            self.failed[stream] = message
        self._drop(stream)

    def _drop(self, stream: str) -> None:
        waiting = [place for place, each in self._pool.items() if each.plan.stream == stream]
        for place in waiting:
            tickets = self._pool.pop(place).tickets
            self.books.of(stream).carried_over += len(tickets)

    def carry_over(self, stream: str, rows: int) -> None:
        """Rows that were read but not loaded."""
        books = self.books.of(stream)
        books.read += rows
        books.carried_over += rows

    def carry_over_rest(self) -> None:
        """The run stops: what still waits is for the next one."""
        for stream in list(self.books.streams):
            self._drop(stream)

    def archive(self, plan: BoardPlan, gone: Mapping[str, str], *, delete: bool) -> None:
        """Archive items by key -> item id, in the same requests as everything that waits."""
        for key, item_id in gone.items():
            operation = Archive(key, item_id, delete)
            self._pool[plan.ledger_id, key] = Pending(plan, key, operation)
        while len(self._pool) >= self._capacity():
            self.deliver_pack()


def _count_unsent(books: StreamBooks, operation: Unchanged, rows: int) -> None:
    if operation.skipped:
        books.skipped += rows
    else:
        books.unchanged += rows


def _merged(waiting: Pending | None, row: WantedRow) -> WantedRow:
    """The row that waits with the later one laid over it."""
    if waiting is None or isinstance(waiting.operation, Archive):
        return row
    earlier = waiting.operation.row
    if not row.rules.update:  # its item is as good as there
        return earlier
    name = row.name if row.name is not None else earlier.name
    cells = {**earlier.cells, **row.cells}
    return WantedRow(row.key, name, row.fallback_name, cells, row.shortened, row.rules)
