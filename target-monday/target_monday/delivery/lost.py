"""What a request did whose answer was lost: found out on the boards before it is sent again.

monday replays its answer to an idempotency key, but does not promise to have kept it
(developer.monday.com/api-reference/docs/idempotency). So where a request creates items, they are
looked for first, and it goes out again only where they are not on their boards. That a request is
still at work monday tells itself, when it is sent again: then they are looked for once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone, Outcome
from target_monday.diff import Archive, Create
from target_monday.errors import RunFailed
from target_monday.monday.errors import MondayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.delivery.pending import Pending
    from target_monday.delivery.searching import Place, Search
    from target_monday.diff import KnownItem

__all__ = ["LostRequest", "Ran"]


class Ran(Exception):
    """The request did run: what became of each of its operations, in their order."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        super().__init__()


@dataclass(slots=True)
class LostRequest:
    """A request with these operations whose answer did not come."""

    search: Search
    pack: Sequence[Pending]

    def look(self, late: bool) -> None:  # noqa: FBT001 - the one thing that Calls tells
        """Raise Ran if an item of the request is on its board; otherwise it may be sent again.

        Raises RunFailed if the board cannot be asked: a refusal of the question is none of the
        request.
        """
        creates = [
            each
            for each in self.pack
            if isinstance(each.operation, Create) and each.plan.key_column is not None
        ]
        leaving = {each.plan.board_id for each in self.pack if isinstance(each.operation, Archive)}
        try:
            found = self.search.find(creates, late=late, leaving=leaving) if creates else {}
        except MondayError as error:
            raise RunFailed(
                f"An answer was lost, and what was made cannot be looked up: {error}. "
                "The next run finds out before it sends anything."
            ) from error
        if found:
            raise Ran([_outcome(pending, found) for pending in self.pack])


def _outcome(pending: Pending, found: dict[Place, list[KnownItem]]) -> Outcome:
    items = found.get(pending.place)
    if not items or not isinstance(pending.operation, Create):
        return CarriedOver("the answer was lost, it is sent again")
    if len(items) == 1 and _is_as_sent(items[0], pending.operation):
        return Acknowledged(items[0].item_id)
    return Gone("the answer was lost, and the item is not as it was sent", is_there=True)


def _is_as_sent(item: KnownItem, sent: Create) -> bool:
    return item.name == sent.name and all(
        item.cells.get(column) == cell for column, cell in sent.cells.items()
    )
