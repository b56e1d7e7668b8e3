"""Signals: the request in flight is finished and settled, then the run stops."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from target_monday.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Termination"]


class Termination:
    """Whether the process was asked to end.

    A signal interrupts at once where nothing can be lost (waiting for input or for a budget);
    everywhere else it is only noted, and `check` stops the run at the next safe place.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._interruptible = False

    def request(self, signal: int) -> None:
        """The signal handler's part."""
        self.signal = signal
        if self._interruptible:
            self.check()

    def check(self) -> None:
        """Raise Stopped if the end was asked for."""
        if self.signal is not None:
            raise Stopped(
                f"Signal {self.signal} ended the run; what is settled is kept, "
                "the next run resumes there."
            )

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A place where a signal may interrupt at once."""
        self._interruptible = True
        try:
            self.check()
            yield
        finally:
            self._interruptible = False

    def sleep(self, seconds: float) -> None:
        """Wait, unless the end is asked for."""
        with self.interruptible():
            time.sleep(seconds)
