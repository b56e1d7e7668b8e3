"""Progress of a run for operators: a line from time to time, and one before each long wait."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from target_monday.books import Books

__all__ = ["Progress"]

_LONG_WAIT: Final = 5.0  # seconds; a shorter wait is not reported
_INTERVAL: Final = 30.0  # seconds between two lines of the log
_TERMINAL_INTERVAL: Final = 1.0  # seconds between two states of the status line
_ERASE_LINE: Final = "\r\x1b[K"

_log = logging.getLogger("target-monday")


def _terminal() -> TextIO | None:
    return sys.stderr if sys.stderr.isatty() else None


@dataclass(slots=True)
class Progress:
    """Progress of one run: on a terminal a status line, elsewhere lines of the log.

    `clock` returns seconds that only grow.
    """

    books: Books
    clock: Callable[[], float]
    terminal: TextIO | None = field(default_factory=_terminal)
    calls: int = 0
    _due: float = field(init=False)
    _status_line: _StatusLine | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.terminal is not None:
            self._status_line = _StatusLine(self.terminal)
        self._due = self.clock() + self._interval

    @property
    def _interval(self) -> float:
        return _INTERVAL if self._status_line is None else _TERMINAL_INTERVAL

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
        if self._status_line is None:
            _log.info("run.progress %s", self._how_far)
        else:
            self._status_line.show(self._how_far)

    def announce_wait(self, seconds: float, reason: str) -> None:
        """Say before a wait how long it is, what for, and how far the run is."""
        if seconds >= _LONG_WAIT:
            _log.info("run.waiting seconds=%.0f reason=%r %s", seconds, reason, self._how_far)
            self._due = self.clock() + seconds + self._interval

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._status_line is not None:
            self._status_line.close()

    @property
    def _how_far(self) -> str:
        return f"{self.books.progress()} calls={self.calls}"


class _StatusLine(logging.Filter):
    """The last line of a terminal, which makes way for each line of the log."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal
        self._handlers = list(logging.getLogger().handlers)
        for handler in self._handlers:
            handler.addFilter(self)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        self.show("")
        return True

    def show(self, text: str) -> None:
        self._terminal.write(f"{_ERASE_LINE}{text}")
        self._terminal.flush()

    def close(self) -> None:
        self.show("")
        for handler in self._handlers:
            handler.removeFilter(self)
