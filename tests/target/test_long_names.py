"""Names that are longer than monday takes: cut by one rule, told apart, and never a riddle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.faults import Fault
from target_monday.mapping import default_board_name
from target_monday.truncation import TITLE_LIMIT, title_of

LONG = "Amount in the accounting currency " * 10


@given(st.lists(st.text() | st.text(min_size=250, max_size=600), unique=True, max_size=5))
def test_names_have_titles_of_their_own(names: list[str]) -> None:
    """A title fits, is not blank, is the same in each run, and no two names share one."""
    titles = [title_of(name) for name in names]

    assert all(title.strip() and len(title) <= TITLE_LIMIT for title in titles)
    assert titles == [title_of(name) for name in names]
    assert len(set(titles)) == len(names)
    assert all(len(name) > TITLE_LIMIT or not name.strip() or name in titles for name in names)


def test_a_cut_title_begins_like_its_name_and_ends_with_a_hash() -> None:
    """So that people know the property again."""
    title = title_of(LONG)

    assert (len(title), title[:200]) == (TITLE_LIMIT, LONG[:200])
    assert title[-12:-9] == "… ("
    assert len(default_board_name(LONG)) <= TITLE_LIMIT


def test_properties_with_long_names_get_columns(rehearsal: Any, messages: Any) -> None:
    """Also two that begin alike; the next run finds them again, with or without a ledger."""
    names = [f"{LONG}{end}" for end in ("a", "b")]
    schema = messages.schema("s", {"Id": "string", **dict.fromkeys(names, "number"), " ": "string"})
    record = messages.record("s", Id="k", **{names[0]: 1, names[1]: 2, " ": "blank"})

    first = rehearsal.run([schema, record])
    again = rehearsal.run([schema, record])
    rehearsal.ledger.unlink()
    rebuilt = rehearsal.run([schema, record])

    assert (first.code, again.code, rebuilt.code) == (0, 0, 0)
    assert again.counts()["unchanged"] == rebuilt.counts()["unchanged"] == 1
    cells = rehearsal.cells("S", "k")
    assert [cells[title_of(name)] for name in (*names, " ")] == ["1", "2", "blank"]
    assert len(cells) == 5


def test_groups_and_names_of_items_fit(rehearsal: Any, messages: Any) -> None:
    """Two groups whose titles begin alike stay two groups."""
    schema = messages.schema("s", {"Id": "string", "G": "string"})
    rows = [messages.record("s", Id=f"{LONG}{end}", G=f"{LONG}{end}") for end in "ab"]

    ended = rehearsal.run([schema, *rows], boards={"s": {"group": "{G}", "item_name": "{G}"}})

    items = rehearsal.board("S")["items"]
    assert (ended.code, len(items)) == (0, 2)
    assert {item["group"]["title"] for item in items} == {title_of(LONG + end) for end in "ab"}
    assert all(len(item["name"]) <= TITLE_LIMIT for item in items)


def test_a_stream_with_a_long_name_gets_a_board(rehearsal: Any, messages: Any) -> None:
    """Its name is cut by the same rule; a second run finds it."""
    stream = "s" * 300
    lines = [messages.schema(stream, {"Id": "string"}), messages.record(stream, Id="k")]

    assert [rehearsal.run(lines).code for _ in range(2)] == [0, 0]

    boards = rehearsal.ask("{ boards(limit: 10) { name } }")["boards"]
    assert [board["name"] for board in boards] == [default_board_name(stream)]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"board_name": LONG}, "`board_name`"),
        ({"board_name": "{Id}", "board_if_null": LONG}, "`board_if_null`"),
        ({"columns": {"Id": {"type": "text", "title": LONG}}}, "`columns.Id`"),
        ({"trail_columns": {"run": LONG}}, "`trail_columns.run`"),
        ({"columns": {"Id": {"type": "status", "labels": [LONG]}}}, "labels have at most 30"),
    ],
)
def test_a_title_of_the_settings_is_refused_by_name(
    rehearsal: Any, messages: Any, asked: dict[str, Any], word: str
) -> None:
    """What a person wrote is not cut without asking."""
    ended = rehearsal.run([messages.schema("s", {"Id": "string"})], boards={"s": asked})

    assert (ended.code, word in ended.log, "'s'" in ended.log) == (2, True, True)
    assert rehearsal.usage()["calls"] == 0


@pytest.mark.parametrize(("path", "times", "culprit"), [(["m2"], 1, "P2"), (None, 9, "P0")])
def test_the_column_that_monday_refuses_is_named_alone(
    rehearsal: Any, messages: Any, path: list[str] | None, times: int, culprit: str
) -> None:
    """By the error's path, or by halves where it has none: never as a list of all columns."""
    names = [f"P{at}" for at in range(20)]
    lines = [messages.schema("s", {**dict.fromkeys(names, "string"), "Id": "string"})]
    refused = {
        "message": "This title cannot be used",
        "path": path,
        "extensions": {"code": "InvalidArgumentException", "status_code": 200},
    }
    assert rehearsal.run([messages.schema("s", {"Id": "string"})]).code == 0
    rehearsal.sandbox.monday_faults.plan(
        Fault(
            body=json.dumps({"data": None, "errors": [refused]}),
            status=200,
            matches=lambda request: "idempotency-key" in request.headers,
        ),
        times=times,
    )

    ended = rehearsal.run(lines)

    assert ended.code == 1
    assert f"The column '{culprit}' cannot be made" in ended.log
    assert "'P1'" not in ended.log
