"""The business's own time: it never looks at the machine's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

__all__ = ["FIRST_DAY", "YEAR_BEFORE", "during", "next_business_day", "some_day"]

FIRST_DAY: Final = date(2026, 10, 30)
"""Today, when a business is generated: a Friday."""

YEAR_BEFORE: Final = date(2025, 11, 3)
"""The first day of the year of business that is generated."""

_SATURDAY: Final = 5


def next_business_day(day: date) -> date:
    """The first weekday after `day`."""
    day += timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day


def some_day(rng: Random, first: date = YEAR_BEFORE, last: date = FIRST_DAY) -> date:
    """A weekday from `first` to `last`."""
    day = first + timedelta(days=rng.randrange((last - first).days + 1))
    return day - timedelta(days=max(0, day.weekday() - _SATURDAY + 1))


def during(rng: Random, day: date) -> datetime:
    """A moment of `day`, to the second; one in three falls on a batch job that ran at 06:30:00."""
    batch = rng.randrange(3) == 0
    clock = (
        time(6, 30) if batch else time(7 + rng.randrange(11), rng.randrange(60), rng.randrange(60))
    )
    return datetime.combine(day, clock, tzinfo=UTC)
