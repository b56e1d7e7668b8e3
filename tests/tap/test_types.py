"""Values of every type of OData come whole through HTTP, or the run says which do not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.tap import StreamsFailed, TapIfsCloud

from tests.tap.messages import of, records
from tests.tap.typed_rows import (
    FILLED,
    LEAST,
    NESTED,
    NUMBERS,
    PRICE,
    SET,
    TEXTS,
    UNREADABLE,
    thing,
    things,
)

if TYPE_CHECKING:
    from tests.tap.messages import Run

WHOLE = ["Octet", "Signed", "Short", "Whole", "Long"]
EXACT = [name for name in NUMBERS if name not in WHOLE]


@pytest.fixture(autouse=True)
def declared(ifs: Any, config: dict[str, Any]) -> None:
    """The double serves a set with columns of all types."""
    ifs.metadata = things(NUMBERS | TEXTS | NESTED | UNREADABLE)
    config["streams"] = [SET | {"replication": "full"}]


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its numbers as text, as servers write them if asked for `IEEE754Compatible`."""
    return {n: str(v) if n in NUMBERS and v is not None else v for n, v in row.items()}


@pytest.mark.parametrize("form", [dict, as_text], ids=["numbers", "ieee754"])
@pytest.mark.parametrize("sent", [FILLED, LEAST], ids=["filled", "least"])
def test_digits_are_kept(run: Run, ifs: Any, sent: dict[str, Any], form: Any) -> None:
    """Neither way of writing a number loses one, and no number leaves as text."""
    ifs.sets["ThingSet"] = [form(thing(1, **sent))]

    (record,) = records(run(), "thing")

    # Parsed by json: what has a point or an exponent is a Decimal, all else an int.
    assert [str(Decimal(record[name])) for name in EXACT] == [str(sent[name]) for name in EXACT]
    assert {name: record[name] for name in WHOLE} == {name: int(sent[name]) for name in WHOLE}
    assert {type(record[name]) for name in WHOLE} == {int}


def test_a_server_is_asked_for_all_digits(run: Run, ifs: Any) -> None:
    """As text, since it may else write a number as a float."""
    ifs.sets["ThingSet"] = []

    run()

    asked = [str(seen.headers) for seen in ifs.gets("ThingSet?")]
    assert asked
    assert all("IEEE754Compatible=true" in headers for headers in asked)


def test_texts_and_moments_stay_as_they_came(run: Run, ifs: Any) -> None:
    """Also what would be tidied elsewhere: zeros, fractions, capitals, members not declared."""
    ifs.sets["ThingSet"] = [thing(1, **FILLED), thing(2, **LEAST)]

    for record, sent in zip(records(run(), "thing"), (FILLED, LEAST), strict=True):
        names = TEXTS.keys() & sent.keys()
        assert {name: record[name] for name in names} == {name: sent[name] for name in names}


def test_nested_values_are_as_exact(run: Run, ifs: Any) -> None:
    """Within complex types and collections; what is not declared or readable there stays out."""
    ifs.sets["ThingSet"] = [thing(1, **FILLED)]

    (record,) = records(run(), "thing")

    former = {"City": None, "Rent": Decimal("0.10"), "More": {}}
    assert record["Home"] == {"City": "Malmö", "Rent": PRICE, "Rooms": 3, "Former": former}
    assert [str(each) for each in record["Sums"]] == ["1.10", "None", "-0.00", str(PRICE)]
    assert record["Homes"] == [{"City": "A", "Rent": None}, None, {}]
    assert (record["Tags"], record["Kinds"]) == (["a", None, ""], ["Small", "Unheard"])


def test_nulls_and_what_was_not_sent_stay_apart(run: Run, ifs: Any) -> None:
    """A null is told; a column that a row lacks is not."""
    columns = NUMBERS | TEXTS | NESTED
    ifs.sets["ThingSet"] = [thing(1, **dict.fromkeys(columns)), thing(2)]

    nulls, least = records(run(), "thing")

    assert all(nulls[name] is None for name in columns)
    assert least.keys() & columns.keys() == set()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["NaN", "INF", "-INF", "sNaN"])
def test_what_is_no_number_is_refused_by_name(
    run: Run, ifs: Any, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    """JSON has no such number, and a null in its place would be a guess."""
    ifs.sets["ThingSet"] = [thing(1, **{name: value})]

    assert records(run(raises=StreamsFailed), "thing") == []
    assert f"VALUE_INVALID: ThingSet (Id=T1): {name} holds a " in caplog.text
    assert f" that no record can hold as {NUMBERS[name]}. " in caplog.text


@pytest.mark.parametrize(
    ("nested", "name"), [({"Home": {"Rent": "NaN"}}, "Home"), ({"Sums": ["1", "INF"]}, "Sums")]
)
def test_what_is_no_number_inside_a_column_is_refused_by_name(
    run: Run, ifs: Any, caplog: pytest.LogCaptureFixture, nested: dict[str, Any], name: str
) -> None:
    """By that of the column."""
    ifs.sets["ThingSet"] = [thing(1, **nested)]

    assert records(run(raises=StreamsFailed), "thing") == []
    assert f"VALUE_INVALID: ThingSet (Id=T1): {name} holds a" in caplog.text


def test_a_column_that_is_not_selected_cannot_fail(run: Run, config: Any, ifs: Any) -> None:
    """As the error proposes."""
    ifs.sets["ThingSet"] = [thing(1, Ratio="NaN", Sum="1.0")]
    catalog = TapIfsCloud(config=config).catalog_dict
    for entry in catalog["streams"][0]["metadata"]:
        if tuple(entry["breadcrumb"]) == ("properties", "Ratio"):
            entry["metadata"]["selected"] = False

    (record,) = records(run(catalog=catalog), "thing")

    assert "Ratio" not in record
    assert str(record["Sum"]) == "1.0"


def test_what_no_record_can_hold_is_left_out(
    run: Run, ifs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the catalog, the request, the records; and the log tells which columns these are."""
    caplog.set_level("INFO")
    ifs.sets["ThingSet"] = [thing(1, **FILLED)]

    messages = run()

    (schema,) = of(messages, "SCHEMA")
    (record,) = records(messages, "thing")
    for page in ifs.gets("ThingSet?"):
        assert not UNREADABLE.keys() & set(page.options["$select"].split(","))
    assert not UNREADABLE.keys() & (schema["schema"]["properties"].keys() | record.keys())
    assert "Plan" not in json.dumps(schema)
    assert "Plan" not in record["Home"]
    assert f"column.unreadable stream=thing columns={[*UNREADABLE]}" in caplog.text


def test_a_schema_tells_each_type(config: dict[str, Any]) -> None:
    """With the formats that JSON schema has for texts."""
    columns = TapIfsCloud(config=config).catalog_dict["streams"][0]["schema"]["properties"]

    told = {name: (columns[name]["type"][0], columns[name].get("format")) for name in columns}
    assert {told[name] for name in EXACT} == {("number", None)}
    assert {told[name] for name in WHOLE} == {("integer", None)}
    assert {name: told[name] for name in TEXTS} == {
        "Name": ("string", None),
        "Done": ("boolean", None),
        "Day": ("string", "date"),
        "Moment": ("string", "date-time"),
        "Clock": ("string", "time"),
        "Span": ("string", "duration"),
        "Uid": ("string", "uuid"),
        "Kind": ("string", None),
    }
