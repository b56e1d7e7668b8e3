"""Several streams on one board, each with keys of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday.structure import create_board, create_column, create_group
from ifs_monday_sandbox.monday.writes import create_item

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = {"a": {"board_name": "Both"}, "b": {"board_name": "Both"}}


def lines(messages: Any, version: int | None = None, **ids: list[str]) -> str:
    """One stream after the other, each with rows of these ids."""
    made: list[Any] = []
    for stream, these in ids.items():
        made.append(messages.schema(stream, {"Id": "string", f"From {stream}": "string"}))
        made += [
            messages.record(stream, version=version, **{"Id": one, f"From {stream}": "x"})
            for one in these
        ]
        made += [] if version is None else [messages.activate(stream, version)]
    return str(messages.lines([*made, messages.state(1)]))


def keys(twin: Any) -> list[str]:
    return sorted(row["Record key"] for row in twin.account.rows("Both"))


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """An account and a target whose streams a and b share a board."""
    made = simulate()
    made.settings["boards"] = SHARED
    return made


BOTH = {"a": ["a1", "a2"], "b": ["b1"]}


def test_two_streams_share_a_board(twin: Any, messages: Any) -> None:
    """One board with both streams' columns; what is unchanged costs one call for both."""
    first = twin.run(lines(messages, **BOTH))
    again = twin.run(lines(messages, **BOTH))
    turned = twin.run(lines(messages, b=["b1"], a=["a1", "a2"]))

    assert (first.code, keys(twin), len(twin.account.boards)) == (0, ["a1", "a2", "b1"], 1)
    assert (again.code, again.calls, again.mutations) == (0, 1, 0)
    assert (turned.code, turned.calls, turned.mutations) == (0, 1, 0)


