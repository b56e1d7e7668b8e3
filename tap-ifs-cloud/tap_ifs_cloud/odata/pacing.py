"""How fast requests leave, and how long to wait before one is repeated."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer", "Patience", "retry_after"]

MINUTE = 60.0


@dataclass(slots=True)
class Pacer:
    """Lets at most `per_minute` requests leave in any 60 seconds. Safe between threads."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _left_at: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Return when the next request may leave."""
        with self._lock:
            if len(self._left_at) >= self.per_minute:
                pause = self._left_at.popleft() + MINUTE - self.clock()
                if pause > 0:
                    self.sleep(pause)
            self._left_at.append(self.clock())


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried and how long the pauses are, in seconds."""

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 300.0  # a `Retry-After` beyond this ends the stream
    jitter: Callable[[float, float], float] = random.uniform

    def pause(self, failures: int) -> float:
        """Seconds after the n-th failure: doubled each time, with jitter so that clients spread."""
        ceiling = min(self.longest, self.first * 2.0 ** (failures - 1))
        return self.jitter(ceiling / 2, ceiling)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for; `None` if it is missing or unreadable.

    Seconds or an HTTP date (RFC 9110, 10.2.3); a negative number or a past date asks for no wait.
    """
    if header is None:
        return None
    text = header.strip()
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return max(0.0, float(text))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
