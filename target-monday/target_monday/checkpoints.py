"""When a bookmark may be passed on: only when everything before it is settled. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Checkpoints"]

_BOOKMARKS: Final = "bookmarks"


@dataclass(slots=True)
class _Segment:
    """The rows between two STATE messages; `state` is the one that ends it, once it came."""

    open_rows: int = 0
    state: Mapping[str, Any] | None = None
    given_up: set[str] = field(default_factory=set)  # streams with rows that this run leaves


@dataclass(slots=True)
class Checkpoints:
    """STATE messages in order, each behind the rows that came before it.

    A row gets a ticket when it is read; the ticket is given back when the row is settled. A STATE
    holds the bookmarks of all streams: where a stream was given up, the others' are passed on and
    its own stays the last one behind which all its rows are settled. That needs the Singer SDK's
    layout, `{"bookmarks": {stream: ...}}`, with no other names in it than `streams`; any other
    STATE waits for the next run.
    """

    streams: Container[str] = frozenset()
    _segments: deque[_Segment] = field(default_factory=lambda: deque([_Segment()]))
    _first: int = 0  # ticket of the first segment in the queue
    _given_up: set[str] = field(default_factory=set)
    _settled: dict[str, Any] = field(default_factory=dict)

    def row(self) -> int:
        """Count one row and give its ticket."""
        return self.rows(1)

    def rows(self, count: int) -> int:
        """Count rows that come together and give the ticket that they share."""
        self._segments[-1].open_rows += count
        return self._first + len(self._segments) - 1

    def state(self, value: Mapping[str, Any]) -> None:
        """A bookmark that stands behind all rows so far."""
        self._segments[-1].state = value
        self._segments.append(_Segment())

    def settle(self, ticket: int, rows: int = 1) -> None:
        """So many rows of this ticket are delivered, or stand as rejects."""
        self._segments[ticket - self._first].open_rows -= rows

    def give_up(self, ticket: int, stream: str) -> None:
        """The row of this ticket is left to the next run, as its whole stream is."""
        segment = self._segments[ticket - self._first]
        segment.open_rows -= 1
        segment.given_up.add(stream)

    @property
    def passed(self) -> int:
        """Tickets below this number are behind a bookmark that was ready."""
        return self._first

    def ready(self) -> Mapping[str, Any] | None:
        """The newest bookmark behind which nothing is open; None if there is no new one."""
        newest: Mapping[str, Any] | None = None
        while self._segments[0].open_rows == 0 and self._segments[0].state is not None:
            segment = self._segments.popleft()
            self._first += 1
            self._given_up |= segment.given_up
            newest = self._held_back(segment.state or {}) or newest
        return newest

    def _held_back(self, state: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The state, with the last settled bookmarks of the streams that were given up."""
        bookmarks = state.get(_BOOKMARKS)
        known = isinstance(bookmarks, Mapping) and all(each in self.streams for each in bookmarks)
        if not self._given_up:
            if isinstance(bookmarks, Mapping):
                self._settled = dict(bookmarks)
            return state
        if not known or not isinstance(bookmarks, Mapping):
            return None
        held = {name: mark for name, mark in bookmarks.items() if name not in self._given_up}
        self._settled.update(held)
        before = {name: self._settled[name] for name in self._given_up & self._settled.keys()}
        if not held and not before:  # it would wipe the bookmark that stands
            return None
        return {**state, _BOOKMARKS: {**held, **before}}
