"""Delivery at monday's worst: nothing twice, nothing starved, books that balance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday.idempotency import Replies
from target_monday.cells import codec_for
from target_monday.ledger.database import default_ledger_url
from target_monday.monday.limits import Cost, refused_cost
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


def rows(messages: Any, *ids: str, amount: int = 1) -> list[dict[str, Any]]:
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})
    records = [messages.record("s", Id=each, Amount=amount) for each in ids]
    return [schema, *records, messages.state(amount)]


def numbered(count: int) -> list[str]:
    return [f"k{at:03}" for at in range(count)]


def is_write(request: Request) -> bool:
    """A mutation: those carry an idempotency key."""
    return "idempotency-key" in request.headers


def is_query(request: Request) -> bool:
    return not is_write(request)


def answer(code: str, path: list[str], data: Any = None, **extensions: Any) -> str:
    """A body with one error that names a part of the request."""
    error = {"message": code, "path": path, "extensions": {"code": code, **extensions}}
    return json.dumps({"data": data, "errors": [error]})


@pytest.fixture
def audit_command() -> str:
    """The audit's program."""
    return str(Path(sys.executable).parent / "target-monday-audit")


@pytest.fixture
def prepared(rehearsal: Any, messages: Any) -> Any:
    """The board is there and empty, so that the next write is a pack of items."""
    assert rehearsal.run(rows(messages)).code == 0
    return rehearsal


def test_books_balance_whatever_a_board_refuses(
    rehearse: Callable[..., Any], messages: Any
) -> None:
    """A board that takes no more in the middle of a pack: every row is counted once."""
    rehearsal = rehearse(items_limit=3)

    ended = rehearsal.run(rows(messages, *numbered(30)))

    counts = ended.counts()
    assert (ended.code, counts["created"], counts["rejected"]) == (3, 3, 27)
    assert "balanced=yes" in ended.log


def test_books_balance_when_no_answer_comes(prepared: Any, messages: Any) -> None:
    """Rows whose fate is not known are carried over, once each."""
    prepared.sandbox.monday_faults.plan(Fault(503, matches=is_write), times=5)

    ended = prepared.run(rows(messages, "a", "b", "c"), batch_size_rows=2, max_aliases=2)

    counts = ended.counts()
    assert (ended.code, counts["created"]) == (1, 0)
    assert counts["read"] == counts["carried_over"] > 0
    assert "balanced=yes" in ended.log


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-05:00"])
def test_a_moment_that_no_calendar_holds_is_a_bad_cell(moment: str) -> None:
    """Not in UTC's calendar any more: the row is rejected, the run goes on."""
    with pytest.raises(BadCell, match="not within the years 1 to 9999"):
        codec_for("date").canonical(moment)


@pytest.mark.parametrize(
    ("message", "extensions", "cost"),
    [
        pytest.param(
            "Complexity budget exhausted, query cost 600001 budget remaining 19 out of 1,000,000 "
            "reset in 54 seconds",
            {},
            Cost(600_001, 1_000_000),
            id="words",
        ),
        pytest.param(
            "Complexity budget exhausted",
            {
                "complexity": 6_000_001,
                "complexity_budget_left": 7,
                "complexity_budget_limit": 10**7,
            },
            Cost(6_000_001, 10**7),
            id="extensions",
        ),
        pytest.param(
            "Query has complexity of 6000001, which exceeds the maximum of 5000000 a request",
            {"max_complexity": 5_000_000},
            Cost(6_000_001, None, 5_000_000),
            id="per query",
        ),
        pytest.param("Try later", {"complexity": "much"}, Cost(), id="nothing said"),
    ],
)
def test_a_refusal_tells_price_and_budget(
    message: str, extensions: dict[str, Any], cost: Cost
) -> None:
    """From the error's extensions, else from its words."""
    assert refused_cost(message, extensions) == cost


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"points_per_mutation": 200_000, "minute_seconds": 0.2}, id="dear mutations"),
        pytest.param(
            {"points_per_mutation": 60_000, "minute_points": 1_000_000, "minute_seconds": 0.2},
            id="a minute below one request",
        ),
    ],
)
def test_a_request_that_never_fits_is_cut(
    rehearse: Callable[..., Any], messages: Any, limits: dict[str, Any]
) -> None:
    """The refusal's price is learned; the rows arrive in smaller requests, none is sent again."""
    rehearsal = rehearse(**limits)

    ended = rehearsal.run(rows(messages, *numbered(60)))

    assert (ended.code, ended.counts()["created"]) == (0, 60)
    assert rehearsal.board("S")["items_count"] == 60


