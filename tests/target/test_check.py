"""`target-monday-check` tests the connection, the boards and the mapping, and writes nothing."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ifs_monday_sandbox.faults import Fault
from target_monday.delivery.connection_errors import ConnectionFailed, connection_failed
from target_monday.monday.errors import AnswerLost, Kind, error_for, kind_of
from target_monday.monday.errors import Fault as MondayFault

from .conftest import ENVIRONMENT, TARGET
from .test_init import PROPERTIES, catalog, make_board, orders_board

if TYPE_CHECKING:
    from pathlib import Path

CHECK = TARGET.parent / "target-monday-check"


def check(
    rehearsal: Any, *arguments: str, status: int = 0, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """One run of the command with these settings."""
    rehearsal.command(**settings)
    done = subprocess.run(
        [str(CHECK), "--config", "config.json", *arguments],
        cwd=rehearsal.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=ENVIRONMENT,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def test_everything_is_tested_and_nothing_is_written(rehearsal: Any) -> None:
    """Token, version, scopes, and each board with the people who see it."""
    public = orders_board(rehearsal)
    before = rehearsal.usage()
    boards = {"purchase_order": {"board_id": public, "columns": {"OrderNo": "Order number"}}}

    done = check(
        rehearsal,
        boards={**boards, "voucher": {"board_subscribers": ["anna.lindqvist@example.com"]}},
        workspace_id="1",
    )

    lines = done.stdout.splitlines()
    words = [" ".join(line.split()[:2]) for line in lines]
    assert words == [
        "check.token ok",
        "check.version ok",
        "check.workspace ok",
        "check.scope ok",
        "check.scope ok",
        "check.scope untested",
        "check.board ok",
        "check.board missing",
        f"check.ok calls={lines[-1].partition('=')[2]}",
    ]
    assert f"board={public} name='Purchase Orders' kind=public" in done.stdout
    assert "seen_by='every member of the account'" in done.stdout
    assert "kind=private seen_by='the user of `api_token`, anna.lindqvist@example.com'" in lines[-2]
    after = rehearsal.usage()
    assert after["mutations"] == before["mutations"]
    assert not rehearsal.ledger.exists()


def test_who_sees_a_private_board_is_listed(rehearsal: Any, messages: Any) -> None:
    """Its owners and subscribers by name and address, teams by name."""
    lines = [messages.schema("s", {"Id": "string"}), messages.record("s", Id="a")]
    settings = {"board_owners": ["team:7"], "board_subscribers": ["marek.nowak@example.com"]}
    assert rehearsal.run(lines, **settings).code == 0
    seals = rehearsal.ledger.read_bytes()

    done = check(rehearsal, **settings)

    (line,) = (each for each in done.stdout.splitlines() if each.startswith("check.board"))
    assert "kind=private" in line
    assert "IFS integration <integration@example.com>" in line
    assert "Marek Nowak <marek.nowak@example.com>" in line
    assert "team Team 7" in line
    assert rehearsal.ledger.read_bytes() == seals


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"boards": {"s": {"board_id": "99"}}}, "there is no board 99"),
        ({"workspace_id": "77"}, "`workspace_id` 77"),
        ({"board_owners": ["nobody@example.com"]}, "nobody@example.com"),
        ({"denny": []}, "Did you mean `deny`?"),
        ({"boards": {"s": {"board_id": "1", "board_name": "x"}}}, "either `board_id`"),
    ],
)
def test_faults_of_settings_end_with_exit_code_2(
    rehearsal: Any, settings: dict[str, Any], words: str
) -> None:
    """One line each, before any row has to come."""
    done = check(rehearsal, status=2, **settings)

    assert done.stderr.startswith("SETTINGS ")
    assert words in done.stderr


def test_the_mapping_is_compared_with_the_catalog(rehearsal: Any) -> None:
    """Properties and columns that are not there, streams that the tap does not have."""
    board = orders_board(rehearsal)
    make_board(rehearsal, "Voucher", ("Other", "text"))
    source = catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"]))
    columns = {"OrderNumber": "Order number", "Objstate": "No such column"}
    boards = {"purchase_order": {"board_id": board, "columns": columns}, "gone": {}}

    done = check(rehearsal, str(source), status=2, boards=boards)

    assert "no property 'OrderNumber'" in done.stderr
    assert "'No such column'" in done.stderr
    assert "check.stream missing stream=gone" in done.stdout
    assert check(rehearsal, str(source)).stdout.count("check.board") == 1


def test_a_refused_token_is_told_with_what_to_do(rehearsal: Any) -> None:
    """Its code, no secret; exit code 1. A run ends alike."""
    done = check(rehearsal, status=1, api_token="wr0ng-canary")

    assert done.stderr.startswith("AUTH_MONDAY ")
    assert "Copy `api_token` again" in done.stderr
    assert "canary" not in done.stderr + done.stdout


def test_a_run_that_is_refused_ends_with_the_same_code(rehearsal: Any, messages: Any) -> None:
    """In its last line."""
    ended = rehearsal.run([messages.schema("s", {"Id": "string"})], api_token="wr0ng-canary")

    assert ended.code == 1
    assert "AUTH_MONDAY" in ended.log
    assert "canary" not in ended.log


@pytest.mark.parametrize("status", [404, 405])
def test_an_address_that_is_not_that_of_the_api_is_told(rehearsal: Any, status: int) -> None:
    """What answers there is no GraphQL: one line, as of any fault."""
    rehearsal.sandbox.monday_faults.plan(Fault(status, "<html>"))

    done = check(rehearsal, status=1)

    (line,) = done.stderr.splitlines()
    assert f"HTTP {status} without a GraphQL answer" in line
    assert "Check that `api_url` is the address of monday.com's API" in line


def test_another_version_is_told(rehearsal: Any) -> None:
    """A retired version is silently served as another one."""
    rehearsal.sandbox.monday_faults.plan(
        Fault(200, json.dumps({"data": {"me": None}}), {"API-Version": "2027-01"})
    )

    done = check(rehearsal, status=1)

    assert done.stderr.startswith("MONDAY_VERSION ")
    assert "`api_version`" in done.stderr


def lost(cause: BaseException) -> AnswerLost:
    """A call without an answer for this reason."""
    error = AnswerLost(MondayFault(None, "NO_ANSWER", "X", Kind.LOST))
    error.__cause__ = cause
    return error


def refused(code: str, message: str, status: int) -> Any:
    """What an answer becomes."""
    return error_for(MondayFault(None, code, message, kind_of(code, message, status)), None)


def failing(url: str, **options: Any) -> BaseException:
    """What a real request ends with."""
    try:
        requests.get(url, timeout=5, **options)
    except requests.RequestException as error:
        return error
    raise AssertionError(url)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused("", "Not Authenticated", 401), "AUTH_MONDAY"),
        (refused("Unauthorized", "no", 401), "AUTH_MONDAY"),
        (refused("NOT_AUTHENTICATED", "no", 200), "AUTH_MONDAY"),
        (refused("", "HTTP 401 without a GraphQL answer", 401), "AUTH_MONDAY"),
        (refused("UserUnauthorizedException", "no", 403), "MONDAY_FORBIDDEN"),
        (refused("missingRequiredPermissions", "no", 200), "MONDAY_FORBIDDEN"),
        (refused("USER_ACCESS_DENIED", "no", 403), "MONDAY_FORBIDDEN"),
        (refused("", "HTTP 403 without a GraphQL answer", 403), "MONDAY_FORBIDDEN"),
        (refused("", "Your ip is restricted", 401), "MONDAY_IP_RESTRICTED"),
        (refused("undefinedField", "no", 200), "MONDAY_REQUEST_REFUSED"),
        (refused("InvalidVersionException", "no", 200), "MONDAY_VERSION"),
        (refused("INTERNAL_SERVER_ERROR", "no", 500), "MONDAY_UNAVAILABLE"),
        (refused("", "HTTP 503 without a GraphQL answer", 503), "MONDAY_UNAVAILABLE"),
        (lost(ssl.SSLCertVerificationError("self-signed")), "MONDAY_TLS"),
        (lost(socket.gaierror("unknown")), "MONDAY_HOST_UNKNOWN"),
        (lost(requests.exceptions.ProxyError("no")), "MONDAY_PROXY"),
        (lost(TimeoutError("slow")), "MONDAY_UNREACHABLE"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_each_fault_of_the_connection_has_a_code_and_advice(error: Any, code: str) -> None:
    """Whatever monday.com, a proxy or the network answers."""
    ended = connection_failed(error, str(error))

    assert (ended.code, ended.exit_code) == (code, 1)
    assert ended.advice in str(ended)
    assert ended.advice.endswith(".")


def test_real_connections_fail_by_name(rehearsal: Any) -> None:
    """A port without a server, TLS to a server without it, a proxy that is not there."""
    plain = rehearsal.sandbox.monday_url
    proxies = {"http": "http://127.0.0.1:1"}

    assert connection_failed(lost(failing("http://127.0.0.1:1/v2")), "x").code == (
        "MONDAY_UNREACHABLE"
    )
    tls = failing(plain.replace("http:", "https:"))
    assert connection_failed(lost(tls), "x").code == "MONDAY_TLS"
    assert connection_failed(lost(failing(plain, proxies=proxies)), "x").code == "MONDAY_PROXY"


def test_every_code_of_the_connection_is_documented(project_root: Path) -> None:
    """In the table of what to do."""
    table = (project_root / "docs" / "operate.md").read_text(encoding="utf-8")

    for kind in ConnectionFailed.__subclasses__():
        assert f"`{kind.code}`" in table
