"""What may be sent when: points and requests of the minute, as monday's answers tell them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.delivery.packing import capacity

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_monday.monday.client import Answer
    from target_monday.monday.limits import Budget as Told
    from target_monday.monday.limits import Cost

__all__ = ["MinuteBudget"]

START_PRICE: Final = 30_001  # points of one mutation, the highest that was ever reported
_WINDOW: Final = 60.0  # seconds


@dataclass(slots=True)
class _Allowance:
    """What is left of one limit until `resets_at` on the clock."""

    left: int | None = None
    resets_at: float = 0.0

    def tell(self, left: int, resets_at: float) -> None:
        self.left, self.resets_at = left, resets_at

    def wait(self, wanted: int, now: float) -> float:
        if self.left is None or wanted <= self.left or now >= self.resets_at:
            return 0.0
        return self.resets_at - now


@dataclass(slots=True)
class MinuteBudget:
    """The budget of one token; `price` is what an operation cost when it was last measured."""

    clock: Callable[[], float] = time.monotonic
    price: int = START_PRICE
    minute_points: int | None = None
    request_points: int | None = None  # that one request may cost, where monday said so
    most_operations: int | None = None  # after a refusal that told no price
    _points: _Allowance = field(default_factory=_Allowance)
    _requests: _Allowance = field(default_factory=_Allowance)

    def capacity(self, max_aliases: int) -> int:
        """Operations that the next request may hold."""
        most = min(max_aliases, self.most_operations or max_aliases)
        told = [each for each in (self.minute_points, self.request_points) if each]
        return capacity(max_aliases=most, price=self.price, minute_points=min(told, default=None))

    def wait(self, operations: int) -> float:
        """Seconds until a request with so many operations may leave (0 for a query)."""
        now = self.clock()
        points = operations * self.price
        return max(self._points.wait(points, now), self._requests.wait(1, now))

    def learn(self, answer: Answer, operations: int = 0) -> None:
        """Take what an answer says. `operations` counts item mutations in it, for their price."""
        now = self.clock()
        limits, cost = answer.limits, answer.complexity
        self.minute_points = limits.points.size or self.minute_points
        if cost is not None:
            self._points.tell(cost.after, now + cost.reset_in_x_seconds)
            if operations and cost.query > 0 and not answer.replayed:
                self.price = -(-cost.query // operations)
        elif limits.points.left is not None:
            self._tell(self._points, limits.points, now)
        if limits.requests.left is not None:
            self._tell(self._requests, limits.requests, now)

    def learn_refusal(self, cost: Cost, operations: int) -> None:
        """Take the numbers of a refusal: price, budget of a minute, what a request may cost."""
        self.minute_points = cost.minute or self.minute_points
        self.request_points = cost.most or self.request_points
        if operations and cost.points is not None:
            self.price = -(-cost.points // operations)

    def learn_too_large(self, operations: int) -> None:
        """So many were too many; where no number says how many would do, take half of them."""
        if self.capacity(operations) >= operations:
            self.most_operations = max(1, operations // 2)

    def _tell(self, allowance: _Allowance, told: Told, now: float) -> None:
        wait = _WINDOW if told.resets_in is None else told.resets_in
        allowance.tell(told.left or 0, now + wait)
