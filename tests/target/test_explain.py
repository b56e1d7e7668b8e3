"""Explain: every cell of every item is accounted for, however it came to be there."""

from __future__ import annotations

import json
from typing import Any

from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import writes

PROPERTIES = {
    "Id": "string",
    "Name": "string",
    "Sum": "number",
    "_ifs_etag": "string",
    "_ifs_row_version": "string",
}


def rows(messages: Any, *names: tuple[str, str | None], page: int = 1) -> list[Any]:
    """Rows as the tap sends them, with what tells their version and page."""
    made = [
        messages.record(
            "s",
            Id=key,
            Name=name,
            Sum=1,
            _ifs_etag=f'W/"{key}{page}"',
            _ifs_row_version=f"v{page}",
        )
        | {"page": page}
        for key, name in names
    ]
    return [messages.schema("s", PROPERTIES), *made, messages.state(page)]


def cells_of(rehearsal: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Key and property (or column) -> explanation, of all items of the board."""
    printed = rehearsal.audit_text("explain", "--board", "S", "--every-key")
    lines = [json.loads(line) for line in printed.splitlines()]
    return {(each["key"], each["property"] or each["column_id"]): each for each in lines}


def assert_all_explained(rehearsal: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Each cell on the board has its explanation, with the value that stands there."""
    explained = cells_of(rehearsal)
    for item in rehearsal.board("S")["items"]:
        key = item["cells"]["Record key"]
        assert explained[key, "name"]["value"] == item["name"]
        assert explained[key, "name"]["writing"] or explained[key, "name"]["how"] == "found"
        for value in item["column_values"]:
            title = value["column"]["title"]
            name = title if (key, title) in explained else value["id"]
            each = explained[key, name]
            assert (each["value"] or "") == (value["text"] or "")
            assert each["how"] in {"written", "cleared", "left empty", "found"}
            assert each["writing"] is not None or each["how"] == "found"
    return explained


def test_each_cell_tells_row_run_request_and_what_was_before(rehearsal: Any, messages: Any) -> None:
    """Created, changed, cleared and never filled ones; the history goes back to the first."""
    rehearsal.run(rows(messages, ("a", "old"), ("b", "x"), ("c", None)))
    rehearsal.run(rows(messages, ("a", "new"), ("b", None), ("c", None), page=2))
    second, first = (run["id"] for run in rehearsal.audit("runs"))

    explained = assert_all_explained(rehearsal)

    changed = explained["a", "Name"]
    writing = changed["writing"]
    assert (changed["how"], writing["before"], writing["run"]) == ("written", "old", second)
    assert (writing["etag"], writing["row_version"], writing["page"]) == ('W/"a2"', "v2", 2)
    assert writing["idempotency_key"]
    assert explained["a", "Sum"]["writing"]["run"] == first
    assert (explained["b", "Name"]["how"], explained["c", "Name"]["how"]) == (
        *("cleared", "left empty"),
    )
    (told,) = rehearsal.audit("explain", "--board", "s", "--key", "a", "--column", "Name", "--all")
    assert [each["value"] for each in told["history"]] == ["new", "old"]
    assert "no item 'z'" in rehearsal.audit_text("explain", "--board", "S", "--key", "z", code=1)


def test_what_an_upload_wrote_is_explained(rehearsal: Any, messages: Any) -> None:
    """By the upload and its report."""
    names = [(f"k{at}", f"n{at}") for at in range(30)]
    rehearsal.run(rows(messages, *names), lane="ingest", poll_interval=0.1)

    explained = assert_all_explained(rehearsal)

    assert explained["k7", "Name"]["writing"]["lane"] in {"ingest", "backfill"}


def test_what_was_on_the_board_is_said_to_be_found(rehearsal: Any, messages: Any) -> None:
    """After a lost ledger, and where a person changed a cell; with the run that read it."""
    rehearsal.run(rows(messages, ("a", "x"), ("b", "y")))
    for part in rehearsal.folder.glob("ledger.db*"):
        part.unlink()
    rehearsal.run(rows(messages, ("a", "x"), ("b", "new")))
    run = rehearsal.audit("runs")[0]["id"]

    explained = assert_all_explained(rehearsal)

    assert (explained["a", "Name"]["how"], explained["a", "Name"]["found_in_run"]) == ("found", run)
    assert explained["a", "Name"]["writing"] is None
    assert explained["b", "Name"]["writing"]["before"] == "y"


def test_what_a_lost_answer_wrote_is_explained(rehearsal: Any, messages: Any) -> None:
    """A run that never heard of its request, finished by the next one."""
    rehearsal.run(rows(messages, ("a", "x")))
    lost = Fault(lose=True, matches=lambda request: "idempotency-key" in request.headers)
    rehearsal.sandbox.monday_faults.plan(lost)
    rehearsal.run(rows(messages, ("a", "y"), ("b", "n"), page=2))
    rehearsal.sandbox.monday_faults.clear()
    rehearsal.run(rows(messages, ("a", "y"), ("b", "n"), page=2))

    explained = assert_all_explained(rehearsal)

    assert explained["a", "Name"]["value"] == "y"
    assert explained["b", "Name"]["writing"]["known_by"]


def test_what_a_failed_operation_wrote_all_the_same_is_explained(
    rehearsal: Any, messages: Any
) -> None:
    """Monday said that it failed, its key was looked up, and what it was to write was there."""
    rehearsal.run(rows(messages, ("a", "x")))
    account, error = rehearsal.sandbox.account, {"code": "INTERNAL_SERVER_ERROR"}
    errors = [{"message": "no", "path": [each], "extensions": error} for each in ("m0", "m1")]

    def run_it() -> None:
        board, who = account.board("S"), account.writer("the failed request")
        ids = {each.title: each.id for each in board.columns.values() if each.type != "name"}
        (item,) = account.items("S")
        cells = {ids["Name"]: "y"}
        writes.change_values(account, board, item, cells, writer=who, create_labels=False)
        new = {"Record key": "b", "Id": "b", "Name": "n", "Sum": "1"}
        values = {ids[title]: cell for title, cell in new.items()}
        group = next(iter(board.active_groups()))
        writes.create_item(account, board, "b", group=group, values=values, writer=who)

    answer = json.dumps({"data": {"m0": None, "m1": None}, "errors": errors})
    fault = Fault(
        200, answer, meanwhile=run_it, matches=lambda one: "idempotency-key" in one.headers
    )
    before = rehearsal.usage()["mutations"]
    rehearsal.sandbox.monday_faults.plan(fault)
    ended = rehearsal.run(rows(messages, ("a", "y"), ("b", "n"), page=2))
    (run, _) = rehearsal.audit("runs")

    explained = assert_all_explained(rehearsal)

    assert (ended.code, rehearsal.usage()["mutations"]) == (0, before)
    for place in (("a", "Name"), ("b", "Name"), ("b", "name")):
        assert explained[place]["writing"]["outcome"] == "gone"
        assert explained[place]["explanation"] == (
            f"written by run {run['id']}, known by looking its key up on the board afterwards"
        )
