"""A selector that the ledger does not know is an error, and nothing is done."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from target_monday.audit.spreadsheet import as_csv, harmless
from target_monday.errors import SelectorUnknown
from target_monday.ledger.database import open_database
from target_monday.ledger.selectors import require_code, require_key, require_run, require_stream

if TYPE_CHECKING:
    from pathlib import Path

PROPERTIES = {"Id": "string", "Sum": "number"}


@pytest.fixture
def delivered(rehearsal: Any, messages: Any) -> Any:
    """A rehearsal with one row on its board and one reject."""
    rows = [messages.record("s", Id="a", Sum=-12.5), messages.record("s", Id="b", Sum="many")]
    rehearsal.run([messages.schema("s", PROPERTIES), *rows, messages.state(1)])
    return rehearsal


def test_no_command_takes_a_selector_that_is_not_known(delivered: Any) -> None:
    """Each that names a run, a stream, a key, a board, a column, a code or a reject."""
    config = ("--config", str(delivered.folder / "config.json"))
    before = delivered.audit("runs")
    for command in (
        ("report", "nope"),
        ("replay", "--run", "nope", *config),
        ("replay", "--stream", "nope", *config),
        ("replay", "--stream", "nope", "--key-from", "a", *config),
        ("purge", "--days", "0", "--stream", "nope"),
        ("purge", "--days", "0", "--stream", "nope", "--dry-run"),
        ("purge", "--days", "0", "--stream", "s", "--key", "nope"),
        ("rejects", "--stream", "nope"),
        ("rejects", "--code", "nope"),
        ("rejects", "list", "--stream", "nope"),
        ("rejects", "export", "--stream", "nope"),
        ("rejects", "export", "77"),
        ("rejects", "show", "77"),
        ("rejects", "replay", "77", *config),
        ("rejects", "replay", "--stream", "nope", *config),
        ("rejects", "replay", "--code", "nope", *config),
        ("rejects", "waive", "77", "--reason", "x"),
        ("rejects", "edit", "77", "--set", "a=b", "--reason", "x"),
        ("explain", "--board", "nope", "--key", "a"),
        ("explain", "--board", "s", "--key", "nope"),
        ("explain", "--board", "s", "--key", "a", "--column", "nope"),
        ("explain", "--board", "s", "--every-key", "--column", "nope"),
    ):
        said = delivered.audit_text(*command, code=1)
        assert said.startswith("SELECTOR_UNKNOWN The ledger "), (command, said)
        assert "nope" in said or "77" in said
    said = delivered.audit_text("reconcile", "--stream", "nope", *config, code=2)
    assert "The ledger knows no board of nope" in said
    assert delivered.audit("runs") == before


def test_a_replay_prints_its_books_like_any_run(delivered: Any) -> None:
    """A line a board and the total, on stderr."""
    config = ("--config", str(delivered.folder / "config.json"))

    done = delivered.audit_process("replay", "--stream", "s", *config)

    assert " board stream=s board=" in done.stderr
    assert " total boards=" in done.stderr
    assert "ledger.sealed" in done.stderr


def test_every_command_makes_the_folder_of_its_output(delivered: Any, tmp_path: Path) -> None:
    """Whatever the option is called."""
    config = ("--config", str(delivered.folder / "config.json"))
    new = tmp_path / "new"
    for command, made in (
        (("page", "--out", new / "a" / "page.html"), "a/page.html"),
        (("rejects", "export", "--output", new / "b" / "r.csv"), "b/r.csv"),
        (("datasette", "--out", new / "c" / "d"), "c/d/metadata.json"),
        (("document", "--out", new / "e" / "f", *config), "e/f/process.md"),
        (("reconcile", "--out", new / "g" / "h", *config), "g/h/certificate.json"),
    ):
        delivered.audit_text(*map(str, command))
        assert (new / made).is_file()
        assert (new / made).stat().st_mode & 0o777 == 0o600


def test_figures_and_moments_are_figures_and_moments(delivered: Any) -> None:
    """In the export that a spreadsheet opens."""
    text = delivered.audit_text("rejects", "export").removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))

    assert len(row["reject_at"]) == len("2026-11-29 12:00:00")
    assert row["Sum"] == "many"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Decimal("-12.50"), "-12.50"),
        (-7, "-7"),
        ("-12.50", "-12.50"),
        ("-1e5", "-1e5"),
        ("-1+1", "'-1+1"),
        ("-A1", "'-A1"),
        ("-", "'-"),
        ("--1", "'--1"),
        ("-1.5.2", "'-1.5.2"),
        ("-1\n=cmd()", "'-1\n=cmd()"),
        ("+46701234567", "'+46701234567"),
        ("=1", "'=1"),
    ],
)
def test_only_what_could_be_a_formula_is_kept_from_being_one(value: object, cell: str) -> None:
    """A negative number is none; nothing that merely begins like one is left."""
    (row,) = csv.DictReader(io.StringIO(as_csv([{"a": value}]).removeprefix("\ufeff"), newline=""))

    assert row["a"] == cell
    assert harmless(cell) in {cell, f"'{cell}"}


def test_what_is_known_is_no_error(ledger_url: str) -> None:
    """Nothing named is nothing to look for; a code of the target's own is known from the start."""
    engine = open_database(ledger_url)

    require_run(engine, None)
    require_stream(engine, None)
    require_code(engine, "BAD_CELL", {"BAD_CELL"})
    with pytest.raises(SelectorUnknown, match=r"Did you mean 'BAD_CELL'\?"):
        require_code(engine, "BAD_CEL", {"BAD_CELL"})
    with pytest.raises(SelectorUnknown, match="It knows: none"):
        require_key(engine, "s", "k")
    engine.dispose()


def test_json_lines_keep_their_values(delivered: Any) -> None:
    """The guard of the spreadsheet is for CSV alone."""
    (line,) = delivered.audit_text("rejects", "export", "--format", "jsonl").splitlines()

    assert json.loads(line)["payload"]["Sum"] == "many"
