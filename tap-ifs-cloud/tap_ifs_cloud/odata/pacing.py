"""How fast requests leave, and how long to wait before one is repeated."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tap_ifs_cloud.odata.clock import http_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.progress import Progress

__all__ = ["Pacer", "Patience", "retry_after"]

logger = logging.getLogger(__name__)

MINUTE: Final = 60.0
FAR: Final = 366 * 86_400.0  # seconds; what is beyond cannot be added to a date
STEPS: Final = 20  # minutes from nothing to the full pace
HELD: Final = "the server has asked for a pause"
USED_UP: Final = "the pace (`requests_per_minute`, less after a 429) is used up"
YOUNG: Final = 60  # requests a minute: below that, a first 429 tells little about our own pace


@dataclass(slots=True)
class Pacer:
    """Lets at most `per_minute` requests leave in any 60 seconds, fewer after a 429.

    How many a tenant takes is not documented, so it is found out: a 429 halves the pace, and each
    minute without one gives back a twentieth of `per_minute`. Safe between threads.
    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _left_at: deque[float] = field(default_factory=deque)
    _held_until: float = field(default=0.0)
    _lowered: tuple[int, float] | None = field(default=None)  # to how many a minute, and when
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, progress: Progress | None = None) -> float:
        """Return when the next request may leave: the moment, by the clock.

        Long waits are told to `progress`.
        """
        while True:
            with self._lock:
                now = self.clock()
                pause = self._pause(now)
                if pause <= 0:
                    self._left_at.append(now)
                    return now
                is_held = self._held_until > now
            if progress is not None:
                progress.pauses(pause, HELD if is_held else USED_UP)
            self.sleep(pause)

    def hold(self, seconds: float) -> None:
        """Let no request leave for so long, of whichever thread: the server has asked for it."""
        with self._lock:
            self._held_until = max(self._held_until, self.clock() + seconds)

    def lower(self, left_at: float) -> None:
        """Slow down: the request that left at this moment came back with 429.

        Requests that were under way together are one reason, not many. The pace falls to half of
        what it was, be that set or merely reached; the first time not below one a second, since
        the tap may have just begun, and others are on the tenant too.
        """
        with self._lock:
            now = self.clock()
            if self._lowered is not None and left_at <= self._lowered[1]:
                return
            least = YOUNG if self._lowered is None else 1
            limit = self._limit(now)
            lowered = max(1, min(limit // 2, max(least, self._reached(now) // 2)))
            self._lowered = (lowered, now)
        logger.warning("pace.lowered per_minute=%d", lowered)

    def _pause(self, now: float) -> float:
        self._forget(now)
        limit = self._limit(now)
        crowded = len(self._left_at) >= limit
        until = self._left_at[-limit] + MINUTE if crowded else now
        return max(until, self._held_until) - now

    def _reached(self, now: float) -> int:
        """Requests a minute, of late; of a minute that is not over, what it would come to."""
        self._forget(now)
        since = self._left_at[0] if self._left_at else now
        return int(len(self._left_at) * MINUTE / max(1.0, now - since))

    def _limit(self, now: float) -> int:
        if self._lowered is None:
            return self.per_minute
        lowered, since = self._lowered
        limit = lowered + int((now - since) / MINUTE) * max(1, self.per_minute // STEPS)
        if limit < self.per_minute:
            return limit
        self._lowered = None
        logger.info("pace.restored per_minute=%d", self.per_minute)
        return self.per_minute

    def _forget(self, now: float) -> None:
        while self._left_at and self._left_at[0] + MINUTE <= now:
            self._left_at.popleft()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried and how long the pauses are, in seconds."""

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 300.0  # a `Retry-After` beyond this ends the stream
    jitter: Callable[[float, float], float] = random.uniform

    def wait(self, failures: int, asked: float | None = None) -> float:
        """Seconds after the n-th failure; never less than the server asked for.

        It is believed the first time. One that goes on to ask for no wait is spared nonetheless.
        """
        if asked is None:
            return self.pause(failures)
        return asked if failures == 1 else max(asked, self.pause(failures - 1))

    def pause(self, failures: int) -> float:
        """Seconds after the n-th failure: doubled each time, with jitter so that clients spread."""
        ceiling = min(self.longest, self.first * 2.0 ** (failures - 1))
        return self.jitter(ceiling / 2, ceiling)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for; `None` if it is missing or unreadable.

    Seconds or an HTTP date (RFC 9110, 10.2.3); a negative number or a past date asks for no wait.
    `now` is the server's time, since it is the server's date.
    """
    if header is None:
        return None
    text = header.strip()
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return min(FAR, max(0.0, float(text)))
    until = http_date(text)
    if until is None:
        return None
    return min(FAR, max(0.0, (until - (now or datetime.now(UTC))).total_seconds()))
