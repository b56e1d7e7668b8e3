"""Whole runs of the target as a process, against the sandbox, over real sockets."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import TARGET

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = {
    "Id": {"type": "string"},
    "Amount": "number",
    "State": {"type": ["string", "null"], "x-extensible-enum": ["Planned", "Closed"]},
    "Due": {"type": ["string", "null"], "format": "date"},
    "At": {"type": ["string", "null"], "format": "date-time"},
    "Urgent": "boolean",
    "Note": {"type": ["string", "null"], "maxLength": 2000},
    "Lines": "array",
    "_ifs_etag": "string",
}


def orders(messages: Any, *records: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [messages.record("purchase_order", **record) for record in records]
    return [messages.schema("purchase_order", ORDER), *rows, messages.state(len(rows))]


FULL = {
    "Id": "007",
    "Amount": 12.50,
    "State": "Planned",
    "Due": "2026-10-30",
    "At": "2026-10-30T10:11:12+02:00",
    "Urgent": True,
    "Note": "two\nlines",
    "Lines": [1, "a"],
    "_ifs_etag": "W/1",
}


def test_a_stream_becomes_a_board_of_typed_columns(rehearsal: Any, messages: Any) -> None:
    """Each property has its column, each record its item, and the key stands on the board."""
    ended = rehearsal.run(orders(messages, FULL))

    board = rehearsal.board("Purchase order")
    types = {column["title"]: column["type"] for column in board["columns"]}
    assert (ended.code, ended.states) == (0, [{"bookmarks": {"at": 1}}])
    assert types == {
        "Name": "name",
        "Record key": "text",
        "Id": "text",
        "Amount": "numbers",
        "State": "status",
        "Due": "date",
        "At": "date",
        "Urgent": "checkbox",
        "Note": "long_text",
        "Lines": "long_text",
    }
    cells = rehearsal.cells("Purchase order", "007")
    assert (cells["Amount"], cells["State"], cells["Due"]) == ("12.5", "Planned", "2026-10-30")
    assert (cells["Note"], cells["Lines"]) == ("two\nlines", '[1,"a"]')


def test_a_second_run_sends_no_mutation(rehearsal: Any, messages: Any) -> None:
    """What the board has already costs one call to look at the boards, and no write."""
    rehearsal.run(orders(messages, FULL))
    before = rehearsal.usage()

    ended = rehearsal.run(orders(messages, FULL))

    after = rehearsal.usage()
    assert (ended.code, ended.counts()["unchanged"]) == (0, 1)
    assert after["mutations"] == before["mutations"]
    assert after["calls"] - before["calls"] == 1


def test_a_lost_ledger_is_rebuilt_from_the_board(rehearsal: Any, messages: Any) -> None:
    """Without the ledger nothing is written twice and nothing is written again."""
    rehearsal.run(orders(messages, FULL, {"Id": "8", "Amount": -3}))
    before = rehearsal.usage()["mutations"]
    rehearsal.ledger.unlink()

    ended = rehearsal.run(orders(messages, FULL, {"Id": "8", "Amount": -3}))

    assert (ended.code, ended.counts()["unchanged"]) == (0, 2)
    assert rehearsal.usage()["mutations"] == before
    assert rehearsal.board("Purchase order")["items_count"] == 2


def test_only_changed_cells_travel(rehearsal: Any, messages: Any) -> None:
    """A cell that a person filled in an unmapped column, or that did not change, stays."""
    rehearsal.run(orders(messages, FULL))

    ended = rehearsal.run(orders(messages, {"Id": "007", "Amount": 13, "Due": None}))

    cells = rehearsal.cells("Purchase order", "007")
    assert ended.counts()["updated"] == 1
    assert (cells["Amount"], cells["State"]) == ("13", "Planned")
    assert not cells["Due"]


def test_a_value_that_comes_back_is_written_again(rehearsal: Any, messages: Any) -> None:
    """A, B, A in three runs ends with A on the board."""
    for amount in (1, 2, 1):
        ended = rehearsal.run(orders(messages, {"Id": "A", "Amount": amount}))

    assert ended.counts()["updated"] == 1
    assert rehearsal.cells("Purchase order", "A")["Amount"] == "1"


def test_the_last_of_two_rows_with_one_key_wins(rehearsal: Any, messages: Any) -> None:
    """Rows of one key in one batch cost one mutation; a missing property keeps the earlier one."""
    first, second = {"Id": "A", "Amount": 1, "Note": "n"}, {"Id": "A", "Amount": 2}
    ended = rehearsal.run(orders(messages, first, second))

    cells = rehearsal.cells("Purchase order", "A")
    counts = ended.counts()
    assert (cells["Amount"], cells["Note"]) == ("2", "n")
    assert (counts["created"], counts["unchanged"], counts["merged"]) == (1, 1, 1)


def test_keys_that_differ_only_in_case_are_two_items(rehearsal: Any, messages: Any) -> None:
    """Monday compares without case; identity does not."""
    twins = orders(messages, {"Id": "ab"}, {"Id": "AB"})
    rehearsal.run(twins)

    ended = rehearsal.run(twins)

    assert ended.counts()["unchanged"] == 2
    assert rehearsal.board("Purchase order")["items_count"] == 2


def test_a_bad_row_is_a_reject_and_the_others_go_on(rehearsal: Any, messages: Any) -> None:
    """Rejects stand in the ledger with code and payload, the run ends with 3, STATE goes on."""
    rows = orders(messages, {"Id": "1", "Amount": "x"}, {"Id": None}, {"Id": "2"})
    ended = rehearsal.run(rows)

    rejects = rehearsal.audit("rejects", "--payload")
    assert (ended.code, ended.states) == (3, [{"bookmarks": {"at": 3}}])
    assert [each["code"] for each in rejects] == ["BAD_CELL", "NULL_KEY"]
    assert rejects[0]["payload"] == {"Id": "1", "Amount": "x"}
    assert rehearsal.run(rows, max_rejects=2).code == 0


def test_a_delivered_row_settles_the_reject_of_its_key(rehearsal: Any, messages: Any) -> None:
    """Open rejects are those that still miss on the board."""
    rehearsal.run(orders(messages, {"Id": "1", "Amount": "x"}))

    rehearsal.run(orders(messages, {"Id": "1", "Amount": 1}))

    assert rehearsal.audit("rejects") == []


def test_an_item_that_a_person_deleted_is_made_again(rehearsal: Any, messages: Any) -> None:
    """The count of items tells that the ledger is behind, and the index is read."""
    rehearsal.run(orders(messages, {"Id": "1"}, {"Id": "2"}))
    item = rehearsal.board("Purchase order")["items"][0]["id"]
    rehearsal.ask("mutation ($id: ID!) { delete_item(item_id: $id) { id } }", {"id": item})

    ended = rehearsal.run(orders(messages, {"Id": "1"}, {"Id": "2"}))

    assert (ended.counts()["created"], ended.counts()["unchanged"]) == (1, 1)


def test_an_item_that_vanishes_unseen_is_made_again(rehearsal: Any, messages: Any) -> None:
    """One deleted and one added keep the count; the update finds out and creates."""
    rehearsal.run(orders(messages, {"Id": "1"}, {"Id": "2"}))
    board = rehearsal.board("Purchase order")
    gone = next(each["id"] for each in board["items"] if each["cells"]["Record key"] == "1")
    rehearsal.ask("mutation ($id: ID!) { delete_item(item_id: $id) { id } }", {"id": gone})
    note = 'mutation ($b: ID!) { create_item(board_id: $b, item_name: "mine") { id } }'
    rehearsal.ask(note, {"b": board["id"]})

    ended = rehearsal.run(orders(messages, {"Id": "1", "Amount": 5}, {"Id": "2"}))

    assert (ended.code, ended.counts()["created"]) == (0, 1)
    assert rehearsal.cells("Purchase order", "1")["Amount"] == "5"


def test_two_items_with_one_key_are_never_guessed_between(rehearsal: Any, messages: Any) -> None:
    """The key is rejected with both item ids, run after run, until a person has chosen."""
    rehearsal.run(orders(messages, {"Id": "1"}))
    board = rehearsal.board("Purchase order")
    key = next(each["id"] for each in board["columns"] if each["title"] == "Record key")
    rehearsal.ask(
        'mutation ($b: ID!, $v: JSON) { create_item(board_id: $b, item_name: "twin", '
        "column_values: $v) { id } }",
        {"b": board["id"], "v": f'{{"{key}": "1"}}'},
    )

    codes = [rehearsal.run(orders(messages, {"Id": "1", "Amount": 9})).code for _ in range(2)]

    (reject,) = rehearsal.audit("rejects")
    assert (codes, reject["code"]) == ([3, 3], "AMBIGUOUS_KEY")
    assert board["items"][0]["id"] in reject["message"]


def test_a_lost_item_is_not_guessed_among_twins(rehearsal: Any, messages: Any) -> None:
    """Where an item was and two are now, its changed row is rejected and neither is written."""
    rehearsal.run(orders(messages, {"Id": "1"}, {"Id": "2"}, {"Id": "3"}))
    board = rehearsal.board("Purchase order")
    key = next(each["id"] for each in board["columns"] if each["title"] == "Record key")
    for item in board["items"]:
        if item["name"] in {"1", "2"}:
            rehearsal.ask(
                "mutation ($i: ID!) { delete_item(item_id: $i) { id } }", {"i": item["id"]}
            )
    for _ in range(2):  # the board has as many items as before, so it is not read again
        rehearsal.ask(
            'mutation ($b: ID!, $v: JSON) { create_item(board_id: $b, item_name: "twin", '
            "column_values: $v) { id } }",
            {"b": board["id"], "v": f'{{"{key}": "1"}}'},
        )

    ended = rehearsal.run(orders(messages, {"Id": "1", "Amount": 9}))

    (reject,) = rehearsal.audit("rejects")
    assert (ended.code, reject["code"]) == (3, "AMBIGUOUS_KEY")
    assert {item["name"] for item in rehearsal.board("Purchase order")["items"]} == {"3", "twin"}


def test_near_duplicates_of_a_label_are_that_label(rehearsal: Any, messages: Any) -> None:
    """Case and blanks make no new label; a label that is new is created."""
    rows = [{"Id": "1", "State": " closed "}, {"Id": "2", "State": "Parked"}]
    ended = rehearsal.run(orders(messages, *rows))

    assert ended.code == 0
    assert rehearsal.cells("Purchase order", "1")["State"] == "Closed"
    assert rehearsal.cells("Purchase order", "2")["State"] == "Parked"


def test_missing_labels_can_be_rejected(rehearsal: Any, messages: Any) -> None:
    """With `missing_labels: reject` the board's labels are not added to."""
    rows = orders(messages, {"Id": "2", "State": "Parked"})
    ended = rehearsal.run(rows, missing_labels="reject")

    assert ended.code == 3
    assert rehearsal.audit("rejects")[0]["code"] == "LABEL_MISSING"


