"""What is mapped: names, columns of several properties, groups, what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ifs_monday_sandbox.faults import Fault

TYPES = dict.fromkeys(("Id", "Name", "State", "Day", "Until"), "string")


def rows(messages: Any, *records: dict[str, Any], stream: str = "s") -> list[Any]:
    return [
        messages.schema(stream, TYPES),
        *(messages.record(stream, **record) for record in records),
    ]


def names(rehearsal: Any, board: str = "S") -> list[str]:
    return sorted(item["name"] for item in rehearsal.board(board)["items"])


def groups(rehearsal: Any) -> dict[str, str]:
    """Key -> title of the item's group."""
    items = rehearsal.board("S")["items"]
    return {item["cells"]["Record key"]: item["group"]["title"] for item in items}


def test_columns_and_names_are_made_of_several_properties(rehearsal: Any, messages: Any) -> None:
    """Templates with forms of dates, a link with words on it, a period from two properties."""
    mapping = {
        "s": {
            "item_name": "{Id} - {Name}",
            "columns": {
                "Month": {"template": "{Day:%Y-%m}", "type": "text"},
                "Open in IFS": {
                    "template": "https://erp.example.com/{Id}",
                    "text": "Open {Id}",
                    "type": "link",
                },
                "Valid": {"from": "Day", "to": "Until", "type": "timeline"},
            },
        }
    }
    lines = rows(
        messages,
        {"Id": "a b", "Name": "Nordic", "Day": "2026-10-30", "Until": "2026-11-30"},
        {"Id": "c", "Name": None, "Day": "2026-10-30", "Until": None},
    )

    ended = rehearsal.run(lines, boards=mapping)
    again = rehearsal.run(lines, boards=mapping)
    rehearsal.ledger.unlink()
    rebuilt = rehearsal.run(lines, boards=mapping)

    cells = rehearsal.cells("S", "a b")
    assert (ended.code, names(rehearsal)) == (0, ["a b - Nordic", "c"])
    assert cells["Month"] == "2026-10"
    assert cells["Open in IFS"] == "Open a b - https://erp.example.com/a%20b"
    assert cells["Valid"] == "2026-10-30 - 2026-11-30"
    assert rehearsal.cells("S", "c")["Valid"] == "2026-10-30 - 2026-10-30"
    assert again.counts()["unchanged"] == rebuilt.counts()["unchanged"] == 2


def test_a_property_that_is_missing_leaves_what_is_made_of_it(
    rehearsal: Any, messages: Any
) -> None:
    """Name, cell and group alike."""
    mapping = {
        "s": {
            "item_name": "{Id} - {Name}",
            "group": "{State}",
            "columns": {"Both": {"template": "{Id} {Name}", "type": "text"}},
        }
    }
    rehearsal.run(rows(messages, {"Id": "a", "Name": "x", "State": "New"}), boards=mapping)

    ended = rehearsal.run(rows(messages, {"Id": "a"}), boards=mapping)

    assert ended.counts()["unchanged"] == 1
    assert (names(rehearsal), groups(rehearsal)) == (["a - x"], {"a": "New"})
    assert rehearsal.cells("S", "a")["Both"] == "a x"


def test_groups_follow_a_value_and_are_made(rehearsal: Any, messages: Any) -> None:
    """An item moves when its value changes, alone or together with other cells."""
    mapping = {"s": {"group": "{State}", "columns": {"Name": {"type": "text"}}}}

    def run(*records: dict[str, Any]) -> Any:
        return rehearsal.run(rows(messages, *records), boards=mapping)

    run(
        {"Id": "a", "Name": "x", "State": "New"},
        {"Id": "b", "Name": "x", "State": "New"},
        {"Id": "c", "Name": "x", "State": None},
    )
    first = groups(rehearsal)
    later = (
        {"Id": "a", "Name": "x", "State": "Paid"},
        {"Id": "b", "Name": "y", "State": "Paid"},
        {"Id": "c", "Name": "x", "State": None},
    )
    moved = run(*later)
    again = run(*later)
    rehearsal.ledger.unlink()
    rebuilt = run(*later)

    assert first == {"a": "New", "b": "New", "c": "Group Title"}
    assert groups(rehearsal) == {"a": "Paid", "b": "Paid", "c": "Group Title"}
    assert rehearsal.cells("S", "b")["Name"] == "y"
    assert (moved.counts()["updated"], moved.counts()["unchanged"]) == (2, 1)
    assert again.counts()["unchanged"] == rebuilt.counts()["unchanged"] == 3
    titles = rehearsal.ask("{ boards { groups { title } } }")["boards"][0]["groups"]
    assert sorted(each["title"] for each in titles) == ["Group Title", "New", "Paid"]


