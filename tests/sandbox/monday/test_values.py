"""Cells: what each column type takes, how it is read back, what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Twin

LABELS = {
    "labels": [
        {"label": "Open", "color": "working_orange", "index": 5},
        {"label": "7", "color": "dark_blue", "index": 1},
        {"label": "Done", "color": "done_green", "index": 0},
    ]
}
DEFAULTS: dict[str, Any] = {
    "status": LABELS,
    "dropdown": {"labels": [{"label": "EUR"}, {"label": "SEK"}]},
}


@pytest.mark.parametrize(
    ("column_type", "wire", "text", "value"),
    [
        ("text", "abc", "abc", "abc"),
        ("long_text", {"text": "a\nb"}, "a\nb", {"text": "a\nb"}),
        ("numbers", "42.50", "42.50", "42.50"),
        ("numbers", "-0.000000000000000000001", "-0.000000000000000000001", ...),
        pytest.param("numbers", "", "0", "0", id="numbers-empty-text-stores-0"),
        ("status", {"label": "Done"}, "Done", {"index": 1, "post_id": None}),
        pytest.param("status", {"index": 0}, "Open", ..., id="status-index-is-the-id"),
        pytest.param("status", {"label": "3"}, "7", ..., id="status-number-like-label-is-an-id"),
        ("dropdown", {"labels": ["SEK", "EUR"]}, "SEK, EUR", {"ids": [2, 1]}),
        ("dropdown", {"ids": [1]}, "EUR", {"ids": [1]}),
        ("date", {"date": "2026-06-15"}, "2026-06-15", {"date": "2026-06-15", "time": None}),
        ("date", {"date": "2026-06-15", "time": "09:00:00"}, "2026-06-15 09:00", {"icon": None}),
        ("timeline", {"from": "2026-01-01", "to": "2026-01-31"}, "2026-01-01 - 2026-01-31", ...),
        ("checkbox", {"checked": "true"}, "v", {"checked": True}),
        ("email", {"email": "a@b.co", "text": "A"}, "A", {"email": "a@b.co", "text": "A"}),
        ("phone", {"phone": "+12025550169", "countryShortName": "US"}, "+12025550169", ...),
        ("link", {"url": "https://x.y", "text": "here"}, "here - https://x.y", ...),
        ("country", {"countryCode": "SE", "countryName": "Sweden"}, "Sweden", ...),
        ("rating", {"rating": 5}, "5", {"rating": 5}),
        ("hour", {"hour": 16, "minute": 2}, "16:02", {"hour": 16, "minute": 2}),
        (
            "week",
            {"week": {"startDate": "2026-11-23", "endDate": "2026-11-29"}},
            "2026-11-23 - 2026-11-29",
            ...,
        ),
        ("world_clock", {"timezone": "Europe/London"}, "Europe/London", ...),
        ("location", {"lat": "59.3", "lng": "18.1", "address": "Stockholm"}, "Stockholm", ...),
    ],
)
def test_a_cell_is_read_back_in_mondays_form(
    twin: Twin, column_type: str, wire: Any, text: str, value: Any
) -> None:
    """`text` for people, `value` as a JSON string with at least these facts; null clears it."""
    board = twin.board()
    column = twin.column(board, column_type, defaults=DEFAULTS.get(column_type))
    item = twin.item(board, "a", {column: wire})
    cell = twin.cells(item)[column]

    assert (cell["type"], cell["text"]) == (column_type, text)
    read = json.loads(cell["value"])
    if isinstance(value, dict):
        assert {key: read[key] for key in value} == value
    elif value is not ...:
        assert read == value

    assert "errors" not in twin.change(board, item, {column: None})
    assert (twin.cells(item)[column]["text"], twin.cells(item)[column]["value"]) == ("", None)


@pytest.mark.parametrize(
    ("column_type", "wire"),
    [
        ("text", 5),
        ("text", {"text": "x"}),
        pytest.param("long_text", {"text": "x" * 2001}, id="long_text-2001-characters"),
        ("numbers", "1,000"),
        ("numbers", "1E3"),
        ("numbers", "12 EUR"),
        ("numbers", "NaN"),
        pytest.param("numbers", 5.5, id="numbers-are-texts"),
        ("status", {"label": "Missing"}),
        ("status", {"index": 5}),
        pytest.param("status", {"label": "7"}, id="status-label-that-looks-like-an-id"),
        ("dropdown", {"labels": ["USD"]}),
        ("dropdown", {"labels": ["EUR"], "ids": [1]}),
        ("date", {"date": "15/06/2026"}),
        ("date", {"date": "2026-02-30"}),
        ("date", {"date": "2026-06-15", "time": "25:00:00"}),
        ("timeline", {"from": "2026-01-01"}),
        ("checkbox", {"checked": "false"}),
        ("checkbox", {"checked": True}),
        ("email", {"email": "a@b.co"}),
        ("email", {"email": "nobody", "text": "x"}),
        ("phone", {"phone": "12", "countryShortName": "US"}),
        ("phone", {"phone": "+12025550169", "countryShortName": "us"}),
        ("link", {"url": "ftp://x", "text": "x"}),
        ("people", {"personsAndTeams": [{"id": 1, "kind": "person"}]}),
        ("board_relation", {"item_ids": [1]}),
        ("tags", {"tag_ids": [1]}),
        ("country", {"countryCode": "SE"}),
        ("rating", {"rating": 6}),
        ("hour", {"hour": 16}),
        ("week", {"week": {"startDate": "2026-11-24", "endDate": "2026-11-30"}}),
        ("world_clock", {"timezone": "Mars"}),
        ("location", {"lat": "91", "lng": "0", "address": "x"}),
        ("mirror", "x"),
        ("formula", "x"),
        ("auto_number", "1"),
    ],
)
def test_a_bad_cell_is_refused_and_nothing_of_its_item_is_written(
    twin: Twin, column_type: str, wire: Any
) -> None:
    """ColumnValueException names column and type; good cells beside it are not written either."""
    board = twin.board()
    note = twin.column(board, "text", "note")
    column = twin.column(board, column_type, defaults=DEFAULTS.get(column_type))
    item = twin.item(board, "a", {note: "before"})

    (error,) = twin.change(board, item, {note: "after", "name": "b", column: wire})["errors"]

    assert error["extensions"]["code"] == "ColumnValueException"
    assert error["extensions"]["error_data"] == {"column_id": column, "column_type": column_type}
    assert twin.account.rows("Invoices") == [{"Name": "a", "note": "before", column_type: ""}]


def test_missing_labels_are_made_if_asked_for(twin: Twin) -> None:
    """And appear in the column's settings, each with a colour of its own."""
    board = twin.board()
    column = twin.column(board, "status", defaults=LABELS)
    item = twin.item(board, "a")

    assert "errors" not in twin.change(board, item, {column: {"label": "Paid"}}, l=True)
    settings = twin.ask("query($b: ID!) { boards(ids: [$b]) { columns { settings } } }", b=board)
    labels = settings["boards"][0]["columns"][1]["settings"]["labels"]

    assert twin.cells(item)[column]["text"] == "Paid"
    assert [one["label"] for one in labels] == ["Open", "7", "Done", "Paid"]
    assert len({one["color"] for one in labels}) == 4


