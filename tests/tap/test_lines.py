"""Lines that are written a page at once are those of the SDK, which writes row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tap_ifs_cloud.tap import TapIfsCloud

from tests.tap.typed_rows import FILLED, LEAST, NESTED, NUMBERS, PRICE, SET, TEXTS, thing, things

Lines = list[bytes]
Read = Callable[..., Lines]

FLAT = NUMBERS | TEXTS
TIMED = 'W/"Vy8iQUFBOjIwMjYwMTAyMDMwNDA1Ig=="'  # its row version is a time
VERSION = "20260102030405"
LAST = "2026-03-01T10:00:04Z"  # the stamp of the last row
COUNTED = 'W/"Vy8iQUFBOjci"'  # its row version is a counter
MODES = {
    "full": {"replication": "full"},
    "attribute": {"replication": "attribute", "replication_key": "Changed"},
    "etag": {"replication": "etag"},
}
PAGE = 2
VOLATILE = re.compile(rb'"(?:version|time_extracted|page)":[^,}]+[,}]')
AS_THE_SDK = {"stream_maps": {"thing": {}}}  # changes nothing


@pytest.fixture(autouse=True)
def rows(ifs: Any) -> None:
    """Values of all types, nulls, columns left out, and etags of all kinds."""
    ifs.metadata = things(FLAT | NESTED)
    ifs.sets["ThingSet"] = [
        thing(0, **FILLED) | {"@odata.etag": TIMED},
        thing(1, **dict.fromkeys(FLAT | NESTED)) | {"@odata.etag": COUNTED},
        thing(2),
        thing(3, **LEAST) | {"@odata.etag": "unheard"},
        thing(4, Kind="Small", Homes=[{"Former": {"Former": None}}]) | {"@odata.etag": None},
    ]


@pytest.fixture
def read(config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]) -> Read:
    """Runs the tap and gives its lines; `mode` says how the set is read."""

    def lines(*settings: dict[str, Any], mode: str = "full", **options: Any) -> Lines:
        merged = config | {"streams": [SET | MODES[mode]], "page_size": PAGE, "lookback": 0}
        for more in settings:
            merged |= more
        capfdbinary.readouterr()
        TapIfsCloud(config=merged, **options).sync_all()
        return capfdbinary.readouterr().out.splitlines()

    return lines


def kinds(lines: Lines, *wanted: str) -> list[dict[str, Any]]:
    """The messages of some kinds."""
    return [message for message in map(json.loads, lines) if message["type"] in wanted]


def told(lines: Lines) -> Lines:
    """The lines without STATE, which pages and rows tell at other times, moments and versions."""
    return [VOLATILE.sub(rb"", line) for line in lines if not kinds([line], "STATE")]


def left(lines: Lines) -> dict[str, Any]:
    """The last STATE."""
    state: dict[str, Any] = kinds(lines, "STATE")[-1]["value"]
    return state


def values(lines: Lines) -> list[dict[str, Any]]:
    """The records."""
    return [message["record"] for message in kinds(lines, "RECORD")]


def are_the_sdks(lines: Lines) -> bool:
    """The SDK gives each record its own moment; a page has one."""
    moments = [message["time_extracted"] for message in kinds(lines, "RECORD")]
    return len(set(moments)) == len(moments) > PAGE


@pytest.fixture
def catalog(config: dict[str, Any]) -> dict[str, Any]:
    """The catalog of the set, to be changed."""
    return TapIfsCloud(config=config | {"streams": [SET | MODES["full"]]}).catalog_dict


def deselect(catalog: dict[str, Any], *crumb: str) -> dict[str, Any]:
    """The catalog with a column, or what lies inside it, not selected."""
    (entry,) = (e for e in catalog["streams"][0]["metadata"] if tuple(e["breadcrumb"]) == crumb)
    entry["metadata"]["selected"] = False
    return catalog


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("as_text", [False, True], ids=["numbers", "ieee754"])
def test_lines_are_those_of_the_sdk(read: Read, ifs: Any, mode: str, as_text: bool) -> None:  # noqa: FBT001
    """Byte for byte: members in one order, digits as they came, nothing for what did not come."""
    if as_text:
        for row in ifs.sets["ThingSet"]:
            row |= {n: str(row[n]) for n in NUMBERS if row.get(n) is not None}

    own, sdks = read(mode=mode), read(AS_THE_SDK, mode=mode)

    assert (are_the_sdks(own), are_the_sdks(sdks)) == (False, True)
    assert len(kinds(own, "RECORD")) == 5
    assert told(own) == told(sdks)


def test_a_line_tells_the_page_that_it_was_read_from(read: Read) -> None:
    """Beside the record, which stays as it was when the row moves to another page."""
    records = kinds(read(), "RECORD")

    pages = [record["page"] for record in records]
    assert pages[0] == 1
    assert [pages.count(page) for page in dict.fromkeys(pages)] == [2, 2, 1]
    assert pages == sorted(pages)
    assert all("page" not in record["record"] for record in records)


def test_lines_are_those_of_a_flattening_that_finds_nothing(read: Read, ifs: Any) -> None:
    """Where no column holds another, flattening changes nothing."""
    ifs.metadata = things(FLAT)

    own = read()
    flat = read({"flattening_enabled": True, "flattening_max_depth": 3})

    assert are_the_sdks(flat)
    assert told(own) == told(flat)


@pytest.mark.parametrize("mode", MODES)
def test_versions_are_activated_both_ways_alike(read: Read, mode: str) -> None:
    """After the last row, with the version that all rows carry; never in a later run by stamps."""
    for settings in ({}, AS_THE_SDK):
        first = read(settings, mode=mode)
        again = read(settings, mode=mode, state=left(first))

        (activated,) = kinds(first, "ACTIVATE_VERSION")
        assert {m["version"] for m in kinds(first, "RECORD")} == {activated["version"]}
        assert [m["type"] for m in kinds(first, "RECORD", "ACTIVATE_VERSION")][-2:] == [
            "RECORD",
            "ACTIVATE_VERSION",
        ]
        assert bool(kinds(again, "ACTIVATE_VERSION")) == (mode == "full")


@pytest.mark.parametrize(
    ("mode", "mark"),
    [
        ("attribute", {"replication_key": "Changed", "replication_key_value": LAST}),
        ("etag", {"replication_key": "_ifs_row_version", "replication_key_value": VERSION}),
        ("full", {}),
    ],
)
def test_a_run_leaves_the_same_bookmark_both_ways(
    read: Read, mode: str, mark: dict[str, str]
) -> None:
    """And either way can go on from what the other has left."""
    own, sdks = read(mode=mode), read(AS_THE_SDK, mode=mode)

    assert left(own) == left(sdks) == {"bookmarks": {"thing": mark}}
    assert told(read(mode=mode, state=left(sdks))) == told(
        read(AS_THE_SDK, mode=mode, state=left(own))
    )


def test_what_lies_inside_a_column_can_be_left_out(read: Read, catalog: dict[str, Any]) -> None:
    """By the SDK's way; all else is as it was."""
    whole = values(read())
    deselect(catalog, "properties", "Home", "properties", "City")

    lines = read(catalog=catalog)

    for record in whole:
        (record.get("Home") or {}).pop("City", None)
    assert are_the_sdks(lines)
    assert values(lines) == whole
    (schema,) = kinds(lines, "SCHEMA")
    assert "City" not in schema["schema"]["properties"]["Home"]["properties"]


