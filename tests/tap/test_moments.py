"""Moments: whatever is read is written as OData has it, and compares as time does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.moments import Moment, moment
from tap_ifs_cloud.replication import NEVER, Stamp

# OData ABNF: dateTimeOffsetValue.
LEGAL = re.compile(
    r"-?(0\d{3}|[1-9]\d{3,})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)"
)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda n: timezone(timedelta(minutes=n)))
MOMENTS = st.datetimes(timezones=OFFSETS)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("2026-01-01T00:02Z", "2026-01-01T00:02Z"),
        ("2026-03-01T02:00:00+0200", "2026-03-01T02:00:00+02:00"),
        ("2026-03-01T02:00:00-05", "2026-03-01T02:00:00-05:00"),
        ("2026-03-01 02:00:00+02:00", "2026-03-01T02:00:00+02:00"),
        ("2026-03-01t02:00z", "2026-03-01T02:00Z"),
        ("2026-03-01T02:00:00-00:00", "2026-03-01T02:00:00Z"),
        ("2026-03-01T02:00:00.1234567890", "2026-03-01T02:00:00.1234567890Z"),
        ("20260301", "2026-03-01T00:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("-4712-01-01", "-4712-01-01T00:00:00Z"),
        ("10000-02-29T23:59:59.5+14:00", "10000-02-29T23:59:59.5+14:00"),
        ("0000-12-31", "0000-12-31T00:00:00Z"),
    ],
)
def test_a_moment_is_printed_as_odata_has_it(written: str, printed: str) -> None:
    """With all digits, and the offset that it has."""
    assert str(Moment.parse(written)) == printed
    assert LEGAL.fullmatch(printed)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026", "2026-3-1", "2026-13-01", "2026-02-30", "2026-W09-1", "2026-060"),
        *("2026-03-01T", "2026-03-01T2:00", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z"),
        *("2026-03-01T02:00:00,5Z", "2026-03-01T02:00:00+24:00", "2026-03-01T02:00:00 Z"),
        *("20260301T020000Z", "2026-03-01T02Z", "2026-03-01Z", "2026-03-01\n", "٢٠٢٦-03-01"),
        *("2026-03-01 or 1 eq 1", "1" * 5000 + "-01-01", "now()"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Also what Python would take for one."""
    with pytest.raises(ValueError, match=r"moment|range|month"):
        Moment.parse(text)


@given(MOMENTS)
def test_every_moment_of_python_is_read_and_printed(at: datetime) -> None:
    """And means the same."""
    printed = str(Moment.parse(at.isoformat()))

    assert LEGAL.fullmatch(printed)
    assert datetime.fromisoformat(printed) == at


@given(MOMENTS, MOMENTS)
def test_moments_compare_as_time_does(one: datetime, other: datetime) -> None:
    """Whatever offsets they have."""
    assert (moment(one.isoformat()) < moment(other.isoformat())) == (one < other)


@given(st.integers(-6_000_000, 6_000_000), st.integers(0, 86_399), st.integers(0, 10**9))
def test_a_moment_is_moved_back_exactly(day: int, second: int, seconds: int) -> None:
    """By seconds, over years of any sign, but never before the first of all years."""
    made = Moment(day, second, "5")

    moved = made.back(seconds)

    assert Moment.parse(str(moved)).order == moved.order <= made.order
    if moved.day > 1:
        assert made.order[0] - moved.order[0] == seconds


@given(MOMENTS.filter(lambda at: at.year < NEVER))
def test_a_row_version_is_printed_in_its_digits(at: datetime) -> None:
    """YYYYMMDDHH24MISS: a start date keeps its wall clock."""
    start = Stamp("Objversion", "Edm.String").start(at.isoformat())

    assert start == f"{at.year:04d}{at:%m%d%H%M%S}"
