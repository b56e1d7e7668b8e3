"""What became of an operation. Each reader decides about each kind; the type check sees to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

import msgspec

__all__ = [
    "ITEM_GONE",
    "Acknowledged",
    "CarriedOver",
    "Gone",
    "Outcome",
    "Rejected",
    "Unknown",
    "is_settled",
]

ITEM_GONE: Final = "ITEM_GONE"


class Acknowledged(msgspec.Struct, frozen=True):
    """monday has it; `item_id` is the item's."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """monday refused this operation for good.

    `may_have_run`: in part, or by a try whose answer was lost. `column_id`: the column whose cell
    stands against it, if monday names one.
    """

    code: str
    message: str
    may_have_run: bool = False
    column_id: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The board is not as it was thought to be: the key has to be looked up again.

    The item is not there any more, or (`code`) monday failed over the operation, or (`by_upload`)
    an upload may or may not have written the row. `is_there`: an item of its key was seen on the
    board, though a search may not find it yet. `copied`: the upload made more items than it was
    to, so one may be a copy of the row's own; `copy` is the id of one that is, and `stays` says
    that monday does not let it go.
    """

    message: str
    code: str = ITEM_GONE
    by_upload: bool = False
    is_there: bool = False
    copied: bool = False
    copy: str = ""
    stays: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether the operation itself may have run."""
        return self.code != ITEM_GONE


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether it ran; the next start looks it up.

    `parked`: an upload is still at work on it; the next run asks for it first.
    """

    message: str
    parked: bool = False


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """It did not run and is still to be done; `board_failed` if its board takes nothing more.

    `wait`: seconds to wait before it is sent again. `run_ends`: nothing may be sent any more.
    `refit`: only its request was refused, as a whole; it goes into another one. `by_alias`: an
    upload cannot take it; `row_refused`: because of this row, for the reason that `message` gives,
    and because of its cell in the column `column_id`, if the report names one.
    `too_large`: even alone it costs more than a request may.
    `may_have_run`: monday failed over its request instead of refusing it. `full`: its board takes
    no more items, but changes.
    """

    message: str
    board_failed: bool = False
    wait: float | None = None
    run_ends: bool = False
    refit: bool = False
    by_alias: bool = False
    row_refused: bool = False
    column_id: str | None = None
    too_large: bool = False
    may_have_run: bool = False
    full: bool = False


Outcome = Acknowledged | Rejected | Gone | Unknown | CarriedOver


def is_settled(outcome: Outcome) -> bool:
    """Whether a bookmark may pass the row."""
    match outcome:
        case Acknowledged() | Rejected():
            return True
        case Gone() | Unknown() | CarriedOver():
            return False
    assert_never(outcome)
