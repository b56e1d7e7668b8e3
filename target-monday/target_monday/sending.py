"""What waits and what leaves: which operations go first, in which requests, by which lane."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from target_monday.capacity import BoardCapacity
from target_monday.delivery.calls import until_midnight
from target_monday.delivery.outcomes import CarriedOver, Gone, Outcome, Unknown
from target_monday.errors import RunFailed
from target_monday.sorting_out import SortingOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.delivery.dispatch import Dispatch
    from target_monday.delivery.pending import Pending
    from target_monday.delivery.upload_lane import Batch
    from target_monday.diff import Operation
    from target_monday.plan import BoardPlan

__all__ = ["Sending"]

_MAX_ROUNDS: Final = 4  # requests that are not full because links wait for their targets
_HELD: Final = 20_000  # operations; with more of them links wait for the second pass instead
_OVERFLOW: Final = 10_000  # creates without room that wait for the end of the input
_HEAVY: Final = 32_000_000  # characters of cells that wait; more leave whatever their number


@dataclass(slots=True, kw_only=True)
class Sending(SortingOut):
    """Has operations leave, and learns what became of them.

    Those of all boards wait in one pool until they fill a request, or until there are enough of
    them to choose a lane. `before_pack` makes what operations need on their boards and says for
    which boards that cannot be. `priorities`: stream -> number, the highest first.
    """

    dispatch: Dispatch
    max_aliases: int
    after_pack: Callable[[], None]
    before_pack: Callable[[Sequence[tuple[BoardPlan, Operation]]], Mapping[int, str]] = lambda _: {}
    priorities: Mapping[str, int] = field(default_factory=dict)
    _rounds: int = 0

    def _relieve(self, plan: BoardPlan) -> None:
        """Deliver what need not wait for more."""
        waiting = len(self._pool)
        if self.capacity.lacks:
            self.reject_overflow(keep=_OVERFLOW)
            waiting = len(self._sendable()[0])
        if waiting < self.dispatch.gathers(plan) and self._weight < _HEAVY:
            return
        self._deliver_uploads()
        while self._is_full():
            self.deliver_pack()
        self.journal.catch_up()  # the next rows may be long in coming

    def _is_full(self) -> bool:
        """Whether a whole request waits."""
        kinds = [pending.kind for pending in self._first(self.max_aliases)]
        whole = len(kinds) == self.max_aliases
        return whole or self.lane.calls.budget.capacity(kinds, self.max_aliases) < len(kinds)

    def _first(self, most: int) -> list[Pending]:
        """What goes first, by the streams' priorities."""
        if self._waiting_for_others or self.priorities or self.links or self.capacity.lacks:
            return self._sendable()[0][:most]
        return list(islice(self._pool.values(), most))

    def _sendable(self) -> tuple[list[Pending], list[Pending]]:
        """What can be sent, in its order; and the creates that their boards lack room for."""
        waiting = list(self._pool.values())
        if self._waiting_for_others:
            waiting = [each for each in waiting if not any(map(self._pool.get, each.after))]
        if self.priorities:
            waiting.sort(key=lambda each: -self.priorities.get(each.plan.stream, 0))
        waiting, beyond = self.capacity.fitting(waiting) if self.capacity.lacks else (waiting, [])
        if self.links and self._rounds < _MAX_ROUNDS and len(waiting) < _HELD:
            free = [each for each in waiting if not self.links.is_held(each, self._pool)]
            waiting = free or waiting
        return waiting, beyond

    def reject_overflow(self, keep: int = 0) -> None:
        """Creates that have no room on their boards, but for the first ones, are rejected."""
        for pending in self._sendable()[1][keep:]:
            error = BoardCapacity(pending.plan.board_id)
            self._take_out(pending)
            self._rejected(pending, self._books(pending.plan), error.code, str(error))

    def deliver_all(self) -> None:
        """Deliver everything that waits."""
        self._rounds = 0
        self._deliver_uploads()
        while self._first(1):
            self.deliver_pack()
        self.journal.catch_up()

    def deliver_links(self) -> None:
        """The second pass, after everything else: links to what came later in this run."""
        for pending in self.links.second_pass(self.is_closed):
            self._wait_again(pending)
        self.deliver_all()
        for plan, count in self.links.end(self.is_closed):
            self._books(plan).unlinked += count

    def _deliver_uploads(self) -> None:
        """Deliver what is better uploaded; `turn` says when that is nothing any more."""
        while self._pool:
            waiting = self._first(len(self._pool))
            self.links.bind(waiting)
            turn = self.dispatch.turn(waiting)
            if turn.scouts:
                self._deliver_scouts(turn.scouts)
                self.dispatch.look_at_labels(turn.scouts[0].plan)
            elif turn.batches:
                self._upload(turn.batches)
            else:
                return

    def _deliver_scouts(self, scouts: Sequence[Pending]) -> None:
        """Operations that go by aliases first, since they make labels."""
        self._identify(scouts)
        waiting = [self._pool[each.place] for each in scouts if each.place in self._pool]
        while waiting:
            kinds = [each.kind for each in waiting]
            size = self.lane.calls.budget.capacity(kinds, self.max_aliases)
            self._deliver(waiting[:size])
            waiting = waiting[size:]

    def _identify(self, waiting: Sequence[Pending]) -> bool:
        """Look up the items among these whose ids are not known; False if there are none."""
        blind = [each for each in waiting if each.is_blind]
        if blind:
            self._sort_out([(each, Gone("its id is not known")) for each in blind])
        return bool(blind)

    def _upload(self, batches: Sequence[Batch]) -> None:
        packs = [batch.pack for batch in batches]
        calls, points = self.lane.calls.made, self.lane.calls.points
        outcomes = self.dispatch.uploads.deliver(batches)
        everything = [pending for pack in packs for pending in pack]
        self._share_costs(everything, self.lane.calls.made - calls, self.lane.calls.points - points)
        settled = [each for these in outcomes for each in these]
        self.lane.search.note(everything, settled)
        self._account_all(everything, settled)
        self.after_pack()

    def deliver_pack(self) -> None:
        """Deliver one pack and settle its rows; bookmarks that are free now go out."""
        pack = self._first(self.max_aliases)
        self._rounds += len(pack) < min(self.max_aliases, len(self._pool))
        if self._identify(pack):
            return
        kinds = [pending.kind for pending in pack]
        self._deliver(pack[: self.lane.calls.budget.pack(kinds, self.max_aliases)])

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
        self.links.bind(pack)
        unmade = self.before_pack([(pending.plan, pending.operation) for pending in pack])
        for plan in [pending.plan for pending in pack]:
            if plan.ledger_id in unmade and not self.is_closed(plan):
                self.fail_board(plan, unmade[plan.ledger_id])
        pack = [pending for pending in pack if not self.is_closed(pending.plan)]
        if not pack:
            return []
        outcomes = self.lane.deliver(pack)
        self._share_costs(pack, self.lane.calls.made - calls, self.lane.calls.points - points)
        self._account_all(pack, outcomes)
        unknown = [outcome for outcome in outcomes if isinstance(outcome, Unknown)]
        if len(unknown) == len(outcomes):
            raise RunFailed(
                f"{unknown[0].message}. Whether the last request ran is not known. "
                "The next run finds out before it sends anything."
            )
        return outcomes
