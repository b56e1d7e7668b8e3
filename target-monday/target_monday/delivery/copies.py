"""Items that a request of ours made beside those that their rows have: they leave the board again.

The request that made them stays open until they have left, so that a run that dies before is
followed by one that finds them in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from target_monday.delivery.alias_lane import outcomes_of
from target_monday.delivery.calls import until_midnight
from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone, Rejected
from target_monday.diff import Archive
from target_monday.errors import RunFailed
from target_monday.ledger.intents import Intent
from target_monday.monday.boards import items_by_id
from target_monday.monday.client import encode_body
from target_monday.monday.errors import AnswerLost, Refused
from target_monday.monday.operations import ArchiveItem, write_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.outcomes import Outcome
    from target_monday.delivery.upload_report import Sent
    from target_monday.ledger.journal import Journal

__all__ = ["Copy", "archive_copies", "have_leave", "without_copies"]

_COPIES: Final = 100  # that leave in one request
_MAX_TRIES: Final = 5
_NEXT_RUN: Final = "The next run tries again, before it writes to their boards."


@dataclass(frozen=True, slots=True)
class Copy:
    """An item that was made although its key has one: `item_id`, on `board` of the ledger."""

    board: int
    board_id: str
    key: str
    item_id: str
    copy: str


def without_copies(
    calls: Calls,
    journal: Journal,
    board: tuple[int, str],
    sent: Sequence[Sent],
    outcomes: Sequence[Outcome],
) -> list[Outcome]:
    """The outcomes of an upload to a board after its copies have left.

    `board`: the ledger's number of it, and monday's id. Raises RunFailed or Stopped.
    """
    made = [
        Copy(*board, row.key, row.item_id, outcome.copy)
        for row, outcome in zip(sent, outcomes, strict=True)
        if isinstance(outcome, Gone) and outcome.copy
    ]
    stays = have_leave(calls, journal, made)
    return [
        replace(
            outcome,
            copy=outcome.copy if row.item_id in stays else "",
            stays=stays.get(row.item_id, False),
        )
        if isinstance(outcome, Gone) and outcome.copy
        else outcome
        for row, outcome in zip(sent, outcomes, strict=True)
    ]


def have_leave(calls: Calls, journal: Journal, copies: Sequence[Copy]) -> dict[str, bool]:
    """Archive copies. Returns for the item of each whether its copy stays, since monday refuses.

    An item that is not on its board any more is left out: the copy takes its place.
    """
    ids = [each.item_id for each in copies]
    there = items_by_id(calls.query, ids, []) if ids else {}
    leaving = [
        each
        for each in copies
        if (item := there.get(each.item_id)) is not None
        and (item.state, item.board_id) == ("active", each.board_id)
    ]
    staying = archive_copies(
        calls,
        journal,
        [Intent(each.board, each.key, Archive(each.key, each.copy), None) for each in leaving],
    )
    return {each.item_id: each.copy in staying for each in leaving}


def archive_copies(calls: Calls, journal: Journal, copies: Sequence[Intent]) -> set[str]:
    """Archive these items. Returns the ids of those that monday refuses to let go.

    What did not run is sent again. Raises RunFailed or Stopped where that has no end.
    """
    waiting, staying = list(copies), set[str]()
    for tries in range(1, _MAX_TRIES + 1):
        open_ones: list[Intent] = []
        waits: list[float] = []
        while waiting:
            size = calls.budget.capacity(["archive"] * len(waiting), _COPIES)
            pack, waiting = waiting[:size], waiting[size:]
            for intent, outcome in zip(pack, _archived(calls, journal, pack), strict=True):
                if isinstance(outcome, Rejected):
                    staying.add(str(intent.item_id))
                elif not _has_left(outcome):
                    open_ones.append(intent)
                    waits.append(_asked_wait(outcome))
        if not open_ones:
            return staying
        waiting = open_ones
        calls.pause(max(waits) or None, "items that were made twice are to leave", tries)
    raise RunFailed(f"{len(waiting)} items that were made twice cannot be archived. {_NEXT_RUN}")


def _has_left(outcome: Outcome) -> bool:
    """Whether it is off its board, by us or by others."""
    return isinstance(outcome, Acknowledged) or (isinstance(outcome, Gone) and not outcome.in_doubt)


def _asked_wait(outcome: Outcome) -> float:
    return (outcome.wait or 0.0) if isinstance(outcome, CarriedOver) else 0.0


def _archived(calls: Calls, journal: Journal, leaving: Sequence[Intent]) -> list[Outcome]:
    items = [ArchiveItem(str(each.item_id)) for each in leaving]
    body = encode_body(*write_batch(items))
    request, key = journal.intend(body, leaving)
    try:
        answer = calls.mutate(body, key, ["archive"] * len(items))
    except (AnswerLost, Refused) as error:
        raise RunFailed(
            f"Items that were made twice cannot be archived: {error}. {_NEXT_RUN}"
        ) from error
    outcomes = outcomes_of(answer, len(items))
    journal.settle(request, leaving, outcomes, request_id=answer.request_id)
    ended = [each for each in outcomes if isinstance(each, CarriedOver) and each.run_ends]
    if ended:
        raise until_midnight(ended[0].message)
    return outcomes
