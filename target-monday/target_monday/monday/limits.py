"""What monday says about its own limits: headers and waits, in any of their forms.

Source: developer.monday.com/api-reference/docs/rate-limits. The headers are structured fields
(RFC 9651) as in the IETF draft on rate limit headers: `"minuteRate";r=4999;t=45`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MOST_TOLD",
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
_RESET = re.compile(r"reset in ([0-9]+) second")
_COST = re.compile(r"(?:query cost|complexity of) ([0-9,]{1,20})")
_MINUTE = re.compile(r"out of ([0-9,]{1,20})")
_MOST = re.compile(r"maximum of ([0-9,]{1,20})")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
MOST_TOLD: Final = 1 << 53  # a greater number is none of a limit
_LONGEST: Final = 366 * 86_400.0  # seconds; whoever asks for more waits for ever


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
    if type(number) is int and 0 < number <= MOST_TOLD:
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
        name: {
            key: told
            for key, _, number in _PARAMETER.findall(parameters)
            if (told := _number(number)) is not None
        }
        for name, parameters in _POLICY.findall(header)
    }


def _number(digits: str) -> float | None:
    """The number, if it is one that a limit may have."""
    try:
        number = float(digits)
    except ValueError:
        return None
    return number if abs(number) <= MOST_TOLD else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header: a number or an HTTP date. None if absent or unreadable."""
    if not header:
        return None
    if _SECONDS.fullmatch(header.strip()):
        return min(float(header), _LONGEST)
    try:
        moment = parsedate_to_datetime(header)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(0.0, (aware - now).total_seconds()), _LONGEST)
    except (ValueError, TypeError, OverflowError):
        return None


def asked_wait(message: str, extensions: Mapping[str, Any]) -> float | None:
    """Seconds that an error asks for: `retry_in_seconds`, `retryAfterMs`, or words in its text."""
    for name, unit in (("retry_in_seconds", 1), ("retryAfterMs", 1000)):
        told = _told_wait(extensions.get(name), unit)
        if told is not None:
            return told
    found = _RESET.search(message)
    return _told_wait(found[1], 1) if found else None


def _told_wait(told: Any, unit: int) -> float | None:
    """Seconds from a number of such units, or from its digits; None if it is no number."""
    if isinstance(told, str):
        told = float(told) if _SECONDS.fullmatch(told.strip()) else None
    if isinstance(told, bool) or not isinstance(told, int | float | Decimal):
        return None
    return float(min(max(told, 0), _LONGEST * unit)) / unit
