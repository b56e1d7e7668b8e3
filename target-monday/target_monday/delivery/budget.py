"""What may be sent when: points and requests of a minute, calls of a day, as monday tells them.

One budget serves all boards of a run, and the ledger remembers it for the next one.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.monday.limits import MOST_TOLD, POINTS_PER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.monday.answers import Answer
    from target_monday.monday.limits import Budget as Told
    from target_monday.monday.limits import Cost

__all__ = ["START_PRICE", "Budget", "least_seconds"]

START_PRICE: Final = 30_001  # points of one mutation, the highest that was ever reported
_MINUTE_POINTS: Final = 10_000_000  # of a paid plan's personal token
_LOST: Final = 0.075  # of a run's points: as many may be left unused for the sake of full requests
_LOST_FIRST: Final = 0.3  # of a minute's: the same, however short the run
_WINDOW: Final = 60.0  # seconds


def least_seconds(*, points: int, requests: int, minute_points: int, minute_requests: int) -> float:
    """The least time in which requests that cost so many points can be sent, by whomever.

    A window of points, or of requests, lasts 60 seconds from its first use, and the next one
    begins whole. So the last of `w` windows begins after 60 x (w - 1) seconds, with w = the larger
    of points / (points a minute) and requests / (requests a minute), rounded up.
    """
    windows = max(points / minute_points, requests / minute_requests, 1)
    return _WINDOW * (math.ceil(windows) - 1)


@dataclass(slots=True)
class _Allowance:
    """What is left of one limit until `resets_at` on the clock."""

    left: int | None = None
    resets_at: float = 0.0

    def tell(self, left: int, resets_at: float) -> None:
        self.left, self.resets_at = left, resets_at

    def left_at(self, now: float) -> int | None:
        """What is left; None if nothing is known, or the limit is whole again."""
        return None if now >= self.resets_at else self.left

    def wait(self, wanted: int, now: float) -> float:
        left = self.left_at(now)
        return 0.0 if left is None or wanted <= left else self.resets_at - now


@dataclass(slots=True)
class Budget:
    """The budget of one account. Operations are priced by their kind, as last measured."""

    clock: Callable[[], float] = time.monotonic
    prices: dict[str, int] = field(default_factory=dict)
    minute_points: int | None = None
    request_points: int | None = None  # that one request may cost, where monday said so
    daily_calls: int | None = None
    most_operations: int | None = None  # after a refusal that told no price
    _points: _Allowance = field(default_factory=_Allowance)
    _requests: _Allowance = field(default_factory=_Allowance)
    _packed: int = 0  # points of this run's requests
    _lost: int = 0  # points of minutes that ended with some left

    def price(self, kinds: Sequence[str]) -> int:
        """Points of a request with operations of these kinds."""
        return sum(self._price(kind) * many for kind, many in Counter(kinds).items())

    def _price(self, kind: str) -> int:
        """Of one operation; one that was never measured costs no more than the dearest that was."""
        return self.prices.get(kind) or max(self.prices.values(), default=START_PRICE)

    @property
    def points_left(self) -> int:
        """Points that may be used now."""
        left = self._points.left_at(self.clock())
        return (self.minute_points or _MINUTE_POINTS) if left is None else left

    @property
    def ceiling(self) -> int:
        """Points that one request may cost."""
        told = [each for each in (self.minute_points, self.request_points) if each]
        return min([POINTS_PER_REQUEST, *told])

    def capacity(self, kinds: Sequence[str], max_aliases: int) -> int:
        """How many of these operations, in order, one full request takes; at least one."""
        return self._affordable(kinds[: self._most(max_aliases)], self.ceiling)

    def pack(self, kinds: Sequence[str], max_aliases: int) -> int:
        """How many of these operations, in order, the next request is to take.

        A request is filled up and waits for its points, calls being the scarcest good. But the
        points that a minute has left are lost then, and with them time: of a few minutes, and of a
        small share of a long load. Beyond that what is left makes a smaller request.
        """
        most = self.capacity(kinds, max_aliases)
        left = self._points.left_at(self.clock())
        if left is not None and self.price(kinds[:most]) > left:
            part = self._affordable(kinds[:most], left)
            lost, minute = self._lost + left, self.minute_points or _MINUTE_POINTS
            fits = self.price(kinds[:part]) <= left
            if fits and lost > _LOST * self._packed + _LOST_FIRST * minute:
                most = part
            else:
                self._lost = lost
        self._packed += self.price(kinds[:most])
        return most

    def _most(self, max_aliases: int) -> int:
        return min(max_aliases, self.most_operations or max_aliases)

    def _affordable(self, kinds: Sequence[str], points: int) -> int:
        total = 0
        for at, kind in enumerate(kinds):
            total += self._price(kind)
            if total > points:
                return max(1, at)
        return max(1, len(kinds))

    def wait(self, kinds: Sequence[str] = ()) -> float:
        """Seconds until a request with these operations may leave (none for a query)."""
        now = self.clock()
        points = min(self.price(kinds), self.minute_points or POINTS_PER_REQUEST)
        return max(self._points.wait(points, now), self._requests.wait(1, now))

    def learn(self, answer: Answer, kinds: Sequence[str] = ()) -> None:
        """Take what an answer says. `kinds` are the item mutations in it, for their prices."""
        now = self.clock()
        limits, cost = answer.limits, answer.complexity
        self.minute_points = limits.points.size or self.minute_points
        if cost is not None:
            if limits.points.size is None:  # a minute has at least what this request found
                self.minute_points = max(self.minute_points or 0, cost.before)
            self._points.tell(cost.after, now + cost.reset_in_x_seconds)
            if cost.query > 0 and not answer.replayed:
                self._learn_price(cost.query, kinds)
        elif limits.points.left is not None:
            self._tell(self._points, limits.points, now)
        if limits.requests.left is not None:
            self._tell(self._requests, limits.requests, now)
        self.daily_calls = _daily_calls(answer.data) or self.daily_calls

    def learn_refusal(self, cost: Cost, kinds: Sequence[str]) -> None:
        """Take the numbers of a refusal: price, budget of a minute, what a request may cost."""
        self.minute_points = cost.minute or self.minute_points
        self.request_points = cost.most or self.request_points
        if cost.points is not None:
            self._learn_price(cost.points, kinds)

    def _learn_price(self, points: int, kinds: Sequence[str]) -> None:
        """Of a mixed request each kind's price moves by the same factor."""
        if not kinds:
            return
        expected = self.price(kinds)
        self.prices |= {kind: -(-self._price(kind) * points // expected) for kind in set(kinds)}

    def learn_too_large(self, kinds: Sequence[str]) -> None:
        """So many were too many; where no number says how many would do, take half of them."""
        if self.capacity(kinds, len(kinds)) >= len(kinds):
            self.most_operations = max(1, len(kinds) // 2)

    def _tell(self, allowance: _Allowance, told: Told, now: float) -> None:
        wait = _WINDOW if told.resets_in is None else told.resets_in
        allowance.tell(told.left or 0, now + wait)

    def numbers(self, wall: float) -> dict[str, float]:
        """What the ledger remembers; `wall` is the time of day in seconds since 1970."""
        told = {
            "minute_points": self.minute_points,
            "request_points": self.request_points,
            "daily_calls": self.daily_calls,
            "points_left": self._points.left,
            **{f"price {kind}": price for kind, price in self.prices.items()},
        }
        known = {name: float(number) for name, number in told.items() if number is not None}
        return {**known, "points_reset": wall + self._points.resets_at - self.clock()}

    def recall(self, numbers: Mapping[str, float], wall: float) -> None:
        """Take up what an earlier run learned."""
        told = {name: int(number) for name, number in numbers.items()}
        self.minute_points = told.get("minute_points")
        self.request_points = told.get("request_points")
        self.daily_calls = told.get("daily_calls")
        prices = (name for name in told if name.startswith("price "))
        self.prices = {name.removeprefix("price "): told[name] for name in prices}
        left, reset = told.get("points_left"), numbers.get("points_reset", 0.0)
        if left is not None and reset - wall <= _WINDOW:
            self._points.tell(left, self.clock() + reset - wall)


def _daily_calls(data: Mapping[str, object]) -> int | None:
    """The day's limit, where an answer tells it."""
    platform = data.get("platform_api")
    limit = platform.get("daily_limit") if isinstance(platform, dict) else None
    total = (limit.get("total") or limit.get("base")) if isinstance(limit, dict) else None
    return total if type(total) is int and 0 < total <= MOST_TOLD else None
