"""What a request did whose answer was lost: found out on the boards before it is sent again.

monday replays its answer to an idempotency key, but does not promise to have kept it
(developer.monday.com/api-reference/docs/idempotency). So where a request creates items, their
keys are looked up first.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone, Outcome
from target_monday.diff import Create
from target_monday.errors import RunFailed
from target_monday.monday.boards import look_up
from target_monday.monday.errors import MondayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.pending import Pending
    from target_monday.diff import KnownItem
    from target_monday.plan import BoardPlan

__all__ = ["LostRequest", "Ran", "appeared"]

_SEARCHABLE: Final = 40.0  # seconds in which what a request made can be found by a search
_UNSEEN: Final = (
    8.0  # seconds in which some of it is seen, if it ran; then monday's replay is relied on
)
Place = tuple[int, str]  # the ledger's number of a board, and a key


Found = TypeVar("Found", bound=Sized)


def appeared(calls: Calls, look: Callable[[], Found], wanted: int, *, late: bool = True) -> Found:
    """What of so many things is there, if anything.

    monday runs operations one after another, and an item may be searchable only later: with `late`
    the first gets 8 seconds to appear, and where some are there, the others get 40.
    """
    found = look()
    clock, tries = calls.budget.clock, 0
    began = clock()
    while len(found) < wanted and clock() - began < (_SEARCHABLE if found else late * _UNSEEN):
        tries += 1
        calls.pause(None, "a request is still running", tries)
        found = look()
    return found


class Ran(Exception):
    """The request did run: what became of each of its operations, in their order."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        super().__init__()


@dataclass(slots=True)
class LostRequest:
    """A request with these operations whose answer did not come."""

    calls: Calls
    pack: Sequence[Pending]

    def look(self, late: bool) -> None:  # noqa: FBT001 - the one thing that Calls tells
        """Raise Ran if an item of the request is on its board; otherwise it may be sent again.

        Raises RunFailed if the board cannot be asked: a refusal of the question is none of the
        request.
        """
        try:
            self._look(late=late)
        except MondayError as error:
            raise RunFailed(
                f"An answer was lost, and what was made cannot be looked up: {error}. "
                "The next run finds out before it sends anything."
            ) from error

    def _look(self, *, late: bool) -> None:
        found = appeared(self.calls, self._found, len(self._creates()), late=late)
        if found:
            raise Ran([self._outcome(pending, found) for pending in self.pack])

    def _creates(self) -> list[Pending]:
        return [
            each
            for each in self.pack
            if isinstance(each.operation, Create) and each.plan.key_column is not None
        ]

    def _found(self) -> dict[Place, list[KnownItem]]:
        by_board: dict[int, tuple[BoardPlan, list[str]]] = {}
        for pending in self._creates():
            plan = pending.plan
            by_board.setdefault(plan.ledger_id, (plan, []))[1].append(pending.key)
        return {
            (plan.ledger_id, key): [plan.read(item) for item in items]
            for plan, keys in by_board.values()
            for key, items in look_up(
                self.calls.query,
                plan.board_id,
                plan.key_column or "",
                keys,
                columns=plan.column_ids,
            ).items()
        }

    def _outcome(self, pending: Pending, found: dict[Place, list[KnownItem]]) -> Outcome:
        items = found.get((pending.plan.ledger_id, pending.key))
        if not items or not isinstance(pending.operation, Create):
            return CarriedOver("the answer was lost, it is sent again")
        if len(items) == 1 and _is_as_sent(items[0], pending.operation):
            return Acknowledged(items[0].item_id)
        return Gone("the answer was lost, and the item is not as it was sent")


def _is_as_sent(item: KnownItem, sent: Create) -> bool:
    return item.name == sent.name and all(
        item.cells.get(column) == cell for column, cell in sent.cells.items()
    )