def test_streams_without_keys_are_appended(rehearsal: Any, messages: Any) -> None:
    """Every record makes an item, each time."""
    lines = [
        messages.schema("log", {"text": "string"}, keys=[]),
        messages.record("log", text="a"),
        messages.record("log", text="a"),
    ]
    rehearsal.run(lines)

    ended = rehearsal.run(lines)

    assert (ended.code, rehearsal.board("Log")["items_count"]) == (0, 4)


def test_a_new_property_gets_its_column(rehearsal: Any, messages: Any) -> None:
    """A SCHEMA in mid-stream adds a column; the rows before it are not lost."""
    ended = rehearsal.run(
        [
            messages.schema("s", {"Id": "string"}),
            messages.record("s", Id="1"),
            messages.schema("s", {"Id": "string", "More": "integer"}),
            messages.record("s", Id="2", More=7),
            messages.state(1),
        ]
    )

    assert (ended.code, ended.counts()["created"]) == (0, 2)
    assert rehearsal.cells("S", "2")["More"] == "7"


def test_money_and_long_numbers_arrive_digit_by_digit(rehearsal: Any, messages: Any) -> None:
    """No number passes through a binary float."""
    exact = "12345678901234567890123.10"
    line = '{"type":"RECORD","stream":"s","record":{"Id":9007199254740993,"A":%s}}' % exact  # noqa: UP031
    rehearsal.run([messages.schema("s", {"Id": "integer", "A": "number"}), line])

    cells = rehearsal.cells("S", "9007199254740993")
    assert cells["A"] == "12345678901234567890123.1"


