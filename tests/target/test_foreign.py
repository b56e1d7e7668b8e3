"""Streams of taps that know nothing of monday: nested values, changing schemas, batches."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NESTED = {"Id": "string", "Party": {"type": "object"}, "Tags": {"type": "array"}}


def columns(rehearsal: Any, board: str = "S") -> dict[str, str]:
    """Title -> type."""
    return {each["title"]: each["type"] for each in rehearsal.board(board)["columns"]}


def test_nested_values_are_json_texts(rehearsal: Any, messages: Any) -> None:
    """Digit by digit; a list may go to a dropdown instead."""
    line = (
        '{"type":"RECORD","stream":"s","record":'
        '{"Id":"a","Party":{"name":"N","limit":1.10,"at":[]},"Tags":["b","a"]}}'
    )
    mapping = {"s": {"unmapped": "create", "columns": {"Tags": {"type": "dropdown"}}}}

    ended = rehearsal.run([messages.schema("s", NESTED), line], boards=mapping)

    cells = rehearsal.cells("S", "a")
    assert (ended.code, cells["Party"]) == (0, '{"name":"N","limit":1.10,"at":[]}')
    assert sorted(cells["Tags"].split(", ")) == ["a", "b"]


def test_a_list_of_known_choices_is_a_dropdown(rehearsal: Any, messages: Any) -> None:
    """All other lists are long texts: nobody knows how many labels would come."""
    kinds = {"type": "array", "items": {"type": "string", "enum": ["rush", "export"]}}
    words = {"type": "array", "items": {"type": "string"}}
    schema = messages.schema("s", {"Id": "string", "Kinds": kinds, "Words": words})

    ended = rehearsal.run([schema, messages.record("s", Id="a", Kinds=["rush"], Words=["x"])])

    cells = rehearsal.cells("S", "a")
    assert (ended.code, cells["Kinds"], cells["Words"]) == (0, "rush", '["x"]')


def test_nested_properties_can_be_flattened(rehearsal: Any, messages: Any) -> None:
    """By the SDK's own settings; digits stay as they are."""
    party = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "limit": {"type": "number"}},
    }
    line = (
        '{"type":"RECORD","stream":"s","record":'
        '{"Id":"a","Party":{"name":"N","limit":0.10000000000000000000001}}}'
    )

    ended = rehearsal.run(
        [messages.schema("s", {"Id": "string", "Party": party}), line],
        flattening_enabled=True,
        flattening_max_depth=3,
    )

    cells = rehearsal.cells("S", "a")
    assert (ended.code, cells["Party__name"]) == (0, "N")
    assert cells["Party__limit"] == "0.10000000000000000000001"


def test_a_stream_map_changes_what_arrives(rehearsal: Any, messages: Any) -> None:
    """Rows that it drops are counted as filtered; a renamed stream goes by its new name."""
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    maps = {"s": {"__alias__": "orders", "Note": "Note.upper()", "__filter__": "Id != 'b'"}}

    ended = rehearsal.run(
        [schema, *(messages.record("s", Id=one, Note="n") for one in "ab"), messages.state(1)],
        stream_maps=maps,
    )

    (item,) = rehearsal.board("Orders")["items"]
    assert (ended.code, item["cells"]["Note"], len(ended.states)) == (0, "N", 1)
    counts = ended.counts()  # what is dropped has no board
    assert (counts["read"], counts["created"], counts["filtered"]) == (2, 1, 1)
    assert rehearsal.audit("report")["balanced"]


def test_a_stream_map_makes_two_streams_of_one(rehearsal: Any, messages: Any) -> None:
    """Each goes to a board of its own, with its own key and only the properties that are left."""
    maps = {
        "s": {},
        "open": {
            "__source__": "s",
            "__filter__": "State == 'Open'",
            "__key_properties__": ["Number"],
            "Number": "'N-' + Id",
            "__else__": None,
        },
    }
    schema = messages.schema("s", {"Id": "string", "State": "string"})
    states = {"a": "Open", "b": "Closed", "c": "Open"}
    rows = [messages.record("s", Id=one, State=state) for one, state in states.items()]

    ended = rehearsal.run([schema, *rows, messages.state(1)], stream_maps=maps)

    assert (ended.code, len(ended.states)) == (0, 1)
    assert rehearsal.board("S")["items_count"] == 3
    assert sorted(columns(rehearsal, "Open")) == ["Name", "Number", "Record key"]
    keys = {each["cells"]["Record key"] for each in rehearsal.board("Open")["items"]}
    assert keys == {"N-a", "N-c"}


