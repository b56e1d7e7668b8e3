"""Progress of a run for operators: a line from time to time, and one before each long wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_monday.books import Books

__all__ = ["Progress"]

_LONG_WAIT: Final = 5.0  # seconds; a shorter wait is not reported
_INTERVAL: Final = 30.0  # seconds between two lines of the log
_TERMINAL_INTERVAL: Final = 1.0  # seconds between two states of the status line

_log = logging.getLogger("target-monday")


@dataclass(slots=True)
class Progress:
    """Progress of one run: on a terminal a status line, elsewhere lines of the log.

    `clock` returns seconds that only grow.
    """

    books: Books
    clock: Callable[[], float]
    status_line: StatusLine | None = field(default_factory=StatusLine.of_stderr)
    calls: int = 0
    _due: float = field(init=False)

    def __post_init__(self) -> None:
        self._due = self.clock() + self._interval

    @property
    def _interval(self) -> float:
        return _INTERVAL if self.status_line is None else _TERMINAL_INTERVAL

    def count_call(self) -> None:
        """Count a request to monday.com."""
        self.calls += 1
        self.show()

    def show(self) -> None:
        """Show how far the run is, unless it was shown just now."""
        now = self.clock()
        if now < self._due:
            return
        self._due = now + self._interval
        if self.status_line is None:
            _log.info("run.progress %s", self._how_far)
        else:
            self.status_line.show(self._how_far)

    def announce_wait(self, seconds: float, reason: str) -> None:
        """Say before a wait how long it is, what for, and how far the run is."""
        if seconds >= _LONG_WAIT:
            _log.info("run.waiting seconds=%.0f reason=%r %s", seconds, reason, self._how_far)
            self._due = self.clock() + seconds + self._interval

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.status_line is not None:
            self.status_line.close()

    @property
    def _how_far(self) -> str:
        return f"{self.books.progress()} calls={self.calls}"
