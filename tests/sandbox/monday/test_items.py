"""Boards, groups and items: what is created, found, paged, archived and refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Twin

PAGE = """query($b: ID!, $n: Int!, $c: String, $q: ItemsQuery) {
  boards(ids: [$b]) { items_page(limit: $n, cursor: $c, query_params: $q) {
    cursor items { id name } } } }"""
NEXT = "query($c: String!) { next_items_page(cursor: $c, limit: 2) { cursor items { name } } }"
FIND = """query($b: ID!, $c: String!, $v: [String]!) {
  items_page_by_column_values(board_id: $b, limit: 500,
    columns: [{column_id: $c, column_values: $v}]) { cursor items { name } } }"""
CREATE = "mutation($b: ID!, $n: String!) { create_item(board_id: $b, item_name: $n) { id } }"


def names(page: dict[str, Any]) -> list[str]:
    """The items' names."""
    return [item["name"] for item in page["items"]]


def test_an_empty_board_has_a_name_column_and_a_group(twin: Twin) -> None:
    """With the capacity that it really has."""
    query = """query($b: ID!) { boards(ids: [$b]) { name state items_count items_limit
      hierarchy_type columns { id type } groups { title } } }"""
    (board,) = twin.ask(query, b=twin.board())["boards"]

    assert board["columns"] == [{"id": "name", "type": "name"}]
    assert (board["items_count"], board["items_limit"]) == (0, 10_000)
    assert (board["hierarchy_type"], len(board["groups"])) == ("classic", 1)


def test_a_board_not_asked_to_be_empty_has_sample_items(twin: Twin) -> None:
    twin.ask('mutation { create_board(board_name: "B", board_kind: public) { id } }')

    assert len(twin.account.rows("B")) == 3


def test_column_ids_are_generated_or_chosen_once(twin: Twin) -> None:
    """A chosen id has 1 to 20 characters of a-z and _, and never comes again."""
    board = twin.board()
    query = """mutation($b: ID!, $i: String) {
      create_column(board_id: $b, id: $i, title: "T", column_type: text) { id } }"""
    made = twin.ask(query, b=board, i="record_key")["create_column"]["id"]
    twin.ask(
        "mutation($b: ID!, $c: String!) { delete_column(board_id: $b, column_id: $c) { id } }",
        b=board,
        c=made,
    )

    assert re.fullmatch(r"text_mk[a-z0-9]{6}", twin.column(board, "text"))
    assert made == "record_key"
    for bad in (made, "Record", "x" * 21):
        assert twin.fails(query, b=board, i=bad)["extensions"]["code"] == "InvalidArgumentException"


@pytest.mark.parametrize("length", [0, 256])
def test_item_names_have_1_to_255_characters(twin: Twin, length: int) -> None:
    """Also when an item is renamed by its cells."""
    board = twin.board()
    item = twin.item(board, "a")
    created = twin.fails(CREATE, b=board, n="x" * length)
    renamed = twin.change(board, item, {"name": "x" * length})["errors"][0]

    assert created["extensions"]["code"] == "ItemNameTooLongException"
    assert renamed["extensions"]["code"] == "ItemNameTooLongException"


def test_the_key_name_renames(twin: Twin) -> None:
    board = twin.board()
    twin.change(board, twin.item(board, "a"), {"name": "b"})

    assert twin.account.rows("Invoices") == [{"Name": "b"}]


def test_a_full_board_takes_no_more_items(start: Callable[..., Twin]) -> None:
    """Until one is archived."""
    twin = start(items_limit=1)
    board = twin.board()
    twin.item(board, "a")

    assert twin.fails(CREATE, b=board, n="b")["extensions"]["code"] == "ItemsLimitationException"
    twin.account.archive_item("Invoices", "a")
    twin.item(board, "b")


def test_what_is_not_there_is_named(twin: Twin) -> None:
    """Board, group and item each by their documented code."""
    board = twin.board()
    item = twin.item(board, "a")
    no_group = """mutation($b: ID!) {
      create_item(board_id: $b, item_name: "a", group_id: "no") { id } }"""
    twin.ask("mutation($i: ID!) { delete_item(item_id: $i) { id state } }", i=item)

    assert twin.fails(CREATE, b=1, n="a")["extensions"]["code"] == "InvalidBoardIdException"
    assert twin.fails(no_group, b=board)["extensions"]["code"] == "ResourceNotFoundException"
    gone = twin.change(board, item, {})["errors"][0]["extensions"]
    assert gone["code"] == "ResourceNotFoundException"


