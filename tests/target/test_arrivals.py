"""Settings that the input does not bear out are said, guards before the first write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_monday.privacy import misnamed, privacy_faults, unused_entries

if TYPE_CHECKING:
    from collections.abc import Callable


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


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("s.email", "Did you mean 'Email'?"),
        ("*.email", "Did you mean 'Email'?"),
        ("*.E-Mail", "Did you mean 'Email'?"),
        ("S.Email", "Did you mean `s.Email`?"),
        ("raw.Email", "write `s.Email`"),
        ("s.Contact.Email", "Name the whole, `s.Contact`"),
        ("s.Contact.Address.Street", "Name the whole, `s.Contact`"),
    ],
)
@pytest.mark.parametrize("setting", ["deny", "mask"])
def test_an_entry_that_means_a_property_under_another_name_is_refused(
    setting: str, entry: str, said: str
) -> None:
    """Also where its stream is misspelt, or has another name after stream maps."""
    properties = ["Id", "Email", "Contact"]

    (fault,) = misnamed("s", {setting: [entry]}, properties, {"raw"})

    assert fault.startswith(f"`{setting}` '{entry}': ")
    assert said in fault
    also = {setting: [entry, "s.Email", "s.Contact"]}
    assert not list(misnamed("s", also, properties, {"raw"}))


@pytest.mark.parametrize("entry", ["t.Email", "ss.Emails", "*.Emial", "raw.Telephone", "s.A.B"])
def test_an_entry_that_may_mean_another_stream_is_let_be(entry: str) -> None:
    """It is warned of at the end if no stream bears it out."""
    assert not list(misnamed("s", {"mask": [entry]}, ["Id", "Email", "Contact"], {"raw"}))


def test_masks_name_streams_as_they_are_delivered(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Under the name that the tap gives it, nothing would be masked: nothing is written."""
    twin = simulate()
    renamed = {"stream_maps": {"s": {"__alias__": "z"}}}
    lines = messages.lines(rows(messages))

    ended = twin.run(lines, mask=["s.Email"], **renamed)

    assert (ended.code, ended.calls) == (2, 0)
    assert "write `z.Email`" in ended.message
    assert twin.run(lines, mask=["z.Email"], **renamed).code == 0
    assert twin.run(lines, mask=["s.Email"], stream_maps={"z": {"A": "B"}}).code == 0


@pytest.mark.parametrize("entry", ["s.*", "*.*", "s*.Email", "s.Em*"])
def test_a_pattern_is_no_entry(entry: str) -> None:
    """It would match nothing, and all would go on to the board."""
    (fault,) = privacy_faults({"deny": [entry]})

    assert f"`deny` '{entry}'" in fault


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