def test_vanished_rows_are_archived_when_asked_for(rehearsal: Any, messages: Any) -> None:
    """After a complete version, items whose rows were not in it leave the board."""

    def version(number: int, *ids: str) -> list[dict[str, Any]]:
        rows = [messages.record("s", version=number, Id=each) for each in ids]
        return [messages.schema("s", {"Id": "string"}), *rows, messages.activate("s", number)]

    rehearsal.run(version(1, "a", "b", "c"), vanished="archive")
    ended = rehearsal.run(version(2, "a", "c"), vanished="archive")

    keys = {item["cells"]["Record key"] for item in rehearsal.board("S")["items"]}
    assert (ended.code, ended.counts()["archived"], keys) == (0, 1, {"a", "c"})


def test_rows_that_come_between_those_of_another_stream_do_not_vanish(
    rehearsal: Any, messages: Any
) -> None:
    """The end of one stream's version is no end of the other's, whose rows go on."""
    keys = [f"k{number}" for number in range(400)]

    def version(number: int, amount: int) -> list[dict[str, Any]]:
        rows = [messages.record("s", version=number, Id=each, Amount=amount) for each in keys]
        schemas = [messages.schema(each, {"Id": "string", "Amount": "number"}) for each in "st"]
        other = [messages.record("t", version=number, Id="x", Amount=1)]
        ends = [messages.activate(each, number) for each in "ts"]
        return [*schemas, *other, *rows[:200], ends[0], *rows[200:], ends[1]]

    assert rehearsal.run(version(1, 1), vanished="archive").code == 0
    ended = rehearsal.run(version(2, 2), vanished="archive", batch_size_rows=50)

    assert (ended.code, ended.counts()["archived"]) == (0, 0)


