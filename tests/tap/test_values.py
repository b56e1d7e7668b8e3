"""Rows become records that are exact, checked and free of OData."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.decoding import Undecodable
from tap_ifs_cloud.odata.metadata import EntityType, EnumType, Metadata, Property, StructuredType
from tap_ifs_cloud.odata.rows import RowType
from tap_ifs_cloud.schema import stream_schema

ADDRESS = StructuredType(
    "N.Address",
    {"City": Property("City", "Edm.String"), "Owner": Property("Owner", "N.Address")},
)


def metadata(**types: str) -> Metadata:
    properties = {
        "Id": Property("Id", "Edm.String"),
        **{
            name: Property(name, type_name.removesuffix("[]"), collection=type_name.endswith("[]"))
            for name, type_name in types.items()
        },
    }
    entity = EntityType("N.Row", properties, ("Id",))
    return Metadata(
        {"RowSet": entity},
        {"N.Row": entity},
        {"N.Address": ADDRESS},
        {"N.State": EnumType("N.State", ("Open", "None"))},
    )


ENCODER = msgspec.json.Encoder(decimal_format="number")


def compiled(*control: str, **types: str) -> RowType:
    """What reads rows of some columns."""
    return RowType.compile("RowSet", metadata(**types), names=("Id", *types, *control), key=("Id",))


def read(row: dict[str, Any], *control: str, **types: str) -> dict[str, Any]:
    """The record of a row that a server has sent."""
    row_type = compiled(*control, **types)
    page = row_type.decode(ENCODER.encode({"value": [{"Id": "1", **row}]}))
    assert row_type.finish(page.value) == {}
    return row_type.record(page.value[0])


def faults(body: bytes, *control: str, **types: str) -> list[tuple[int, str, str]]:
    """Of each value on a page that no record can hold: its row, its column, what is wrong."""
    row_type = compiled(*control, **types)
    page = row_type.decode(b'{"value":[%s]}' % body, tolerant=True)
    found = row_type.finish(page.value)
    for position, row in enumerate(page.value):  # whatever is left can be written
        bad = [fault.column for fault in found.get(position, ())]
        ENCODER.encode(row_type.without(row, bad))
    return [(n, fault.column, fault.problem) for n, each in found.items() for fault in each]


def record(row: dict[str, Any], **types: str) -> dict[str, Any]:
    return read(row, **types)


@pytest.mark.parametrize(
    ("type_name", "sent", "kept"),
    [
        pytest.param("Edm.Decimal", Decimal("1.10"), Decimal("1.10"), id="decimal"),
        pytest.param(
            "Edm.Decimal", "123456789012345678.90", Decimal("123456789012345678.90"), id="ieee754"
        ),
        pytest.param("Edm.Decimal", 2**80, Decimal(2**80), id="whole-decimal"),
        pytest.param("Edm.Int64", "9223372036854775807", 2**63 - 1, id="int64-as-text"),
        pytest.param("Edm.Int32", Decimal("5.0"), 5, id="whole-with-point"),
        pytest.param("Edm.String", "007", "007", id="zeros-lead"),
        pytest.param("Edm.Boolean", False, False, id="false"),
        pytest.param("Edm.Date", "2026-02-28", "2026-02-28", id="date"),
        pytest.param(
            "Edm.DateTimeOffset", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z", id="moment-as-is"
        ),
        pytest.param("Edm.DateTimeOffset", None, None, id="null"),
        pytest.param("N.State", "Unheard", "Unheard", id="new-enum-member"),
        pytest.param("Edm.Int32[]", [1, None, "2"], [1, None, 2], id="collection"),
        pytest.param(
            "N.Address",
            {"City": "X", "@odata.type": "#N.A", "Other": 1, "Owner": {"City": "Y", "Owner": None}},
            {"City": "X", "Owner": {"City": "Y", "Owner": None}},
            id="complex-and-recursive",
        ),
    ],
)
def test_values_are_kept_exactly(type_name: str, sent: object, kept: object) -> None:
    """A value leaves as it came, in the one form that JSON has for its type."""
    value = record({"V": sent}, V=type_name)["V"]

    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("type_name", "sent"),
    [
        ("Edm.Decimal", "REDACTED"),
        ("Edm.Decimal", "NaN"),
        ("Edm.Decimal", True),
        ("Edm.Int32", Decimal("5.5")),
        ("Edm.Int64", Decimal("1E+999999999")),
        ("Edm.Boolean", "TRUE"),
        ("Edm.String", 7),
        ("Edm.Date", "2026-02-30"),
        ("Edm.DateTimeOffset", 20260228),
        ("Edm.Int32[]", 1),
        ("N.Address", "X"),
        ("N.State", 1),
    ],
)
def test_a_value_of_another_type_is_named(type_name: str, sent: object) -> None:
    """By row, column and type; the value itself is not shown."""
    good = b'{"Id":"0"}'
    body = ENCODER.encode({"Id": "1", "V": sent})

    [(row, column, problem)] = faults(good + b"," + body + b"," + good, V=type_name)

    assert (row, column) == (1, "V")
    declared = re.sub(r"(.+)\[\]", r"Collection(\1)", type_name)
    assert re.fullmatch(rf"holds .+ that no record can hold as {re.escape(declared)}", problem)
    assert "REDACTED" not in problem


@pytest.mark.parametrize(
    ("type_name", "sent"),
    [
        ("Edm.Decimal", b"NaN"),
        ("Edm.Decimal", b"-Infinity"),
        ("Edm.Double", b'"INF"'),
        ("Edm.Decimal", b"1e999999999999999999999"),
        ("Edm.Int64", b"1" * 5000),
        ("Edm.Date", b'"-4712-01-01"'),
        ("Edm.Date", b'"10000-01-01"'),
        ("Edm.String", b'"\\ud800"'),
        ("Edm.String", b'"\\udfffx\\ud800"'),
        ("Edm.String", b'"caf\xe9"'),
        ("Edm.String", b'"\xed\xa0\x80"'),
        ("Edm.String", b"[" * 100_000 + b"]" * 100_000),
        ("Edm.String", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("Edm.String", b"NaN"),
        ("Edm.Decimal[]", b"[1,NaN]"),
        ("Edm.String[]", b'["a","\\ud800"]'),
        ("N.Address", b'{"City":"\\ud800"}'),
        ("N.Address", b'{"Owner":' * 1000 + b"null" + b"}" * 1000),
        ("N.Address", b'{"Owner":{"Owner":{"X":NaN}}}'),
    ],
)
def test_a_value_that_json_or_a_record_cannot_hold_is_named(type_name: str, sent: bytes) -> None:
    """Although it breaks the JSON, or is legal: the rows around it are read."""
    body = b'{"Id":"0","V":null},{"Id":"1","V":%s},{"Id":"2"}' % sent

    assert [found[:2] for found in faults(body, V=type_name)] == [(1, "V")]


def test_a_key_at_fault_is_told_from_one_that_is_missing() -> None:
    """And from a bad value in a column that nobody has chosen, which is passed over."""
    body = b'{"Id":"\\ud800"},{"Id":null},{"V":"v"},{"Id":"3","X":NaN},{"Id":"4","@odata.etag":5}'

    assert [
        (row, problem[:14]) for row, _, problem in faults(body, "_ifs_etag", V="Edm.String")
    ] == [
        (0, "holds text tha"),
        (1, "has no value, "),
        (2, "has no value, "),
        (4, "holds a number"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b'{"value":[{"Id":"1"}', b'{"value":[{"Id":"1"},]}', b"[" * 100_000),
        *(b'{"value":{}}', b'{"value":[1]}', b'{"value":[null]}', b'{"value":1}', b"[]", b"NaN"),
        *(b'{"value":[],"@odata.nextLink":5}', b'{"value":[],"error":"x"}', b"\xff\xfe"),
    ],
)
def test_what_is_no_page_is_never_rows(body: bytes) -> None:
    """Neither no rows nor some of them."""
    with pytest.raises(Undecodable):
        compiled(V="Edm.String").decode(body, tolerant=True)


def test_a_spoilt_body_is_only_looked_into_when_it_comes_again() -> None:
    """The first time, the way may have spoilt it."""
    row_type = compiled(V="Edm.Decimal")
    body = b'{"value":[{"Id":"1","V":NaN}]}'

    with pytest.raises(Undecodable):
        row_type.decode(body)
    assert len(row_type.decode(body, tolerant=True).value) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(JSON), st.sampled_from(["Edm.Decimal", "Edm.Date", "Edm.String", "N.Address"]))
def test_any_json_in_a_column_is_a_value_or_a_fault(sent: list[Any], type_name: str) -> None:
    """Nothing is raised, no row is lost, and what is left can be written."""
    body = ",".join(json.dumps({"Id": str(n), "V": value}) for n, value in enumerate(sent))

    found = faults(body.encode(), V=type_name)

    assert {column for _, column, _ in found} <= {"V"}
    assert len({row for row, _, _ in found}) == len(found) <= len(sent)


def test_what_odata_adds_is_stripped() -> None:
    """Control information and unknown fields do not reach the record."""
    row = {"@odata.id": "x", "@odata.etag": "y", "V@odata.type": "#z", "Unknown": 1, "V": "v"}

    assert record(row, V="Edm.String") == {"Id": "1", "V": "v"}


def test_a_property_left_out_stays_out() -> None:
    """What the server did not send is not told as empty."""
    assert record({}, V="Edm.String") == {"Id": "1"}


def test_etag_and_row_version_stand_in_the_record() -> None:
    """They are there if chosen, and null where the row has none."""
    both = ("_ifs_etag", "_ifs_row_version")
    etag = 'W/"Vy8iQUFBU1RjQUNyQUFPTVhLQUFEOjIwMjQxMjExMDg0NjIwIg=="'

    assert read({"@odata.etag": etag}, *both) == {
        "Id": "1",
        "_ifs_etag": etag,
        "_ifs_row_version": "20241211084620",
    }
    assert read({}, *both)["_ifs_row_version"] is None


@given(st.decimals(allow_nan=False, allow_infinity=False), st.booleans())
def test_a_number_keeps_its_digits_from_page_to_record(number: Decimal, as_text: bool) -> None:  # noqa: FBT001
    """No float exists between the body of the answer and the record."""
    kept = record({"V": format(number, "f") if as_text else number}, V="Edm.Decimal")["V"]

    assert kept == number
    assert Decimal(ENCODER.encode(kept).decode()) == number


def test_a_schema_says_what_values_are() -> None:
    """Keys are not nullable, enumerations are open, `maxLength` stands where declared."""
    types = metadata(
        State="N.State",
        Sum="Edm.Decimal",
        When="Edm.DateTimeOffset",
        Home="N.Address",
        Ids="Edm.Int32[]",
        Pic="Edm.Binary",
    )
    schema = stream_schema(types.entity_sets["RowSet"].properties, types, key=("Id",))

    columns = schema["properties"]
    assert columns["Id"] == {"type": "string"}
    assert columns["State"]["x-extensible-enum"] == ["Open", "None"]
    assert "enum" not in columns["State"]
    assert columns["Sum"] == {"type": ["number", "null"]}
    assert columns["When"] == {"type": ["string", "null"], "format": "date-time"}
    assert columns["Home"]["properties"]["Owner"] == {"type": ["object", "null"]}
    assert columns["Ids"]["items"] == {"type": ["integer", "null"]}
    assert "Pic" not in columns
    assert schema["required"] == ["Id"]
