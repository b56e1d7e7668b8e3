"""The lane of uploads, from the start of a job to its report."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import csv_cells, structure, writes
from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone
from target_monday.delivery.upload_report import Sent, row_outcomes
from target_monday.monday.uploads import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_monday.delivery.outcomes import Outcome


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """A target and a monday account on one simulated clock."""
    return simulate()


def orders(messages: Any, ids: Any, amount: int = 1, **cells: Any) -> str:
    properties = {
        "Id": "string",
        "Amount": "number",
        "State": {"type": ["string", "null"], "enum": ["Planned", "Closed"]},
        "Due": {"type": ["string", "null"], "format": "date"},
    }
    records = [messages.record("s", Id=each, Amount=amount, **cells) for each in ids]
    state = {"type": "STATE", "value": {"bookmarks": {"s": amount}}}
    return str(messages.lines([messages.schema("s", properties), *records, state]))


def numbered(count: int) -> list[str]:
    return [f"k{at:05}" for at in range(count)]


def test_a_first_load_is_one_quiet_upload(twin: Any, messages: Any) -> None:
    """Ten thousand new rows cost a handful of calls, and fire no automations."""
    ended = twin.run(orders(messages, numbered(10_000), State="Planned", Due="2026-10-30"))

    rows = twin.account.rows("S")
    assert (ended.code, ended.books.of("s").created, len(rows)) == (0, 10_000, 10_000)
    assert ended.calls <= 15
    assert twin.account.usage.mutations_by_name["backfill_items"] == 1
    assert rows[0]["State"] == "Planned"
    again = twin.run(orders(messages, numbered(10_000), State="Planned", Due="2026-10-30"))
    assert (again.code, again.calls, again.mutations) == (0, 1, 0)


def is_start(request: Any) -> bool:
    """The start of a job, or any other mutation."""
    return "idempotency-key" in request.headers


def is_file(request: Any) -> bool:
    return bool(request.url.path.startswith("/uploads/"))


def is_report(request: Any) -> bool:
    return bool(request.url.path.startswith("/reports/"))


@pytest.fixture
def loaded(twin: Any, messages: Any) -> Any:
    """A board with a thousand rows."""
    assert twin.run(orders(messages, numbered(1_000), State="Planned")).code == 0
    return twin


def test_an_upload_updates_by_key(loaded: Any, messages: Any) -> None:
    """Changed cells are written, nulls cleared, what is not in the row is left alone."""
    lines = orders(messages, numbered(1_200), amount=7, State=None)

    ended = loaded.run(lines, lane="ingest")

    rows = loaded.account.rows("S")
    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.updated, len(rows)) == (0, 200, 1_000, 1_200)
    assert {(row["Amount"], row["State"]) for row in rows} == {("7", "")}
    assert loaded.run(lines).mutations == 0


def test_two_rows_of_one_key_are_one_row_of_a_file(twin: Any, messages: Any) -> None:
    """The last wins before anything is uploaded."""
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})
    twice = [messages.record("s", Id=str(at % 600), Amount=at) for at in range(1_200)]

    ended = twin.run(messages.lines([schema, *twice]), lane="ingest", backfill=False)

    rows = twin.account.rows("S")
    assert (ended.code, len(rows), ended.books.of("s").merged) == (0, 600, 600)
    assert {int(row["Amount"]) for row in rows} == set(range(600, 1_200))


def test_a_row_that_an_upload_refuses_is_rejected_alone(twin: Any, messages: Any) -> None:
    """By the reason that the API gives for it; the file's other rows are on the board."""
    schema = messages.schema("s", {"Id": "string", "Mail": "string"})
    good = [messages.record("s", Id=str(at), Mail=f"a{at}@example.com") for at in range(500)]
    bad = messages.record("s", Id="bad", Mail="b@host")
    mapping = {"s": {"columns": {"Mail": {"title": "Mail", "type": "email"}}}}

    ended = twin.run(messages.lines([schema, *good, bad]), boards=mapping, lane="ingest")

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected) == (3, 500, 1)
    assert len(twin.account.rows("S")) == 500


@pytest.mark.parametrize(
    ("matches", "fault"),
    [
        pytest.param(is_start, {"lose": True}, id="the answer to the start"),
        pytest.param(is_start, {"status": 502}, id="the start"),
        pytest.param(is_file, {"lose": True}, id="the answer to the file"),
        pytest.param(is_file, {"status": 500}, id="the file"),
        pytest.param(is_file, {"status": 403}, id="a refused file"),
        pytest.param(is_report, {"lose": True}, id="the answer with the report"),
        pytest.param(is_report, {"status": 403}, id="an expired report"),
    ],
)
def test_what_is_lost_of_an_upload_makes_no_second_item(
    loaded: Any, messages: Any, matches: Any, fault: dict[str, Any]
) -> None:
    """Whichever answer does not come: every key is on the board once, with its cells."""
    loaded.sandbox.monday_faults.plan(Fault(matches=matches, **fault))
    lines = orders(messages, numbered(1_500), amount=2, State="Closed")

    ended = loaded.run(lines, lane="ingest")

    rows = loaded.account.rows("S")
    assert (ended.code, len(rows), len({row["Record key"] for row in rows})) == (0, 1_500, 1_500)
    assert {(row["Amount"], row["State"]) for row in rows} == {("2", "Closed")}
    assert loaded.run(lines).mutations == 0