def test_a_status_column_has_at_most_forty_labels(twin: Twin) -> None:
    """The forty-first is refused, as is one of more than 30 characters."""
    board = twin.board()
    column = twin.column(board, "status")
    item = twin.item(board, "a")
    for number in range(37):
        answer = twin.change(board, item, {column: {"label": f"L{number}"}}, l=True)
        assert "errors" not in answer

    full = twin.change(board, item, {column: {"label": "one more"}}, l=True)
    long = twin.change(board, item, {column: {"label": "x" * 31}}, l=True)

    assert full["errors"][0]["extensions"]["code"] == "ColumnValueException"
    assert long["errors"][0]["extensions"]["code"] == "ColumnValueException"


def test_a_connection_is_read_by_linked_item_ids(twin: Twin) -> None:
    """Text and value stay null; only connected boards and living items are taken."""
    suppliers, others = twin.board("Suppliers"), twin.board("Others")
    supplier, other = twin.item(suppliers, "Nordic"), twin.item(others, "x")
    board = twin.board()
    column = twin.column(board, "board_relation", defaults={"boardIds": [int(suppliers)]})
    item = twin.item(board, "a", {column: {"item_ids": [int(supplier)]}})
    cell = twin.cells(item)[column]

    assert (cell["text"], cell["value"], cell["linked_item_ids"]) == (None, None, [supplier])
    assert "errors" in twin.change(board, item, {column: {"item_ids": [int(other)]}})
    twin.account.archive_item("Suppliers", "Nordic")
    assert "errors" in twin.change(board, item, {column: {"item_ids": [int(supplier)]}})
    assert twin.cells(item)[column]["linked_item_ids"] == []


