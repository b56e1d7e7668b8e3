"""Settings that the input does not bear out are said, guards before the first write."""

from __future__ import annotations

from typing import Any

import pytest
from target_monday.privacy import misnamed, unused_entries


def rows(messages: Any, **more: Any) -> list[Any]:
    properties = {"Id": "string", "Name": "string", "Email": "string", "Later": "string"}
    return [
        messages.schema("s", properties),
        messages.record("s", Id="a", Name="x", Email="e", **more),
    ]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"boards": {"t": {"board_name": "T"}}}, "mapping.unused stream=t"),
        ({"stream_maps": {"t": {"Id": "Id"}}}, "stream_map.unused stream=t"),
        ({"deny": ["t.Email"]}, "deny.unused entry=t.Email"),
        ({"deny": ["s.Telephone"]}, "deny.unused entry=s.Telephone"),
        ({"mask": ["*.Telephone"]}, "mask.unused entry=*.Telephone"),
        ({"boards": {"s": {"columns": {"Later": {}}}}}, "column.unfed stream=s column='Later'"),
        ({"trail_columns": {"version": "Version"}}, "column.unfed stream=s column='Version'"),
    ],
)
def test_what_nothing_bears_out_is_said(
    rehearsal: Any, messages: Any, settings: dict[str, Any], line: str
) -> None:
    """By a warning: the stream may come by another schedule."""
    ended = rehearsal.run(rows(messages), **settings)

    assert ended.code == 0
    assert line in ended.log


def test_settings_that_are_used_are_not_remarked_upon(rehearsal: Any, messages: Any) -> None:
    """Also those of a stream that is left out, and patterns of stream maps."""
    settings = {
        "boards": {"s": {"columns": {"Later": {}, "Name": {}}}, "t": False},
        "stream_maps": {"s*": {"New": "Id"}},
        "deny": ["s.Email"],
        "mask": ["*.Name"],
    }
    other = [messages.schema("t", {"Id": "string"}), messages.record("t", Id="1")]

    ended = rehearsal.run([*rows(messages, Later="l"), *other], **settings)

    assert ended.code == 0
    assert ".unused" not in ended.log
    assert ".unfed" not in ended.log


@pytest.mark.parametrize("setting", ["deny", "mask"])
def test_a_misspelt_property_is_kept_off_the_board(
    rehearsal: Any, messages: Any, setting: str
) -> None:
    """The one that was meant would go on to the board: nothing is written."""
    ended = rehearsal.run(rows(messages), **{setting: ["s.Emial"]})

    assert ended.code == 2
    assert "no property 'Emial'" in ended.log
    assert "'Email'" in ended.log
    assert rehearsal.usage()["calls"] == 0


def test_a_property_that_is_not_selected_may_stay_denied() -> None:
    """Where no other one looks like it, and where that one is denied as well."""
    settings = {"deny": ["s.Email", "s.Address1", "s.Address2"]}

    assert not list(misnamed("s", settings, ["Id", "Address2"]))
    assert list(misnamed("s", settings, ["Id", "Emails"]))
    assert not list(misnamed("t", settings, ["Emails"]))


def test_an_entry_for_all_streams_is_used_by_any() -> None:
    """One of them is enough."""
    settings = {"deny": ["*.A", "s.B"], "mask": ["*.C"]}

    found = list(unused_entries(settings, {"s": {"A"}, "t": {"B"}}))

    assert found == [("deny", "s.B"), ("mask", "*.C")]


def test_a_misspelt_removal_by_a_stream_map_ends_the_run(rehearsal: Any, messages: Any) -> None:
    """The property would go on to the board."""
    ended = rehearsal.run(rows(messages), stream_maps={"s": {"Emial": "__NULL__"}})

    assert ended.code == 2
    assert "no property 'Emial' (`stream_maps`)" in ended.log
    assert rehearsal.usage()["calls"] == 0