def is_question(request: Any) -> bool:
    return request.url.path == "/v2" and not is_start(request)


@pytest.mark.parametrize("served", [True, False], ids=["served", "not-served"])
@pytest.mark.parametrize("matches", [is_start, is_file, is_question, is_report])
def test_the_upload_of_a_killed_run_is_settled_by_the_next(
    rehearsal: Any, messages: Any, matches: Callable[[Any], bool], *, served: bool
) -> None:
    """The ledger names the job; it is asked for before anything else is written to the board.

    Of a file that never left nobody waits longer than a file takes to arrive.
    """
    settings = {"lane": "ingest", "poll_interval": 0.02}
    assert rehearsal.run([orders(messages, numbered(10)).rstrip()], **settings).code == 0
    lines = [orders(messages, numbered(300), amount=2, State="Closed").rstrip()]
    process = rehearsal.start(**settings)
    started: list[bool] = []

    def is_last(request: Any) -> bool:
        started.append(is_start(request))
        return any(started) and matches(request)

    rehearsal.kill_at(process, is_last, served=served)
    killed = rehearsal.end_with_input(process, lines)
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(lines, **settings)
    never_arrived = matches is is_file and not served
    assert ("upload.never_arrived" in ended.log) == never_arrived
    rows = rehearsal.sandbox.account.rows("S")
    assert (killed.code, killed.states, ended.code) == (-signal.SIGKILL, [], 0)
    assert (len(rows), len({row["Record key"] for row in rows})) == (300, 300)
    assert {(row["Amount"], row["State"]) for row in rows} == {("2", "Closed")}


@pytest.mark.parametrize("status", [500, 503])
def test_a_file_that_no_store_takes_goes_by_mutations(
    loaded: Any, messages: Any, status: int
) -> None:
    """In the same run, once the file would have been seen."""
    loaded.sandbox.monday_faults.plan(Fault(status, matches=is_file), times=3)

    ended = loaded.run(orders(messages, numbered(1_000), amount=2, State="Closed"), lane="ingest")

    rows = loaded.account.rows("S")
    assert (ended.code, len(rows), ended.seconds < 600) == (0, 1_000, True)
    assert {(row["Amount"], row["State"]) for row in rows} == {("2", "Closed")}
    loaded.run(orders(messages, numbered(1_000), amount=3, State="Closed"), lane="ingest")
    assert loaded.account.usage.mutations_by_name["ingest_items"] == 2  # the hour is not used up


def test_a_job_that_has_its_file_is_never_sent_anew(twin: Any, messages: Any) -> None:
    """It may begin at any time: the run says that the file has arrived, and ends with 4."""
    twin.run(orders(messages, []))
    started: list[bool] = []

    def is_question_about_it(request: Any) -> bool:
        started.append(is_start(request))
        return any(started) and is_question(request)

    pending = json.dumps({"data": {"j0": {"status": "UPLOAD_PENDING"}}})
    faults, lines = twin.sandbox.monday_faults, orders(messages, numbered(1_000))
    faults.plan(Fault(200, pending, matches=is_question_about_it), times=99)
    first = twin.run(lines)
    faults.clear()
    faults.plan(Fault(200, pending, matches=is_question), times=2)
    second = twin.run(lines)
    faults.clear()
    third = twin.run(lines)

    assert [each.code for each in (first, second, third)] == [4, 4, 0]
    for each in (first, second):
        assert "has its file, and monday has not begun to process it" in each.message
    assert len(twin.account.rows("S")) == 1_000
    assert twin.account.usage.mutations_by_name["backfill_items"] == 1


