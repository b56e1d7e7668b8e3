"""The lane of uploads, from the start of a job to its report."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from target_monday.delivery.upload_report import Sent, written_rows
from target_monday.monday.uploads import Counts

if TYPE_CHECKING:
    from collections.abc import Callable


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
    """The ledger names the job; it is asked for before anything else is written to the board."""
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
    if ended.code == 4:  # a file that may still be on its way: its address lives ten minutes
        assert (matches, served, rehearsal.board("S")["items_count"]) == (is_file, False, 10)
        with closing(sqlite3.connect(rehearsal.ledger)) as ledger, ledger:
            ledger.execute("update requests set sent_at = sent_at - 1800")
        ended = rehearsal.run(lines, **settings)

    rows = rehearsal.sandbox.account.rows("S")
    assert (killed.code, killed.states, ended.code) == (-signal.SIGKILL, [], 0)
    assert (len(rows), len({row["Record key"] for row in rows})) == (300, 300)
    assert {(row["Amount"], row["State"]) for row in rows} == {("2", "Closed")}


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


@pytest.mark.parametrize(
    ("report", "counts", "found"),
    [
        pytest.param(
            b"row_number,status,item_id\n1,created,11\n2,updated,7\n3,created,13\n",
            DONE,
            {0: "11", 1: "7", 2: "13"},
            id="rows from 1",
        ),
        pytest.param(
            b"Line,Result,Pulse ID\n4,Created,13\n2,Created,11\n3,Updated,7\n",
            DONE,
            {0: "11", 1: "7", 2: "13"},
            id="lines of the file, reordered",
        ),
        pytest.param(
            b"name,key,status\nx,c,created\nx,a,created\nx,b,failed\n",
            Counts(submitted=3, created=2, failed=1),
            {0: "", 2: ""},
            id="by key",
        ),
        pytest.param(
            b'[{"row": 0, "status": "created"}, {"row": 1, "status": "invalid"},'
            b' {"row": 2, "status": "created"}]',
            Counts(submitted=3, created=2, invalid=1),
            {0: "", 2: ""},
            id="JSON, rows from 0",
        ),
        pytest.param(None, DONE, {0: "", 1: "7", 2: ""}, id="none, all written"),
        pytest.param(None, Counts(submitted=3, created=3), {0: "", 2: ""}, id="an item was gone"),
        pytest.param(
            b"row,status,id\n1,created,11\n2,created,12\n3,created,13\n",
            Counts(submitted=3, created=3),
            {0: "11", 2: "13"},
            id="an item was gone, and one of some cells was made",
        ),
        pytest.param(None, Counts(submitted=3, created=2, failed=1), {}, id="none, one failed"),
        pytest.param(
            b"row,status\n2,invalid\n", Counts(submitted=3, created=2, invalid=1), {}, id="only bad"
        ),
        pytest.param(
            b'row,status\n1,created\n2,"crea',
            Counts(submitted=3, created=2, failed=1),
            {},
            id="cut",
        ),
        pytest.param(
            b"row,status\n1,created\n2,created\n3,created\n",
            Counts(submitted=3, created=2, failed=1),
            {},
            id="contradicts the counts",
        ),
    ],
)
def test_a_report_is_believed_where_it_agrees_with_the_counts(
    report: bytes | None, counts: Counts, found: dict[int, str]
) -> None:
    """Its form is not documented; what it does not say for certain is looked up on the board."""
    assert written_rows(SENT, counts, report, "key") == found


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