def test_a_board_that_may_have_been_made_is_not_made_for_the_other_stream(
    twin: Any, messages: Any
) -> None:
    """An answer says that it failed, and the board is there all the same: the next run finds it."""

    def make() -> None:
        by_hand = twin.account.writer("by hand")
        kind: Any = {"kind": "public", "workspace_id": None, "empty": True, "description": None}
        create_board(twin.account, "Both", **kind, item_nickname="item", writer=by_hand)

    error = {"message": "x", "path": ["create_board"]}
    failure = {**error, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    body = json.dumps({"data": {"create_board": None}, "errors": [failure]})
    twin.sandbox.monday_faults.plan(
        Fault(200, body, meanwhile=make, matches=lambda each: "idempotency-key" in each.headers)
    )
    failed = twin.run(lines(messages, **BOTH))

    ended = twin.run(lines(messages, **BOTH))

    assert (failed.code, ended.code) == (1, 0)
    assert (keys(twin), len(twin.account.boards)) == (["a1", "a2", "b1"], 1)


@pytest.mark.parametrize("what", ["columns", "groups"])
def test_what_may_have_been_made_is_not_made_for_the_other_stream(
    twin: Any, messages: Any, what: str
) -> None:
    """One of several columns or groups fails, and nothing tells which of the others are there."""
    if what == "groups":
        placed = {"board_name": "Both", "group": "in {Place}"}
        twin.settings["boards"] = {"a": placed, "b": placed}
    schemas = [
        messages.schema(each, {"Id": "string", "Place": "string", f"From {each}": "string"})
        for each in "ab"
    ]
    records = [messages.record(each, Id=each, Place="x") for each in "ab"]
    given = messages.lines([*schemas, *records, messages.state(1)])
    failure = {"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    made = {"m0": {"id": "text_1", "title": "Id", "type": "text", "archived": False}}

    def make() -> None:
        board = twin.account.board("Both")
        if what == "columns":
            create_column(twin.account, board, "Record key", column_type="text")
        else:
            create_group(twin.account, board, "in x", None)

    body = json.dumps({"data": {**made, "m1": None}, "errors": [{**failure, "path": ["m0"]}]})
    writes = iter(range(9))
    wanted = 1 if what == "columns" else 3
    twin.sandbox.monday_faults.plan(
        Fault(
            200,
            body,
            meanwhile=make,
            matches=lambda each: "idempotency-key" in each.headers and next(writes) == wanted,
        )
    )
    failed = twin.run(given)

    ended = twin.run(given)

    board = twin.account.board("Both")
    titles = [each.title for each in (*board.columns.values(), *board.groups)]
    assert (failed.code, ended.code) == (1, 0)
    assert sorted(titles) == sorted(set(titles))


def test_groups_are_found_where_only_the_other_stream_has_some(twin: Any, messages: Any) -> None:
    """The stream that comes first places its items in no groups of its own."""
    twin.settings["boards"] = {**SHARED, "b": {"board_name": "Both", "group": "in {Id}"}}
    for new in ("b1", "b2"):
        assert twin.run(lines(messages, a=["a1"], b=["b1", new])).code == 0
    twin.account.board("Both").groups[0].title = "in b3"
    assert twin.run(lines(messages, a=["a1"], b=["b3"])).code == 0

    titles = [group.title for group in twin.account.board("Both").groups]
    assert sorted(titles) == sorted(set(titles))


def test_growth_of_one_stream_does_not_have_the_other_read_again(twin: Any, messages: Any) -> None:
    """The board's count of items is held against those of both."""
    twin.run(lines(messages, **BOTH))
    grown = twin.run(lines(messages, a=["a1", "a2", "a3"]))
    quiet = twin.run(lines(messages, b=["b1"], a=["a1", "a2", "a3"]))

    assert (grown.code, grown.calls) == (0, 2)
    assert (quiet.code, quiet.calls, quiet.mutations) == (0, 1, 0)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_key_that_another_stream_owns_is_a_reject(twin: Any, messages: Any, runs: int) -> None:
    """By name, in the same run or a later one; the owner's item is not touched."""
    if runs == 2:
        twin.run(lines(messages, a=["k"]))
    ended = twin.run(lines(messages, a=["k"], b=["k", "b1"]))

    row = next(row for row in twin.account.rows("Both") if row["Record key"] == "k")
    assert (ended.code, keys(twin), row["From a"], row["From b"]) == (3, ["b1", "k"], "x", "")
    assert (ended.books.of("b").rejected, ended.books.balanced) == (1, True)

    again = twin.run(lines(messages, b=["b1"], a=["k"]))  # the reject is tried again
    assert (again.mutations, keys(twin)) == (0, ["b1", "k"])


def test_vanished_rows_are_those_that_the_stream_owned(twin: Any, messages: Any) -> None:
    """Neither the other stream's items nor those of people."""
    twin.run(lines(messages, version=1, **BOTH))
    board, by_hand = twin.account.board("Both"), twin.account.writer("by hand")
    create_item(twin.account, board, "theirs", group=None, values={}, writer=by_hand)

    ended = twin.run(lines(messages, version=2, a=["a1"]), vanished="archive")

    assert (ended.code, keys(twin)) == (0, ["", "a1", "b1"])


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_a_lost_ledger_is_rebuilt_for_both_streams(twin: Any, messages: Any, lane: str) -> None:
    """Without a mutation: each stream takes the items that its rows name, and no others."""
    twin.run(lines(messages, **BOTH), lane=lane)
    (twin.folder / "ledger.db").unlink()

    ended = twin.run(lines(messages, version=7, **BOTH), lane=lane, vanished="archive")
    twin.run(lines(messages, version=8, **BOTH), lane=lane, vanished="archive")
    quiet = twin.run(lines(messages, version=9, **BOTH), lane=lane, vanished="archive")

    assert (ended.code, ended.mutations, keys(twin)) == (0, 0, ["a1", "a2", "b1"])
    assert (ended.books.of("a").unchanged, ended.books.of("b").unchanged) == (2, 1)
    assert (quiet.code, quiet.calls, quiet.mutations) == (0, 1, 0)


def test_items_that_no_stream_brings_are_kept(twin: Any, messages: Any) -> None:
    """After a lost ledger nobody is known to own them: they are neither archived nor doubled."""
    twin.run(lines(messages, **BOTH))
    (twin.folder / "ledger.db").unlink()

    twin.run(lines(messages, version=7, a=["a1"], b=["b1"]), vanished="archive")
    assert keys(twin) == ["a1", "a2", "b1"]
    late = twin.run(lines(messages, a=["a2"]))

    assert (late.code, late.mutations, keys(twin)) == (0, 0, ["a1", "a2", "b1"])


def test_keys_that_differ_in_case_belong_to_two_streams(twin: Any, messages: Any) -> None:
    """An upload matches without case: it must not write to the other stream's item."""
    twin.run(lines(messages, a=["ab"]))

    ended = twin.run(lines(messages, b=["AB", "b1"]), lane="ingest")

    assert (ended.code, keys(twin)) == (0, ["AB", "ab", "b1"])


def test_a_key_column_each_makes_equal_keys_two_items(twin: Any, messages: Any) -> None:
    """Then the streams' keys have nothing to do with each other, also after a lost ledger."""
    boards = {
        stream: {"board_name": "Both", "key_column": f"Key {stream}"} for stream in ("a", "b")
    }
    twin.run(lines(messages, a=["z"]), boards={"a": {"board_name": "Both"}})
    board = twin.account.board("Both")
    for column in list(board.columns.values()):
        if column.title == "Record key":
            column.title = "Key a"
    create_column(twin.account, board, "Key b", column_type="text")

    ended = twin.run(lines(messages, a=["z"], b=["z"]), boards=boards)
    (twin.folder / "ledger.db").unlink()
    rebuilt = twin.run(lines(messages, a=["z"], b=["z"]), boards=boards)

    assert (ended.code, ended.books.of("b").created, board.active_count) == (0, 1, 2)
    assert (rebuilt.code, rebuilt.mutations) == (0, 0)
