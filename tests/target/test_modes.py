"""Modes: which rows make an item, and which change one."""

from __future__ import annotations

import signal
from typing import Any

import pytest


def rows(messages: Any, *records: tuple[str, str]) -> list[Any]:
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    return [schema, *(messages.record("s", Id=one, Note=note) for one, note in records)]


def notes(rehearsal: Any) -> dict[str, str]:
    items = rehearsal.board("S")["items"]
    return {item["cells"]["Record key"]: item["cells"]["Note"] for item in items}


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("upsert", {"a": "2", "b": "2"}),
        ("update_only", {"a": "2"}),
        ("insert_only", {"a": "1", "b": "2"}),
    ],
)
@pytest.mark.parametrize("of_stream", [True, False])
def test_a_mode_says_what_may_be_done(
    rehearsal: Any, messages: Any, mode: str, found: dict[str, str], *, of_stream: bool
) -> None:
    """For all streams or for one; rows that are kept back count as filtered, and settle."""
    rehearsal.run(rows(messages, ("a", "1")))
    settings = {"boards": {"s": {"mode": mode}}} if of_stream else {"mode": mode}

    ended = rehearsal.run([*rows(messages, ("a", "2"), ("b", "2")), messages.state(1)], **settings)

    assert (ended.code, len(ended.states), notes(rehearsal)) == (0, 1, found)
    assert ended.counts()["filtered"] == (0 if mode == "upsert" else 1)
    assert "balanced=yes" in ended.log


def test_the_first_row_of_a_key_is_inserted(rehearsal: Any, messages: Any) -> None:
    """Whether its item is on the board yet or still waits to be sent."""
    ended = rehearsal.run(
        rows(messages, ("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")), mode="insert_only"
    )

    assert (ended.code, notes(rehearsal)) == (0, {"a": "1", "b": "1"})


@pytest.mark.parametrize("mode", ["update_only", "insert_only"])
def test_a_stream_without_a_key_has_nothing_to_compare(
    rehearsal: Any, messages: Any, mode: str
) -> None:
    """Such a mode is refused for it: every row would make an item."""
    schema = messages.schema("s", {"Id": "string"}, keys=[])

    ended = rehearsal.run([schema, messages.record("s", Id="a")], mode=mode)

    assert (ended.code, mode in ended.log, "'s'" in ended.log) == (2, True, True)
    assert rehearsal.usage()["mutations"] == 0


def test_update_only_makes_nothing_for_an_item_that_left(rehearsal: Any, messages: Any) -> None:
    """The ledger may still know it: monday says that it is gone."""
    rehearsal.run(rows(messages, ("a", "1"), ("b", "1")))
    gone = next(
        item["id"] for item in rehearsal.board("S")["items"] if item["cells"]["Record key"] == "a"
    )
    board = rehearsal.board("S")["id"]
    rehearsal.ask("mutation ($i: ID!) { delete_item(item_id: $i) { id } }", {"i": gone})
    rehearsal.ask(
        'mutation ($b: ID!) { create_item(board_id: $b, item_name: "mine") { id } }', {"b": board}
    )

    ended = rehearsal.run(rows(messages, ("a", "2"), ("b", "2")), mode="update_only")

    assert (ended.code, ended.counts()["filtered"], ended.counts()["updated"]) == (0, 1, 1)
    assert rehearsal.board("S")["items_count"] == 2


def appended(messages: Any, *notes: str) -> list[Any]:
    schema = messages.schema("s", {"Note": "string"}, keys=[])
    return [schema, *(messages.record("s", Note=note) for note in notes)]


def all_notes(rehearsal: Any) -> list[str]:
    return sorted(item["cells"]["Note"] for item in rehearsal.board("S")["items"])


def test_appended_rows_are_not_doubled_when_a_cut_run_is_repeated(
    rehearsal: Any, messages: Any
) -> None:
    """Each row as often as the stream holds it, whatever was behind the last bookmark."""
    process = rehearsal.start(batch_size_rows=1, max_aliases=1)
    assert process.stdin is not None
    assert process.stdout is not None
    lines = [*appended(messages, "x", "x"), messages.state(1), *appended(messages, "x", "y")[1:]]
    process.stdin.write(messages.lines(lines))
    process.stdin.flush()
    while rehearsal.usage()["mutations_by_name"].get("create_item", 0) < 4:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    killed = rehearsal.end(process)

    again = rehearsal.run([*appended(messages, "x", "y", "x"), messages.state(2)])
    new = rehearsal.run([*appended(messages, "x"), messages.state(3)])

    assert (len(killed.states), again.code, new.code) == (1, 0, 0)
    assert (again.counts()["unchanged"], again.counts()["created"]) == (2, 1)
    assert new.counts()["created"] == 1
    assert all_notes(rehearsal) == ["x", "x", "x", "x", "x", "y"]


@pytest.mark.parametrize("served", [True, False])
def test_an_appended_row_whose_answer_was_lost_is_not_doubled(
    rehearsal: Any, messages: Any, *, served: bool
) -> None:
    """The next run asks for the same answer before it appends anything."""
    assert rehearsal.run(appended(messages)).code == 0
    process = rehearsal.start()

    rehearsal.kill_at(process, lambda each: "idempotency-key" in each.headers, served=served)
    rehearsal.end_with_input(process, appended(messages, "x", "y"))
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(appended(messages, "x", "y", "y"))

    assert (ended.code, all_notes(rehearsal)) == (0, ["x", "y", "y"])
    assert (ended.counts()["unchanged"], ended.counts()["created"]) == (2, 1)
