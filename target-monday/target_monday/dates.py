"""Dates and times as sources write them: the forms of ISO 8601 that mean one thing only. No I/O.

A date is `2026-06-15`, `20260615` or `2026-W25-1`; a time may follow a `T` or a blank, with an
offset or without. A week without a day, an hour 24 and a leap second are none of them. Fractions of
a second may have any number of digits; those after the sixth are dropped.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

__all__ = ["moment_of", "time_of"]

_DAY: Final = r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-W[0-9]{2}-[1-7])"
_CLOCK: Final = (
    r"(?P<hour>[0-9]{2})(?P<colon>:?)(?P<minute>[0-9]{2})"
    r"(?:(?P=colon)(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
)
_OFFSET: Final = r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)"
_MOMENT: Final = re.compile(f"{_DAY}(?:[Tt ]{_CLOCK}{_OFFSET}?)?")
_TIME: Final = re.compile(_CLOCK)


def moment_of(text: str, zone: tzinfo | None = None) -> date:
    """The date in a text; a datetime where the text has a time. Raises ValueError.

    An offset, `+00:00` too, is what the text says. A time without one, or with a `Z`, is one of
    `zone` where that is given: sources write a `Z` also behind times that are not UTC. Without a
    zone, `Z` is UTC and a time without an offset has none.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("is not a date")
    day = date.fromisoformat(found["day"])
    if found["hour"] is None:
        return day
    return datetime.combine(day, _clock(found), _zone(found, zone))


def time_of(text: str) -> time:
    """The time of day in a text, which has no offset. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("is not a time of day")
    return _clock(found)


def _clock(found: re.Match[str]) -> time:
    microseconds = (found["fraction"] or "")[:6].ljust(6, "0")
    return time(
        int(found["hour"]), int(found["minute"]), int(found["second"] or 0), int(microseconds)
    )


def _zone(found: re.Match[str], zone: tzinfo | None) -> tzinfo | None:
    if found["sign"]:
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        return timezone(-offset if found["sign"] == "-" else offset)
    if zone is not None:
        return zone
    return UTC if found["offset"] else None
