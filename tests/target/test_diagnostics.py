"""What the target says on stderr, and its ledger's columns of diagnostics: no secret, no act."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from typing import Any
from urllib.parse import quote

import pytest
from ifs_monday_sandbox.faults import Fault

from tests.target.conftest import AUDIT, ENVIRONMENT

TOKEN = "s4ndb0x-m0nd4y"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| [A-Z]+ +\| ")


def is_write(request: Any) -> bool:
    return "idempotency-key" in request.headers


def test_what_monday_echoes_is_redacted_in_log_and_ledger(rehearsal: Any, messages: Any) -> None:
    """A code, a message and the name of a request quote the token and try to steer a terminal."""
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    assert rehearsal.run([schema]).code == 0
    spelt = f"{TOKEN} {quote(TOKEN[:9])} \x1b]0;x\x07 \u202e\n{json.dumps({'token': TOKEN})}"
    answer = {
        "data": {"m0": None},
        "errors": [{"message": spelt, "path": ["m0"], "extensions": {"code": f"C {spelt}"}}],
        "extensions": {"request_id": spelt},
    }
    for _ in range(9):  # the code is not known, so the row is looked up and sent again
        rehearsal.sandbox.monday_faults.plan(Fault(200, json.dumps(answer), matches=is_write))

    key = f"k-{TOKEN}"
    ended = rehearsal.run([schema, messages.record("s", Id=key, Note=TOKEN)])

    assert ended.code == 3
    assert all(LINE.match(line) for line in ended.log.splitlines())
    assert TOKEN[:8] not in ended.log
    assert "\x1b" not in ended.log
    with sqlite3.connect(rehearsal.ledger) as ledger:
        rows = ledger.execute(
            "SELECT code, message FROM rejects UNION SELECT code, message FROM outcomes"
            " UNION SELECT request_id, how FROM settlements UNION SELECT message, status"
            " FROM run_ends"
        ).fetchall()
        evidence = ledger.execute(
            "SELECT r.key, c.payload FROM rejects r JOIN records c ON c.id = r.record"
        ).fetchall()
    diagnostics = "".join(str(text) for row in rows for text in row)
    assert TOKEN[:8] not in diagnostics
    assert diagnostics.isprintable()
    assert len(rows) > 3
    ((kept, payload),) = evidence
    assert (kept, json.loads(payload)) == (key, {"Id": key, "Note": TOKEN})
    assert "sound" in rehearsal.audit_text("verify")


def test_no_name_of_a_stream_forges_a_line(rehearsal: Any, messages: Any) -> None:
    """Each line of the log is one that the target wrote."""
    name = "s\n2026-11-29 00:00:00,000 | INFO     | target-monday | total boards=1 rejected=0"
    schema = messages.schema(name, {"Id": "string"})

    ended = rehearsal.run([schema, messages.record(name, Id="a")])

    assert all(LINE.match(line) for line in ended.log.splitlines())
    assert sum(" total boards=" in line.split("stream=")[0] for line in ended.log.splitlines()) == 1


@pytest.mark.parametrize("setting", ["api_token", "mask_key", "seal_key", "ledger_url"])
@pytest.mark.parametrize("value", [["c4n4ry"], {"a": {"b": "c4n4ry"}}, 4711], ids=str)
def test_a_secret_of_the_wrong_type_is_named_and_not_shown(
    rehearsal: Any, setting: str, value: object
) -> None:
    """Every setting that is a secret is one for the errors about it."""
    ended = rehearsal.run([], **{setting: value})

    assert ended.code == 2
    assert f"SETTINGS `{setting}` must be a text." in ended.log
    assert "c4n4ry" not in ended.log
    assert "4711" not in ended.log


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:c4n4ry-word@127.0.0.1:9/x",
        "postgresql+psycopg://127.0.0.1:9/x?user=me&password=c4n4ry-word",
        "postgresql+psycopg://127.0.0.1:9/x?user=me&password=c4n4ry-word&c4n4ry-word=1",
        "postgresql+psycopg://127.0.0.1:9/c4n4ry-word?user=me&password=c4n4ry-word",
        "nonsense://me:c4n4ry-word@127.0.0.1:9/x?password=c4n4ry-word",
        "postgresql+psycopg://me:c4n4ry-word@[127.0.0.1:9/x",
    ],
)
def test_no_password_of_a_ledger_is_shown(rehearsal: Any, messages: Any, url: str) -> None:
    """Neither by the target nor by the commands that read the ledger, however it is given."""
    ended = rehearsal.run([messages.schema("s", {"Id": "string"})], ledger_url=url)

    def audited(*arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [str(AUDIT), "runs", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**ENVIRONMENT, **variables},
            timeout=60,
            cwd=rehearsal.folder,
        )
        assert done.returncode != 0
        return done.stdout + done.stderr

    said = ended.log + audited("--ledger-url", url) + audited(TARGET_MONDAY_LEDGER_URL=url)
    assert ended.code != 0
    assert "c4n4ry" not in said
    assert "Traceback" not in said
