"""Records in: compared with the ledger, and gathered as operations until they leave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from msgspec import structs

from target_monday.delivery.pending import Pending
from target_monday.diff import Archive, Create, Unchanged, Update, WantedRow, diff
from target_monday.keys import key_of, key_text
from target_monday.rejects import AmbiguousKey, Reject
from target_monday.retiring import Retiring
from target_monday.settling import Row, count_unsent
from target_monday.sharing import KeyTaken, Sharing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_monday.appending import Appending
    from target_monday.diff import KnownItem
    from target_monday.moving import Elsewhere
    from target_monday.plan import BoardPlan
    from target_monday.quiet import Quiet

__all__ = ["Loader", "Row"]


@dataclass(slots=True, kw_only=True)
class Loader(Retiring):
    """Keeps the boards equal to the rows that it is given.

    A key is in the pool of what waits once: later rows are merged into its operation, and the last
    value wins. `quiet` is told of all keys that came this way.
    """

    appending: Appending
    quiet: Quiet
    ambiguous: Mapping[int, Mapping[str, tuple[str, ...]]]
    sharing: Sharing = field(default_factory=Sharing)
    insistent: bool = False  # whether also what monday refused within the last day is sent

    def open(self, plan: BoardPlan) -> None:
        """A board is ready: take up what an earlier run could not fit into its requests."""
        self.dispatch.open(plan)
        self.links.open(plan)
        pending = self.journal.pending_cells.of(plan.ledger_id)
        known = self.items.items(plan.ledger_id, list(pending))
        rejected = self.journal.rejects.open_keys(plan.stream)
        wary = [*pending, *rejected, *self.links.open_keys(plan)]
        self.quiet.beware(plan.ledger_id, wary)
        for key, item in known.items():
            place = (plan.ledger_id, key)
            row = WantedRow(key, None, "", plan.kept(pending[key]))
            operation = diff(row, item)
            self._owed.add(place)
            if isinstance(operation, Unchanged):
                self._paid(place)
            elif isinstance(operation, Update) and place not in self._pool:
                self._wait_again(Pending(plan, key, operation, item))

    def repair_keys(self, plan: BoardPlan, edited: Mapping[str, KnownItem]) -> None:
        """Write the keys of items again whose key cells a person changed."""
        for key, item in edited.items():
            row = WantedRow(key, None, "", {str(plan.key_column): key})
            operation = diff(row, item)
            if isinstance(operation, Update) and (plan.ledger_id, key) not in self._pool:
                self._wait_again(Pending(plan, key, operation, item))

    def retry(self, plan: BoardPlan, rejects: Iterable[tuple[int, Row]]) -> None:
        """Rejects of earlier runs go first, by their numbers; a row of their key that comes wins.

        What the mapping still refuses, or monday refused within the last day, stays as it is.
        """
        wanted: list[tuple[WantedRow, Row]] = []
        numbers: list[int] = []
        for number, row in rejects:
            try:
                wanted.append((self._unambiguous(plan, plan.row(row.record)), row))
            except Reject:
                continue
            numbers.append(number)
        self.links.note_all(plan, wanted)
        self._claim([plan], wanted)
        known = self.items.items(plan.ledger_id, list({row.key for row, _ in wanted}))
        books, store = self._books(plan), self.journal.rejects
        taken = self._taken(plan, wanted, known)
        for (each, row), number in zip(wanted, numbers, strict=True):
            if each.key in taken or self.is_due(plan.spec, row.record):
                continue
            before = known.get(each.key)
            operation = diff(each, before)
            if isinstance(operation, Unchanged):
                if not operation.filtered and not self.links.is_told(plan, each.key):
                    books.retried, books.recovered = books.retried + 1, books.recovered + 1
                    store.resolve(plan.stream, [each.key], "on the board already", number)
                continue
            pending = Pending(plan, each.key, operation, before, record=row.record, retry=number)
            pending.page = row.page
            held = store.refused_before(plan.stream, each.key, pending.digest)
            if not held and pending.place not in self._pool:
                self._wait_again(pending)

    def give_up_retries(self, plans: Iterable[BoardPlan]) -> None:
        """The streams came whole: new items for rejects whose rows did not come are not made."""
        boards = {plan.ledger_id for plan in plans}
        for pending in list(self._pool.values()):
            retried = pending.retry is not None and not pending.tickets
            if retried and pending.place[0] in boards and isinstance(pending.operation, Create):
                self._take_out(pending)
                store = self.journal.rejects
                store.resolve(pending.plan.stream, [pending.key], "gone from the source")

    def load(self, plan: BoardPlan, rows: Sequence[Row], others: Sequence[BoardPlan] = ()) -> None:
        """Take rows of one board; what is full leaves at once.

        `others` are the other boards of their stream: the items of these rows leave them.
        """
        if self.is_closed(plan):
            self.carry_over(plan.stream, rows, plan.board_id)
            return
        self._books(plan).read += len(rows)
        wanted = self._wanted(plan, rows)
        if plan.spec.append:
            self._append(plan, wanted)
        else:
            self.links.note_all(plan, wanted)
            self._compare(plan, wanted, others)
        self._relieve(plan)

    def unchanged(
        self,
        rows_of: Iterable[tuple[BoardPlan, int]],
        tickets: Iterable[tuple[int, int]],
        but: Iterable[int],
    ) -> list[int]:
        """Rows of which all are as their items, but those at these places: their tickets.

        `rows_of`: how many of them are on which board.
        """
        for plan, count in rows_of:
            books = self._books(plan)
            books.read, books.unchanged = books.read + count, books.unchanged + count
        others = iter(but)
        at, rest, left = next(others, None), 0, list[int]()
        for ticket, rows in tickets:
            rest += rows
            here = 0
            while at is not None and at < rest:
                left.append(ticket)
                at, here = next(others, None), here + 1
            self.checkpoints.settle(ticket, rows - here)
        return left

    def _wanted(self, plan: BoardPlan, rows: Sequence[Row]) -> list[tuple[WantedRow, Row]]:
        wanted: list[tuple[WantedRow, Row]] = []
        rejected: list[tuple[Row, Reject]] = []
        for row in rows:
            try:
                wanted.append((self._unambiguous(plan, plan.row(row.record)), row))
            except Reject as error:
                rejected.append((row, error))
        if rejected:
            self.reject_rows(plan.spec, rejected, plan)
            keys = (plan.spec.key_or_none(row.record) for row, _ in rejected)
            self.quiet.beware(plan.ledger_id, [key for key in keys if key is not None])
        return wanted

    def _unambiguous(self, plan: BoardPlan, row: WantedRow) -> WantedRow:
        several = self.ambiguous.get(plan.ledger_id, {}).get(row.key)
        if several:
            raise AmbiguousKey(row.key, several)
        return row

    def _append(self, plan: BoardPlan, wanted: Iterable[tuple[WantedRow, Row]]) -> None:
        for each, row in wanted:
            key, again = self.appending.key(plan, each, row.ticket)
            if again:  # a run that was cut off made its item
                self._books(plan).unchanged += 1
                self.checkpoints.settle(row.ticket)
            else:
                self.links.note(plan, structs.replace(each, key=key), row.record)
                pending = Pending(plan, key, Create.of(each), None, [row.ticket], row.record)
                pending.page = row.page
                self._wait_again(pending)

    def bookmark(self) -> Mapping[str, Any] | None:
        """The newest bookmark behind which all is settled, on the disk too; None without a new one.

        Raises LedgerFailed.
        """
        state = self.checkpoints.ready()
        if state is not None:
            self.journal.catch_up()
        return state

    def bookmark_passed(self) -> None:
        """A bookmark went out: the rows behind it will not come again."""
        self.appending.passed(self.checkpoints.passed, self.failed)

    def _compare(
        self,
        plan: BoardPlan,
        wanted: Sequence[tuple[WantedRow, Row]],
        others: Sequence[BoardPlan],
    ) -> None:
        self._claim([plan, *others], wanted)
        keys = list({each.key for each, _ in wanted})
        known = self.items.items(plan.ledger_id, keys)
        wanted = self._own(plan, wanted, known)
        elsewhere = self._elsewhere(plan, others, known, wanted)
        self.quiet.distrust(
            plan.ledger_id, (item.record_hash for item in known.values() if item.record_hash)
        )
        for other in others:
            self.quiet.beware(other.ledger_id, keys)
        books = self._books(plan)
        settled: dict[str, bytes | None] = {}  # with the hashes to remember
        for given, row in wanted:
            old = elsewhere.pop(given.key, None)
            each = given if old is None else old.under(given)
            if old is not None and old.stuck:
                self._carry_over_one(plan, row)
                continue
            place = (plan.ledger_id, each.key)
            waiting = self._pool.get(place)
            if waiting is not None:
                self._take_out(waiting)
            before = waiting.before if waiting else known.get(each.key)
            merged = _merged(waiting, each)
            operation = diff(merged, before)
            tickets = [*(waiting.tickets if waiting else ()), row.ticket]
            tickets = [*old.tickets, *tickets] if old is not None else tickets
            counted = waiting is not None and waiting.counted
            if counted:
                books.unchanged, books.merged = books.unchanged + 1, books.merged + 1
            if isinstance(operation, Unchanged):
                if not counted:
                    count_unsent(books, operation, len(tickets))
                    books.merged += len(tickets) - 1
                self._settle(tickets)
                self._paid(place)
                whole = not (operation.filtered or waiting)
                settled[each.key] = _hash_to_keep(row, each, whole=whole)
                continue
            record = {**waiting.record, **row.record} if waiting else row.record
            pending = Pending(plan, each.key, operation, before, tickets, record, counted=counted)
            pending.after, pending.page = _first_of_all(old, waiting), row.page
            pending.may_be_there = waiting is not None and waiting.may_be_there
            whole = merged is each or merged.rules.update
            pending.record_hash = _hash_to_keep(row, each, whole=whole)
            refused_before = self.journal.rejects.refused_before
            insist = counted or self.insistent
            if not insist and refused_before(plan.stream, each.key, pending.digest):
                books.rejected += len(tickets)
                self.books.rejected_record(plan, record)
                self._settle(tickets)
            else:
                self._wait_again(pending)
        self._settled(plan, settled)

    def _settled(self, plan: BoardPlan, rows: Mapping[str, bytes | None]) -> None:
        """Rows of these keys need nothing: neither do rows of these hashes, if no other waits."""
        keys = list(rows)
        if self.links:
            self.links.keep((plan.ledger_id, key) for key in keys)
            keys = [key for key in keys if not self.links.is_told(plan, key)]
        self.journal.rejects.resolve(plan.stream, keys)
        still = {key: one for key, one in rows.items() if (plan.ledger_id, key) not in self._pool}
        self.quiet.remember(plan.ledger_id, still)

    def _claim(self, plans: Iterable[BoardPlan], wanted: Sequence[tuple[WantedRow, Row]]) -> None:
        """Items that have a key of a former definition go to the first row that is theirs."""
        for plan in plans:
            keys: dict[str, str] = {}
            for each, row in wanted if plan.former_key else ():
                try:
                    before = key_text(key_of(row.record, plan.former_key))
                except Reject:  # it has none, and no item of before
                    continue
                keys.setdefault(before, each.key)
            if keys:
                self.items.claim(plan.ledger_id, keys)

    def _own(
        self,
        plan: BoardPlan,
        wanted: Sequence[tuple[WantedRow, Row]],
        known: dict[str, KnownItem],
    ) -> list[tuple[WantedRow, Row]]:
        """The rows whose keys no other stream of the board owns; free items are taken."""
        if plan.ledger_id not in self.sharing:
            return list(wanted)
        taken = self._taken(plan, wanted, known)
        rejected = [(row, taken[each.key]) for each, row in wanted if each.key in taken]
        if rejected:
            self.reject_rows(plan.spec, rejected, plan)
        return [(each, row) for each, row in wanted if each.key not in taken]

    def _taken(
        self,
        plan: BoardPlan,
        wanted: Sequence[tuple[WantedRow, Row]],
        known: dict[str, KnownItem],
    ) -> Mapping[str, KeyTaken]:
        """The keys that another stream of the board owns; free items become `known`."""
        board = plan.ledger_id
        if board not in self.sharing:
            return {}
        new = list({each.key for each, _ in wanted if each.key not in known})
        taken = self.sharing.taken(board, plan.key_column, new, self.items, self._pool)
        free = [key for key in new if key not in taken]
        known |= self.sharing.claim(board, free, self.items)
        return taken

    def archive(self, plan: BoardPlan, gone: Mapping[str, str], *, delete: bool) -> None:
        """Archive items by key -> item id, in the same requests as everything that waits."""
        self.quiet.beware(plan.ledger_id, list(gone))
        known = self.items.items(plan.ledger_id, list(gone))
        for key, item_id in gone.items():
            operation = Archive(key, item_id, delete)
            self._wait_again(Pending(plan, key, operation, known.get(key)))
        self._relieve(plan)


def _hash_to_keep(row: Row, wanted: WantedRow, *, whole: bool) -> bytes | None:
    """What a row is remembered by, if it needs nothing more.

    One with a text that was cut is not, since each run says so, nor one with links that wait.
    """
    return row.record_hash if whole and not (wanted.shortened or wanted.unlinked) else None


def _first_of_all(old: Elsewhere | None, waiting: Pending | None) -> frozenset[tuple[int, str]]:
    """The archives that an operation has to wait for."""
    if old is None and waiting is None:
        return frozenset()
    return frozenset(old.places if old else ()) | (waiting.after if waiting else frozenset())


def _merged(waiting: Pending | None, row: WantedRow) -> WantedRow:
    """The row that waits with the later one laid over it."""
    if waiting is None or isinstance(waiting.operation, Archive):
        return row
    earlier = waiting.operation.row
    if not row.rules.update and waiting.tickets:  # its item is as good as there
        return earlier
    name = row.name if row.name is not None else earlier.name
    cells = {**earlier.cells, **waiting.rest, **row.cells}
    rules = replace(row.rules, create=row.rules.create or earlier.rules.create)
    return WantedRow(row.key, name, row.fallback_name, cells, row.shortened, rules)
