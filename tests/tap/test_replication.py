"""Which column is a modification stamp, and how bookmarks are read and moved back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import BookmarkInvalid, ReplicationKeyInvalid
from tap_ifs_cloud.odata.metadata import Property
from tap_ifs_cloud.replication import Stamp, modification_stamp

MOMENT = "Edm.DateTimeOffset"


@pytest.mark.parametrize(
    "name",
    [
        "Objversion",
        "Rowversion",
        "LastModified",
        "Last_Modified_Date",
        "DateModified",
        "ModifiedDate",
        "LastUpdated",
        "LastChanged",
        "ChangedDate",
        "Cf_Last_Modified",
        "CF_MODIFIED_AT",
        "ModifiedOn",
    ],
)
def test_modification_stamps_are_found(name: str) -> None:
    """By name, with or without the prefix of custom fields."""
    assert modification_stamp({name: Property(name, MOMENT)}) == name


@pytest.mark.parametrize(
    "name",
    [
        "DateEntered",
        "CreationDate",
        "OrderDate",
        "VoucherDate",
        "ValidFrom",
        "EntryDate",
        "WantedDeliveryDate",
        "LastActivityDate",
        "Change",
        "ModifiedBy",
        "TimeStamp",
    ],
)
def test_other_dates_are_never_taken(name: str) -> None:
    """A creation or document date does not move when the row changes."""
    assert modification_stamp({name: Property(name, MOMENT)}) is None


def test_a_stamp_by_name_only_is_not_taken() -> None:
    """Text, flags and days called `Last_Modified` cannot be compared to the second."""
    properties = {"Last_Modified": Property("Last_Modified", "Edm.String")}

    assert modification_stamp(properties) is None


@pytest.mark.parametrize(
    ("type_name", "value", "seconds", "moved"),
    [
        (MOMENT, "2026-10-30T00:30:00Z", 3600, "2026-10-29T23:30:00Z"),
        (MOMENT, "2026-10-30T01:00:00.123456789+02:00", 1, "2026-10-30T00:59:59.123456789+02:00"),
        (MOMENT, "2026-10-30T01:00:00", 0, "2026-10-30T01:00:00Z"),
        (MOMENT, "2026-10-30T01:00Z", 60, "2026-10-30T00:59Z"),
        (MOMENT, "2026-10-30", 1, "2026-10-29T23:59:59Z"),
        ("Edm.Date", "2026-03-01", 3600, "2026-02-28"),
        ("Edm.Date", "2026-03-01", 0, "2026-03-01"),
        ("Edm.Decimal", "17", 3600, "17"),
    ],
)
def test_a_bookmark_is_moved_back_in_its_own_form(
    type_name: str, value: str, seconds: int, moved: str
) -> None:
    """Zone and fraction stay as the server writes them."""
    assert Stamp("S", type_name).back(value, seconds) == moved


@pytest.mark.parametrize("type_name", [MOMENT, "Edm.Date", "Edm.Decimal"])
@pytest.mark.parametrize(
    "value", ["", "soon", "2026-13-45", "NaN", "2026-01-01T25:00Z", "1e9999999"]
)
def test_a_malformed_bookmark_is_refused(type_name: str, value: str) -> None:
    """It ends the stream with the value and the way out, never with no rows."""
    with pytest.raises(BookmarkInvalid, match=r"^BOOKMARK_INVALID: "):
        Stamp("S", type_name).back(value, 10)


@pytest.mark.parametrize(
    ("type_name", "given", "start"),
    [
        (MOMENT, "2026-01-01", "2026-01-01T00:00:00Z"),
        (MOMENT, "2026-01-01T12:00:00+01:00", "2026-01-01T12:00:00+01:00"),
        (MOMENT, "2026-01-01T12:00:00", "2026-01-01T12:00:00Z"),
        (MOMENT, "2026-03-01T02:00:00+0200", "2026-03-01T02:00:00+02:00"),
        (MOMENT, "20260301", "2026-03-01T00:00:00Z"),
        ("Edm.Date", "2026-01-01T12:00:00Z", "2026-01-01"),
        ("Edm.Date", "20260101", "2026-01-01"),
        ("Edm.String", "2026-01-01T12:30:00.5+01:00", "20260101123000"),
    ],
)
def test_a_start_date_takes_the_columns_form(type_name: str, given: str, start: str) -> None:
    """A day or a moment can be given for both."""
    assert Stamp("S", type_name).start(given) == start


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0000001Z"),
        ("2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.1234568Z"),
        ("2026-01-01T01:00:00.9999999+01:00", "2026-01-01T00:00:00.99999991Z"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00.1Z"),
    ],
)
def test_bookmarks_are_compared_to_their_last_digit(earlier: str, later: str) -> None:
    """Services write more digits of a fraction than a Python moment holds."""
    stamp = Stamp("S", MOMENT)

    assert stamp.order(earlier) < stamp.order(later)
    assert not stamp.order(later) < stamp.order(earlier)


def test_a_column_that_cannot_be_compared_is_refused() -> None:
    """Text is ordered by the database's rules, which nobody knows."""
    properties = {"Name": Property("Name", "Edm.String"), "Day": Property("Day", "Edm.Date")}

    with pytest.raises(ReplicationKeyInvalid, match=r"Name is Edm\.String"):
        Stamp.of("Name", properties, "here")
    with pytest.raises(ReplicationKeyInvalid, match=r"its dates and times are: Day"):
        Stamp.of("Nope", properties, "here")


@pytest.mark.parametrize(
    ("type_name", "value", "sent"),
    [
        (MOMENT, "2026-01-01T00:02Z", "2026-01-01T00:02Z"),
        ("Edm.Date", "20260301", "2026-03-01"),
        ("Edm.Int64", "9007199254740993", "9007199254740993"),
        ("Edm.Decimal", "1E+3", "1000"),
        ("Edm.Decimal", "20260301103000", "20260301103000"),
        ("Edm.String", "20260301103000", "'20260301103000'"),
    ],
)
def test_a_value_is_sent_as_a_literal_of_its_type(type_name: str, value: str, sent: str) -> None:
    """Whoever has written it: the server, an editor of the state, or an earlier version."""
    assert Stamp("S", type_name).as_literal(value) == sent


@given(st.sampled_from([MOMENT, "Edm.Date", "Edm.Decimal", "Edm.Int64", "Edm.String"]), st.text())
def test_no_text_becomes_more_than_a_value(type_name: str, text: str) -> None:
    """What is no value of the type is refused by name, and can say nothing else in a filter."""
    try:
        sent = Stamp("S", type_name).as_literal(text)
    except BookmarkInvalid:
        return
    assert re.fullmatch(r"'?[-+.:\dTZ]+'?", sent, re.ASCII)