def test_a_refusal_without_numbers_is_halved(prepared: Any, messages: Any) -> None:
    """Too complex, and nothing said about the price: half of it, under a new key."""
    refusal = (
        '{"errors": [{"message": "too much", "extensions": {"code": "maxComplexityExceeded"}}]}'
    )
    prepared.sandbox.monday_faults.plan(Fault(200, refusal, matches=is_write))

    ended = prepared.run(rows(messages, *numbered(8)))

    assert (ended.code, ended.counts()["calls"]) == (0, 4)
    assert prepared.board("S")["items_count"] == 8


def test_an_operation_above_the_limit_is_carried_over(
    rehearse: Callable[..., Any], messages: Any
) -> None:
    """One operation that costs more than a request may: said clearly, never sent for ever."""
    rehearsal = rehearse(prices={"create_item": 6_000_000})

    ended = rehearsal.run(rows(messages, "a", "b"))

    assert (ended.code, ended.counts()["carried_over"]) == (1, 2)
    assert "one operation" in ended.log


@pytest.mark.parametrize(
    "code", ["COMPLEXITY_BUDGET_EXHAUSTED", "INTERNAL_SERVER_ERROR", "RESOURCE_LOCKED"]
)
def test_a_passing_fault_inside_a_query_is_waited_out(
    prepared: Any, messages: Any, code: str
) -> None:
    """An error that names `boards` inside HTTP 200 is waited for like one of the whole request."""
    body = answer(code, ["boards"], retry_in_seconds=0)
    prepared.sandbox.monday_faults.plan(Fault(200, body, matches=is_query))

    assert prepared.run(rows(messages, "a")).code == 0


def test_the_daily_limit_inside_a_query_stops_the_run(prepared: Any, messages: Any) -> None:
    """Exit 4, also where monday names the field."""
    body = answer("DAILY_LIMIT_EXCEEDED", ["boards"])
    prepared.sandbox.monday_faults.plan(Fault(200, body, matches=is_query))

    ended = prepared.run(rows(messages, "a"))

    assert (ended.code, "midnight UTC" in ended.log) == (4, True)


def test_the_daily_limit_of_an_operation_stops_the_run(prepared: Any, messages: Any) -> None:
    """What ran is settled, nothing more is sent, exit 4."""
    body = answer("DAILY_LIMIT_EXCEEDED", ["m1"], {"m0": {"id": "1"}, "m1": None})
    prepared.sandbox.monday_faults.plan(Fault(200, body, matches=is_write))

    ended = prepared.run(rows(messages, "a", "b"))

    counts = ended.counts()
    assert (ended.code, counts["created"], counts["carried_over"]) == (4, 1, 1)
    assert counts["calls"] == 2
    assert "balanced=yes" in ended.log


@pytest.mark.parametrize(
    ("wait", "code"), [pytest.param(0, 0, id="short"), pytest.param(3600, 4, id="too long")]
)
def test_an_operation_waits_as_told(prepared: Any, messages: Any, wait: int, code: int) -> None:
    """A locked operation is sent again after its own wait; an hour is for the next run."""
    body = answer("RESOURCE_LOCKED", ["m0"], {"m0": None}, retry_in_seconds=wait)
    prepared.sandbox.monday_faults.plan(Fault(200, body, matches=is_write), times=4)

    ended = prepared.run(rows(messages, "a"))

    assert ended.code == code
    assert prepared.board("S")["items_count"] == (1 if code == 0 else 0)


def test_a_lost_create_is_looked_for_before_it_is_sent_again(prepared: Any, messages: Any) -> None:
    """The answer may not have been kept: what is on the board is adopted, not made twice."""
    account = prepared.sandbox.account

    def forget() -> None:
        account.replies = Replies(account.elapsed)

    fault = Fault(lose=True, matches=is_write, meanwhile=forget)
    prepared.sandbox.monday_faults.plan(fault)

    ended = prepared.run(rows(messages, "a", "b"))

    assert (ended.code, ended.counts()["created"]) == (0, 2)
    assert prepared.board("S")["items_count"] == 2
    assert prepared.run(rows(messages, "a", "b")).counts()["unchanged"] == 2


def test_a_refused_question_is_no_refusal_of_what_was_sent(prepared: Any, messages: Any) -> None:
    """The look-up after a lost answer fails: nothing is sent again before the next run knows."""
    body = answer("RESOURCE_NOT_FOUND", ["items_page_by_column_values"])
    prepared.sandbox.monday_faults.plan(Fault(lose=True, matches=is_write))
    prepared.sandbox.monday_faults.plan(Fault(200, body, matches=is_query))

    ended = prepared.run(rows(messages, "a", "b"))

    assert (ended.code, ended.counts()["carried_over"], ended.states) == (1, 2, [])
    assert prepared.run(rows(messages, "a", "b")).code == 0
    assert prepared.board("S")["items_count"] == 2


