"""Bulk uploads: the job, its two addresses, and the rules for every row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import Twin

INGEST = """mutation($b: ID!, $g: ID!, $m: OnMatchInput) {
  ingest_items(board_id: $b, group_id: $g, on_match: $m) { job_id upload_url } }"""
STATUS = """query($j: ID!) { fetch_job_status(job_id: $j) { ... on ItemsJobStatus {
  status failure_reason fully_imported report_created report_url
  counts { submitted invalid skipped created updated failed } } } }"""


def upload(
    twin: Twin, board: str, rows: Sequence[Sequence[str]], match: str | None = None, **more: str
) -> Any:
    """The state of a job whose file was uploaded, after its processing."""
    on_match = {"match_column_id": match, "behaviour": more.get("behaviour", "UPSERT")}
    wish = {"b": board, "g": "topics", "m": on_match if match else None}
    job = twin.ask(INGEST, **wish)["ingest_items"]
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    put(job, lines.getvalue()).raise_for_status()
    twin.ask(STATUS, j=job["job_id"])
    return twin.ask(STATUS, j=job["job_id"])["fetch_job_status"]


def put(job: dict[str, str], content: str, **headers: str) -> requests.Response:
    """PUT a file to the job's address."""
    sent = {"Content-Type": "text/csv", **headers}
    return requests.put(job["upload_url"], data=content.encode(), headers=sent, timeout=30)


def counts(state: Any) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in state["counts"].items() if count}


def report(state: Any) -> list[list[str]]:
    """The lines of the report below its header."""
    return list(csv.reader(io.StringIO(requests.get(state["report_url"], timeout=30).text)))[1:]


def test_a_job_waits_for_its_file_then_processes_then_reports(twin: Twin) -> None:
    """UPLOAD_PENDING, PROCESSING for as many questions as set, COMPLETED with a report."""
    board = twin.board()
    job = twin.ask(INGEST, b=board, g="topics")["ingest_items"]

    def state() -> Any:
        return twin.ask(STATUS, j=job["job_id"])["fetch_job_status"]

    assert state()["status"] == "UPLOAD_PENDING"
    answer = put(job, "name\r\na\r\n")
    assert (answer.status_code, "ETag" in answer.headers) == (200, True)
    assert state()["status"] == "PROCESSING"
    done = state()
    assert (done["status"], done["fully_imported"]) == ("COMPLETED", True)
    assert [line[:2] for line in report(done)] == [["1", "success"]]
    assert twin.account.rows("Invoices") == [{"Name": "a"}]


@pytest.mark.parametrize("header", ["Authorization", "x-amz-checksum-crc32"])
def test_the_upload_address_refuses_what_was_not_signed(twin: Twin, header: str) -> None:
    job = twin.ask(INGEST, b=twin.board(), g="topics")["ingest_items"]

    assert put(job, "name\r\n", **{header: "x"}).status_code == 403
    assert put(job, "name\r\n").status_code == 200


def test_both_addresses_live_ten_minutes(twin: Twin) -> None:
    """A job without its file is rejected then."""
    board = twin.board()
    job = twin.ask(INGEST, b=board, g="topics")["ingest_items"]
    done = upload(twin, board, [["name"], ["a"]])
    twin.clock.go(601)

    assert put(job, "name\r\n").status_code == 403
    assert requests.get(done["report_url"], timeout=30).status_code == 403
    state = twin.ask(STATUS, j=job["job_id"])["fetch_job_status"]
    assert (state["status"], state["failure_reason"]) == ("REJECTED", "INVALID_UPLOAD")


def test_rows_update_the_items_that_match(twin: Twin) -> None:
    """Empty cells keep, <NULL> clears, an empty key creates, the last of two rows wins."""
    board = twin.board()
    key, note = twin.column(board, "text", "key"), twin.column(board, "text", "note")
    twin.item(board, "a", {key: "K1", note: "old"})
    twin.item(board, "b", {key: "K2", note: "old"})
    state = upload(
        twin,
        board,
        [
            ["name", key, note],
            ["a2", "K1", ""],
            ["b2", "K2", "first"],
            ["b3", "K2", "<NULL>"],
            ["c", "", "new"],
            ["d", "K4", "new"],
        ],
        match=key,
    )

    assert counts(state) == {"submitted": 5, "skipped": 1, "created": 2, "updated": 2}
    assert twin.account.rows("Invoices") == [
        {"Name": "a2", "key": "K1", "note": "old"},
        {"Name": "b3", "key": "K2", "note": ""},
        {"Name": "c", "key": "", "note": "new"},
        {"Name": "d", "key": "K4", "note": "new"},
    ]


def test_of_several_matching_items_the_newest_is_updated(twin: Twin) -> None:
    board = twin.board()
    key = twin.column(board, "text", "key")
    for name in ("old", "new"):
        twin.item(board, name, {key: "K"})
    upload(twin, board, [["name", key], ["hit", "K"]], match=key)

    assert [row["Name"] for row in twin.account.rows("Invoices")] == ["old", "hit"]