def test_many_vanished_rows_at_once_are_not_believed(rehearsal: Any, messages: Any) -> None:
    """The brake: nothing is archived, the run says so and fails."""
    ids = [str(number) for number in range(30)]
    schema = messages.schema("s", {"Id": "string"})
    rows = [messages.record("s", version=1, Id=each) for each in ids]
    rehearsal.run([schema, *rows, messages.activate("s", 1)], vanished="archive")

    few = [messages.record("s", version=2, Id="1"), messages.activate("s", 2)]
    ended = rehearsal.run([schema, *few], vanished="archive")

    assert (ended.code, rehearsal.board("S")["items_count"]) == (1, 30)
    assert "vanished_max_share" in ended.log


def test_changes_of_many_streams_share_a_request(rehearsal: Any, messages: Any) -> None:
    """Packs reach over boards: a run with one change on each of three boards costs two calls."""

    def lines(amount: int) -> list[dict[str, Any]]:
        return [
            message
            for stream in ("a", "b", "c")
            for message in (
                messages.schema(stream, {"Id": "string", "N": "integer"}),
                messages.record(stream, Id="1", N=amount),
            )
        ]

    rehearsal.run(lines(1))
    before = rehearsal.usage()["calls"]

    ended = rehearsal.run(lines(2))

    assert (ended.code, ended.counts()["updated"]) == (0, 3)
    assert rehearsal.usage()["calls"] - before == 2


def test_bookmarks_pass_as_their_rows_are_settled(rehearsal: Any, messages: Any) -> None:
    """STATE is passed on as soon as all rows before it are delivered, not only at the end."""
    lines = [messages.schema("s", {"Id": "string"})]
    for number in range(6):
        lines += [messages.record("s", Id=str(number)), messages.state(number)]

    ended = rehearsal.run(lines, lane="alias", max_aliases=2, batch_size_rows=2)

    assert [state["bookmarks"]["at"] for state in ended.states] == [0, 1, 2, 3, 4, 5]


def test_an_empty_state_is_not_passed_on(rehearsal: Any, messages: Any) -> None:
    """An empty STATE would wipe the bookmarks that stand."""
    ended = rehearsal.run([messages.schema("s", {"Id": "string"}), {"type": "STATE", "value": {}}])

    assert (ended.code, ended.states) == (0, [])


def test_a_line_that_is_no_message_fails_without_showing_it(rehearsal: Any, messages: Any) -> None:
    """Half a line ends the run with one sentence; the rows before it are not acknowledged."""
    half = '{"type":"RECORD","stream":"s","record":{"Id":"secret-'
    ended = rehearsal.run([messages.schema("s", {"Id": "string"}), half])

    assert (ended.code, "secret-" in ended.log) == (1, False)