def test_a_column_may_take_one_connection_only(twin: Twin) -> None:
    """As its settings say."""
    suppliers = twin.board("Suppliers")
    ids = [int(twin.item(suppliers, name)) for name in ("Nordic", "South")]
    board = twin.board()
    defaults = {"boardIds": [int(suppliers)], "allowMultipleItems": False}
    column = twin.column(board, "board_relation", defaults=defaults)
    item = twin.item(board, "a", {column: {"item_ids": ids[:1]}})

    assert "errors" in twin.change(board, item, {column: {"item_ids": ids}})


def test_tags_and_people_are_taken_by_id(twin: Twin) -> None:
    """Tags are made first, without their blanks; people are found by their address."""
    board = twin.board()
    tags, people = twin.column(board, "tags"), twin.column(board, "people")
    tag = twin.ask('mutation { create_or_get_tag(tag_name: "to pay") { id name } }')
    person = twin.ask('{ users(emails: ["anna.lindqvist@example.com"]) { id name } }')["users"][0]
    cells = {
        tags: {"tag_ids": [int(tag["create_or_get_tag"]["id"])]},
        people: {"personsAndTeams": [{"id": int(person["id"]), "kind": "person"}]},
    }
    item = twin.item(board, "a", cells)

    assert tag["create_or_get_tag"]["name"] == "topay"
    assert twin.cells(item)[tags]["text"] == "topay"
    assert twin.cells(item)[people]["text"] == "Anna Lindqvist"


def test_simple_values_are_plain_texts_and_the_empty_one_clears(twin: Twin) -> None:
    board = twin.board()
    number = twin.column(board, "numbers")
    item = twin.item(board, "a")
    query = """mutation($b: ID!, $i: ID!, $c: String!, $v: String!) {
      change_simple_column_value(board_id: $b, item_id: $i, column_id: $c, value: $v) { id } }"""

    twin.ask(query, b=board, i=item, c=number, v="7.5")
    assert twin.cells(item)[number]["text"] == "7.5"
    twin.ask(query, b=board, i=item, c=number, v="")
    assert twin.cells(item)[number]["value"] is None


def test_a_dropdown_takes_no_more_labels_than_its_limit(twin: Twin) -> None:
    board = twin.board()
    limited = {**DEFAULTS["dropdown"], "limit_select": True, "label_limit_count": 1}
    column = twin.column(board, "dropdown", defaults=limited)
    item = twin.item(board, "a", {column: {"labels": ["EUR"]}})

    assert "errors" in twin.change(board, item, {column: {"labels": ["EUR", "SEK"]}})
    assert twin.cells(item)[column]["text"] == "EUR"


def test_weeks_begin_as_the_account_says(start: Callable[..., Twin]) -> None:
    """On Sundays where `first_day_of_the_week` is Sunday."""
    twin = start(week_begins="sunday")
    board = twin.board()
    column = twin.column(board, "week")
    item = twin.item(board, "a")
    sunday = {"week": {"startDate": "2026-11-22", "endDate": "2026-11-28"}}
    monday = {"week": {"startDate": "2026-11-23", "endDate": "2026-11-29"}}

    told = twin.ask("{ account { first_day_of_the_week } }")["account"]["first_day_of_the_week"]

    assert told == "sunday"
    assert "errors" not in twin.change(board, item, {column: sunday})
    assert "errors" in twin.change(board, item, {column: monday})