@pytest.mark.parametrize(
    ("project", "ledgers", "variables", "name"),
    [
        pytest.param("default_environment: dev # x\n", [], {}, "dev", id="the default"),
        pytest.param("default_environment: 'dev'\n", ["a"], {}, "dev", id="quoted"),
        pytest.param("version: 1\n", ["prod"], {}, "prod", id="the only ledger"),
        pytest.param("version: 1\n", ["prod", "dev"], {}, "default", id="not guessed"),
        pytest.param(
            "default_environment: dev\n", [], {"MELTANO_ENVIRONMENT": "prod"}, "prod", id="told"
        ),
    ],
)
def test_the_ledger_of_a_project_is_found_from_within(
    tmp_path: Path, project: str, ledgers: list[str], variables: dict[str, str], name: str
) -> None:
    """By hand, anywhere in the project, the ledger is the one that `meltano run` writes."""
    folder = tmp_path / ".meltano" / "target-monday"
    folder.mkdir(parents=True)
    (tmp_path / "meltano.yml").write_text(project)
    for each in ledgers:
        (folder / f"ledger-{each}.db").touch()
    below = tmp_path / "docs" / "deep"
    below.mkdir(parents=True)

    expected = f"sqlite:///{folder / f'ledger-{name}.db'}"
    assert default_ledger_url(variables, below) == expected
    told = {**variables, "MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO_ENVIRONMENT": name}
    assert default_ledger_url(told, tmp_path.parent) == expected


def test_the_audit_finds_the_ledger_or_names_those_there_are(
    prepared: Any, tmp_path: Path, audit_command: str
) -> None:
    """Run in the project without Meltano; `--environment` chooses."""
    folder = tmp_path / ".meltano" / "target-monday"
    folder.mkdir(parents=True)
    (tmp_path / "meltano.yml").write_text("default_environment: dev\n")
    prepared.ledger.rename(folder / "ledger-prod.db")
    variables = {name: each for name, each in os.environ.items() if "MELTANO" not in name}

    def audit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [audit_command, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )

    assert audit("report", "--environment", "prod").returncode == 0
    assert audit("--environment", "prod", "report").returncode == 0
    missed = audit("report")
    assert (missed.returncode, "ledger-prod.db" in missed.stderr) == (1, True)


def test_a_token_that_monday_quotes_is_masked(prepared: Any, messages: Any) -> None:
    """A server's message goes into the log and the ledger; the token does not."""
    refusal = {
        "errors": [
            {"message": "Token s4ndb0x-m0nd4y is bad", "extensions": {"code": "BAD_REQUEST"}}
        ]
    }
    prepared.sandbox.monday_faults.plan(Fault(400, json.dumps(refusal), matches=is_query), times=2)

    ended = prepared.run(rows(messages, "a"))

    assert (ended.code, "Token *** is bad" in ended.log) == (1, True)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"api_token": "CANARY\n"}, id="a line break"),
        pytest.param({"api_token": "CANARY\u0142"}, id="a strange letter"),
        pytest.param({"api_token": ""}, id="no token"),
        pytest.param({"api_url": "monday"}, id="no address"),
    ],
)
def test_settings_that_cannot_connect_are_refused(
    rehearsal: Any, messages: Any, settings: dict[str, str]
) -> None:
    """Exit 2 with the setting's name, before any call and without the token."""
    ended = rehearsal.run(rows(messages, "a"), **settings)

    assert (ended.code, next(iter(settings)) in ended.log) == (2, True)
    assert "CANARY" not in ended.log


def test_rows_before_an_unreadable_line_are_delivered(prepared: Any, messages: Any) -> None:
    """The run fails, but its bookmark has moved: the next run does not repeat the rows."""
    ended = prepared.run([*rows(messages, "a", "b"), "{spoilt"])

    assert (ended.code, ended.states) == (1, [{"bookmarks": {"at": 1}}])
    assert prepared.board("S")["items_count"] == 2


def test_a_mapping_of_a_stream_that_never_came_is_told(prepared: Any, messages: Any) -> None:
    """A misspelt stream name would otherwise go unseen."""
    ended = prepared.run(rows(messages, "a"), boards={"typo": {"columns": {"Id": "Id"}}})

    assert (ended.code, "mapping.unused stream=typo" in ended.log) == (0, True)