def test_archived_items_and_boards_take_nothing(twin: Twin) -> None:
    """The item is still shown by its id, with its state."""
    board = twin.board()
    item = twin.item(board, "a")
    twin.ask("mutation($i: ID!) { archive_item(item_id: $i) { state } }", i=item)

    refused = twin.change(board, item, {"name": "b"})["errors"][0]["extensions"]
    assert refused["error_data"]["state"] == "archived"
    assert twin.ask("query($i: ID!) { items(ids: [$i]) { state } }", i=item) == {
        "items": [{"state": "archived"}]
    }
    twin.ask("mutation($b: ID!) { archive_board(board_id: $b) { state } }", b=board)
    assert twin.fails(CREATE, b=board, n="a")["extensions"]["code"] == "InvalidBoardIdException"
    assert twin.ask("query($b: ID!) { boards(ids: [$b]) { id } }", b=board) == {"boards": []}


def test_pages_show_every_item_once(twin: Twin) -> None:
    """The list is taken at the first request; what goes meanwhile is left out."""
    board = twin.board()
    for name in "abcde":
        twin.item(board, name)
    page = twin.ask(PAGE, b=board, n=2)["boards"][0]["items_page"]
    twin.account.archive_item("Invoices", "c")
    twin.item(board, "f")
    second = twin.ask(NEXT, c=page["cursor"])["next_items_page"]
    third = twin.ask(NEXT, c=second["cursor"])["next_items_page"]

    assert [names(page), names(second), names(third)] == [["a", "b"], ["d"], ["e"]]
    assert third["cursor"] is None


def test_a_cursor_lives_an_hour_from_the_first_request_of_its_chain(twin: Twin) -> None:
    """Then HTTP 200 with CursorException, and null for the board."""
    board = twin.board()
    for name in "abcde":
        twin.item(board, name)
    first = twin.ask(PAGE, b=board, n=2)["boards"][0]["items_page"]["cursor"]
    twin.clock.go(3599)
    second = twin.ask(NEXT, c=first)["next_items_page"]["cursor"]
    twin.clock.go(2)
    answer = twin.post(PAGE, {"b": board, "n": 2, "c": second})

    assert answer.status_code == 200
    assert answer.json()["data"] == {"boards": [None]}
    assert answer.json()["errors"][0]["extensions"]["code"] == "CursorException"
    assert twin.fails(NEXT, c=second)["extensions"]["code"] == "CursorException"


def test_texts_are_compared_as_a_whole_and_without_case(twin: Twin) -> None:
    """Numbers by value, statuses by label; connections cannot be searched."""
    board = twin.board()
    key, number = twin.column(board, "text"), twin.column(board, "numbers")
    status = twin.column(board, "status")
    relation = twin.column(board, "board_relation")
    twin.item(board, "one", {key: "SO-1", number: "7.50", status: {"label": "Done"}})
    twin.item(board, "two", {key: "SO-10", number: "7"})

    def found(column: str, *values: str) -> list[str]:
        page = twin.ask(FIND, b=board, c=column, v=values)["items_page_by_column_values"]
        return names(page)

    assert found(key, "so-1", "x") == ["one"]
    assert found(key, "SO-1", "SO-10") == ["one", "two"]
    assert found(number, "7.5") == ["one"]
    assert found(status, "done") == ["one"]
    assert found("name", "TWO") == ["two"]
    refused = twin.post(FIND, {"b": board, "c": relation, "v": ["1"]}).json()
    assert refused["data"] is None
    assert refused["errors"][0]["extensions"]["error_data"]["column_type"] == "board_relation"


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"operator": "any_of", "compare_value": ["2"]}, ["two"]),
        ({"operator": "not_any_of", "compare_value": ["2"]}, ["ten", "none"]),
        ({"operator": "greater_than", "compare_value": 2}, ["ten"]),
        ({"operator": "between", "compare_value": [2, 10]}, ["two", "ten"]),
        ({"operator": "is_empty", "compare_value": []}, ["none"]),
    ],
)
def test_rules_select_items(twin: Twin, rule: dict[str, Any], wanted: list[str]) -> None:
    """Numbers are compared as numbers."""
    board = twin.board()
    number = twin.column(board, "numbers")
    for name, value in (("two", "2.0"), ("ten", "10"), ("none", None)):
        twin.item(board, name, {number: value})
    query = {"rules": [{"column_id": number, **rule}]}

    assert names(twin.ask(PAGE, b=board, n=9, q=query)["boards"][0]["items_page"]) == wanted


def test_query_params_order_by_a_column(twin: Twin) -> None:
    board = twin.board()
    number = twin.column(board, "numbers")
    for value in ("2", "10", "1"):
        twin.item(board, value, {number: value})
    query = {"order_by": [{"column_id": number, "direction": "desc"}]}

    assert names(twin.ask(PAGE, b=board, n=9, q=query)["boards"][0]["items_page"]) == [
        "10",
        "2",
        "1",
    ]


