"""How far a run is, told in time: what it waits for, and now and then what came.

Waits whose length is known are told when they begin. Answers are not: whoever waits for one says
so here, and a watching thread tells of it once it lasts. It lives as long as there is something to
watch.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from tap_ifs_cloud.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LONG", "Progress"]

logger = logging.getLogger(__name__)

LONG: Final = 5.0  # seconds: a wait that is longer is told
EVERY: Final = 30.0  # seconds between two lines on the same
_LOOK: Final = 1.0  # seconds between two looks
_BAR: Final = 20  # characters


@dataclass(slots=True)
class _Wait:
    """An answer that has not come yet."""

    url: str
    longest: float  # seconds
    began: float
    told: float | None = None  # when it was told last


@dataclass(slots=True)
class Progress:
    """What is read and waited for. Safe between threads."""

    clock: Callable[[], float] = time.monotonic
    is_watched: bool = True  # by a thread; otherwise somebody calls `look`
    status_line: StatusLine | None = field(default_factory=StatusLine.of_stderr, repr=False)
    requests: int = 0
    _stream: str = ""
    _rows: int = 0
    _of: int | None = None  # rows that the server counted
    _began: float = 0.0
    _told: float = 0.0
    _waits: dict[int, _Wait] = field(default_factory=dict, repr=False)
    _watcher: threading.Thread | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def reading(self, stream: str) -> Iterator[None]:
        """Around the reading of a stream."""
        with self._lock:
            self._stream, self._rows, self._of = stream, 0, None
            self._began = self._told = self.clock()
        self._watch()
        try:
            yield
        finally:
            self._stream = ""
            if self.status_line is not None:
                self.status_line.close()

    def came(self, rows: int) -> None:
        """Rows of the stream have come."""
        self._rows += rows

    def counted(self, rows: int) -> None:
        """So many rows are about to come."""
        if self._of is None or self._rows >= self._of:
            self._of = self._rows + rows

    @contextmanager
    def waiting(self, url: str, longest: float) -> Iterator[None]:
        """Around the wait for an answer, which takes `longest` seconds at most."""
        wait = _Wait(url, longest, self.clock())
        with self._lock:
            self.requests += 1
            self._waits[id(wait)] = wait
        self._watch()
        try:
            yield
        finally:
            with self._lock:
                del self._waits[id(wait)]

    def pauses(self, seconds: float, reason: str) -> None:
        """A pause begins; a long one is told."""
        if seconds > LONG:
            logger.info("rate_limit.waiting seconds=%.0f reason=%r %s", seconds, reason, str(self))

    @override
    def __str__(self) -> str:
        """As it stands in a line of the log."""
        stream, of = self._stream, self._of
        if not stream:
            return f"requests={self.requests}"
        rows = f"rows={self._rows}" + (f" of={of}" if of is not None else "")
        return f"stream={stream} {rows} requests={self.requests}"

    def look(self) -> None:
        """Tell what is due by now."""
        with self._lock:
            now = self.clock()
            due = [wait for wait in self._waits.values() if _is_due(wait, now)]
            is_reading = bool(self._stream)
            is_due = is_reading and self.status_line is None and now - self._told >= EVERY
            for wait in due:
                wait.told = now
            if is_due:
                self._told = now
            seconds = now - self._began
        for wait in due:
            logger.info(
                "http.waiting seconds=%.0f timeout_seconds=%.0f url=%s %s",
                now - wait.began,
                wait.longest,
                wait.url,
                str(self),
            )
        if is_due:
            logger.info("stream.progress %s seconds=%.0f", str(self), seconds)
        elif is_reading and self.status_line is not None:
            self.status_line.show(f"{self._bar()}{self} seconds={seconds:.0f}")

    def _bar(self) -> str:
        """The share of the rows that came, as a bar; nothing where the server gave no count."""
        if not self._of:
            return ""
        filled = min(_BAR, _BAR * self._rows // self._of)
        return f"[{'#' * filled}{'-' * (_BAR - filled)}] "

    def _watch(self) -> None:
        if self._watcher is not None or not self.is_watched:
            return
        with self._lock:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._look_on, daemon=True)
                self._watcher.start()

    def _look_on(self) -> None:
        while True:
            time.sleep(_LOOK)
            with self._lock:
                if not self._waits and not self._stream:
                    self._watcher = None
                    return
            self.look()


def _is_due(wait: _Wait, now: float) -> bool:
    if wait.told is None:
        return now - wait.began > LONG
    return now - wait.told >= EVERY
