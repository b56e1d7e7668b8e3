"""What each outcome means for its operation; and items that are not as they were thought to be.

Where an item is gone, or nobody knows what became of it, its key is looked up, for all such
operations together: what is found is taken for the item, what is not is made anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, assert_never

from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.delivery.pending import Pending
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
        searchable only later; so may be an item whose id an upload did not tell.
        Last: a look-up may stop the run, and then what waits in the pool is carried over.
        """
        search = self.lane.search
        gone = [one for one in gone if not self._leaves_again(*one)]
        keyed = [one for one in gone if one[0].plan.key_column is not None]
        doubted = [each for each, outcome in keyed if each.kind == "create" and outcome.in_doubt]
        unsure = [
            each
            for each, outcome in keyed
            if each not in doubted and (each.is_blind or outcome.by_upload or outcome.in_doubt)
        ]
        there = [each for each, outcome in keyed if outcome.is_there]
        asked = {each.place for each in (*doubted, *unsure, *there)}
        found = search.look_up(each for each, _ in keyed if each.place not in asked)
        if doubted:
            found |= search.find(doubted, late=True)
        if unsure:
            found |= search.find(unsure)
        if there:
            found |= search.find(there, there=True)
        found |= self._passed_by(gone, found)
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

    def _passed_by(
        self,
        gone: Iterable[tuple[Pending, Gone]],
        found: Mapping[tuple[int, str], Sequence[KnownItem]],
    ) -> dict[tuple[int, str], list[KnownItem]]:
        """Items that an upload passed by, since people changed their keys: it made copies of them.

        The copies are archived, the items themselves take their rows.
        """
        copied: dict[str, tuple[Pending, KnownItem]] = {}
        for pending, outcome in gone:
            operation, items = pending.operation, found.get(pending.place, ())
            known = isinstance(operation, Update) and outcome.by_upload and operation.item_id
            if known and len(items) == 1 and items[0].item_id != known:
                copied[known] = (pending, items[0])
        passed: dict[tuple[int, str], list[KnownItem]] = {}
        ask = self.lane.calls.query
        keys = [pending.plan.key_column or "" for pending, _ in copied.values()]
        there = items_by_id(ask, list(copied), list(dict.fromkeys(keys))) if copied else {}
        for item_id, (pending, copy) in copied.items():
            plan, item = pending.plan, there.get(item_id)
            if item and item.state == "active" and item.board_id == plan.board_id:
                name, before = item.name, pending.before.cells if pending.before else {}
                key, _ = item.values.get(plan.key_column or "", (None, None))
                cells = {**before, str(plan.key_column): key}
                passed[pending.place] = [KnownItem(item_id, name, cells)]
                if not self._archive_copy(pending, item_id, copy):
                    passed[pending.place].append(copy)
        return passed

    def _archive_copy(self, pending: Pending, item_id: str, copy: KnownItem) -> bool:
        """Have an item leave that our own upload made a moment ago."""
        plan, key = pending.plan, pending.key
        self.items.adopt(plan.ledger_id, {key: KnownItem(item_id, copy.name, {})})
        leaving = Pending(plan, key, Archive(key, copy.item_id), copy, record=pending.record)
        (outcome,) = self.lane.deliver([leaving])
        archived = isinstance(outcome, Acknowledged)
        _log.warning(
            "upload.copied stream=%s key=%r item=%s copy=%s archived=%s: the key of the item was "
            "changed on the board, so the upload made a copy; the key is written again",
            *(plan.stream, key, item_id, copy.item_id, archived),
        )
        return archived

    def _sorted_out(self, pending: Pending, outcome: Gone, found: Sequence[KnownItem]) -> None:
        plan, books = pending.plan, self._books(pending.plan)
        if len(found) > 1:
            error = AmbiguousKey(pending.key, [item.item_id for item in found])
            self._rejected(pending, books, error.code, str(error))
            return
        if found:
            self.items.adopt(plan.ledger_id, {pending.key: found[0]})
        known = found[0] if found else None
        ours = (
            outcome.by_upload
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
            again.page = pending.page
            again.may_be_there = pending.may_be_there or outcome.by_upload or outcome.in_doubt
            self._wait_again(again)
        elif outcome.by_upload and known is not None and pending.tickets:
            self._acknowledged(pending, books, known.item_id)
        else:
            count_unsent(books, operation, len(pending.tickets))
            self._settle(pending.tickets)
