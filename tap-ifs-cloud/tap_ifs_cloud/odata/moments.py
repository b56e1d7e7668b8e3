"""Moments and dates as OData writes them: one parser, one printer, compared to the last digit.

Python's own types end at year 1 and year 9999 and hold six digits of a fraction; a database may
hold more of each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Self

from typing_extensions import override

__all__ = ["Moment", "moment"]

# OData ABNF, `dateValue` and `dateTimeOffsetValue`, and besides what people and YAML write: a blank
# for the `T`, an offset without its colon or missing, a date without hyphens.
_WRITTEN: Final = re.compile(
    r"(?P<year>-?\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)"
    r"(?::(?P<second>[0-5]\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
LONGEST_YEAR: Final = 6  # digits: what is longer names no moment of any database

_DAY: Final = 86_400
# The calendar repeats after 400 years of so many days.
_CYCLE: Final = 400
_DAYS: Final = 146_097
_ZERO: Final = date(_CYCLE, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by its wall clock and offset, or a date, which is its first moment.

    `day` counts as `date.toordinal` does, also before year 1 and after 9999.
    """

    day: int
    second: int = 0  # of the day
    fraction: str = ""  # of the second: its digits as they are written
    offset: int | None = None  # minutes; None if none is written, which counts as UTC
    in_minutes: bool = False  # whether no seconds are written

    @classmethod
    def parse(cls, text: str) -> Self:
        """A value of Edm.DateTimeOffset or Edm.Date. Raises ValueError."""
        if compact := _COMPACT.fullmatch(text):
            text = "-".join(compact.groups())
        found = _WRITTEN.fullmatch(text)
        if found is None or len(found["year"].lstrip("-")) > LONGEST_YEAR:
            raise ValueError(f"{text!r} is not a moment")
        hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
        return cls(
            _ordinal(int(found["year"]), int(found["month"]), int(found["day"])),
            hour * 3600 + minute * 60 + second,
            found["fraction"] or "",
            _minutes(found["offset"]),
            in_minutes=found["minute"] is not None and found["second"] is None,
        )

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """The wall clock of a moment, to the second."""
        second = moment.hour * 3600 + moment.minute * 60 + moment.second
        return cls(moment.toordinal(), second)

    @override
    def __str__(self) -> str:
        """As OData writes moments."""
        fraction = f".{self.fraction}" if self.fraction else ""
        offset = "Z"
        if self.offset:
            hours, minutes = divmod(abs(self.offset), 60)
            offset = f"{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"
        clock = self.clock.removesuffix(":00") if self.in_minutes else self.clock
        return f"{self.date}T{clock}{fraction}{offset}"

    @property
    def date(self) -> str:
        """As OData writes dates."""
        year, month, day = self.calendar
        sign = "-" if year < 0 else ""
        return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"

    @property
    def clock(self) -> str:
        """The time of day, without the fraction."""
        return f"{self.second // 3600:02d}:{self.second // 60 % 60:02d}:{self.second % 60:02d}"

    @property
    def calendar(self) -> tuple[int, int, int]:
        """Year, month and day."""
        cycles, days = divmod(self.day - _ZERO, _DAYS)
        found = date.fromordinal(_ZERO + days)
        return found.year + cycles * _CYCLE, found.month, found.day

    @property
    def order(self) -> tuple[int, str]:
        """What moments compare by: seconds, and a fraction without its last zeros."""
        since = self.day * _DAY + self.second - (self.offset or 0) * 60
        return since, self.fraction.rstrip("0")

    @property
    def wall(self) -> tuple[int, int]:
        """What moments compare by where nobody knows their offsets: days and seconds."""
        return self.day, self.second

    def back(self, seconds: int) -> Self:
        """The moment so much earlier, but not before year 1."""
        days, second = divmod(self.second - seconds, _DAY)
        day = self.day + days
        first = min(self.day, 1)
        return replace(self, day=day, second=second) if day >= first else replace(self, day=first)


def moment(text: str) -> tuple[int, str]:
    """A value of Edm.DateTimeOffset in a form that compares as it does. Raises ValueError."""
    return Moment.parse(text).order


def _ordinal(year: int, month: int, day: int) -> int:
    cycles, rest = divmod(year, _CYCLE)
    return date(rest + _CYCLE, month, day).toordinal() + (cycles - 1) * _DAYS


def _minutes(offset: str | None) -> int | None:
    if offset is None:
        return None
    if offset in "Zz":
        return 0
    minutes = int(offset[1:3]) * 60 + int(offset[3:].lstrip(":") or 0)
    return -minutes if offset[0] == "-" else minutes
