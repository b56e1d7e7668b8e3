"""The process document: what it says, what it keeps to itself, when it is no longer true."""

from __future__ import annotations

import re
from typing import Any

import pytest

PROJECT = """
jobs: [{name: close, tasks: [tap-x target-monday]}]
schedules: [{name: at-night, interval: 0 2 * * *, job: close}]
plugins:
  extractors: [{name: tap-x, select: [po.*], config: {client_secret: hush-hush}}]
"""


@pytest.fixture
def documented(rehearsal: Any, messages: Any) -> Any:
    """A board that was written, and a project; gives what writes or checks the document."""
    schema = messages.schema("po", {"Id": "string", "Note": "string"})
    rehearsal.run([schema, messages.record("po", Id="1", Note="n")], mask_key="hush-hush")
    project = rehearsal.folder / "meltano.yml"
    project.write_text(PROJECT)

    def document(*options: str, **settings: Any) -> tuple[int, str]:
        rehearsal.command(mask_key="hush-hush", **settings)
        config = str(rehearsal.folder / "config.json")
        done = rehearsal.audit_process(
            "document", "--config", config, "--project", str(project), *options
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    document.folder = rehearsal.folder  # type: ignore[attr-defined]
    return document


def test_it_says_what_flows_where_and_when_and_no_secret(documented: Any) -> None:
    """Streams, boards, columns, schedules, rules and controls, from the live settings."""
    code, text = documented("--owner", "Accounting", max_rejects=7, deny=["*.Iban"])
    assert code == 0
    for part in (
        *("at-night", "0 2 \\* \\* \\*", "po.\\*", "tap-x target-monday", "| po |", "Accounting"),
        *("| Note |", "more than 7 in a run", "Denied: \\*.Iban"),
    ):
        assert part in text, part
    assert "hush-hush" not in text
    assert "api_token" not in text


def test_its_hash_changes_with_the_mapping_and_with_nothing_else(documented: Any) -> None:
    """Another day says the same; another mapping does not, and the check tells it."""
    out = documented.folder / "out"
    assert documented("--out", str(out))[0] == 0
    for name in ("process.md", "process.html"):
        assert documented("--check", str(out / name))[0] == 0
        code, said = documented("--check", str(out / name), boards={"po": {"item_name": "{Note}"}})
        assert (code, "no longer true" in said) == (1, True)
        assert (out / name).stat().st_mode & 0o777 == 0o600
    hashes = {re.search("[0-9a-f]{64}", documented()[1])[0] for _ in range(2)}  # type: ignore[index]
    assert len(hashes) == 1