def test_skip_leaves_what_matches(twin: Twin) -> None:
    board = twin.board()
    key = twin.column(board, "text", "key")
    twin.item(board, "a", {key: "K"})
    state = upload(
        twin, board, [["name", key], ["b", "K"], ["c", "L"]], match=key, behaviour="SKIP"
    )

    assert counts(state) == {"submitted": 2, "skipped": 1, "created": 1}


@pytest.mark.parametrize(
    ("column_type", "cell", "text"),
    [
        ("text", 'a,"b"\nc', 'a,"b"\nc'),
        ("long_text", "x", "x"),
        ("numbers", "-1234567.8900", "-1234567.8900"),
        ("status", "Done", "Done"),
        ("date", "2026-02-28", "2026-02-28"),
        ("timeline", "2026-01-01/2026-01-31", "2026-01-01 - 2026-01-31"),
        ("checkbox", "true", "v"),
        ("link", "[Scan](https://x.y/a)", "Scan - https://x.y/a"),
        ("email", "Ann <a@b.co>", "Ann"),
        ("phone", "+12025550169", "+12025550169"),
        ("people", "anna.lindqvist@example.com", "Anna Lindqvist"),
        ("location", "59.3|18.1|Stockholm", "Stockholm"),
    ],
)
def test_cells_have_their_own_form_in_a_file(
    twin: Twin, column_type: str, cell: str, text: str
) -> None:
    """As the guide to bulk imports tells."""
    board = twin.board()
    column = twin.column(board, column_type)
    state = upload(twin, board, [["name", column], ["a", cell]])

    assert counts(state) == {"submitted": 1, "created": 1}, report(state)
    assert twin.account.rows("Invoices") == [{"Name": "a", column_type: text}]


@pytest.mark.parametrize(
    ("column_type", "cell"),
    [
        ("numbers", "1,5"),
        ("status", "done"),
        ("status", "Unheard of"),
        ("date", "28/02/2026"),
        ("people", "nobody@example.com"),
        ("link", "ftp://x"),
    ],
)
def test_a_bad_cell_makes_its_row_invalid(twin: Twin, column_type: str, cell: str) -> None:
    """The others go in; the job completes and is even fully imported."""
    board = twin.board()
    column = twin.column(board, column_type)
    state = upload(twin, board, [["name", column], ["bad", cell], ["good", ""]])

    assert counts(state) == {"submitted": 2, "invalid": 1, "created": 1}
    assert state["fully_imported"] is True
    assert report(state)[0][3]
    assert [row["Name"] for row in twin.account.rows("Invoices")] == ["good"]


def test_links_are_uploaded_by_item_id_or_name(twin: Twin) -> None:
    suppliers = twin.board("Suppliers")
    nordic = twin.item(suppliers, "Nordic")
    board = twin.board()
    column = twin.column(board, "board_relation", "s", defaults={"boardIds": [int(suppliers)]})
    upload(twin, board, [["name", column], ["a", nordic], ["b", "Nordic"]])

    assert [row["s"] for row in twin.account.rows("Invoices")] == ["Nordic", "Nordic"]


@pytest.mark.parametrize(
    ("column_type", "header"),
    [
        pytest.param("text", ["Name", "{column}"], id="first-header-is-name"),
        pytest.param("text", ["name", "unknown"], id="unknown-column"),
        pytest.param("rating", ["name", "{column}"], id="type-not-supported"),
        pytest.param("text", ["name", "{column}", "{column}"], id="twice"),
    ],
)
def test_a_file_with_a_wrong_header_is_rejected(
    twin: Twin, column_type: str, header: list[str]
) -> None:
    board = twin.board()
    column = twin.column(board, column_type)
    header = [one.format(column=column) for one in header]
    state = upload(twin, board, [header, ["a"] * len(header)])

    assert (state["status"], state["failure_reason"]) == ("REJECTED", "INVALID_UPLOAD")
    assert twin.account.rows("Invoices") == []


