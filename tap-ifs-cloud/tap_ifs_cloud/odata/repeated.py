"""Warnings that may come thousands of times: the first ones are logged, the others summed up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging

__all__ = ["Repeated"]

SHOWN: Final = 10  # warnings of a kind that are logged each
CAUSES: Final = 5  # causes that a sum lists, the most frequent ones


@dataclass(slots=True)
class Repeated:
    """Warnings of one kind, each with a cause."""

    logger: logging.Logger
    event: str  # with the keys that all have in common
    causes: Counter[str] = field(default_factory=Counter)
    logged: int = 0

    def warn(self, cause: str, details: str, *, always: bool = False) -> None:
        """Log a warning, unless ten of the kind were and it need not be logged `always`."""
        self.causes[cause] += 1
        if always or self.logged < SHOWN:
            self.logged += 1
            self.logger.warning("%s %s reason=%r", self.event, details, cause)

    def close(self) -> None:
        """Log how many there were in all, and of which causes; nothing if all were logged."""
        total = self.causes.total()
        if total > self.logged:
            listed = "; ".join(f"{cause}: {n}" for cause, n in self.causes.most_common(CAUSES))
            self.logger.warning(
                "%s total=%d logged=%d reasons=%r", self.event, total, self.logged, listed
            )
        self.causes.clear()
        self.logged = 0