def test_new_items_stand_in_the_first_group_and_can_move(twin: Twin) -> None:
    board = twin.board()
    group = twin.ask(
        'mutation($b: ID!) { create_group(board_id: $b, group_name: "Late") { id } }', b=board
    )["create_group"]["id"]
    item = twin.item(board, "a")
    read = "query($i: ID!) { items(ids: [$i]) { group { id title } } }"

    assert twin.ask(read, i=item)["items"][0]["group"] == {"id": group, "title": "Late"}
    twin.ask(
        "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }",
        i=item,
        g="topics",
    )
    assert twin.ask(read, i=item)["items"][0]["group"]["id"] == "topics"


def test_labels_are_replaced_by_who_knows_the_revision(twin: Twin) -> None:
    """A stale revision is refused; the labels that stay keep their ids."""
    board = twin.board()
    column = twin.column(board, "status")
    query = """mutation($b: ID!, $c: String!, $r: String!, $l: [UpdateStatusLabelInput!]!) {
      update_status_column(board_id: $b, id: $c, revision: $r, settings: {labels: $l}) {
        settings revision } }"""
    read = "query($b: ID!) { boards(ids: [$b]) { columns(types: [status]) { revision } } }"
    revision = twin.ask(read, b=board)["boards"][0]["columns"][0]["revision"]
    labels = [
        {"label": "Done", "color": "done_green", "index": 0},
        {"label": "Stuck", "color": "stuck_red", "index": 1},
    ]
    made = twin.ask(query, b=board, c=column, r=revision, l=labels)["update_status_column"]
    stale = twin.fails(query, b=board, c=column, r=revision, l=labels)

    assert [(one["label"], one["id"]) for one in made["settings"]["labels"]] == [
        ("Done", 1),
        ("Stuck", 2),
    ]
    assert stale["extensions"]["code"] == "InvalidRevisionException"


def test_bulk_archiving_is_a_job(start: Callable[..., Twin]) -> None:
    """It runs for a while, then tells what it did."""
    twin = start(ingest_polls=1)
    board = twin.board()
    items = [twin.item(board, name) for name in "abc"]
    job = twin.ask(
        """mutation($b: ID!, $i: [ID!]!) {
          bulk_archive_items(board_id: $b, item_ids: $i) { job_id } }""",
        b=board,
        i=[*items[:2], "1"],
    )["bulk_archive_items"]["job_id"]
    query = "query($j: ID!) { job_status(job_id: $j) { status result { total succeeded failed } } }"

    assert twin.ask(query, j=job)["job_status"] == {"status": "RUNNING", "result": None}
    assert twin.ask(query, j=job)["job_status"] == {
        "status": "COMPLETED",
        "result": {"total": 3, "succeeded": 2, "failed": 1},
    }
    assert twin.account.rows("Invoices") == [{"Name": "c"}]


def test_an_item_remembers_who_wrote_it(twin: Twin) -> None:
    """The user, the time, the request, and how many writes there were."""
    board = twin.board()
    note = twin.column(board, "text", "note")
    item = twin.item(board, "a")
    twin.clock.go(60)
    request_id = twin.change(board, item, {note: "x"})["extensions"]["request_id"]
    (held,) = twin.account.items("Invoices")

    assert (held.writes, held.written.request_id) == (2, request_id)
    assert (held.written.user.name, held.written.at) == ("IFS integration", twin.clock.wall())
    twin.account.set_cell("Invoices", "a", "note", "y")
    assert (held.writes, held.written.user.name) == (3, "Anna Lindqvist")


def test_updates_stand_on_their_item(twin: Twin) -> None:
    """The body is kept as it was sent."""
    item = twin.item(twin.board(), "a")
    post = "mutation($i: ID!, $t: String!) { create_update(item_id: $i, body: $t) { id } }"
    twin.ask(post, i=item, t="<p>Paid</p>")
    read = "query($i: ID!) { items(ids: [$i]) { updates { body creator { name } } } }"

    assert twin.ask(read, i=item)["items"][0]["updates"] == [
        {"body": "<p>Paid</p>", "creator": {"name": "IFS integration"}}
    ]


def test_subitems_are_refused_by_name(twin: Twin) -> None:
    """Rather than kept in a way that monday does not."""
    item = twin.item(twin.board(), "a")
    query = """mutation($i: ID!) {
      create_subitem(parent_item_id: $i, item_name: "s") { id } }"""

    assert "subitems" in twin.fails(query, i=item)["message"]