def test_uploads_an_hour_are_limited(start: Callable[..., Twin]) -> None:
    """HTTP 429 whose wait is in milliseconds."""
    twin = start(ingest_jobs_per_hour=1, minute_seconds=1)
    board = twin.board()
    twin.ask(INGEST, b=board, g="topics")
    twin.clock.go(10)
    answer = twin.post(INGEST, {"b": board, "g": "topics"})
    extensions = answer.json()["errors"][0]["extensions"]

    assert (answer.status_code, extensions["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert extensions["retryAfterMs"] == 50_000
    twin.clock.go(50)
    twin.ask(INGEST, b=board, g="topics")


def test_items_an_hour_are_limited_by_what_was_written(start: Callable[..., Twin]) -> None:
    """Invalid rows give their share back; a file that does not fit fails as a whole."""
    twin = start(ingest_items_per_hour=2)
    board = twin.board()
    number = twin.column(board, "numbers")
    first = upload(twin, board, [["name", number], ["a", "x"], ["b", "1"]])
    second = upload(twin, board, [["name"], ["c"], ["d"]])
    third = upload(twin, board, [["name"], ["e"]])

    assert (first["status"], third["status"]) == ("COMPLETED", "COMPLETED")
    assert (second["status"], second["failure_reason"]) == ("FAILED", "ACCOUNT_CAPACITY_EXCEEDED")


def test_a_file_that_does_not_fit_the_board_fails(start: Callable[..., Twin]) -> None:
    twin = start(items_limit=1)
    state = upload(twin, twin.board(), [["name"], ["a"], ["b"]])

    assert (state["status"], state["failure_reason"]) == ("FAILED", "BOARD_CAPACITY_EXCEEDED")


def test_a_backfill_creates_only(twin: Twin) -> None:
    """With no hourly limit of items."""
    query = INGEST.replace("ingest_items", "backfill_items").replace(", on_match: $m", "")
    board = twin.board()
    job = twin.ask(query.replace(", $m: OnMatchInput", ""), b=board, g="topics")["backfill_items"]
    put(job, "name\r\na\r\n")
    twin.ask(STATUS, j=job["job_id"])
    twin.ask(STATUS, j=job["job_id"])

    assert twin.account.rows("Invoices") == [{"Name": "a"}]
    assert twin.account.uploads.items_left.left == 19_000


BAD_SECOND = [["name", "{note}", "{number}"], ["a", "x", "1"], ["b", "", "1,5"], ["c", "y", ""]]


def rows_of(twin: Twin, board: str) -> list[list[str]]:
    """Three rows, of which the second has a bad number."""
    ids = {"note": twin.column(board, "text", "note"), "number": twin.column(board, "numbers")}
    return [[cell.format(**ids) for cell in row] for row in BAD_SECOND]


def test_a_report_numbers_rows_and_has_errors_under_column_ids(start: Callable[..., Twin]) -> None:
    """The form that was seen live: a column's cell holds what is wrong with it."""
    twin = start(bulk_report="serial")
    board = twin.board()
    rows = rows_of(twin, board)
    state = upload(twin, board, rows)

    text = requests.get(state["report_url"], timeout=30).text
    head, first, second, third = csv.reader(io.StringIO(text))
    (_, note, number) = rows[0]
    assert head == ["serialNo", "status", "itemId", "error", note, number]
    ids = [str(item.id) for item in twin.account.items("Invoices")]
    assert first == ["1", "success", ids[0], "", "", ""]
    assert second[:3] == ["2", "validation_error", ""]
    assert second[5]
    assert second[3:5] == [f"[{number}]: {second[5]}", ""]
    assert third == ["3", "success", ids[1], "", "", ""]


@pytest.mark.parametrize(
    ("form", "numbers"),
    [("row_number", [1, 2, 3]), ("shuffled", [1, 2, 3]), ("truncated", [1])],
)
def test_reports_of_other_forms(start: Callable[..., Twin], form: str, numbers: list[int]) -> None:
    """Each row has one line, in any order; a cut report has fewer whole ones."""
    twin = start(bulk_report=form)
    board = twin.board()
    state = upload(twin, board, rows_of(twin, board))

    text = requests.get(state["report_url"], timeout=30).text
    whole = [line for line in text.splitlines()[1:] if line.count(",") > 2 and line[0].isdigit()]
    assert sorted(int(line[0]) for line in whole)[: len(numbers)] == numbers


def test_a_job_may_have_no_report(start: Callable[..., Twin]) -> None:
    twin = start(bulk_report="none")
    state = upload(twin, twin.board(), [["name"], ["a"]])

    told = state["status"], state["report_created"], state["report_url"]
    assert told == ("COMPLETED", False, None)


def test_rows_may_find_items_of_one_group_only(start: Callable[..., Twin]) -> None:
    """Then a row whose item is in another group makes a copy."""
    twin = start(bulk_match="group")
    board = twin.board()
    key = twin.column(board, "text", "key")
    here, there = twin.item(board, "here", {key: "K1"}), twin.item(board, "there", {key: "K2"})
    query = 'mutation($b: ID!) { create_group(board_id: $b, group_name: "Other") { id } }'
    group = twin.ask(query, b=board)["create_group"]["id"]
    twin.ask(
        "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }",
        i=there,
        g=group,
    )

    state = upload(twin, board, [["name", key], ["a", "K1"], ["b", "K2"]], match=key)

    assert counts(state) == {"submitted": 2, "created": 1, "updated": 1}
    names = {str(item.id): item.name for item in twin.account.items("Invoices")}
    assert (names.pop(here), names.pop(there), list(names.values())) == ("a", "there", ["b"])