def test_items_may_stay_in_their_groups(rehearsal: Any, messages: Any) -> None:
    """With `group_moves: stay` only new items are placed."""
    mapping = {"s": {"group": "{State}", "group_moves": "stay", "columns": {"Name": None}}}
    rehearsal.run(rows(messages, {"Id": "a", "State": "New"}), boards=mapping)

    ended = rehearsal.run(
        rows(messages, {"Id": "a", "State": "Paid"}, {"Id": "b", "State": "Paid"}), boards=mapping
    )

    assert (ended.counts()["updated"], ended.counts()["created"]) == (1, 1)
    assert groups(rehearsal) == {"a": "New", "b": "Paid"}
    assert rehearsal.cells("S", "a")["State"] == "Paid"


def test_streams_and_properties_are_left_out_by_choice(rehearsal: Any, messages: Any) -> None:
    """`false` for a stream, null for a property; rows of a stream left out are accounted for."""
    lines = [
        *rows(messages, {"Id": "a", "Name": "x"}),
        *rows(messages, {"Id": "b"}, stream="t"),
        *rows(messages, {"Id": "c"}, stream="u"),
        messages.state(1),
    ]

    ended = rehearsal.run(
        lines, boards={"s": {"columns": {"Name": None}}, "t": False}, unmapped_streams="ignore"
    )

    assert (ended.code, ended.states) == (0, [messages.state(1)["value"]])
    assert [each["name"] for each in rehearsal.ask("{ boards { name } }")["boards"]] == ["S"]
    titles = {column["title"] for column in rehearsal.board("S")["columns"]}
    assert titles == {"Name", "Record key", "Id", "State", "Day", "Until"}
    assert "Name" not in rehearsal.cells("S", "a")
    assert (ended.counts()["read"], ended.counts()["filtered"]) == (3, 2)


def test_an_empty_entry_wants_the_column_that_its_property_would_have(
    rehearsal: Any, messages: Any
) -> None:
    """And no others; it does not leave the property out, as null does."""
    mapping = {"s": {"columns": {"Day": {}, "State": None}}}

    rehearsal.run(rows(messages, {"Id": "a", "Day": "2026-11-25"}), boards=mapping)

    columns = {each["title"]: each["type"] for each in rehearsal.board("S")["columns"]}
    assert columns == {"Name": "name", "Record key": "text", "Day": "text"}
    assert rehearsal.cells("S", "a")["Day"] == "2026-11-25"


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"type": "text", "unit": "EUR"}, "unit"),
        ({"type": "text", "unitt": "EUR"}, "Did you mean `unit`?"),
        ({"type": "status", "labels": {"a": "x" * 31}}, "30 characters"),
        ({"type": "timeline", "from": "Day"}, "`to`"),
        ({"type": "link", "template": "{Id!r}"}, "template"),
        ({"type": "date", "timezone": "Mars/Base"}, "Mars/Base"),
        ({"type": "text", "template": "{Gone}"}, "'Gone'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_the_first_write(
    rehearsal: Any, messages: Any, entry: dict[str, Any], word: str
) -> None:
    """With stream, column and what is wrong; exit code 2."""
    ended = rehearsal.run(rows(messages), boards={"s": {"columns": {"Mine": entry}}})

    assert (ended.code, word in ended.log, "Mine" in ended.log) == (2, True, True)
    assert rehearsal.usage()["mutations"] == 0


