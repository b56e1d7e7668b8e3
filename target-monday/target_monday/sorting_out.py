"""What each outcome means for its operation; and items that are not as they were thought to be.

Where an item is gone, or nobody knows what became of it, its key is looked up, for all such
operations together: what is found is taken for the item, what is not is made anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, assert_never

from target_monday.delivery.copies import Copy, have_leave
from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.delivery.pending import Pending
from target_monday.delivery.reach import Reach, remember, remembered
from target_monday.diff import Archive, KnownItem, Unchanged, Update, diff
from target_monday.monday.boards import items_by_id
from target_monday.rejects import AmbiguousKey
from target_monday.settling import Settling, count_unsent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_monday.books import StreamBooks

__all__ = ["SortingOut"]

_MAX_TRIES: Final = 3  # of an item that leaves its board again and again
_log = logging.getLogger("target-monday")


@dataclass(slots=True, kw_only=True)
class SortingOut(Settling):
    """Takes outcomes to their operations, and looks up what is in doubt."""

    def _account_all(self, pack: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
        for pending in pack:  # first of all: what is accounted for waits no more
            self._take_out(pending)
        self.links.settled(pack, outcomes)
        gone: list[tuple[Pending, Gone]] = []
        for pending, outcome in zip(pack, outcomes, strict=True):
            self._account(pending, outcome, gone)
        self._sort_out([one for one in gone if self._pool.get(one[0].place) is one[0]])

    def _account(
        self, pending: Pending, outcome: Outcome, gone: list[tuple[Pending, Gone]]
    ) -> None:
        books = self._books(pending.plan)
        match outcome:
            case Acknowledged(item_id):
                self._acknowledged(pending, books, item_id)
            case Rejected() if self.links.without(pending):
                self._again_without_links(pending, books)
            case Rejected(code, message):
                self._rejected(pending, books, code, message, outcome.column_id)
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

    def _again_without_links(self, pending: Pending, books: StreamBooks) -> None:
        """The row goes without its links, which have a pass of their own."""
        operation = pending.operation
        if isinstance(operation, Update) and not operation.cells and operation.name is None:
            self.links.keep([pending.place])
            if not pending.counted:
                count_unsent(books, Unchanged(operation.item_id), len(pending.tickets))
            self._settle(pending.tickets)
        else:
            self._wait_again(pending)

    def _sort_out(self, gone: Sequence[tuple[Pending, Gone]]) -> None:
        """Look the keys up together, then update or create.

        Where monday failed over a new item, or an upload may have made it, it may be there and be
        searchable only later; so may be an item whose id an upload did not tell. What may be a copy
        beside the row's own item is looked for on the board itself: a search finds that item alone.
        Last: a look-up may stop the run, and then what waits in the pool is carried over.
        """
        search = self.lane.search
        gone = [one for one in gone if not self._leaves_again(*one)]
        passed = self._passed_by(
            [(each, outcome.copy, outcome.stays) for each, outcome in gone if outcome.copy]
        )
        keyed = [
            (each, outcome)
            for each, outcome in gone
            if each.plan.key_column is not None and each.place not in passed
        ]
        doubted = [each for each, outcome in keyed if each.kind == "create" and outcome.in_doubt]
        unsure = [
            each
            for each, outcome in keyed
            if each not in doubted and (each.is_blind or outcome.by_upload or outcome.in_doubt)
        ]
        there = [each for each, outcome in keyed if outcome.is_there]
        copied = [
            each
            for each, outcome in keyed
            if outcome.copied and isinstance(each.operation, Update) and not each.is_blind
        ]
        unsure = [each for each in unsure if each not in copied]
        asked = {each.place for each in (*doubted, *unsure, *there, *copied)}
        found = search.look_up(each for each, _ in keyed if each.place not in asked)
        if doubted:
            found |= search.find(doubted, late=True)
        if unsure:
            found |= search.find(unsure)
        if there:
            found |= search.find(there, there=True)
        found |= search.read(copied)
        found |= passed | self._passed_by(self._without_copies(keyed, found))
        for pending, outcome in gone:
            self._take_out(pending)
            self._sorted_out(pending, outcome, found.get(pending.place, []))

    def _leaves_again(self, pending: Pending, outcome: Gone) -> bool:
        """Whether it is an item that monday failed to archive: its id tells which one it was."""
        if not (isinstance(pending.operation, Archive) and outcome.in_doubt) or pending.is_blind:
            return False
        self._take_out(pending)
        if pending.tries < _MAX_TRIES:
            self._wait_again(replace(pending, tries=pending.tries + 1))
        else:
            self._rejected(pending, self._books(pending.plan), outcome.code, outcome.message)
        return True

    def _without_copies(
        self,
        gone: Iterable[tuple[Pending, Gone]],
        found: Mapping[tuple[int, str], Sequence[KnownItem]],
    ) -> list[tuple[Pending, str, bool]]:
        """Copies that the boards showed, with whether they stay there."""
        copied = _copied(gone, found)
        copies = [
            Copy(each.plan.ledger_id, each.plan.board_id, each.key, str(each.intent.item_id), copy)
            for each, copy in copied
        ]
        stays = have_leave(self.lane.calls, self.journal, copies)
        for each in copies:  # the count was told with them
            self.lane.search.counts.pop(each.board_id, None)
        return [
            (each, copy, stays[item_id])
            for each, copy in copied
            if (item_id := str(each.intent.item_id)) in stays
        ]

    def _passed_by(
        self, copied: Sequence[tuple[Pending, str, bool]]
    ) -> dict[tuple[int, str], list[KnownItem]]:
        """Items that an upload passed by, and made copies of, given by their ids.

        The key of such an item was changed on the board, or the item is in a group that uploads
        do not reach. The copies have left, but for those that stay; the items themselves take
        their rows.
        """
        ids = {each.intent.item_id or "": (each, copy, stays) for each, copy, stays in copied}
        columns = list(dict.fromkeys(each.plan.key_column or "" for each, *_ in copied))
        there = items_by_id(self.lane.calls.query, list(ids), columns) if ids else {}
        passed: dict[tuple[int, str], list[KnownItem]] = {}
        unreached = 0
        for item_id, (pending, copy, stays) in ids.items():
            plan, item = pending.plan, there.get(item_id)
            _log.warning(
                "upload.copied stream=%s key=%r copy=%s archived=%s: the item's key was changed "
                "on the board, or uploads do not reach its group; the row goes to the item itself",
                *(plan.stream, pending.key, copy, not stays),
            )
            if item is None or (item.state, item.board_id) != ("active", plan.board_id):
                continue
            key, _ = item.values.get(plan.key_column or "", (None, None))
            unreached += key == pending.key
            before = pending.before.cells if pending.before else {}
            known = KnownItem(item_id, item.name, {**before, str(plan.key_column): key})
            passed[pending.place] = [known]
            if stays:
                passed[pending.place].append(KnownItem(copy, "", {}))
                self.lane.search.counts.pop(plan.board_id, None)
            self.items.adopt(plan.ledger_id, {pending.key: known})
        store = self.lane.calls.store
        if unreached and remembered(store) is Reach.BOARD:  # no longer: find out again
            remember(store, Reach.UNKNOWN)
        return passed

    def _sorted_out(self, pending: Pending, outcome: Gone, found: Sequence[KnownItem]) -> None:
        plan, books = pending.plan, self._books(pending.plan)
        if len(found) > 1:
            error = AmbiguousKey(pending.key, [item.item_id for item in found])
            self._rejected(pending, books, error.code, str(error))
            return
        if found:
            self.items.adopt(plan.ledger_id, {pending.key: found[0]})
        known = found[0] if found else None
        may_be_ours = outcome.by_upload or outcome.in_doubt
        ours = (
            may_be_ours
            and not isinstance(pending.operation, Archive)
            and (isinstance(diff(pending.operation.row, known), Unchanged))
        )
        if not ours:
            self.books.moved(plan, "found", pending.key, pending.before, known)
        if isinstance(pending.operation, Archive):
            if known is None or not pending.is_blind:
                books.archived += 1
                books.filtered += len(pending.tickets)
                self._settle(pending.tickets)
            else:
                leaving = Archive(pending.key, known.item_id, pending.operation.delete)
                self._wait_again(replace(pending, operation=leaving, before=known))
            return
        if pending.tries >= _MAX_TRIES and self.links.without(pending):
            pending.tries = 0
        if pending.tries >= _MAX_TRIES or plan.key_column is None:
            self._rejected(pending, books, outcome.code, outcome.message)
            return
        operation = diff(pending.operation.row, known)
        if not isinstance(operation, Unchanged):
            tries = pending.tries + (not pending.is_blind and not outcome.by_upload)
            by_alias = pending.by_alias or outcome.by_upload
            again = Pending(plan, pending.key, operation, known, pending.tickets, pending.record)
            again.tries, again.by_alias, again.retry = tries, by_alias, pending.retry
            again.refusal = pending.refusal
            again.page = pending.page
            again.may_be_there = pending.may_be_there or outcome.by_upload or outcome.in_doubt
            self._wait_again(again)
        elif may_be_ours and known is not None and pending.tickets:
            self._acknowledged(pending, books, known.item_id)
        else:
            count_unsent(books, operation, len(pending.tickets))
            self._settle(pending.tickets)


def _copied(
    gone: Iterable[tuple[Pending, Gone]],
    found: Mapping[tuple[int, str], Sequence[KnownItem]],
) -> list[tuple[Pending, str]]:
    """Operations whose item an upload passed by, with the id of the copy that was found instead.

    A copy has the cells that were uploaded.
    """
    copied: list[tuple[Pending, str]] = []
    for pending, outcome in gone:
        operation = pending.operation
        if not (isinstance(operation, Update) and outcome.copied and operation.item_id):
            continue
        others = [
            each for each in found.get(pending.place, ()) if each.item_id != operation.item_id
        ]
        if len(others) == 1 and _holds(others[0], operation):
            copied.append((pending, others[0].item_id))
    return copied


def _holds(item: KnownItem, operation: Update) -> bool:
    """Whether an item has all that an update was to write."""
    named = operation.name is None or item.name == operation.name
    return named and all(item.cells.get(each) == cell for each, cell in operation.cells.items())
