"""A run that was killed is closed by the next one: all books together are what the boards have."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import writes
from target_monday.ledger import tables
from target_monday.ledger.closing import close_dead_runs
from target_monday.ledger.database import open_database
from target_monday.ledger.leases import Leases, live_runs
from target_monday.ledger.reports import recent_runs
from target_monday.ledger.runs import RunHeader, Runs
from target_monday.ledger.sealed import writing
from target_monday.ledger.verification import verify

if TYPE_CHECKING:
    from starlette.requests import Request

KEYS = [f"k{at:02}" for at in range(12)]
PACKS = {"lane": "alias", "max_aliases": 5, "max_rejects": 1}


def rows(messages: Any, *keys: str, note: str = "n") -> list[dict[str, Any]]:
    schema = messages.schema("s", {"Id": "string", "Note": "string", "Sum": "number"})
    return [schema, *(messages.record("s", Id=key, Note=note) for key in keys), messages.state(1)]


@pytest.mark.parametrize(
    ("pack", "served"),
    [(2, True), (3, True), (3, False)],
    ids=["first pack, answer lost", "second pack, answer lost", "second pack, never sent"],
)
def test_the_books_of_all_runs_are_what_the_board_has(
    rehearsal: Any, messages: Any, pack: int, *, served: bool
) -> None:
    """Killed at a pack of items: what it made counts as its own, what it did not as the next's."""
    seen: list[int] = []

    def is_last(request: Request) -> bool:
        if "idempotency-key" in request.headers:
            seen.append(1)
        return len(seen) > pack

    process = rehearsal.start(**PACKS)
    rehearsal.kill_at(process, is_last, served=served)
    bad = messages.record("s", Id="bad", Sum="many")
    *first, state = rows(messages, *KEYS)
    killed = rehearsal.end_with_input(process, [*first, bad, state])
    rehearsal.sandbox.monday_faults.clear()
    assert killed.code == -signal.SIGKILL
    (before,) = rehearsal.audit("runs")
    assert (before["status"], rehearsal.audit("report")["balanced"]) == ("interrupted", None)

    assert rehearsal.run([*first, bad, state], **PACKS).code == 0

    newest, oldest = rehearsal.audit("runs")
    assert (newest["status"], oldest["status"], oldest["exit_code"]) == (
        *("done", "interrupted", None),
    )
    assert newest["started_at"] >= oldest["ended_at"] >= oldest["started_at"]
    reports = [rehearsal.audit("report", each["id"]) for each in (newest, oldest)]
    assert all(each["balanced"] for each in reports)
    made = sum(each["total"]["created"] for each in reports)
    assert made == len(rehearsal.sandbox.account.rows("S")) == len(KEYS)
    assert reports[1]["total"]["created"] >= 5 * (pack - 2 + served)
    assert "closed it by its outcomes" in oldest["message"]
    assert rehearsal.audit("verify")["sound"]


def test_an_item_that_was_to_be_looked_up_counts_where_it_was_made(
    rehearsal: Any, messages: Any
) -> None:
    """It was made although monday failed over it, and the run was killed before the look-up."""

    def is_write(request: Request) -> bool:
        return "idempotency-key" in request.headers

    assert rehearsal.run(rows(messages), **PACKS).code == 0
    account, board = rehearsal.sandbox.account, rehearsal.sandbox.account.board("S")
    ids = {title: account.column("S", title).id for title in ("Record key", "Id", "Note")}

    def make() -> None:
        values = {ids["Record key"]: "a", ids["Id"]: "a", ids["Note"]: "n"}
        group = next(iter(board.active_groups()))
        who = account.writer("the request")
        writes.create_item(account, board, "a", group=group, values=values, writer=who)

    error = {"message": "x", "path": ["m0"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    body = json.dumps({"data": {"m0": None}, "errors": [error]})
    failed: list[bool] = []

    def is_failed(request: Request) -> bool:
        failed.append(is_write(request))
        return failed[-1]

    process = rehearsal.start(**PACKS)
    rehearsal.sandbox.monday_faults.plan(Fault(200, body, matches=is_failed, meanwhile=make))
    rehearsal.kill_at(process, lambda _: any(failed))
    killed = rehearsal.end_with_input(process, rows(messages, "a"))
    rehearsal.sandbox.monday_faults.clear()

    assert (killed.code, rehearsal.run(rows(messages, "a"), **PACKS).code) == (-signal.SIGKILL, 0)

    reports = [rehearsal.audit("report", each["id"]) for each in rehearsal.audit("runs")]
    made = sum(each["total"].get("created", 0) for each in reports)
    assert made == len(account.rows("S")) == 1
    assert all(each["balanced"] for each in reports)


def test_a_run_is_closed_once_and_never_while_it_lives(ledger_url: str) -> None:
    """Whichever API address it works at; one that was closed too early keeps the books it got."""
    engine = open_database(ledger_url)
    dead, mine = Runs(engine, run_id="dead"), Runs(engine, run_id="mine")
    dead.begin(RunHeader(version="1"))
    theirs = Leases(engine, "another address", "dead")
    theirs.take_run()
    with writing(engine, "elsewhere") as ledger:
        ledger.change(tables.leases, tables.leases.c.run_id == "dead", host="elsewhere")
    mine.begin(RunHeader(version="1"))

    assert close_dead_runs(engine, live_runs(engine, own="mine") | {"mine"}, "mine") == []
    with writing(engine, "run out") as ledger:
        ledger.change(tables.leases, tables.leases.c.run_id == "dead", expires_at=1.0)
    live = live_runs(engine, own="mine") | {"mine"}
    assert close_dead_runs(engine, live, "mine") == ["dead"]
    assert close_dead_runs(engine, live, "mine") == []
    dead.end(status="done", exit_code=0, message=None, calls=1, points=1, books=[])

    assert {each["id"]: each["status"] for each in recent_runs(engine, 9)}["dead"] == "interrupted"
    assert verify(engine).is_sound
    engine.dispose()