def test_a_job_that_takes_hours_is_left_to_the_next_run(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The run ends with 4 and its bookmark stays; the next ones write nothing else to the board."""
    twin = simulate(ingest_polls=60)
    lines = orders(messages, numbered(1_000))

    first = twin.run(lines)
    second = twin.run(lines)
    codes = []
    while not codes or codes[-1] != 0:
        codes.append(twin.run(lines).code)

    assert (first.code, second.code, second.mutations) == (4, 4, 0)
    assert set(codes) <= {4, 0}
    assert len(twin.account.rows("S")) == 1_000
    assert twin.account.usage.mutations_by_name["backfill_items"] == 1


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        pytest.param({"data": {"j0": {"status": ["what"]}}}, [4, 0], id="an answer of no sense"),
        pytest.param(
            {
                "data": {"j0": None},
                "errors": [
                    {
                        "message": "Job not found",
                        "path": ["j0"],
                        "extensions": {"code": "ResourceNotFoundException"},
                    }
                ],
            },
            [0, 0],
            id="no such job",
        ),
    ],
)
def test_a_job_of_a_killed_run_is_open_until_monday_says_otherwise(
    rehearsal: Any, messages: Any, answer: Any, codes: list[int]
) -> None:
    """Only where monday knows no such job the rows are sent anew at once."""
    settings = {"lane": "ingest", "poll_interval": 0.02}
    rehearsal.run([orders(messages, numbered(10)).rstrip()], **settings)
    lines = [orders(messages, numbered(50), amount=2).rstrip()]
    process = rehearsal.start(**settings)
    rehearsal.kill_at(process, is_file, served=True)
    rehearsal.end_with_input(process, lines)
    rehearsal.sandbox.monday_faults.clear()
    rehearsal.sandbox.monday_faults.plan(Fault(200, json.dumps(answer), matches=is_question))

    ended = [rehearsal.run(lines, **settings).code for _ in codes]

    assert (ended, rehearsal.board("S")["items_count"]) == (codes, 50)


def test_new_labels_are_made_before_a_file_names_them(twin: Any, messages: Any) -> None:
    """One row a label goes by aliases, all others are uploaded."""
    properties = {"Id": "string", "Place": "string"}
    mapping = {"s": {"columns": {"Place": {"title": "Place", "type": "status"}}}}
    records = [messages.record("s", Id=str(at), Place=f"P{at % 7}") for at in range(1_500)]

    ended = twin.run(messages.lines([messages.schema("s", properties), *records]), boards=mapping)

    made = twin.account.usage.mutations_by_name
    assert (ended.code, len(twin.account.rows("S"))) == (0, 1_500)
    assert made["create_item"] == 7
    assert {row["Place"] for row in twin.account.rows("S")} == {f"P{at}" for at in range(7)}


def test_keys_that_differ_only_in_case_go_by_aliases(twin: Any, messages: Any) -> None:
    """An upload would take one for the other."""
    ids = [*numbered(600), *(each.upper() for each in numbered(5))]

    ended = twin.run(orders(messages, ids), lane="ingest", backfill=False)

    rows = twin.account.rows("S")
    assert (ended.code, len({row["Record key"] for row in rows})) == (0, 605)
    assert twin.account.usage.mutations_by_name["create_item"] == 10


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            {"code": "USER_UNAUTHORIZED", "status_code": 403, "path": ["m0"]}, id="by alias"
        ),
        pytest.param({"code": "UserUnauthorizedException", "status_code": 403}, id="as a whole"),
        pytest.param({"code": "GRAPHQL_VALIDATION_FAILED", "status_code": 400}, id="unknown"),
    ],
)
def test_without_an_admin_a_first_load_takes_the_usual_lane(
    twin: Any, messages: Any, body: dict[str, Any]
) -> None:
    """A refused backfill is an ingest; no row is lost for it."""
    assert twin.run(orders(messages, [])).code == 0
    error = {"message": "not for you", "extensions": body}
    path = {"path": body["path"]} if "path" in body else {}
    data = {"data": {"m0": None}} if path else {}
    answer = json.dumps({**data, "errors": [{**error, **path}]})
    status = 200 if path else body["status_code"]
    twin.sandbox.monday_faults.plan(Fault(status, answer, matches=is_start))

    ended = twin.run(orders(messages, numbered(1_000)))

    made = twin.account.usage.mutations_by_name
    assert (ended.code, len(twin.account.rows("S")), made.get("backfill_items")) == (0, 1_000, None)
    assert made["ingest_items"] == 1


def test_several_boards_are_loaded_by_one_start(twin: Any, messages: Any) -> None:
    """Their jobs run beside each other, and one question asks for all of them."""
    lines = "".join(orders(messages, numbered(800)).replace('"s"', f'"s{at}"') for at in range(5))
    twin.run("".join(orders(messages, []).replace('"s"', f'"s{at}"') for at in range(5)))
    before = twin.account.usage.calls

    ended = twin.run(lines)

    assert (ended.code, twin.account.usage.calls - before) == (0, 4)
    assert [len(twin.account.rows(f"S{at}")) for at in range(5)] == [800] * 5


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"ingest_jobs_per_hour": 0}, id="no more starts"),
        pytest.param({"ingest_items_per_hour": 10}, id="no more items"),
    ],
)
def test_what_uploads_have_no_room_for_goes_by_aliases(
    simulate: Callable[..., Any], messages: Any, limits: dict[str, int]
) -> None:
    """The account's hour may be used up by others: the run does not wait for the next one."""
    twin = simulate(**limits)

    ended = twin.run(orders(messages, numbered(1_000)), lane="ingest", backfill=False)

    assert (ended.code, len(twin.account.rows("S"))) == (0, 1_000)
    assert ended.seconds < 300


def test_a_file_that_cannot_be_read_is_halved(twin: Any, messages: Any) -> None:
    """Until its bad row is among few that go by aliases; the API gives the reason for that one."""
    twin.run(orders(messages, []))
    twin.account.poison.add(b"k00777")

    ended = twin.run(orders(messages, numbered(1_600)), lane="ingest")

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected) == (3, 1_599, 1)
    assert ended.calls < 60