def test_the_report_balances(rehearsal: Any, messages: Any) -> None:
    """Read = created + updated + unchanged + rejected + carried over, in the ledger as well."""
    rehearsal.run(orders(messages, FULL, {"Id": "1", "Amount": "x"}))

    report = rehearsal.audit("report")
    (board,) = report["boards"]
    assert (report["balanced"], report["exit_code"]) == (True, 3)
    assert (board["read"], board["created"], board["rejected"]) == (2, 1, 1)
    assert rehearsal.audit("runs")[0]["id"] == report["id"]


def test_two_writers_of_one_board_are_kept_apart(rehearsal: Any, messages: Any) -> None:
    """A second run fails for the board that the first one holds, and says who holds it."""
    first = rehearsal.start(lane="alias", batch_size_rows=1, max_aliases=1)
    assert first.stdin is not None
    assert first.stdout is not None
    lines = [messages.schema("s", {"Id": "string"}), messages.record("s", Id="1")]
    first.stdin.write(messages.lines([*lines, messages.state(1)]))
    first.stdin.flush()
    assert "bookmarks" in first.stdout.readline()

    second = rehearsal.run(lines)

    assert (second.code, f"process {first.pid}" in second.log) == (1, True)
    assert rehearsal.end(first).code == 0


def test_what_settings_ask_for_is_checked_before_the_first_write(
    rehearse: Callable[..., Any], messages: Any
) -> None:
    """All faults of a mapping at once, with stream, board and column; exit code 2."""
    rehearsal = rehearse()
    rehearsal.run([messages.schema("s", {"Id": "string"})])
    board = rehearsal.board("S")
    before = rehearsal.usage()["mutations"]
    mapping = {
        "s": {
            "board_id": board["id"],
            "group": "Nowhere",
            "columns": {"Id": "Missing", "Other": "Gone too"},
        }
    }

    ended = rehearsal.run([messages.schema("s", {"Id": "string"})], boards=mapping)

    assert ended.code == 2
    assert all(word in ended.log for word in ("'s'", board["id"], "Missing", "Gone too", "Nowhere"))
    assert rehearsal.usage()["mutations"] == before


def test_a_mapping_writes_only_what_it_names(rehearsal: Any, messages: Any) -> None:
    """Named properties go to their columns; the others are left alone; the name is a template."""
    mapping = {
        "s": {
            "board_name": "Orders",
            "item_name": "{Id} - {Vendor}",
            "columns": {
                "Amount": {"title": "Money", "type": "numbers"},
                "Vendor": None,
            },
        }
    }
    schema = messages.schema("s", {"Id": "string", "Vendor": "string", "Amount": "number"})
    rehearsal.run([schema, messages.record("s", Id="1", Vendor="ACME", Amount=3)], boards=mapping)

    (item,) = rehearsal.board("Orders")["items"]
    assert item["name"] == "1 - ACME"
    assert item["cells"] == {"Record key": "1", "Money": "3"}


def test_seconds_to_wait_for_an_answer_may_have_a_fraction(rehearsal: Any, messages: Any) -> None:
    """Numbers of a settings file come as decimals, which sockets do not take."""
    ended = rehearsal.run(orders(messages, FULL), timeout=59.5)

    assert (ended.code, ended.counts()["created"]) == (0, 1)


def test_a_wrong_setting_ends_with_2_and_without_the_token(rehearsal: Any) -> None:
    """One line a fault, before anything is opened."""
    ended = rehearsal.run([], api_token=987654321, max_aliases=0)

    assert (ended.code, "max_aliases" in ended.log, "987654321" in ended.log) == (2, True, False)
    assert not rehearsal.ledger.exists()


@pytest.mark.parametrize("given", ["{bad", "[]x", '["token-in-here"]', "5", "null", None])
def test_a_settings_file_that_cannot_be_read_is_said_in_one_line(
    rehearsal: Any, given: str | None
) -> None:
    """Without Python's words for it, and without what is in it."""
    path = rehearsal.folder / "given.json"
    path.mkdir() if given is None else path.write_text(given)

    done = subprocess.run(
        [str(TARGET), "--config", str(path)],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    for word in ("Traceback", "Errno", "dictionary", "iterable", "token-in-here"):
        assert word not in done.stderr


def test_a_file_of_seals_that_cannot_be_written_is_named(rehearsal: Any, messages: Any) -> None:
    """As the operating system says it."""
    ended = rehearsal.run(orders(messages, FULL), seals="/proc/seals.jsonl")

    assert ended.code == 1
    assert "/proc/seals.jsonl: No such file or directory." in ended.log
    assert "Errno" not in ended.log
