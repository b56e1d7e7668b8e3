"""Dates, periods, times of day, time zones.

monday keeps the time of a date cell in UTC and shows it in the reader's zone
(developer.monday.com/api-reference/reference/date): a moment with an offset is turned into UTC, and
one without, or with the `Z` of a source that does not mean it, is read in the column's `timezone`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from target_monday.cells.codec import Codec, Json, Setup, member, text_member
from target_monday.dates import moment_of, time_of
from target_monday.quoting import quoted
from target_monday.rejects import BadCell
from target_monday.templates import is_empty

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["date_codec", "hour", "timeline", "week", "world_clock", "zones"]

_ISO_WEEK: Final = re.compile(r"([0-9]{4})-?(W[0-9]{2})")


@cache
def zones() -> frozenset[str]:
    """The names of time zones that this machine knows."""
    return frozenset(available_timezones())


def _moment(value: object, zone: ZoneInfo | None = None) -> date:
    """As `moment_of`, of any value. Raises BadCell."""
    try:
        if isinstance(value, str):
            return moment_of(value, zone)
    except ValueError as error:
        raise BadCell(f"{quoted(value)} is not a date") from error
    raise BadCell(f"{quoted(value)} is not a date")


def _day(value: object) -> date:
    """The day of a date or a date-time, as it is written there. Raises BadCell."""
    moment = _moment(value)
    return moment.date() if isinstance(moment, datetime) else moment


def date_codec(setup: Setup) -> Codec:
    """A date, with a time where the value has one and the mapping does not drop it."""
    options = setup.options
    zone = ZoneInfo(options.timezone) if options.timezone else None

    def canonical(value: object) -> Cell:
        if not options.time:
            return _day(value).isoformat()
        moment = _moment(value, zone)
        if not isinstance(moment, datetime):
            return moment.isoformat()
        try:
            utc = moment.astimezone(UTC) if moment.tzinfo else moment
        except OverflowError as error:
            raise BadCell(f"{quoted(value)} is not within the years 1 to 9999 in UTC") from error
        return utc.replace(tzinfo=None).isoformat(" ", "seconds")

    def encode(cell: str) -> Json:
        day, _, clock = cell.partition(" ")
        return {"date": day, "time": clock} if clock else {"date": day}

    def decode(_: str | None, value: Json) -> Cell:
        day, clock = text_member(value, "date"), text_member(value, "time")
        return f"{day} {clock}" if day and clock else day

    return Codec(canonical, encode, decode)


def _ends(value: object) -> tuple[object, object]:
    """Begin and end of a period: an object, a list of two, or two dates with a "/" between."""
    match value:
        case {"from": begin, "to": end} | [begin, end]:
            return begin, end
        case {"from": only} | {"to": only}:
            return only, None
        case str() if value.count("/") == 1:
            begin, _, end = value.partition("/")
            return begin, end
        case _:
            return value, value


def timeline(_: Setup) -> Codec:
    """A period of days; where one end is not known it is the day of the other."""

    def canonical(value: object) -> Cell:
        begin, end = _ends(value)
        known = [_day(each) for each in (begin, end) if not is_empty(each)]
        if not known:
            return None
        first, last = known[0], known[-1]
        if last < first:
            raise BadCell(f"the period ends on {last} before it begins on {first}")
        return f"{first.isoformat()}/{last.isoformat()}"

    def encode(cell: str) -> Json:
        begin, _, end = cell.partition("/")
        return {"from": begin, "to": end}

    def decode(_: str | None, value: Json) -> Cell:
        begin, end = text_member(value, "from"), text_member(value, "to")
        return f"{begin}/{end}" if begin and end else None

    return Codec(canonical, encode, decode)


def hour(_: Setup) -> Codec:
    """A time of day in hours and minutes; seconds fall away."""

    def canonical(value: object) -> Cell:
        try:
            read = time_of(value) if isinstance(value, str) else None
        except ValueError:
            read = None
        if read is None:
            raise BadCell(f"{quoted(value)} is not a time of day such as 16:42")
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
        found = _ISO_WEEK.fullmatch(value) if isinstance(value, str) else None
        day = _day(f"{found[1]}-{found[2]}-4" if found else value)
        try:
            begin = day - timedelta(days=(day.weekday() - setup.directory.week_begins) % 7)
            _last_day(begin)
        except OverflowError as error:
            raise BadCell(
                f"the week of {quoted(value)} is not within the years 1 to 9999"
            ) from error
        return begin.isoformat()

    def encode(cell: str) -> Json:
        end = _last_day(date.fromisoformat(cell))
        return {"week": {"startDate": cell, "endDate": end.isoformat()}}

    def decode(_: str | None, value: Json) -> Cell:
        return text_member(member(value, "week"), "startDate")

    return Codec(canonical, encode, decode)


def _last_day(begin: date) -> date:
    return begin + timedelta(days=6)


def world_clock(_: Setup) -> Codec:
    """A time zone by its IANA name."""

    def canonical(value: object) -> Cell:
        if not isinstance(value, str) or value not in zones():
            raise BadCell(f"{quoted(value)} is not an IANA time zone such as Europe/London")
        return value

    return Codec(
        canonical,
        lambda cell: {"timezone": cell},
        lambda _, value: text_member(value, "timezone"),
    )