def test_a_column_that_is_left_out_whole_needs_no_dicts(
    read: Read, catalog: dict[str, Any]
) -> None:
    """It is not asked for, so nothing has to be taken away."""
    lines = read(catalog=deselect(catalog, "properties", "Sum"))

    assert not are_the_sdks(lines)
    assert all("Sum" not in record for record in values(lines))
    assert told(lines) == told(read(AS_THE_SDK, catalog=catalog))


def test_nested_columns_are_flattened(read: Read) -> None:
    """By the SDK's way: members become columns, their digits stay."""
    lines = read({"flattening_enabled": True, "flattening_max_depth": 1})

    first = json.loads(lines[1], parse_float=Decimal)["record"]
    assert are_the_sdks(lines)
    assert (first["Home__City"], first["Home__Rooms"]) == ("Malmö", 3)
    assert first["Home__Rent"] == PRICE
    assert first["Sum"] == PRICE
    assert "Home" not in first
    assert "Home__City" in kinds(lines, "SCHEMA")[0]["schema"]["properties"]


def test_a_stream_can_have_another_name(read: Read) -> None:
    """In all its messages but STATE, which goes by the name of the stream in the catalog."""
    lines = read({"stream_maps": {"thing": {"__alias__": "asset"}}})

    assert {m["stream"] for m in kinds(lines, "SCHEMA", "RECORD", "ACTIVATE_VERSION")} == {"asset"}
    assert [*left(lines)["bookmarks"]] == ["thing"]
    assert values(lines) == values(read())


def test_rows_can_be_filtered_by_stream_maps(read: Read) -> None:
    """The bookmark moves over rows that are left out, as they were read."""
    lines = read({"stream_maps": {"thing": {"__filter__": "Id < 'T2'"}}}, mode="attribute")

    assert [record["Id"] for record in values(lines)] == ["T0", "T1"]
    mark = left(lines)["bookmarks"]["thing"]
    assert mark["replication_key_value"] == LAST
    assert len(kinds(lines, "ACTIVATE_VERSION")) == 1


def test_columns_can_be_made_by_stream_maps(read: Read) -> None:
    """Of the values as they came."""
    lines = read({"stream_maps": {"thing": {"Twin": "str(_.get('Sum'))", "Name": None}}})

    first = json.loads(lines[1], parse_float=Decimal)["record"]
    assert (first["Twin"], first["Sum"]) == (str(PRICE), PRICE)
    assert all("Name" not in record for record in values(lines))
