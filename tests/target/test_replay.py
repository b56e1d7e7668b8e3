"""Replay: what the ledger knows, delivered once more; never anything older over anything newer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

PROPERTIES = {"Id": "string", "Name": "string", "Note": "string"}


def rows(messages: Any, *records: tuple[str, str], version: int | None = None) -> list[Any]:
    """A stream of keys with names."""
    made = [messages.record("s", version, Id=key, Name=name, Note=name) for key, name in records]
    return [messages.schema("s", PROPERTIES), *made, messages.state(version or 1)]


def replay(rehearsal: Any, *asked: str, code: int = 0) -> str:
    """Replay with the settings of the last run."""
    config = ("--config", str(rehearsal.folder / "config.json"))
    return rehearsal.audit_text("replay", *asked, *config, code=code)


def names(rehearsal: Any) -> dict[str, str]:
    """Key -> name of all items."""
    items = rehearsal.board("S")["items"]
    return {each["cells"]["Record key"]: each["cells"]["Name"] for each in items}


def test_nothing_is_sent_where_the_boards_are_as_known(rehearsal: Any, messages: Any) -> None:
    """Neither for a run nor for a stream, a range of keys, a time or everything."""
    rehearsal.run(rows(messages, ("a", "1"), ("b", "1"), ("c", "1")))
    run = rehearsal.audit("runs")[0]["id"]
    before = rehearsal.usage()["mutations"]
    hour = datetime.now(UTC) + timedelta(hours=1)

    for asked, read in (
        (["--run", run], 3),
        (["--stream", "s"], 3),
        (["--stream", "s", "--key-from", "b"], 2),
        (["--stream", "s", "--key-to", "b"], 2),
        (["--until", hour.strftime("%Y-%m-%dT%H:%M")], 3),
        (["--all"], 3),
    ):
        replay(rehearsal, *asked)
        total = rehearsal.audit("report")["total"]
        assert (total["read"], total["unchanged"]) == (read, read)

    assert "Nothing to replay" in replay(rehearsal, "--since", hour.strftime("%Y-%m-%dT%H:%M"))
    assert rehearsal.usage()["mutations"] == before


def test_an_old_run_brings_back_the_newest_rows_of_its_keys(rehearsal: Any, messages: Any) -> None:
    """Also where somebody changed the board since: what came last from the source counts."""
    rehearsal.run(rows(messages, ("a", "old"), ("b", "old")))
    run = rehearsal.audit("runs")[0]["id"]
    rehearsal.run(rows(messages, ("a", "new")))

    replay(rehearsal, "--run", run)

    assert names(rehearsal) == {"a": "new", "b": "old"}


def test_a_change_of_the_mapping_reaches_all_known_rows(rehearsal: Any, messages: Any) -> None:
    """Without reading the source: every item gets its new column, from the page of its row."""
    narrow = {"s": {"columns": {"Note": None}}}
    schema, *records, state = rows(messages, ("a", "1"), ("b", "2"))
    rehearsal.run([schema, *[each | {"page": 7} for each in records], state], boards=narrow)
    rehearsal.command(boards={"s": {}})  # the settings of the replay

    replay(rehearsal, "--all")

    assert (rehearsal.cells("S", "a")["Note"], rehearsal.cells("S", "b")["Note"]) == ("1", "2")
    assert rehearsal.audit("report")["total"]["updated"] == 2
    (told,) = rehearsal.audit("explain", "--board", "s", "--key", "a", "--column", "Note")
    assert told["writing"]["page"] == 7


def test_what_left_the_source_does_not_come_back(rehearsal: Any, messages: Any) -> None:
    """An archived item stays in the archive, and the command says so."""
    archive = {"vanished": "archive"}
    rehearsal.run(rows(messages, ("a", "1"), ("b", "1"), version=1), **archive)
    lines = [*rows(messages, ("a", "1"), version=2), messages.activate("s", 2)]
    rehearsal.run(lines, **archive)
    assert names(rehearsal) == {"a": "1"}

    replay(rehearsal, "--all")

    assert names(rehearsal) == {"a": "1"}
    assert rehearsal.audit("report")["total"]["read"] == 1


def test_a_replay_finds_what_people_did_to_the_board(rehearsal: Any, messages: Any) -> None:
    """A deleted item is made again, as it would be by a run."""
    rehearsal.run(rows(messages, ("a", "1"), ("b", "2")))
    (item,) = [each for each in rehearsal.board("S")["items"] if each["cells"]["Name"] == "1"]
    rehearsal.ask("mutation ($id: ID!) { delete_item(item_id: $id) { id } }", {"id": item["id"]})

    replay(rehearsal, "--stream", "s")

    assert names(rehearsal) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("asked", [(), ("--all", "--stream", "s"), ("--key-from", "a")])
def test_a_replay_must_be_told_what_is_meant(
    rehearsal: Any, messages: Any, asked: tuple[str, ...]
) -> None:
    """Nothing by accident."""
    rehearsal.run(rows(messages, ("a", "1")))

    assert "Usage" in replay(rehearsal, *asked, code=2)


def test_stream_maps_are_not_laid_over_a_row_twice(rehearsal: Any, messages: Any) -> None:
    """The ledger keeps rows as they were mapped."""
    maps = {"s": {"Name": "Name + '!'"}}
    rehearsal.run(rows(messages, ("a", "1")), stream_maps=maps)

    replay(rehearsal, "--all")

    assert rehearsal.audit("report")["total"]["unchanged"] == 1
    assert rehearsal.cells("S", "a")["Name"] == "1!"


def test_rows_without_a_key_are_named_and_left_alone(rehearsal: Any, messages: Any) -> None:
    """They have no identity: a replay would make second items."""
    lines = [messages.schema("s", PROPERTIES, keys=[]), messages.record("s", Id="a", Name="n")]
    rehearsal.run(lines)

    said = replay(rehearsal, "--all", code=1)

    assert "1 rows of stream 's' cannot be replayed: they have no key" in said
    assert len(rehearsal.board("S")["items"]) == 1
