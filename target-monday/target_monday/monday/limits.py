"""What monday says about its own limits: headers and waits, in any of their forms.

Source: developer.monday.com/api-reference/docs/rate-limits. The headers are structured fields
(RFC 9651) as in the IETF draft on rate limit headers: `"minuteRate";r=4999;t=45`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "POINTS_PER_REQUEST",
    "Budget",
    "Cost",
    "Limits",
    "asked_wait",
    "parse_limits",
    "refused_cost",
    "retry_after",
]

POINTS_PER_REQUEST: Final = 5_000_000

_POLICY = re.compile(r'"([^"]+)"((?:\s*;\s*[a-z]+=(?:"[^"]*"|[-\d.]+))*)')
_PARAMETER = re.compile(r';\s*([a-z]+)=(?:"([^"]*)"|([-\d.]+))')
_RESET = re.compile(r"reset in (\d+) second")
_COST = re.compile(r"(?:query cost|complexity of) ([\d,]+)")
_MINUTE = re.compile(r"out of ([\d,]+)")
_MOST = re.compile(r"maximum of ([\d,]+)")


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of one limit; None where monday does not say."""

    left: int | None = None
    resets_in: float | None = None  # seconds
    size: int | None = None  # of a whole window


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits as one answer told them."""

    requests: Budget = Budget()
    concurrency: Budget = Budget()
    points: Budget = Budget()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a refused request would have cost, in points; None where monday does not say."""

    points: int | None = None
    minute: int | None = None  # the budget of a whole minute
    most: int | None = None  # that one request may cost

    @property
    def never_fits(self) -> bool:
        """Whether no wait helps: it is more than a request, or a whole minute, may cost."""
        ceiling = min(each for each in (POINTS_PER_REQUEST, self.minute, self.most) if each)
        return self.points is not None and self.points > ceiling


def refused_cost(message: str, extensions: Mapping[str, Any]) -> Cost:
    """The numbers of a complexity refusal, from its extensions, else from its words."""
    return Cost(
        _told(extensions.get("complexity"), _COST, message),
        _told(extensions.get("complexity_budget_limit"), _MINUTE, message),
        _told(extensions.get("max_complexity"), _MOST, message),
    )


def _told(number: Any, words: re.Pattern[str], message: str) -> int | None:
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return number
    found = words.search(message)
    return int(found[1].replace(",", "")) or None if found else None


def parse_limits(headers: Mapping[str, str]) -> Limits:
    """The limits of an answer's `RateLimit` and `RateLimit-Policy` headers."""
    left = _policies(headers.get("RateLimit", ""))
    sizes = _policies(headers.get("RateLimit-Policy", ""))

    def budget(name: str) -> Budget:
        now, size = left.get(name, {}), sizes.get(name, {})
        return Budget(_whole(now.get("r")), now.get("t"), _whole(size.get("q")))

    return Limits(budget("minuteRate"), budget("concurrency"), budget("complexityMinute"))


def _policies(header: str) -> dict[str, dict[str, float]]:
    return {
        name: {key: float(number) for key, _, number in _PARAMETER.findall(parameters) if number}
        for name, parameters in _POLICY.findall(header)
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header: a number or an HTTP date. None if absent or unreadable."""
    if not header:
        return None
    try:
        return max(0.0, _finite(float(header)))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError(seconds)
    return seconds


def asked_wait(message: str, extensions: Mapping[str, Any]) -> float | None:
    """Seconds that an error asks for: `retry_in_seconds`, `retryAfterMs`, or words in its text."""
    seconds = extensions.get("retry_in_seconds")
    if isinstance(seconds, int | float):
        return max(0.0, float(seconds))
    milliseconds = extensions.get("retryAfterMs")
    if isinstance(milliseconds, int | float):
        return max(0.0, milliseconds / 1000)
    found = _RESET.search(message)
    return float(found[1]) if found else None
