"""What became of operations, in the ledger, in the books, for the bookmarks; and what is next."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.capacity import Capacity
from target_monday.delivery.parts import halved, rest_of
from target_monday.diff import Archive, Create, Unchanged, Update
from target_monday.ledger.rejects import RejectedRow
from target_monday.monday.errors import is_lasting
from target_monday.quoting import quoted
from target_monday.rejects import NullKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_monday.books import Books, StreamBooks
    from target_monday.checkpoints import Checkpoints
    from target_monday.delivery.alias_lane import AliasLane
    from target_monday.delivery.outcomes import CarriedOver
    from target_monday.delivery.pending import Pending
    from target_monday.ledger.items import ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.linking import Linking
    from target_monday.mapping import BoardSpec
    from target_monday.plan import BoardPlan
    from target_monday.rejects import Reject

__all__ = ["Row", "Settling", "count_unsent"]

_MAX_TRIES: Final = 3  # of an item that leaves its board again and again
_MAX_REFUSALS: Final = 10  # of an operation that is to be sent again later
_ROW_REJECTED: Final = "row.rejected stream=%s key=%s code=%s column=%s reason=%r"
_log = logging.getLogger("target-monday")


class Row(msgspec.Struct, frozen=True):
    """A record with the ticket of its checkpoint, and the hash of its bytes if these are known.

    `page`: of the source, where it was read, if the tap tells. `bytes_`: of the record, where its
    board has to be known before they can be hashed.
    """

    record: dict[str, Any]
    ticket: int
    record_hash: bytes | None = None
    page: int | None = None
    bytes_: bytes | None = None


@dataclass(slots=True, kw_only=True)
class Settling:
    """The operations that wait, and what their outcomes mean for their rows.

    `failed`: streams with a board that takes nothing more in this run, with the reason; `parked`
    are those of them whose upload is still at work.
    """

    lane: AliasLane
    items: ItemStore
    journal: Journal
    books: Books
    checkpoints: Checkpoints
    links: Linking
    failed: dict[str, str] = field(default_factory=dict)
    parked: set[str] = field(default_factory=set)
    capacity: Capacity = field(default_factory=Capacity)
    without_key: int = 0
    _pool: dict[tuple[int, str], Pending] = field(default_factory=dict)
    _weight: int = 0  # characters of the cells in the pool
    _waiting_for_others: int = 0  # operations in the pool that others have to precede
    _closed: set[str | int] = field(default_factory=set)  # streams, the ledger's numbers of boards
    _owed: set[tuple[int, str]] = field(default_factory=set)  # items with cells of an earlier run

    def _books(self, plan: BoardPlan) -> StreamBooks:
        return self.books.at(plan.stream, plan.board_id)

    def is_closed(self, plan: BoardPlan) -> bool:
        """Whether this board takes nothing more in this run."""
        return plan.stream in self._closed or plan.ledger_id in self._closed

    def _settle(self, tickets: Iterable[int]) -> None:
        for ticket in tickets:
            self.checkpoints.settle(ticket)

    def _take_out(self, pending: Pending) -> None:
        waiting = self._pool.pop(pending.place, None)
        if waiting is not None:
            self._weight -= waiting.weight
            self.capacity.waits(waiting, -1)
            self._waiting_for_others -= bool(waiting.after)

    def _share_costs(self, pack: Sequence[Pending], calls: int, points: int) -> None:
        boards: dict[tuple[str, str], int] = {}
        for pending in pack:
            place = pending.plan.stream, pending.plan.board_id
            boards[place] = boards.get(place, 0) + 1
        for place, operations in boards.items():
            books = self.books.at(*place)
            books.calls += calls
            books.points += points * operations // len(pack)

    def _wait_again(self, pending: Pending) -> None:
        self._take_out(pending)
        self._pool[pending.place] = pending
        self._weight += pending.weight
        self.capacity.waits(pending, 1)
        self._waiting_for_others += bool(pending.after)

    def _acknowledged(self, pending: Pending, books: StreamBooks, item_id: str) -> None:
        operation, plan = pending.operation, pending.plan
        after = pending.intent.after if plan.control else None
        if isinstance(operation, Archive):
            self._left(pending, books)
            return
        kind = "created" if isinstance(operation, Create) else "updated"
        self.capacity.came(plan.board_id, items=isinstance(operation, Create))
        self.books.moved(plan, kind, pending.key, pending.before, after)
        if pending.tickets and not pending.counted:
            self._count(pending, books)
        if pending.rest:
            self._wait_again(rest_of(pending, item_id))
            return
        books.shortened += operation.row.shortened
        if pending.retry is not None:
            books.retried, books.recovered = books.retried + 1, books.recovered + 1
        self._paid(pending.place)
        self._settle(pending.tickets)
        if not (self.links and self.links.is_told(plan, pending.key)):
            self.journal.rejects.resolve(plan.stream, [pending.key], number=pending.retry)

    def _left(self, pending: Pending, books: StreamBooks) -> None:
        """Its item is off the board; rows that it has were kept off it by the settings."""
        books.archived += 1
        self.capacity.came(pending.plan.board_id, items=-1)
        self.books.moved(pending.plan, "archived", pending.key, pending.before, None)
        books.filtered += len(pending.tickets)
        self._settle(pending.tickets)

    def _paid(self, place: tuple[int, str]) -> None:
        """The cells that an earlier run kept for this item are done with."""
        if place in self._owed:
            self._owed.discard(place)
            self.journal.pending_cells.forget(*place)

    @staticmethod
    def _count(pending: Pending, books: StreamBooks) -> None:
        if isinstance(pending.operation, Create):
            books.created += 1
        else:
            books.updated += 1
        books.merged += len(pending.tickets) - 1
        books.unchanged += len(pending.tickets) - 1

    def _rejected(
        self,
        pending: Pending,
        books: StreamBooks,
        code: str,
        message: str,
        column_id: str | None = None,
    ) -> None:
        stream = pending.plan.stream
        if pending.refusal is not None:
            message = f"{message} The bulk import refused it too: {pending.refusal.message}"
            named = pending.refusal.column_id
            column_id = column_id or (named if named in pending.plan.column_ids else None)
        _log.warning(_ROW_REJECTED, stream, quoted(pending.key), code, column_id or "-", message)
        key = None if pending.plan.spec.append else pending.key
        digest = pending.digest() if is_lasting(code) and key is not None else None
        if pending.retry is not None:
            books.retried += 1
            digests = {} if digest is None else {pending.retry: digest}
            self.journal.rejects.tried({pending.retry: f"{code}: {message}"}, digests)
            self.links.refused(pending)
            return
        row = RejectedRow(
            *(stream, key, code, message, pending.record, digest),
            board_id=pending.plan.board_id,
            column_id=column_id,
            page=pending.page,
        )
        self.journal.rejects.add([row])
        self.links.refused(pending)
        if pending.counted:  # its first part is on the board
            books.partial += 1
        else:
            books.rejected += len(pending.tickets)
            self.books.rejected_record(pending.plan, pending.record)
        self._settle(pending.tickets)
        for other in self._followers(pending):
            self._take_out(other)
            self._rejected(other, self._books(other.plan), code, message)

    def _followers(self, pending: Pending) -> list[Pending]:
        """What waits until this item has left its board."""
        if not (self._waiting_for_others and isinstance(pending.operation, Archive)):
            return []
        return [each for each in self._pool.values() if pending.place in each.after]

    def reject_rows(
        self,
        spec: BoardSpec,
        rejected: Sequence[tuple[Row, Reject]],
        plan: BoardPlan | None = None,
    ) -> None:
        """Rows that cannot be delivered as they are; the books know that they were read."""
        keys = [spec.key_or_none(row.record) for row, _ in rejected]
        self.journal.rejects.add(
            RejectedRow(
                *(spec.stream, key, error.code, str(error), row.record),
                board_id=plan.board_id if plan else None,
                column_id=error.column_id,
                page=row.page,
            )
            for (row, error), key in zip(rejected, keys, strict=True)
        )
        for (row, error), key in zip(rejected, keys, strict=True):
            _log.warning(
                _ROW_REJECTED,
                spec.stream,
                quoted(key),
                error.code,
                error.column_id or "-",
                str(error),
            )
            self.without_key += isinstance(error, NullKey) and error.missing
            self.books.at(spec.stream, plan.board_id if plan else None).rejected += 1
            if plan is not None:
                self.books.rejected_record(plan, row.record)
            self.checkpoints.settle(row.ticket)

    def _carried_over(self, pending: Pending, books: StreamBooks, outcome: CarriedOver) -> None:
        pending.by_alias = pending.by_alias or outcome.by_alias
        pending.refusal = outcome if outcome.row_refused else pending.refusal
        pending.tries += not (outcome.refit or outcome.by_alias)
        failed = outcome.board_failed or self.is_closed(pending.plan)
        if outcome.full and not failed:
            self.capacity.is_full(pending.plan.board_id)
            self._wait_again(pending)
        elif outcome.too_large and not failed:
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
            self._paid(pending.place)
            self.journal.pending_cells.keep(*pending.place, cells)
            _log.warning(
                "cells.pending stream=%s key=%r columns=%s reason=%r",
                *(pending.plan.stream, pending.key, ",".join(cells), message),
            )
            books.partial += not pending.partial
            if pending.tickets and not pending.counted:
                self._count(pending, books)
            if pending.rest:
                left = replace(
                    pending, operation=msgspec.structs.replace(pending.operation, cells={})
                )
                self._wait_again(replace(rest_of(left, pending.before.item_id), partial=True))
                return
            self._settle(pending.tickets)
            return
        self._fail(pending, message)

    def _fail(self, pending: Pending, message: str) -> None:
        """This board takes nothing more in this run; what waits for it is carried over."""
        self._leave(pending)
        self.fail_board(pending.plan, message)

    def _leave(self, pending: Pending) -> None:
        for other in self._followers(pending):
            self._take_out(other)
            self._leave(other)
        stream = pending.plan.stream
        if not pending.counted:
            self._books(pending.plan).carried_over += len(pending.tickets)
        for ticket in pending.tickets:
            self.checkpoints.give_up(ticket, stream)

    def fail_stream(self, stream: str, message: str) -> None:
        """Give a stream up for this run: its rows, those that wait too, are carried over."""
        self.note_failure(stream, message)
        self._close(stream, [each for each in self._pool.values() if each.plan.stream == stream])

    def fail_board(self, plan: BoardPlan, message: str) -> None:
        """The same for one board; where its stream has others, they go on."""
        if not plan.spec.part:
            self.fail_stream(plan.stream, message)
            return
        self.note_failure(plan.stream, f"{plan.spec.part}: {message}")
        number = plan.ledger_id
        self._close(number, [each for each in self._pool.values() if each.place[0] == number])

    def note_failure(self, stream: str, message: str) -> None:
        """The stream's bookmark stays behind the rows that are carried over from now on."""
        if stream not in self.failed:
            _log.error("board.failed stream=%s reason=%r", stream, message)
            self.failed[stream] = message

    def _close(self, what: str | int, waiting: Iterable[Pending]) -> None:
        self._closed.add(what)
        for pending in waiting:
            if self._pool.get(pending.place) is pending:
                self._take_out(pending)
                self._leave(pending)

    def carry_over(self, stream: str, rows: Sequence[Row], board_id: str | None = None) -> None:
        """Rows that were read but not loaded."""
        books = self.books.at(stream, board_id)
        books.read += len(rows)
        books.carried_over += len(rows)
        if stream in self.failed:
            for row in rows:
                self.checkpoints.give_up(row.ticket, stream)

    def _carry_over_one(self, plan: BoardPlan, row: Row) -> None:
        """A row whose item cannot leave its former board in this run."""
        self._books(plan).carried_over += 1
        self.checkpoints.give_up(row.ticket, plan.stream)

    def carry_over_rest(self) -> None:
        """The run stops: what still waits is for the next one."""
        for pending in self._pool.values():
            if not pending.counted:
                self._books(pending.plan).carried_over += len(pending.tickets)
        self._pool.clear()


def count_unsent(books: StreamBooks, operation: Unchanged, rows: int) -> None:
    """Enter rows that need nothing, or that the mode keeps back."""
    if operation.filtered:
        books.filtered += rows
    else:
        books.unchanged += rows