def test_an_item_without_a_known_id_gets_a_label_that_is_not_there_yet(
    twin: Any, messages: Any
) -> None:
    """The label goes by an alias, which needs the id that no report told."""
    expired = Fault(403, matches=is_report)
    twin.sandbox.monday_faults.plan(expired, times=2)
    twin.run(orders(messages, ["a", "b"], State="Planned"), lane="ingest")
    twin.sandbox.monday_faults.clear()

    ended = twin.run(orders(messages, ["a", "b"], amount=2, State="New"), lane="ingest")

    assert (ended.code, ended.books.of("s").updated) == (0, 2)
    assert [row["State"] for row in twin.account.rows("S")] == ["New", "New"]
    assert twin.account.usage.mutations_by_name["change_multiple_column_values"] == 1


def test_a_full_board_takes_what_it_has_room_for(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The rest is rejected without being sent, as by the other lane."""
    twin = simulate(items_limit=700)

    ended = twin.run(orders(messages, numbered(1_000)))

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected) == (3, 700, 300)
    assert len(twin.account.rows("S")) == 700


def test_a_stopped_run_leaves_its_upload_to_the_next(rehearsal: Any, messages: Any) -> None:
    """SIGTERM while monday works on the file: exit 4, nothing acknowledged, nothing twice."""
    lines = [orders(messages, numbered(300)).rstrip()]
    process = rehearsal.start(lane="ingest", poll_interval=30)
    seen: list[bool] = []

    def stop(request: Any) -> bool:
        if is_file(request):
            seen.append(True)
            process.send_signal(signal.SIGTERM)
        return False

    rehearsal.sandbox.monday_faults.plan(Fault(matches=stop))
    stopped = rehearsal.end_with_input(process, lines)
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(lines, lane="ingest", poll_interval=0.02)

    assert (seen, stopped.code, stopped.states) == ([True], 4, [])
    assert stopped.counts()["carried_over"] == 300
    assert (ended.code, rehearsal.board("S")["items_count"]) == (0, 300)


SENT = [Sent("a", creates=True), Sent("b", creates=False, item_id="7"), Sent("c", creates=True)]
DONE = Counts(submitted=3, created=2, updated=1)
ONE_INVALID = Counts(submitted=3, created=1, updated=1, invalid=1)
ALL = "a=11 b=7 c=13"
UNTOLD = "a= b=7 c="
LOOK = "a? b? c?"


def ends(outcomes: Sequence[Outcome]) -> str:
    """Each row's end: its item's id, `!` refused, `+` with a copy's id, `?` to be looked up."""
    words = []
    for row, outcome in zip(SENT, outcomes, strict=True):
        match outcome:
            case Acknowledged(item_id):
                words.append(f"{row.key}={item_id}")
            case CarriedOver(by_alias=True, row_refused=True):
                words.append(f"{row.key}!")
            case Gone(by_upload=True, copy=copy):
                words.append(f"{row.key}+{copy}" if copy else f"{row.key}?")
            case _:
                raise AssertionError(outcome)
    return " ".join(words)


LIVE = "serialNo,status,itemId,error,key,note\n"
OK = "1,success,11,,,\n", "2,success,7,,,\n", "3,success,13,,,\n"


@pytest.mark.parametrize(
    ("report", "counts", "found"),
    [
        pytest.param(LIVE + "".join(OK), DONE, ALL, id="as seen live"),
        pytest.param(LIVE + "".join(reversed(OK)), DONE, ALL, id="shuffled"),
        pytest.param(
            "\ufeff" + (LIVE + "".join(OK)).replace("\n", "\r\n"), DONE, ALL, id="BOM, CRLF"
        ),
        pytest.param((LIVE + "".join(OK)).rstrip(",\n") + ",,", DONE, ALL, id="no last line end"),
        pytest.param(LIVE + "\n" + "\n".join(OK), DONE, ALL, id="blank lines"),
        pytest.param(
            LIVE + OK[0] + "2,validation_error,,bad,b,\n" + OK[2],
            Counts(submitted=3, created=2, invalid=1),
            "a=11 b! c=13",
            id="an error text in the key's column is the key of its own row",
        ),
        pytest.param(
            LIVE + OK[0] + "2,validation_error,,,never sent,\n" + OK[2],
            Counts(submitted=3, created=2, invalid=1),
            "a=11 b! c=13",
            id="a key that was never sent",
        ),
        pytest.param(
            LIVE + "1,success,11,,c,\n2,success,7,,b,\n3,success,13,,a,\n",
            DONE,
            UNTOLD,
            id="keys of other rows than the numbers'",
        ),
        pytest.param(
            "serialNo,status,itemId,error,Record key,Note\n" + "".join(OK), DONE, ALL, id="titles"
        ),
        pytest.param(
            "serialNo,status,itemId,error,status,item_id\n" + "".join(OK),
            DONE,
            ALL,
            id="columns with the names of the report's own",
        ),
        pytest.param(
            "jobId,Serial No,batch,Status,Item ID,Error\nx,1,q,Success,11,\nx,2,q,SUCCESS,7,\n"
            "x,3,q,success,13,\n",
            DONE,
            ALL,
            id="renamed, with others between",
        ),
        pytest.param(
            "status,itemId,error\nsuccess,13,\nsuccess,11,\nsuccess,7,\n",
            DONE,
            UNTOLD,
            id="no numbers: an order is no proof",
        ),
        pytest.param(
            "serialNo,status,itemId\n0,success,11\n1,success,7\n2,success,13\n",
            DONE,
            ALL,
            id="all rows, from 0",
        ),
        pytest.param(
            "Line,Result,Pulse ID\n4,Created,13\n2,Created,11\n3,Updated,7\n",
            DONE,
            ALL,
            id="all lines of the file",
        ),
        pytest.param(
            "serialNo,status,itemId\n0,success,11\n1,success,7\n", DONE, UNTOLD, id="some, from 0"
        ),
        pytest.param(
            "row,status,item_id\n1,success,11\n2,success,7\n", DONE, UNTOLD, id="some of any number"
        ),
        pytest.param(LIVE + OK[0] + OK[1] + "9,success,13,,,\n", DONE, UNTOLD, id="out of range"),
        pytest.param(LIVE + OK[0] + OK[1] + "2,success,13,,,\n", DONE, UNTOLD, id="a number twice"),
        pytest.param(LIVE + OK[0] + ",success,7,,,\n" + OK[2], DONE, ALL, id="no number"),
        pytest.param(LIVE + OK[0] + OK[1] + "x,success,13,,,\n", DONE, "a=11 b=7 c=", id="a word"),
        pytest.param(LIVE + "".join(OK) + "Total,3,,,,\n", DONE, ALL, id="a line of totals"),
        pytest.param(LIVE + OK[0] + OK[2], DONE, ALL, id="fewer lines than rows"),
        pytest.param(
            LIVE + OK[0] + "2,success,,,,\n3,success,,,,\n", DONE, "a=11 b=7 c=", id="no ids"
        ),
        pytest.param(
            LIVE + "1,success,13,,,\n" + OK[1] + OK[2], DONE, "a? b=7 c?", id="an id twice"
        ),
        pytest.param(
            LIVE + "1,success,7,,,\n2,success,11,,,\n" + OK[2],
            DONE,
            "a? b? c=13",
            id="a new row with the id of a known item",
        ),
        pytest.param(
            LIVE + "1,success,1.3E+10,,,\n" + OK[1] + OK[2], DONE, "a= b=7 c=13", id="no id at all"
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,partly_imported,13,,,\n",
            DONE,
            ALL,
            id="an unknown word, all in",
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,partly_imported,13,,,\n",
            Counts(submitted=3, created=1, updated=1, failed=1),
            "a=11 b=7 c?",
            id="an unknown word",
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,success,13,[note]: left empty,,left empty\n",
            DONE,
            "a=11 b=7 c?",
            id="written, with an error",
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,validation_error,,bad,,\n",
            ONE_INVALID,
            "a=11 b=7 c!",
            id="bad",
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,error,,bad,,\n",
            Counts(submitted=3, created=1, updated=1, failed=1),
            "a=11 b=7 c?",
            id="failed: it may be there in part",
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,validation_error,,bad,,\n", DONE, LOOK, id="counts say all in"
        ),
        pytest.param(LIVE + "".join(OK), ONE_INVALID, LOOK, id="counts say one less"),
        pytest.param(
            LIVE + "".join(OK), Counts(submitted=4, created=2, updated=1), LOOK, id="another file"
        ),
        pytest.param(LIVE + "".join(OK), None, LOOK, id="no counts"),
        pytest.param(LIVE + "".join(OK), Counts(), LOOK, id="counts of nothing"),
        pytest.param(None, DONE, UNTOLD, id="no report, all written"),
        pytest.param(
            "name,key,status\nx,c,created\nx,a,created\nx,b,failed\n",
            Counts(submitted=3, created=2, failed=1),
            "a= b? c=",
            id="by keys that were sent",
        ),
        pytest.param(
            None, Counts(submitted=3, created=3), "a= b? c=", id="one too many, and no report"
        ),
        pytest.param(
            LIVE + OK[0] + "2,success,12,,,\n" + OK[2],
            Counts(submitted=3, created=3),
            "a=11 b+12 c=13",
            id="a copy was made",
        ),
        pytest.param(
            LIVE + OK[0] + "2,success,12,,,\n" + OK[2], DONE, "a=11 b? c=13", id="another's item"
        ),
        pytest.param(
            LIVE + "".join(OK),
            Counts(submitted=3, created=1, updated=2),
            "a? b=7 c?",
            id="a new row met an item",
        ),
        pytest.param(
            None, Counts(submitted=3, created=2, failed=1), LOOK, id="no report, one failed"
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + "3,succ", ONE_INVALID, "a=11 b=7 c?", id="cut in a word"
        ),
        pytest.param(
            LIVE + OK[0] + OK[1] + '3,validation_error,,"ba',
            ONE_INVALID,
            "a=11 b=7 c?",
            id="cut in quotes",
        ),
        pytest.param(LIVE + OK[0] + OK[1] + "3,success,1", DONE, "a=11 b=7 c=", id="cut in an id"),
        pytest.param(b"\xff\xfe1", DONE, UNTOLD, id="not UTF-8"),
        pytest.param("<html>", DONE, UNTOLD, id="a page"),
        pytest.param("", DONE, UNTOLD, id="empty"),
    ],
)
def test_a_report_is_believed_where_it_agrees_with_itself_and_the_counts(
    report: str | bytes | None, counts: Counts | None, found: str
) -> None:
    """What it does not say for certain is looked up on the board."""
    content = report.encode() if isinstance(report, str) else report
    assert ends(row_outcomes("1", SENT, counts, content, "key")) == found


@given(st.data())
def test_no_report_gives_a_row_the_item_of_another(data: st.DataObject) -> None:
    """Lines may be in any order, cut anywhere, without ids or numbers."""
    rows = data.draw(st.integers(1, 8))
    sent = [
        Sent(f"k{at}", creates=at % 2 == 0, item_id=str(50 + at) if at % 2 else "")
        for at in range(rows)
    ]
    true = [each.item_id or str(100 + at) for at, each in enumerate(sent)]
    lines = [
        f"{data.draw(st.sampled_from([at + 1, at + 1, '', 'x']))},success,{item},,,\n"
        for at, item in enumerate(true)
    ]
    report = LIVE + "".join(data.draw(st.permutations(lines)))
    cut = data.draw(st.integers(0, len(report)))
    new = sum(each.creates for each in sent)
    counts = Counts(submitted=rows, created=new, updated=rows - new)

    outcomes = row_outcomes("1", sent, counts, report[:cut].encode(), "key")

    for outcome, item_id in zip(outcomes, true, strict=True):
        assert isinstance(outcome, Acknowledged)
        assert outcome.item_id in {"", item_id}


def test_a_refused_row_takes_its_reason_from_error_and_columns() -> None:
    """The error, and what columns say beyond it; in one line, of a bounded length."""
    report = LIVE + OK[0] + OK[1] + '3,validation_error,,"[key]: Too\nlong",Too\tlong,no note\n'
    refused = row_outcomes("1", SENT, ONE_INVALID, report.encode(), "key")[2]

    assert isinstance(refused, CarriedOver)
    assert refused.message == "[key]: Too long [key]: Too long [note]: no note"
    long = report.replace("no note", "x" * 9_000)
    (*_, cut) = row_outcomes("1", SENT, ONE_INVALID, long.encode(), "key")
    assert isinstance(cut, CarriedOver)
    assert len(cut.message) == 500


@pytest.mark.parametrize("form", ["serial", "row_number", "shuffled", "truncated", "none"])
def test_whatever_a_report_looks_like_every_row_has_its_own_item(
    simulate: Callable[..., Any], messages: Any, form: str
) -> None:
    """The ledger's ids are those of the items that carry the keys; a change makes no item."""
    twin = simulate(bulk_report=form)
    twin.run(orders(messages, numbered(400)), lane="ingest")
    key = twin.account.column("S", "Record key").id
    on_board = {str(item.cells[key].stored): str(item.id) for item in twin.account.items("S")}
    with closing(sqlite3.connect(twin.folder / "ledger.db")) as ledger:
        known = dict(ledger.execute("select key, item_id from items where item_id <> ''"))

    assert known.items() <= on_board.items()
    assert len(known) in ({400} if form in {"serial", "row_number", "shuffled"} else range(400))
    ended = twin.run(orders(messages, numbered(400), amount=2), lane="ingest")
    assert (ended.code, ended.books.of("s").updated, len(twin.account.rows("S"))) == (0, 400, 400)
    assert {row["Amount"] for row in twin.account.rows("S")} == {"2"}


def test_an_upload_copies_no_item_whose_key_a_person_changed(twin: Any, messages: Any) -> None:
    """The copy that it makes is archived, and the key written again with the row."""
    assert twin.run(orders(messages, numbered(5)), lane="alias").code == 0
    item = twin.account.set_cell("S", "k00002", "Record key", "by hand")

    ended = twin.run(orders(messages, numbered(5), amount=2), lane="ingest")

    rows = twin.account.rows("S")
    assert (ended.code, ended.books.of("s").updated) == (0, 5)
    assert sorted(row["Record key"] for row in rows) == numbered(5)
    assert {row["Amount"] for row in rows} == {"2"}
    assert item.id in [each.id for each in twin.account.items("S")]
    assert twin.run(orders(messages, numbered(5), amount=2)).mutations == 0


def test_a_refused_row_is_rejected_with_the_reports_reason(twin: Any, messages: Any) -> None:
    """It is tried by a mutation once more, without a question; the reject says both reasons."""
    schema = messages.schema("s", {"Id": "string", "Mail": "string"})
    rows = [messages.record("s", Id=str(at), Mail=f"a{at}@example.com") for at in range(50)]
    bad = messages.record("s", Id="bad", Mail="b@host")
    mapping = {"s": {"columns": {"Mail": {"title": "Mail", "type": "email"}}}}
    settings = {"boards": mapping, "lane": "ingest"}
    twin.run(messages.lines([schema]), **settings)
    before = twin.account.usage.calls

    ended = twin.run(messages.lines([schema, *rows, bad]), **settings)

    with closing(sqlite3.connect(twin.folder / "ledger.db")) as ledger:
        rejects = ledger.execute("select key, message, column_id from rejects").fetchall()
    ((key, message, named),) = rejects
    column = twin.account.column("S", "Mail").id
    assert (ended.code, ended.books.of("s").created, key) == (3, 50, "bad")
    assert (f"The bulk import refused it too: [{column}]: " in message, named) == (True, column)
    assert twin.account.usage.calls - before == 5  # the board, a start, two questions, the row


def grouped(messages: Any, rows: int, amount: int) -> str:
    """Rows of three groups."""
    properties = {"Id": "string", "Place": "string", "Amount": "number"}
    records = [
        messages.record("s", Id=each, Place=f"G{at % 3}", Amount=amount)
        for at, each in enumerate(numbered(rows))
    ]
    return str(messages.lines([messages.schema("s", properties), *records]))


GROUPS = {"boards": {"s": {"group": "{Place}"}}}


@pytest.mark.parametrize("lane", ["auto", "ingest"])
def test_uploads_that_reach_one_group_only_make_no_copies(
    simulate: Callable[..., Any], messages: Any, lane: str
) -> None:
    """One row shows it, and its copy is archived; the ledger remembers, for other runs too."""
    twin = simulate(bulk_match="group", plan="standard")
    assert twin.run(grouped(messages, 900, 1), **GROUPS, lane=lane).code == 0

    first = twin.run(grouped(messages, 900, 2), **GROUPS, lane=lane)

    items = list(twin.account.board("S").items.values())
    rows = twin.account.rows("S")
    assert (first.code, first.books.of("s").updated, len(items), len(rows)) == (0, 900, 901, 900)
    assert {row["Amount"] for row in rows} == {"2"}
    for amount in (3, 4):
        later = twin.run(grouped(messages, 900, amount), **GROUPS, lane=lane)
        assert (later.code, len(twin.account.board("S").items)) == (0, 901)
        assert {row["Amount"] for row in twin.account.rows("S")} == {str(amount)}
    made = twin.account.usage.mutations_by_name
    assert made["archive_item"] == 1


def not_run(request: Any, written: list[bool]) -> bool:
    """Matches the second write: the archiving of a copy that the first one, an upload, made."""
    written.append("idempotency-key" in request.headers)
    return written[-1] and sum(written) == 2


@pytest.mark.parametrize(
    "code", ["ComplexityException", "RESOURCE_LOCKED", "INTERNAL_SERVER_ERROR", "API_TIMEOUT"]
)
def test_a_copy_whose_archiving_did_not_run_leaves_all_the_same(
    simulate: Callable[..., Any], messages: Any, code: str
) -> None:
    """A limit asks to wait, or monday fails over it: it is sent again."""
    twin = simulate(bulk_match="group")
    assert twin.run(grouped(messages, 9, 1), **GROUPS, lane="alias").code == 0
    error = {"message": "x", "path": ["m0"], "extensions": {"code": code, "retry_in_seconds": 2}}
    body = json.dumps({"data": {"m0": None}, "errors": [error]})
    seen: list[bool] = []
    twin.sandbox.monday_faults.plan(Fault(200, body, matches=lambda each: not_run(each, seen)))

    ended = twin.run(grouped(messages, 9, 2), **GROUPS, lane="ingest")

    rows = twin.account.rows("S")
    assert (ended.code, ended.books.of("s").updated, len(rows)) == (0, 9, 9)
    assert {row["Amount"] for row in rows} == {"2"}
    assert len(twin.account.board("S").items) == 10


def test_a_copy_that_a_run_could_not_archive_leaves_in_the_next(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Whatever ends the run between the report and the archiving: the upload is open until then."""
    twin = simulate(bulk_match="group")
    assert twin.run(grouped(messages, 9, 1), **GROUPS, lane="alias").code == 0
    reported: list[bool] = []

    def after_report(request: Any) -> bool:
        fetched = any(reported)
        reported.append(request.method == "GET")
        return fetched

    twin.sandbox.monday_faults.plan(Fault(502, "<html>", matches=after_report), times=50)
    first = twin.run(grouped(messages, 9, 2), **GROUPS, lane="ingest")
    twin.sandbox.monday_faults.clear()

    second = twin.run(grouped(messages, 9, 2), **GROUPS, lane="ingest")

    rows = twin.account.rows("S")
    assert (first.code, len(twin.account.board("S").items)) == (1, 10)
    assert (second.code, second.books.balanced, len(rows)) == (0, True, 9)
    assert {row["Amount"] for row in rows} == {"2"}
    assert twin.run(grouped(messages, 9, 2), **GROUPS, lane="ingest").mutations == 0


def test_a_copy_that_no_search_finds_yet_and_no_report_names_leaves(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The counts say that there is one; a search finds the row's own item only."""
    twin = simulate(bulk_match="group", bulk_report="none")
    assert twin.run(grouped(messages, 9, 1), **GROUPS, lane="alias").code == 0
    twin.time.seconds += 60
    twin.account.unsearchable = lambda item: (
        (twin.time.wall() - item.created.at).total_seconds() < 30
    )

    ended = twin.run(grouped(messages, 9, 2), **GROUPS, lane="ingest")

    rows = twin.account.rows("S")
    assert (ended.code, len(rows)) == (0, 9)
    assert {row["Amount"] for row in rows} == {"2"}


def test_uploads_that_reach_the_whole_board_are_probed_once(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Then all changes go in one file, whatever their groups."""
    twin = simulate()
    assert twin.run(grouped(messages, 900, 1), **GROUPS, lane="ingest").code == 0
    made = twin.account.usage.mutations_by_name
    starts = [made.get("ingest_items", 0)]
    for amount in (2, 3):
        ended = twin.run(grouped(messages, 900, amount), **GROUPS, lane="ingest")
        assert (ended.code, ended.books.of("s").updated) == (0, 900)
        starts.append(made.get("ingest_items", 0))

    assert [later - earlier for earlier, later in pairwise(starts)] == [2, 1]
    assert {row["Amount"] for row in twin.account.rows("S")} == {"3"}
    assert "change_multiple_column_values" not in made


def test_items_that_people_moved_to_another_group_are_not_copied(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The board has one group for the mapping, and others by people's hands."""
    twin = simulate(bulk_match="group")
    assert twin.run(orders(messages, numbered(300)), lane="ingest").code == 0
    board = twin.account.board("S")
    other = structure.create_group(twin.account, board, "Done", None)
    for item in list(board.active_items())[:200]:
        item.group_id = other.id

    ended = twin.run(orders(messages, numbered(300), amount=2), lane="ingest")

    assert (ended.code, len(twin.account.rows("S"))) == (0, 300)
    assert len(board.items) <= 301
    assert {row["Amount"] for row in twin.account.rows("S")} == {"2"}


def test_a_narrower_reach_than_remembered_is_learned_from_its_copies(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """They are archived a hundred in a request, and the next run asks again."""
    twin = simulate()
    twin.run(grouped(messages, 300, 1), **GROUPS, lane="ingest")
    twin.run(grouped(messages, 300, 2), **GROUPS, lane="ingest")
    twin.account.settings = replace(twin.account.settings, bulk_match="group")

    calls = [twin.run(grouped(messages, 300, amount), **GROUPS, lane="ingest") for amount in (3, 4)]

    assert [each.code for each in calls] == [0, 0]
    assert len(twin.account.rows("S")) == 300
    assert {row["Amount"] for row in twin.account.rows("S")} == {"4"}
    assert len(twin.account.board("S").items) <= 300 + 200 + 1
    assert calls[0].calls < 20


def test_an_item_of_a_persons_is_not_taken_for_a_copy(twin: Any, messages: Any) -> None:
    """Somebody changed a key and gave it to an item of their own: that one takes the row."""
    assert twin.run(orders(messages, numbered(5)), lane="ingest").code == 0
    twin.account.set_cell("S", "k00002", "Record key", "by hand")
    board, key = twin.account.board("S"), twin.account.column("S", "Record key").id
    mine = writes.create_item(
        twin.account,
        board,
        "mine",
        group=next(iter(board.active_groups())),
        values={key: "k00002"},
        writer=twin.account.writer("a person"),
    )

    twin.run(orders(messages, numbered(5), amount=2), lane="ingest")

    assert mine.id in {each.id for each in twin.account.items("S")}


def test_texts_with_line_breaks_are_uploaded(twin: Any, messages: Any) -> None:
    """A file quotes them; only what an import may trim or drop goes by mutations."""
    texts = ["two\nlines", "and\r\nmore", 'a "quoted"\n\nparagraph, with a comma', "tab\there"]
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    rows = [
        messages.record("s", Id=each, Note=texts[at % len(texts)])
        for at, each in enumerate(numbered(400))
    ]

    ended = twin.run(messages.lines([schema, *rows]), lane="ingest")

    assert (ended.code, [row["Note"] for row in twin.account.rows("S")]) == (0, texts * 100)
    made = twin.account.usage.mutations_by_name
    assert (made["backfill_items"], made.get("create_item")) == (1, None)


def test_a_line_break_that_the_import_refuses_costs_no_row(
    twin: Any, messages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names its row, and that goes by a mutation."""

    def no_breaks(_: object, __: object, text: str) -> str:
        if "\n" in text:
            raise ValueError("line breaks are not taken")
        return text

    monkeypatch.setitem(csv_cells.READINGS, "text", no_breaks)
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    rows = [
        messages.record("s", Id=each, Note="two\nlines" if at % 10 == 0 else "one")
        for at, each in enumerate(numbered(400))
    ]

    ended = twin.run(messages.lines([schema, *rows]), lane="ingest")

    notes = sorted(row["Note"] for row in twin.account.rows("S"))
    assert (ended.code, notes) == (0, ["one"] * 360 + ["two\nlines"] * 40)
