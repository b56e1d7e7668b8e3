"""The last line of a terminal, which shows how far a run is and makes way for the log."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from typing import Self, TextIO

__all__ = ["StatusLine"]

_ERASE_LINE: Final = "\r\x1b[K"


class StatusLine(logging.Filter):
    """A line that each state of the run replaces, and each line of the log pushes aside."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal
        self._handlers: list[logging.Handler] = []

    @classmethod
    def of_stderr(cls) -> Self | None:
        """The line of the process's terminal; None if its errors go elsewhere."""
        return cls(sys.stderr) if sys.stderr.isatty() else None

    def show(self, text: str) -> None:
        """Show this in place of what was shown before."""
        if not self._handlers:
            self._handlers = list(logging.getLogger().handlers)
            for handler in self._handlers:
                handler.addFilter(self)
        self._write(text)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._handlers:
            self._write("")
        for handler in self._handlers:
            handler.removeFilter(self)
        self._handlers = []

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        self._write("")
        return True

    def _write(self, text: str) -> None:
        self._terminal.write(f"{_ERASE_LINE}{text}")
        self._terminal.flush()
