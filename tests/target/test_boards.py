"""Boards are found, made and trusted only where nothing can be twice, taken over or lost."""

from __future__ import annotations

import signal
import sqlite3
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault

if TYPE_CHECKING:
    from starlette.requests import Request


def rows(
    messages: Any, *ids: str, stream: str = "s", version: int | None = None, **cells: Any
) -> list[dict[str, Any]]:
    schema = messages.schema(stream, {"Id": "string", "Note": "string"})
    return [schema, *(messages.record(stream, version=version, Id=one, **cells) for one in ids)]


def numbered(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def is_write(request: Request) -> bool:
    """A mutation: those carry an idempotency key."""
    return "idempotency-key" in request.headers


def names(rehearsal: Any) -> list[str]:
    """The names of all boards."""
    return sorted(board["name"] for board in rehearsal.ask("{ boards { name } }")["boards"])


def column(rehearsal: Any, board: str, title: str) -> str:
    """The id of the only column of this title."""
    (found,) = (c["id"] for c in rehearsal.board(board)["columns"] if c["title"] == title)
    return str(found)


def change_ledger(rehearsal: Any, statement: str) -> None:
    """Change the ledger as time or another run would have."""
    with sqlite3.connect(rehearsal.ledger) as ledger:
        ledger.execute(statement)
    ledger.close()


def rename_column(rehearsal: Any, board: str, title: str, new: str) -> None:
    """What a person does in the board's head."""
    rehearsal.ask(
        "mutation ($b: ID!, $c: String!, $t: String!) "
        "{ change_column_title(board_id: $b, column_id: $c, title: $t) { id } }",
        {"b": rehearsal.board(board)["id"], "c": column(rehearsal, board, title), "t": new},
    )


def delete_column(rehearsal: Any, board: str, title: str) -> None:
    """What a person does in a column's menu."""
    rehearsal.ask(
        "mutation ($b: ID!, $c: String!) { delete_column(board_id: $b, column_id: $c) { id } }",
        {"b": rehearsal.board(board)["id"], "c": column(rehearsal, board, title)},
    )


def add_column(rehearsal: Any, board: str, title: str) -> str:
    """A text column that a person adds."""
    made = rehearsal.ask(
        "mutation ($b: ID!, $t: String!) "
        "{ create_column(board_id: $b, title: $t, column_type: text) { id } }",
        {"b": rehearsal.board(board)["id"], "t": title},
    )
    return str(made["create_column"]["id"])


def started(rehearsal: Any, lines: str) -> Any:
    """A run that has prepared its first board and waits for more input."""
    process = rehearsal.start()
    process.stdin.write(lines)
    process.stdin.flush()
    assert any("board.ready" in line for line in process.stderr)
    return process


def test_what_another_run_made_meanwhile_is_found(rehearsal: Any, messages: Any) -> None:
    """Two runs that start at a time and reach the same streams one after another share boards."""
    first, second = (
        started(rehearsal, messages.lines(rows(messages, "x", stream=stream)))
        for stream in ("one", "two")
    )
    shared = [line for stream in "ab" for line in rows(messages, *numbered(40), stream=stream)]
    ended = [rehearsal.end_with_input(process, shared) for process in (first, second)]

    assert [each.code for each in ended] == [0, 0]
    assert names(rehearsal) == ["A", "B", "One", "Two"]
    assert ended[1].counts("a")["unchanged"] == 40
    assert ended[1].counts()["created"] == 1


def test_a_board_that_another_run_is_making_is_left_to_it(rehearsal: Any, messages: Any) -> None:
    """As long as its request is out there is no board to find: the name itself is held."""
    asked = Event()

    def is_first(request: Request) -> bool:
        if is_write(request):
            asked.set()
        return is_write(request)

    rehearsal.sandbox.monday_faults.plan(Fault(503, matches=is_first), times=2)
    first = rehearsal.start()
    assert first.stdin is not None
    first.stdin.write(messages.lines(rows(messages, "a")))
    first.stdin.flush()
    assert asked.wait(timeout=30)

    second = rehearsal.run(rows(messages, "a"))

    assert (second.code, f"process {first.pid}" in second.log) == (1, True)
    assert rehearsal.end(first).code == 0
    assert names(rehearsal) == ["S"]


def test_requests_of_a_run_that_lives_are_left_alone(rehearsal: Any, messages: Any) -> None:
    """A run that starts meanwhile neither resends nor reads for what the first one has sent."""
    first = rehearsal.start(lane="alias", batch_size_rows=1, max_aliases=1)
    assert first.stdin is not None
    assert first.stdout is not None
    first.stdin.write(messages.lines([*rows(messages, "a"), messages.state(1)]))
    first.stdin.flush()
    assert "bookmarks" in first.stdout.readline()
    change_ledger(rehearsal, "DELETE FROM settlements")
    change_ledger(rehearsal, "UPDATE requests SET sent_at = 0")
    change_ledger(
        rehearsal,
        "INSERT INTO open_requests (request, body) "
        """SELECT id, '{"query": "query { me { id } }", "variables": {}}' FROM requests""",
    )

    second = rehearsal.run(rows(messages, "x", stream="t"))

    assert (second.code, "request.recover" in second.log) == (0, False)
    assert rehearsal.end(first).code == 0
    assert rehearsal.run(rows(messages, "a")).code == 0
    assert rehearsal.board("S")["items_count"] == 1


@pytest.mark.parametrize("served", [True, False])
def test_a_kill_while_a_board_is_made_leaves_one_board(
    rehearsal: Any, messages: Any, *, served: bool
) -> None:
    """The next run looks for it, and asks for the same board again if it is not there."""
    process = rehearsal.start()

    rehearsal.kill_at(process, is_write, served=served)
    killed = rehearsal.end_with_input(process, rows(messages, "a"))
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(rows(messages, "a"))

    assert (killed.code, ended.code) == (-signal.SIGKILL, 0)
    assert ("by=reading" if served else "by=resend") in ended.log
    assert names(rehearsal) == ["S"]


def test_a_kill_while_columns_are_made_leaves_one_of_each(rehearsal: Any, messages: Any) -> None:
    """The next run asks for the same columns again before it looks at the board."""
    assert rehearsal.run([messages.schema("s", {"Id": "string"})]).code == 0
    process = rehearsal.start()

    rehearsal.kill_at(process, is_write)
    rehearsal.end_with_input(process, rows(messages, "a"))
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(rows(messages, "a"))

    assert (ended.code, "by=resend" in ended.log) == (0, True)
    titles = [each["title"] for each in rehearsal.board("S")["columns"]]
    assert sorted(titles) == ["Id", "Name", "Note", "Record key"]


def test_a_renamed_key_column_is_still_the_key_column(rehearsal: Any, messages: Any) -> None:
    """Its id is what counts, as with every other column."""
    rehearsal.run(rows(messages, "a", "b"))
    rename_column(rehearsal, "S", "Record key", "ERP key")

    ended = rehearsal.run(rows(messages, "a", "b", "c"))

    assert (ended.code, ended.counts()["created"], ended.counts()["unchanged"]) == (0, 1, 2)
    assert rehearsal.board("S")["items_count"] == 3


def test_a_deleted_key_column_stops_the_stream(rehearsal: Any, messages: Any) -> None:
    """No item can be told from another: nothing is written, the message says what to do."""
    rehearsal.run(rows(messages, "a", "b"))
    delete_column(rehearsal, "S", "Record key")

    ended = rehearsal.run(rows(messages, "a", "b"))

    assert (ended.code, "key_column" in ended.log) == (2, True)
    assert rehearsal.board("S")["items_count"] == 2


def test_another_key_column_must_hold_the_keys(rehearsal: Any, messages: Any) -> None:
    """A setting moved to an empty column is refused; once the keys are there it is fine."""
    rehearsal.run(rows(messages, "a", "b"))
    new = add_column(rehearsal, "S", "Order key")
    mapping = {"s": {"key_column": "Order key"}}

    refused = rehearsal.run(rows(messages, "a", "b"), boards=mapping)
    board = rehearsal.board("S")
    for item in board["items"]:
        rehearsal.ask(
            "mutation ($b: ID!, $i: ID!, $c: String!, $v: String) { change_simple_column_value"
            "(board_id: $b, item_id: $i, column_id: $c, value: $v) { id } }",
            {"b": board["id"], "i": item["id"], "c": new, "v": item["cells"]["Record key"]},
        )
    ended = rehearsal.run(rows(messages, "a", "b"), boards=mapping)

    assert (refused.code, "Order key" in refused.log) == (2, True)
    assert (ended.code, ended.counts()["unchanged"]) == (0, 2)


def test_a_property_called_like_the_key_column_has_its_own(rehearsal: Any, messages: Any) -> None:
    """The key's column takes another title then; run after run the same two."""
    lines = [
        messages.schema("s", {"Id": "string", "Record key": "string"}),
        messages.record("s", **{"Id": "a", "Record key": "theirs"}),
    ]
    codes = [rehearsal.run(lines).code for _ in range(2)]

    (item,) = rehearsal.board("S")["items"]
    assert codes == [0, 0]
    assert item["cells"] == {"Id": "a", "Record key": "theirs", "Record key (target-monday)": "a"}


def test_a_second_column_of_the_key_columns_title_harms_nothing(
    rehearsal: Any, messages: Any
) -> None:
    """A person may add one: the ledger knows which one is ours."""
    rehearsal.run(rows(messages, "a"))
    add_column(rehearsal, "S", "Record key")

    ended = rehearsal.run(rows(messages, "a"))

    assert (ended.code, ended.counts()["unchanged"]) == (0, 1)


def test_two_properties_never_share_a_column(rehearsal: Any, messages: Any) -> None:
    """Neither by title and id nor with the key: refused before the first write."""
    rehearsal.run(rows(messages, "a"))
    note, key = column(rehearsal, "S", "Note"), column(rehearsal, "S", "Record key")
    before = rehearsal.usage()["mutations"]

    for columns in ({"Id": "Note", "Note": note}, {"Note": key}, {"Note": "Record key"}):
        ended = rehearsal.run(rows(messages, "a"), boards={"s": {"columns": columns}})
        assert (ended.code, "both go to" in ended.log) == (2, True)

    assert rehearsal.usage()["mutations"] == before


def version(messages: Any, number: int, *ids: str) -> list[dict[str, Any]]:
    return [*rows(messages, *ids, version=number), messages.activate("s", number)]


def test_a_version_without_rows_archives_nothing(rehearsal: Any, messages: Any) -> None:
    """Lost permissions look just like an empty table: the run fails for that stream."""
    rehearsal.run(version(messages, 1, "a"), vanished="archive")

    ended = rehearsal.run(version(messages, 2), vanished="archive")

    assert (ended.code, "without any row" in ended.log) == (1, True)
    assert rehearsal.board("S")["items_count"] == 1


def test_a_board_that_is_empty_may_stay_empty(rehearsal: Any, messages: Any) -> None:
    """No rows and no items are no reason to stop."""
    codes = [rehearsal.run(version(messages, at), vanished="archive").code for at in (1, 2)]

    assert codes == [0, 0]


@pytest.mark.parametrize(
    ("gone", "share", "code"), [(5, 0.2, 0), (6, 0.2, 1), (6, 0.75, 0), (1, 0, 1)]
)
def test_the_brake_allows_a_share_or_five_items(
    rehearsal: Any, messages: Any, gone: int, share: float, code: int
) -> None:
    """The greater of the two may vanish from a board at once; a share of 0 allows none."""
    ids = numbered(8)
    rehearsal.run(version(messages, 1, *ids), vanished="archive")

    ended = rehearsal.run(
        version(messages, 2, *ids[gone:]), vanished="archive", vanished_max_share=share
    )

    assert ended.code == code
    assert rehearsal.board("S")["items_count"] == (8 if code else 8 - gone)


def test_a_board_of_another_workspace_is_not_taken(rehearsal: Any, messages: Any) -> None:
    """Without `workspace_id` only the main workspace is looked at."""
    made = (
        'mutation { create_board(board_name: "S", board_kind: public, workspace_id: 7, '
        "empty: true) { id } }"
    )
    other = rehearsal.ask(made)["create_board"]["id"]

    ended = rehearsal.run(rows(messages, "a"))

    assert (ended.code, names(rehearsal)) == (0, ["S", "S"])
    counts = rehearsal.ask("{ boards { id items_count } }")["boards"]
    assert {one["id"]: one["items_count"] for one in counts}[other] == 0


@pytest.mark.parametrize("template", ["{Id:>8}", "{Id!r}", "{Id[0]}", "{Id.real}", "{}", "{Gone}"])
def test_an_item_name_takes_plain_fields_only(rehearsal: Any, messages: Any, template: str) -> None:
    """Anything else is a fault of the settings, with stream and setting; exit code 2."""
    ended = rehearsal.run(rows(messages, "a"), boards={"s": {"item_name": template}})

    assert (ended.code, "'s'" in ended.log, "item_name" in ended.log) == (2, True, True)
    assert names(rehearsal) == []


def test_a_board_that_was_not_read_for_a_day_is_read_again(rehearsal: Any, messages: Any) -> None:
    """One item deleted and another added keep the count; a day later that is seen."""
    rehearsal.run(rows(messages, "a", "b"))
    board = rehearsal.board("S")
    gone = next(each["id"] for each in board["items"] if each["cells"]["Record key"] == "a")
    rehearsal.ask("mutation ($id: ID!) { delete_item(item_id: $id) { id } }", {"id": gone})
    note = 'mutation ($b: ID!) { create_item(board_id: $b, item_name: "mine") { id } }'
    rehearsal.ask(note, {"b": board["id"]})
    change_ledger(rehearsal, "UPDATE index_reads SET at = at - 90000")

    ended = rehearsal.run(rows(messages, "a", "b"))

    assert (ended.counts()["created"], ended.counts()["unchanged"]) == (1, 1)
