"""What an account may use: requests and points a minute, calls a day, requests at once.

Source of limits and headers: developer.monday.com/api-reference/docs/rate-limits. Every told wait
is in real seconds, rounded up, so that a client that obeys it is let in.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ifs_monday_sandbox.monday.errors import MondayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from ifs_monday_sandbox.monday.settings import MondaySettings

__all__ = ["Complexity", "Limits", "RefusedError", "Window"]

WHOLE_CALL = 10  # daily calls are counted in tenths
PART_CALL = 1  # of a refused request, and of one that only asks for the complexity


class RefusedError(MondayError):
    """The request was not executed; `retry_after` are real seconds."""

    def __init__(self, code: str, message: str, *, retry_after: int, **more: Any) -> None:
        self.retry_after = retry_after
        super().__init__(code, message, status_code=429, retry_in_seconds=retry_after, **more)


@dataclass(frozen=True, slots=True)
class Complexity:
    """Points left before and after a request, its price, and real seconds to a full budget."""

    before: int
    query: int
    after: int
    reset_in_x_seconds: int


class Window:
    """An amount that may be used within some seconds, counted from the first use."""

    def __init__(self, limit: int, seconds: float, elapsed: Callable[[], float]) -> None:
        self.limit = limit
        self.seconds = seconds
        self._elapsed = elapsed
        self._used = 0
        self._began: float | None = None

    @property
    def left(self) -> int:
        """What may still be used now."""
        self._renew()
        return max(0, self.limit - self._used)

    def use(self, amount: int) -> None:
        """Take off `amount`; a negative one gives back."""
        self._renew()
        if self._began is None:
            self._began = self._elapsed()
        self._used += amount

    def full_in(self) -> float:
        """Real seconds until everything may be used again; the whole length if unused."""
        self._renew()
        if self._began is None:
            return self.seconds
        return self._began + self.seconds - self._elapsed()

    def told_wait(self) -> int:
        """`full_in` in whole seconds, at least one."""
        return max(1, math.ceil(self.full_in()))

    def _renew(self) -> None:
        if self._began is not None and self._elapsed() - self._began >= self.seconds:
            self._used, self._began = 0, None


class Limits:
    """The budgets of one account and what is left of them."""

    def __init__(
        self,
        settings: MondaySettings,
        elapsed: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._wall = wall
        self._lock = threading.Lock()
        plan = self.plan = settings.limits()
        self.requests = Window(plan.minute_requests, settings.minute_seconds, elapsed)
        self.points = Window(plan.minute_points, settings.minute_seconds, elapsed)
        self.in_flight = 0
        self.used_by_day: dict[date, int] = {}

    def enter(self, *, only_complexity: bool) -> None:
        """Let a request in, or raise RefusedError. `leave` must follow if it was let in."""
        with self._lock:
            try:
                self._check_calls()
            except RefusedError:
                self._count_calls(PART_CALL)
                raise
            self._count_calls(PART_CALL if only_complexity else WHOLE_CALL)
            self.requests.use(1)
            self.in_flight += 1

    def leave(self) -> None:
        """A request that was let in is over."""
        with self._lock:
            self.in_flight -= 1

    def pay(self, points: int) -> Complexity:
        """Take the price of a request off the minute's points, or raise."""
        with self._lock:
            most = self._settings.request_points
            if points > most:
                raise MondayError(
                    "maxComplexityExceeded",
                    f"Query has complexity of {points}, which exceeds the maximum of {most} "
                    f"a request: split it",
                    complexity=points,
                    max_complexity=most,
                )
            before = self.points.left
            if points > before:
                self._count_calls(PART_CALL - WHOLE_CALL)
                raise self._points_exhausted(points, before)
            self.points.use(points)
            return Complexity(before, points, before - points, self.points.told_wait())

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` as structured fields."""
        with self._lock:
            seconds = max(1, math.ceil(self._settings.minute_seconds))
            plan = self.plan
            requests = self.requests.left
            told = "" if requests else f";t={self.requests.told_wait()}"
            at_once = max(0, plan.concurrency - self.in_flight)
            return {
                "RateLimit-Policy": (
                    f'"minuteRate";q={plan.minute_requests};w={seconds}, '
                    f'"concurrency";q={plan.concurrency};qu="concurrent-requests", '
                    f'"complexityMinute";q={plan.minute_points};w={seconds};qu="content-bytes"'
                ),
                "RateLimit": (
                    f'"minuteRate";r={requests}{told}, "concurrency";r={at_once}, '
                    f'"complexityMinute";r={self.points.left};t={self.points.told_wait()}'
                ),
            }

    def calls_by_day(self) -> dict[date, int]:
        """Calls of each UTC day, tenths rounded up."""
        return {day: math.ceil(tenths / WHOLE_CALL) for day, tenths in self.used_by_day.items()}

    def _check_calls(self) -> None:
        if self.in_flight >= self.plan.concurrency:
            raise RefusedError(
                "maxConcurrencyExceeded", "Concurrency limit exceeded", retry_after=1
            )
        if self.requests.left < 1:
            raise RefusedError(
                "RateLimitExceeded",
                "Minute limit rate exceeded",
                retry_after=self.requests.told_wait(),
            )
        used = self.used_by_day.get(self._wall().date(), 0)
        if used + WHOLE_CALL > self.plan.daily_calls * WHOLE_CALL:
            raise RefusedError(
                "DAILY_LIMIT_EXCEEDED",
                f"Daily limit of {self.plan.daily_calls} calls exceeded; it resets at 00:00 UTC",
                retry_after=self._to_midnight(),
            )

    def _points_exhausted(self, points: int, left: int) -> RefusedError:
        wait = self.points.told_wait()
        return RefusedError(
            "COMPLEXITY_BUDGET_EXHAUSTED",
            f"Complexity budget exhausted, query cost {points} budget remaining {left} "
            f"out of {self.points.limit} reset in {wait} seconds",
            retry_after=wait,
            complexity=points,
            complexity_budget_left=left,
            complexity_budget_limit=self.points.limit,
        )

    def _count_calls(self, tenths: int) -> None:
        today = self._wall().date()
        self.used_by_day[today] = self.used_by_day.get(today, 0) + tenths

    def _to_midnight(self) -> int:
        now = self._wall()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return math.ceil((midnight - now).total_seconds())