def test_well_known_documents_look_right_without_a_mapping(rehearsal: Any, messages: Any) -> None:
    """The name tells number and partner; what people look at stands on the left."""
    properties = {
        "Objkey": "string",
        "OrderNo": "string",
        "CurrencyCode": "string",
        "NetAmountCurr": "number",
        "VendorName": "string",
        "Objstate": {"type": "string", "x-extensible-enum": ["Planned", "Closed"]},
    }
    schema = messages.schema("orders", properties, keys=["OrderNo"])
    record = {"OrderNo": "P1", "VendorName": "Nordic", "NetAmountCurr": 5, "Objstate": "Planned"}

    assert rehearsal.run([schema, messages.record("orders", **record)]).code == 0

    titles = [column["title"] for column in rehearsal.board("Orders")["columns"]]
    assert names(rehearsal, "Orders") == ["P1 - Nordic"]
    assert titles[1:5] == ["Objstate", "VendorName", "NetAmountCurr", "CurrencyCode"]


def test_a_group_that_cannot_be_made_fails_only_its_board(rehearsal: Any, messages: Any) -> None:
    """Other streams are delivered; the next run makes the group."""
    lines = [
        *rows(messages, {"Id": "a", "State": "x" * 200}),
        *rows(messages, {"Id": "b"}, stream="t"),
        messages.state(1),
    ]

    rehearsal.run([messages.schema("s", TYPES), messages.schema("t", TYPES)])
    refusal = {"message": "no", "path": ["m0"], "extensions": {"code": "UserUnauthorizedException"}}
    rehearsal.sandbox.monday_faults.plan(
        Fault(
            200,
            json.dumps({"data": {"m0": None}, "errors": [refusal]}),
            {"API-Version": "2026-10"},
            matches=lambda request: "idempotency-key" in request.headers,  # the first is the group
        )
    )
    failed = rehearsal.run(lines, boards={"s": {"group": "{State}"}})
    ended = rehearsal.run(lines, boards={"s": {"group": "{State}"}})

    assert (failed.code, failed.states, "The group " in failed.log) == (1, [], True)
    assert (failed.counts("t")["created"], failed.counts("s")["carried_over"]) == (1, 1)
    assert (ended.code, groups(rehearsal)) == (0, {"a": "x" * 200})


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (True, "`false`"),
        ({"board_id": "1", "board_name": "x"}, "either `board_id`"),
        ({"columns": {"Id": True}}, "`false`"),
        ({"columns": {"Id": {"column": "a", "title": "b"}}}, "either `column`"),
        ({"group_moves": "stay"}, "`group_moves`"),
        ({"group": "{Id.x}"}, "`group`"),
    ],
)
def test_an_entry_that_contradicts_itself_is_told_in_a_sentence(
    rehearsal: Any, messages: Any, entry: Any, word: str
) -> None:
    """Before monday is asked for anything."""
    ended = rehearsal.run(rows(messages), boards={"s": entry})

    assert (ended.code, word in ended.log, "'s'" in ended.log) == (2, True, True)
    assert rehearsal.usage()["calls"] == 0


def test_users_and_weeks_are_asked_for_once_a_day(rehearsal: Any, messages: Any) -> None:
    """A run in which nothing changed costs one call, whatever its columns need to know."""
    (email,) = (each["email"] for each in rehearsal.ask("{ users { email } }")["users"][:1])
    columns = {"Who": {"title": "Who", "type": "people"}, "On": {"title": "On", "type": "week"}}
    schema = messages.schema("s", {"Id": "string", "Who": "string", "On": "string"})
    row = messages.record("s", Id="a", Who=email, On="2026-11-23")
    boards = {"s": {"columns": columns}}
    assert rehearsal.run([schema, row], boards=boards).code == 0
    before = rehearsal.usage()["calls"]

    ended = rehearsal.run([schema, row], boards=boards)

    assert ended.counts()["unchanged"] == 1
    assert rehearsal.usage()["calls"] - before == 1
