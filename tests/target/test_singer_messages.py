"""A message of a wrong shape ends the run by name: nothing is made of it, and none is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from target_monday.errors import InputFault
from target_monday.singer_messages import message_fault

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA: dict[str, Any] = {
    "type": "SCHEMA",
    "stream": "s",
    "schema": {"type": "object", "properties": {"Id": {"type": "string"}}},
    "key_properties": ["Id"],
}
RECORD = {"type": "RECORD", "stream": "s", "record": {"Id": "confidential"}}


def without(message: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != member}


def defined(definition: Any) -> dict[str, Any]:
    return {**SCHEMA, "schema": {"properties": {"Id": {"type": "string"}, "V": definition}}}


MALFORMED: list[dict[str, Any]] = [
    *(without(SCHEMA, member) for member in ("stream", "schema")),
    *({**SCHEMA, "stream": each} for each in (None, 5, ["s"], {})),
    *({**SCHEMA, "schema": each} for each in (None, [], "x", {}, {"properties": None})),
    *(
        {**SCHEMA, "key_properties": each}
        for each in ("Id", [None], [5], [["Id"]], {"Id": 1}, [""])
    ),
    {**SCHEMA, "key_properties": ["Id", "Id"]},
    *(defined({"type": each}) for each in (5, [["x"]], [None], {"a": 1}, True)),
    *(defined({word: 7}) for word in ("anyOf", "oneOf", "enum", "x-extensible-enum", "format")),
    defined({"type": "string", "format": ["date"]}),
    defined({"type": "string", "maxLength": "confidential"}),
    defined({"anyOf": [{"type": 5}]}),
    defined({"type": "array", "items": {"enum": "confidential"}}),
    *(without(RECORD, member) for member in ("stream", "record")),
    {**RECORD, "stream": 5},
    *({**RECORD, "record": each} for each in (None, ["confidential"], "confidential", 5)),
    *({**RECORD, "version": each} for each in ("1", {"a": 1}, [1], 1.5, True)),
    *({"type": "STATE", "value": each} for each in ([1], "confidential", 5)),
    {"type": "STATE"},
    {"type": "ACTIVATE_VERSION", "stream": "s"},
    *({"type": "ACTIVATE_VERSION", "stream": "s", "version": v} for v in (None, "1", [], True)),
    {"type": "ACTIVATE_VERSION", "stream": 5, "version": 1},
    {"type": "BATCH", "stream": "s", "manifest": []},
    {"type": "BATCH", "stream": "s", "encoding": None, "manifest": []},
    {"type": "BATCH", "stream": "s", "encoding": {}, "manifest": "confidential"},
]
FINE: list[dict[str, Any]] = [
    SCHEMA,
    *({**SCHEMA, "key_properties": each} for each in (None, [], ["Id", "V"])),
    without(SCHEMA, "key_properties"),
    *(defined(each) for each in (True, False, None, {}, {"type": None}, {"maxLength": 2.0})),
    defined({"type": ["null", "string"], "enum": [None, 5, []], "anyOf": [True]}),
    RECORD,
    *({**RECORD, "version": each} for each in (None, 1, -1)),
    *({"type": "STATE", "value": each} for each in (None, {}, {"bookmarks": [1]})),
    {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1},
]


@pytest.mark.parametrize("message", MALFORMED, ids=json.dumps)
def test_a_malformed_message_is_named_by_its_member(message: dict[str, Any]) -> None:
    """The fault tells the member or the property, and no value."""
    fault = message_fault(message)

    assert fault is not None
    assert "`" in fault
    assert "confidential" not in fault


@pytest.mark.parametrize("message", FINE, ids=json.dumps)
def test_a_message_as_taps_write_it_is_taken(message: dict[str, Any]) -> None:
    """Also where it is looser than the specification, as long as it says one thing."""
    assert message_fault(message) is None


@pytest.mark.parametrize(
    "message",
    [
        {**SCHEMA, "stream": "t", "key_properties": [None]},
        {**RECORD, "record": None},
        {"type": "STATE", "value": [1]},
        {"type": "RECORD", "stream": "t", "record": {"Id": "confidential"}},
        {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1},
        {"type": "BATCH", "stream": "t", "encoding": {"format": "jsonl"}, "manifest": []},
    ],
    ids=json.dumps,
)
def test_what_came_before_it_is_delivered_and_the_next_run_goes_on(
    simulate: Callable[..., Any], messages: Any, message: dict[str, Any]
) -> None:
    """Nothing of it is kept in the ledger, where it would end every later run."""
    twin = simulate()
    good = [SCHEMA, {**RECORD, "record": {"Id": "1"}}]

    ended = twin.run(messages.lines([*good, message]))

    assert (ended.code, InputFault("").exit_code) == (1, 1)
    assert "confidential" not in ended.message
    assert [row["Record key"] for row in twin.account.rows("S")] == ["1"]
    again = twin.run(messages.lines(good))
    assert (again.code, again.mutations) == (0, 0)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / (int(Id) - 2)", "a calculation fails"),
        ("int(Note)", "a value cannot be converted"),
        ("Id + 1", "an operation does not fit its values"),
        ("Nope", "an expression fails"),
    ],
)
def test_a_stream_map_that_fails_is_named_and_shows_no_value(
    simulate: Callable[..., Any], messages: Any, expression: str, reason: str
) -> None:
    """What came before its record is delivered."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    good = messages.record("s", Id="1", Note="1")
    bad = messages.record("s", Id="2", Note="confidential")

    lines = messages.lines([schema, bad if expression in {"Id + 1", "Nope"} else good, bad])
    ended = twin.run(lines, stream_maps={"s": {"Made": expression}})

    assert ended.code == 1
    assert f"Stream 's': `stream_maps` cannot be applied to a record: {reason}" in ended.message
    assert "confidential" not in ended.message
    delivered = 1 if expression in {"1 / (int(Id) - 2)", "int(Note)"} else 0
    assert len(twin.account.rows("S")) == delivered


def test_a_stream_map_that_cannot_be_read_is_a_fault_of_settings(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Before anything is written."""
    twin = simulate()
    lines = messages.lines([messages.schema("s", {"Id": "string"})])

    ended = twin.run(lines, stream_maps={"s": {"Made": "(("}})

    assert (ended.code, ended.calls) == (2, 0)
    assert "Stream 's', `stream_maps`: " in ended.message
