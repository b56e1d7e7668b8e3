"""When a bookmark may be passed on: only when everything before it is settled. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Checkpoints"]


@dataclass(slots=True)
class _Segment:
    """The rows between two STATE messages; `state` is the one that ends it, once it came."""

    open_rows: int = 0
    state: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Checkpoints:
    """STATE messages in order, each behind the rows that came before it.

    A row gets a ticket when it is read; the ticket is given back when the row is settled.
    """

    _segments: deque[_Segment] = field(default_factory=lambda: deque([_Segment()]))
    _first: int = 0  # ticket of the first segment in the queue

    def row(self) -> int:
        """Count one row and give its ticket."""
        self._segments[-1].open_rows += 1
        return self._first + len(self._segments) - 1

    def state(self, value: Mapping[str, Any]) -> None:
        """A bookmark that stands behind all rows so far."""
        self._segments[-1].state = value
        self._segments.append(_Segment())

    def settle(self, ticket: int) -> None:
        """The row of this ticket is delivered, or stands as a reject."""
        self._segments[ticket - self._first].open_rows -= 1

    def ready(self) -> Mapping[str, Any] | None:
        """The newest bookmark behind which nothing is open; None if there is no new one."""
        newest: Mapping[str, Any] | None = None
        while self._segments[0].open_rows == 0 and self._segments[0].state is not None:
            newest = self._segments.popleft().state
            self._first += 1
        return newest
