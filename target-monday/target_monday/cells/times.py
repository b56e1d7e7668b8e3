"""Dates, periods, times of day, time zones.

monday keeps the time of a date cell in UTC and shows it in the reader's zone
(developer.monday.com/api-reference/reference/date): a moment with an offset is turned into UTC, and
one without, or with the `Z` of a source that does not mean it, is read in the column's `timezone`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, available_timezones

from target_monday.cells.codec import Codec, Json, Setup, member, shown
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["date_codec", "hour", "timeline", "week", "world_clock", "zones"]

_DAY: Final = len("2026-10-30")
_ISO_WEEK: Final = re.compile(r"[0-9]{4}-?W[0-9]{2}")


@cache
def zones() -> frozenset[str]:
    """The names of time zones that this machine knows."""
    return frozenset(available_timezones())


def _moment(value: object, zone: ZoneInfo | None) -> datetime | None:
    """The moment of a date-time, None for a plain date. Raises BadCell."""
    if not isinstance(value, str):
        raise BadCell(f"{shown(value)} is not a date")
    try:
        if len(value) == _DAY:
            date.fromisoformat(value)
            return None
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadCell(f"{shown(value)} is not a date") from error
    if zone is not None and not moment.utcoffset():
        return moment.replace(tzinfo=zone)
    return moment


def _day(value: object) -> date:
    """The day of a date or a date-time, as it is written there. Raises BadCell."""
    moment = _moment(value, None)
    return date.fromisoformat(str(value)) if moment is None else moment.date()


def date_codec(setup: Setup) -> Codec:
    """A date, with a time where the value has one and the mapping does not drop it."""
    options = setup.options
    zone = ZoneInfo(options.timezone) if options.timezone else None

    def canonical(value: object) -> Cell:
        if value == "":
            return None
        if not options.time:
            return _day(value).isoformat()
        moment = _moment(value, zone)
        if moment is None:
            return date.fromisoformat(str(value)).isoformat()
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
        return utc.strftime("%Y-%m-%d %H:%M:%S").rjust(len("2026-10-30 00:00:00"), "0")

    def encode(cell: str) -> Json:
        day, _, clock = cell.partition(" ")
        return {"date": day, "time": clock} if clock else {"date": day}

    def decode(_: str | None, value: Json) -> Cell:
        day, clock = member(value, "date"), member(value, "time")
        return f"{day} {clock}" if day and clock else day or None

    return Codec(canonical, encode, decode)


def _ends(value: object) -> tuple[object, object]:
    """Begin and end of a period: an object, a list of two, or two dates with a "/" between."""
    match value:
        case dict():
            return value.get("from"), value.get("to")
        case [begin, end]:
            return begin, end
        case str() if value.count("/") == 1:
            begin, _, end = value.partition("/")
            return begin, end
        case _:
            return value, value


def timeline(_: Setup) -> Codec:
    """A period of days; where one end is not known it is the day of the other."""

    def canonical(value: object) -> Cell:
        begin, end = _ends(value)
        begin, end = begin or end, end or begin
        if not begin:
            return None
        first, last = _day(begin), _day(end)
        if last < first:
            raise BadCell(f"the period ends on {last} before it begins on {first}")
        return f"{first.isoformat()}/{last.isoformat()}"

    def encode(cell: str) -> Json:
        begin, _, end = cell.partition("/")
        return {"from": begin, "to": end}

    def decode(_: str | None, value: Json) -> Cell:
        begin, end = member(value, "from"), member(value, "to")
        return f"{begin}/{end}" if begin and end else None

    return Codec(canonical, encode, decode)


def hour(_: Setup) -> Codec:
    """A time of day in hours and minutes; seconds fall away."""

    def canonical(value: object) -> Cell:
        if value == "":
            return None
        if not isinstance(value, str):
            raise BadCell(f"{shown(value)} is not a time of day")
        try:
            read = time.fromisoformat(value)
        except ValueError as error:
            raise BadCell(f"{shown(value)} is not a time of day") from error
        return f"{read.hour:02d}:{read.minute:02d}"

    def encode(cell: str) -> Json:
        return {"hour": int(cell[:2]), "minute": int(cell[3:])}

    def decode(_: str | None, value: Json) -> Cell:
        hours, minutes = member(value, "hour"), member(value, "minute")
        if not isinstance(hours, int) or not isinstance(minutes, int):
            return None
        return f"{hours:02d}:{minutes:02d}"

    return Codec(canonical, encode, decode)


def week(setup: Setup) -> Codec:
    """The week that a day is in, as the account's weeks begin; an ISO week by its Thursday."""

    def canonical(value: object) -> Cell:
        if value == "":
            return None
        if isinstance(value, str) and _ISO_WEEK.fullmatch(value):
            day = date.fromisoformat(f"{value}-4" if "-" in value else f"{value}4")
        else:
            day = _day(value)
        begin = day - timedelta(days=(day.weekday() - setup.directory.week_begins) % 7)
        return begin.isoformat()

    def encode(cell: str) -> Json:
        end = date.fromisoformat(cell) + timedelta(days=6)
        return {"week": {"startDate": cell, "endDate": end.isoformat()}}

    def decode(_: str | None, value: Json) -> Cell:
        begin: Any = member(member(value, "week"), "startDate")
        return begin or None

    return Codec(canonical, encode, decode)


def world_clock(_: Setup) -> Codec:
    """A time zone by its IANA name."""

    def canonical(value: object) -> Cell:
        if value == "":
            return None
        if not isinstance(value, str) or value not in zones():
            raise BadCell(f"{shown(value)} is not an IANA time zone such as Europe/London")
        return value

    return Codec(
        canonical,
        lambda cell: {"timezone": cell},
        lambda _, value: member(value, "timezone") or None,
    )
