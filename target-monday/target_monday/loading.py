"""Records in, outcomes out: compared with the ledger, gathered, delivered by lanes, settled."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, assert_never

from target_monday.delivery.calls import until_midnight
from target_monday.delivery.outcomes import (
    ITEM_GONE,
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.delivery.parts import halved, rest_of
from target_monday.delivery.pending import Pending
from target_monday.delivery.sorting_out import looked_up
from target_monday.diff import Archive, Create, KnownItem, Unchanged, Update, WantedRow, diff
from target_monday.errors import RunFailed
from target_monday.ledger.journal import RejectedRow
from target_monday.monday.errors import is_lasting
from target_monday.rejects import AmbiguousKey, NullKey, Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.appending import Appending
    from target_monday.books import Books, StreamBooks
    from target_monday.checkpoints import Checkpoints
    from target_monday.delivery.alias_lane import AliasLane
    from target_monday.delivery.dispatch import Dispatch
    from target_monday.delivery.upload_lane import Batch
    from target_monday.diff import Operation
    from target_monday.ledger.items import ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.plan import BoardPlan

__all__ = ["Loader", "Row"]

_MAX_TRIES: Final = 3  # of an item that leaves its board again and again
_MAX_REFUSALS: Final = 10  # of an operation that is to be sent again later
_HEAVY: Final = 32_000_000  # characters of cells that wait; more leave whatever their number
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Row:
    """A record with the ticket of its checkpoint."""

    record: dict[str, Any]
    ticket: int


@dataclass(slots=True)
class Loader:
    """Keeps the boards equal to the rows that it is given.

    Operations of all boards wait in one pool until they fill a request, or until there are enough
    of them to choose a lane. A key is in the pool once: later rows are merged into the operation
    that waits, and the last value wins. `before_pack` makes what operations need on their boards
    and says for which streams that cannot be. `priorities`: stream -> number, the highest first.
    """

    lane: AliasLane
    dispatch: Dispatch
    items: ItemStore
    journal: Journal
    books: Books
    checkpoints: Checkpoints
    appending: Appending
    max_aliases: int
    ambiguous: Mapping[str, Mapping[str, tuple[str, ...]]]
    after_pack: Callable[[], None]
    before_pack: Callable[[Sequence[tuple[BoardPlan, Operation]]], Mapping[str, str]] = lambda _: {}
    priorities: Mapping[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    without_key: int = 0
    _pool: dict[tuple[int, str], Pending] = field(default_factory=dict)
    _weight: int = 0

    def open(self, plan: BoardPlan) -> None:
        """A board is ready: take up what an earlier run could not fit into its requests."""
        self.dispatch.open(plan)
        pending = self.journal.pending_cells(plan.ledger_id)
        known = self.items.items(plan.ledger_id, list(pending))
        for key, item in known.items():
            place = (plan.ledger_id, key)
            cells = {each: cell for each, cell in pending[key].items() if each in plan.column_ids}
            row = WantedRow(key, None, "", cells)
            operation = diff(row, item)
            if isinstance(operation, Update) and place not in self._pool:
                self._pool[place] = Pending(plan, key, operation, item)

    def load(self, plan: BoardPlan, rows: Sequence[Row]) -> None:
        """Take rows of one stream; what is full leaves at once."""
        if plan.stream in self.failed:
            self.carry_over(plan.stream, rows)
            return
        self.books.of(plan.stream).read += len(rows)
        self.books.board_ids[plan.stream] = plan.board_id
        wanted = self._wanted(plan, rows)
        if plan.spec.append:
            self._append(plan, wanted)
        else:
            self._compare(plan, wanted)
        self._relieve(plan)

    def _relieve(self, plan: BoardPlan) -> None:
        """Deliver what need not wait for more."""
        if len(self._pool) < self.dispatch.gathers(plan) and self._weight < _HEAVY:
            return
        self._deliver_uploads()
        while self._is_full():
            self.deliver_pack()

    def _is_full(self) -> bool:
        """Whether a whole request waits."""
        kinds = [pending.kind for pending in self._first(self.max_aliases)]
        whole = len(kinds) == self.max_aliases
        return whole or self.lane.calls.budget.capacity(kinds, self.max_aliases) < len(kinds)

    def _first(self, most: int) -> list[Pending]:
        """What goes first, by the streams' priorities."""
        waiting = list(self._pool.values())
        if self.priorities:
            waiting.sort(key=lambda each: -self.priorities.get(each.plan.stream, 0))
        return waiting[:most]

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
            key, again = self.appending.key(plan, each, row.ticket)
            if again:  # a run that was cut off made its item
                self.books.of(plan.stream).unchanged += 1
                self.checkpoints.settle(row.ticket)
            else:
                self._wait_again(Pending(plan, key, Create(each), None, [row.ticket], row.record))

    def bookmark_passed(self) -> None:
        """A bookmark went out: the rows behind it will not come again."""
        self.appending.passed(self.checkpoints.passed, self.failed)

    def _compare(self, plan: BoardPlan, wanted: Sequence[tuple[WantedRow, Row]]) -> None:
        known = self.items.items(plan.ledger_id, list({each.key for each, _ in wanted}))
        books = self.books.of(plan.stream)
        settled: list[str] = []
        for each, row in wanted:
            place = (plan.ledger_id, each.key)
            waiting = self._pool.get(place)
            if waiting is not None:
                self._take_out(waiting)
            before = waiting.before if waiting else known.get(each.key)
            merged = _merged(waiting, each)
            operation = diff(merged, before)
            tickets = [*(waiting.tickets if waiting else ()), row.ticket]
            counted = waiting is not None and waiting.counted
            if counted:
                books.unchanged, books.merged = books.unchanged + 1, books.merged + 1
            if isinstance(operation, Unchanged):
                if not counted:
                    _count_unsent(books, operation, len(tickets))
                    books.merged += len(tickets) - 1
                self._settle(tickets)
                settled.append(each.key)
                continue
            record = {**waiting.record, **row.record} if waiting else row.record
            pending = Pending(plan, each.key, operation, before, tickets, record, counted=counted)
            if not counted and self.journal.refused_before(plan.stream, each.key, pending.digest):
                books.rejected += len(tickets)
                self._settle(tickets)
            else:
                self._wait_again(pending)
        self.journal.resolve(plan.stream, settled)

    def _settle(self, tickets: Iterable[int]) -> None:
        for ticket in tickets:
            self.checkpoints.settle(ticket)

    # Delivering.

    def deliver_all(self) -> None:
        """Deliver everything that waits."""
        self._deliver_uploads()
        while self._pool:
            self.deliver_pack()

    def _deliver_uploads(self) -> None:
        """Deliver what is better uploaded; `turn` says when that is nothing any more."""
        while self._pool:
            turn = self.dispatch.turn(self._first(len(self._pool)))
            if turn.scouts:
                scouts = list(turn.scouts)
                while scouts:
                    size = self.lane.calls.budget.capacity(
                        [each.kind for each in scouts], self.max_aliases
                    )
                    self._deliver(scouts[:size])
                    scouts = scouts[size:]
                self.dispatch.look_at_labels(turn.scouts[0].plan)
            elif turn.batches:
                self._upload(turn.batches)
            else:
                return

    def _upload(self, batches: Sequence[Batch]) -> None:
        packs = [batch.pack for batch in batches]
        calls, points = self.lane.calls.made, self.lane.calls.points
        outcomes = self.dispatch.uploads.deliver(batches)
        everything = [pending for pack in packs for pending in pack]
        self._share_costs(everything, self.lane.calls.made - calls, self.lane.calls.points - points)
        self._account_all(everything, [each for these in outcomes for each in these])
        self.after_pack()

    def deliver_pack(self) -> None:
        """Deliver one pack and settle its rows; bookmarks that are free now go out."""
        pack = self._first(self.max_aliases)
        blind = [pending for pending in pack if pending.is_blind]
        if blind:
            self._sort_out([(pending, Gone("its id is not known")) for pending in blind])
            return
        kinds = [pending.kind for pending in pack]
        self._deliver(pack[: self.lane.calls.budget.fitting(kinds, self.max_aliases)])

    def _deliver(self, pack: Sequence[Pending]) -> None:
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
        unmade = self.before_pack([(pending.plan, pending.operation) for pending in pack])
        for stream, reason in unmade.items():
            self.fail_stream(stream, reason)
        pack = [pending for pending in pack if pending.plan.stream not in unmade]
        if not pack:
            return []
        outcomes = self.lane.deliver(pack)
        self._share_costs(pack, self.lane.calls.made - calls, self.lane.calls.points - points)
        self._account_all(pack, outcomes)
        if all(isinstance(outcome, Unknown) for outcome in outcomes):
            raise RunFailed(
                "monday did not answer: whether the last request ran is not known. "
                "The next run finds out before it sends anything."
            )
        return outcomes

    def _account_all(self, pack: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
        for pending in pack:  # first of all: what is accounted for waits no more
            self._take_out(pending)
        gone: list[tuple[Pending, Gone]] = []
        for pending, outcome in zip(pack, outcomes, strict=True):
            self._account(pending, outcome, gone)
        waiting = [one for one in gone if self._pool.get(one[0].place) is one[0]]
        if any(outcome.code != ITEM_GONE for _, outcome in waiting):
            self.lane.calls.pause(None, "what monday failed over is looked up")
        self._sort_out(waiting)

    def _take_out(self, pending: Pending) -> None:
        if self._pool.pop(pending.place, None) is not None:
            self._weight -= pending.weight

    def _share_costs(self, pack: Sequence[Pending], calls: int, points: int) -> None:
        streams: dict[str, int] = {}
        for pending in pack:
            streams[pending.plan.stream] = streams.get(pending.plan.stream, 0) + 1
        for stream, operations in streams.items():
            books = self.books.of(stream)
            books.calls += calls
            books.points += points * operations // len(pack)

    # Settling.

    def _account(
        self, pending: Pending, outcome: Outcome, gone: list[tuple[Pending, Gone]]
    ) -> None:
        books = self.books.of(pending.plan.stream)
        match outcome:
            case Acknowledged(item_id):
                self._acknowledged(pending, books, item_id)
            case Rejected(code, message):
                self._rejected(pending, books, code, message)
            case Gone():
                self._wait_again(pending)
                gone.append((pending, outcome))
            case CarriedOver():
                self._carried_over(pending, books, outcome)
            case Unknown(message, parked):
                books.unknown += len(pending.tickets)
                if parked and pending.plan.stream not in self.failed:
                    self.parked.add(pending.plan.stream)
                self._fail(pending, message)
            case _:
                assert_never(outcome)

    def _wait_again(self, pending: Pending) -> None:
        self._pool[pending.place] = pending
        self._weight += pending.weight

    def _acknowledged(self, pending: Pending, books: StreamBooks, item_id: str) -> None:
        operation = pending.operation
        if isinstance(operation, Archive):
            books.archived += 1
            return
        if not pending.tickets:  # cells of an earlier run
            self.journal.forget_pending_cells(*pending.place)
        elif not pending.counted:
            self._count(pending, books)
        if pending.rest:
            self._wait_again(rest_of(pending, item_id))
            return
        books.shortened += operation.row.shortened
        self._settle(pending.tickets)
        self.journal.resolve(pending.plan.stream, [pending.key])

    @staticmethod
    def _count(pending: Pending, books: StreamBooks) -> None:
        if isinstance(pending.operation, Create):
            books.created += 1
        else:
            books.updated += 1
        books.merged += len(pending.tickets) - 1
        books.unchanged += len(pending.tickets) - 1

    def _rejected(self, pending: Pending, books: StreamBooks, code: str, message: str) -> None:
        stream = pending.plan.stream
        _log.warning("row.rejected stream=%s key=%r code=%s", stream, pending.key, code)
        key = None if pending.plan.spec.append else pending.key
        digest = pending.digest if is_lasting(code) and key is not None else None
        self.journal.reject([RejectedRow(stream, key, code, message, pending.record, digest)])
        if pending.counted:  # its first part is on the board
            books.partial += 1
        else:
            books.rejected += len(pending.tickets)
        self._settle(pending.tickets)

    def _sort_out(self, gone: Sequence[tuple[Pending, Gone]]) -> None:
        """Look the keys up together, then update or create.

        Last: a look-up may stop the run, and then what waits in the pool is carried over.
        """
        keyed = [one for one in gone if one[0].plan.key_column is not None]
        found = looked_up(self.lane.calls, self.items, (pending for pending, _ in keyed))
        for pending, outcome in gone:
            self._take_out(pending)
            self._sorted_out(pending, outcome, found.get(pending.place, []))

    def _sorted_out(self, pending: Pending, outcome: Gone, found: Sequence[KnownItem]) -> None:
        plan, books = pending.plan, self.books.of(pending.plan.stream)
        if len(found) > 1:
            error = AmbiguousKey(pending.key, [item.item_id for item in found])
            self._rejected(pending, books, error.code, str(error))
            return
        if found:
            self.items.adopt(plan.ledger_id, {pending.key: found[0]})
        known = found[0] if found else None
        if isinstance(pending.operation, Archive):
            if known is None or not pending.is_blind:
                books.archived += 1
            else:
                leaving = Archive(pending.key, known.item_id, pending.operation.delete)
                self._wait_again(Pending(plan, pending.key, leaving))
            return
        if pending.tries >= _MAX_TRIES or plan.key_column is None:
            self._rejected(pending, books, outcome.code, outcome.message)
            return
        operation = diff(pending.operation.row, known)
        if not isinstance(operation, Unchanged):
            tries = pending.tries + (not pending.is_blind and not outcome.by_upload)
            by_alias = pending.by_alias or outcome.by_upload
            again = Pending(plan, pending.key, operation, known, pending.tickets, pending.record)
            again.tries, again.by_alias = tries, by_alias
            self._wait_again(again)
        elif outcome.by_upload and known is not None and pending.tickets:
            self._acknowledged(pending, books, known.item_id)
        else:
            _count_unsent(books, operation, len(pending.tickets))
            self._settle(pending.tickets)

    def _carried_over(self, pending: Pending, books: StreamBooks, outcome: CarriedOver) -> None:
        pending.by_alias = pending.by_alias or outcome.by_alias
        pending.tries += not (outcome.refit or outcome.by_alias)
        failed = outcome.board_failed or pending.plan.stream in self.failed
        if outcome.too_large and not failed:
            self._too_large(pending, books, outcome.message)
        elif failed or pending.tries > _MAX_REFUSALS:
            self._fail(pending, outcome.message)
        else:
            self._wait_again(pending)

    def _too_large(self, pending: Pending, books: StreamBooks, message: str) -> None:
        """Its cells go in several mutations; a cell that never fits waits for the next run."""
        part = halved(pending)
        if part is not None:
            self._wait_again(part)
            return
        if isinstance(pending.operation, Update) and pending.before is not None:
            cells = pending.operation.cells
            self.journal.keep_pending_cells(*pending.place, cells)
            _log.warning(
                "cells.pending stream=%s key=%r columns=%s reason=%r",
                *(pending.plan.stream, pending.key, ",".join(cells), message),
            )
            books.partial += not pending.partial
            if pending.tickets and not pending.counted:
                self._count(pending, books)
            if pending.rest:
                left = replace(pending, operation=replace(pending.operation, cells={}))
                self._wait_again(replace(rest_of(left, pending.before.item_id), partial=True))
                return
            self._settle(pending.tickets)
            return
        self._fail(pending, message)

    def _fail(self, pending: Pending, message: str) -> None:
        """This board takes nothing more in this run; what waits for it is carried over."""
        self._leave(pending)
        self.fail_stream(pending.plan.stream, message)

    def _leave(self, pending: Pending) -> None:
        stream = pending.plan.stream
        if not pending.counted:
            self.books.of(stream).carried_over += len(pending.tickets)
        for ticket in pending.tickets:
            self.checkpoints.give_up(ticket, stream)

    def fail_stream(self, stream: str, message: str) -> None:
        """Give a stream up for this run: its rows, those that wait too, are carried over."""
        if stream not in self.failed:
            _log.error("board.failed stream=%s reason=%r", stream, message)
            self.failed[stream] = message
        for pending in [each for each in self._pool.values() if each.plan.stream == stream]:
            self._take_out(pending)
            self._leave(pending)

    def carry_over(self, stream: str, rows: Sequence[Row]) -> None:
        """Rows that were read but not loaded."""
        books = self.books.of(stream)
        books.read += len(rows)
        books.carried_over += len(rows)
        if stream in self.failed:
            for row in rows:
                self.checkpoints.give_up(row.ticket, stream)

    def carry_over_rest(self) -> None:
        """The run stops: what still waits is for the next one."""
        for pending in self._pool.values():
            if not pending.counted:
                self.books.of(pending.plan.stream).carried_over += len(pending.tickets)
        self._pool.clear()

    def archive(self, plan: BoardPlan, gone: Mapping[str, str], *, delete: bool) -> None:
        """Archive items by key -> item id, in the same requests as everything that waits."""
        for key, item_id in gone.items():
            operation = Archive(key, item_id, delete)
            self._pool[plan.ledger_id, key] = Pending(plan, key, operation)
        self._relieve(plan)


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
    if not row.rules.update and waiting.tickets:  # its item is as good as there
        return earlier
    name = row.name if row.name is not None else earlier.name
    cells = {**earlier.cells, **waiting.rest, **row.cells}
    return WantedRow(row.key, name, row.fallback_name, cells, row.shortened, row.rules)
