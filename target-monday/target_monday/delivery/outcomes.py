"""What became of an operation. Each reader decides about each kind; the type check sees to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

__all__ = ["Acknowledged", "CarriedOver", "Gone", "Outcome", "Rejected", "Unknown", "is_settled"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """monday has it; `item_id` is the item's."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """monday refused this operation for good."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The item is not there any more: its key has to be looked up again."""

    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether it ran; the next start looks it up."""

    message: str


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """It did not run and is still to be done; `board_failed` if its board takes nothing more.

    `wait`: seconds to wait before it is sent again. `run_ends`: nothing may be sent any more.
    `too_large`: only its request was refused, for its size; it goes into a smaller one.
    """

    message: str
    board_failed: bool = False
    wait: float | None = None
    run_ends: bool = False
    too_large: bool = False


Outcome = Acknowledged | Rejected | Gone | Unknown | CarriedOver


def is_settled(outcome: Outcome) -> bool:
    """Whether a bookmark may pass the row."""
    match outcome:
        case Acknowledged() | Rejected():
            return True
        case Gone() | Unknown() | CarriedOver():
            return False
    assert_never(outcome)