@pytest.mark.parametrize("flat", [True, False])
def test_a_catalog_of_countries_arrives(rehearsal: Any, messages: Any, *, flat: bool) -> None:
    """Objects in objects, lists of objects, properties of no stated type: nothing is refused."""
    code = {"type": ["string", "null"]}
    named = {"type": ["object", "null"], "properties": {"code": code, "name": code}}
    schema = messages.schema(
        "countries",
        {
            "code": "string",
            "continent": named,
            "languages": {"type": ["array", "null"], "items": named},
            "phones": {"type": ["null", "array"], "items": {"type": ["null", "string"]}},
            "anything": {},
            "either": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        },
        ["code"],
    )
    sweden = {
        "continent": {"code": "EU", "name": "Europe"},
        "languages": [{"code": "sv", "name": "Swedish"}, {"code": "fi", "name": None}],
        "phones": ["46"],
        "anything": {"at": [1, 2.50]},
        "either": 7,
    }
    empty = dict.fromkeys(sweden)
    rows = [
        messages.record("countries", code=one, **cells)
        for one, cells in (("SE", sweden), ("XX", empty))
    ]

    codes = [
        rehearsal.run([schema, *rows], flattening_enabled=flat, flattening_max_depth=3).code
        for _ in range(2)
    ]

    cells = rehearsal.cells("Countries", "SE")
    assert codes == [0, 0]
    assert cells["languages"] == '[{"code":"sv","name":"Swedish"},{"code":"fi","name":null}]'
    assert cells["phones"] == '["46"]'
    assert flat or cells["either"] == "7"  # the SDK's flattening keeps no such `anyOf`
    assert cells["continent__name" if flat else "continent"] == (
        "Europe" if flat else '{"code":"EU","name":"Europe"}'
    )


def test_a_schema_that_changes_in_mid_stream_adds_columns(rehearsal: Any, messages: Any) -> None:
    """Rows before it are delivered by the old one; what is gone from it is left alone."""
    first = messages.schema("s", {"Id": "string", "Old": "string"})
    second = messages.schema("s", {"Id": "string", "New": "number"})
    lines = [
        first,
        messages.record("s", Id="a", Old="x"),
        second,
        messages.record("s", Id="a", New=1),
        messages.record("s", Id="b", New=2),
        messages.state(1),
    ]

    ended = rehearsal.run(lines)

    assert (ended.code, len(ended.states)) == (0, 1)
    assert columns(rehearsal)["New"] == "numbers"
    assert {key: rehearsal.cells("S", "a")[key] for key in ("Old", "New")} == {
        "Old": "x",
        "New": "1",
    }
    assert rehearsal.cells("S", "b")["New"] == "2"


def test_metadata_is_written_along_and_never_by_itself(rehearsal: Any, messages: Any) -> None:
    """When a row was read changes with each run; the row did not."""
    schema = messages.schema("s", {"Id": "string", "Note": "string"})

    def line(note: str, hour: int) -> dict[str, Any]:
        extracted = {"time_extracted": f"2026-11-23T0{hour}:00:00Z"}
        return {**messages.record("s", Id="a", Note=note), **extracted}

    for note, hour in (("x", 1), ("x", 2)):
        ended = rehearsal.run([schema, line(note, hour)], add_record_metadata=True)
    before = rehearsal.cells("S", "a")["_sdc_extracted_at"]
    rehearsal.run([schema, line("y", 3)], add_record_metadata=True)

    assert (ended.counts()["unchanged"], before) == (1, "2026-11-23 01:00")
    assert rehearsal.cells("S", "a")["_sdc_extracted_at"] == "2026-11-23 03:00"


def batch(folder: Path, *records: str, compression: str | None = None) -> dict[str, Any]:
    """A BATCH message for a file with these lines."""
    path = folder / "batch.jsonl"
    text = "".join(f"{record}\n" for record in records).encode()
    path.write_bytes(gzip.compress(text) if compression else text)
    encoding = {"format": "jsonl", "compression": compression}
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": encoding,
        "manifest": [f"file://{path}"],
    }


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_batch_is_read_like_records(
    rehearsal: Any, messages: Any, compression: str | None
) -> None:
    """With all digits, through stream maps, behind the rows before it and before its bookmark."""
    lines = ['{"Id":"a","Sum":0.10000000000000000000001}', '{"Id":"b","Sum":2}']
    message = batch(rehearsal.folder, *lines, compression=compression)
    schema = messages.schema("s", {"Id": "string", "Sum": "number"})

    ended = rehearsal.run(
        [schema, message, messages.state(1)], stream_maps={"s": {"__filter__": "Id != 'b'"}}
    )

    assert (ended.code, len(ended.states), ended.counts()["filtered"]) == (0, 1, 1)
    assert rehearsal.cells("S", "a")["Sum"] == "0.10000000000000000000001"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"encoding": {"format": "parquet"}}, "parquet"),
        ({"manifest": ["s3://bucket/batch.jsonl"]}, "s3://"),
        ({"manifest": ["/nowhere/batch.jsonl"]}, "/nowhere/batch.jsonl"),
    ],
)
def test_a_batch_that_cannot_be_read_ends_the_run(
    rehearsal: Any, messages: Any, change: dict[str, Any], word: str
) -> None:
    """With a code and what to do; what came before it is delivered, no bookmark passes it."""
    schema = messages.schema("s", {"Id": "string"})
    message = {**batch(rehearsal.folder, json.dumps({"Id": "b"})), **change}

    ended = rehearsal.run(
        [schema, messages.record("s", Id="a"), messages.state(1), message, messages.state(2)]
    )

    assert (ended.code, " BATCH " in ended.log, word in ended.log) == (1, True, True)
    assert ended.states == [messages.state(1)["value"]]
    assert rehearsal.board("S")["items_count"] == 1
