"""A ledger of an earlier version is brought up to this one, once, whoever opens it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select
from target_monday.errors import LedgerFailed
from target_monday.ledger import tables
from target_monday.ledger.database import open_database
from target_monday.ledger.items import ItemStore
from target_monday.ledger.journal import Journal
from target_monday.ledger.reports import open_rejects, run_report
from target_monday.ledger.revisions import HEAD

SCOPE = "http://127.0.0.1:1/v2"
OLD = Path(__file__).parent / "ledgers" / "before-migrations.sql"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger as it was written before the ledger knew of migrations."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.executescript(OLD.read_text())
    return path


def columns(engine: Any) -> dict[str, set[str]]:
    looked = inspect(engine)
    return {
        name: {each["name"] for each in looked.get_columns(name)}
        for name in looked.get_table_names()
    }


def test_what_an_earlier_version_knew_is_known_still(old: Path) -> None:
    """Items, boards, open requests, rejects and books stand as before, under the new chain."""
    engine = open_database(f"sqlite:///{old}")

    items = ItemStore(engine, SCOPE)
    known = items.items(4, ["a", "b"])
    assert (known["a"].item_id, known["a"].cells) == ("901", {"text_k": "a", "text_n": "one"})
    assert (known["b"].item_id, known["b"].cells) == ("", {"text_k": "b"})
    assert items.boards()["s", ""].board_id == "77"
    journal = Journal(engine, SCOPE, "run-3", clock=lambda: 6.0)
    (request,) = journal.unsettled()
    assert (request.id, request.body, request.operations[0].kind) == (
        2,
        b'{"query":"y"}',
        "archive",
    )
    assert journal.rejects.refused_before("s", "d", lambda: "00ff")
    assert journal.pending_cells.of(4) == {"a": {"text_n": "two"}}
    (reject,) = open_rejects(engine, payload=True)
    assert (reject["key"], bytes(reject["payload"])) == ("d", b'{"Id":"d"}')
    report = run_report(engine, "run-1")
    assert report is not None
    assert (report["status"], report["total"]["created"], report["balanced"]) == (
        "rejects",
        2,
        True,
    )
    with engine.connect() as connection:
        operation = connection.execute(select(tables.operations).where(tables.operations.c.id == 1))
        assert operation.one().cells == '["a","one"]'
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_a_ledger_brought_up_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    """The revisions lead to the same tables and columns that a new ledger is made with."""
    brought_up = open_database(f"sqlite:///{old}")
    new = open_database(f"sqlite:///{tmp_path / 'new.db'}")

    assert columns(brought_up) == columns(new)
    assert columns(new).keys() == {*tables.METADATA.tables, "alembic_version"}


@pytest.mark.parametrize("is_old", [True, False], ids=["earlier", "new"])
def test_two_processes_may_open_a_ledger_at_the_same_time(
    old: Path, tmp_path: Path, *, is_old: bool
) -> None:
    """One of them makes or changes the tables, the other finds them."""
    path = old if is_old else tmp_path / "new.db"
    program = (
        "import sys; from target_monday.ledger.database import open_database;"
        "open_database(sys.argv[1])"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{path}"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]

    ended = [process.communicate(timeout=60)[1] for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], ended
    with closing(sqlite3.connect(path)) as ledger:
        kinds = ledger.execute("SELECT kind FROM chain").fetchall()
        assert kinds == [(f"schema {HEAD}",)]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "version 9999"),
        ("DELETE FROM alembic_version", "(none)"),
    ],
)
def test_a_ledger_of_a_later_version_is_left_alone(
    tmp_path: Path, statement: str, says: str
) -> None:
    """Or one whose note of its version was altered: it is said, and nothing is changed."""
    path = tmp_path / "ledger.db"
    open_database(f"sqlite:///{path}").dispose()
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute(statement)

    with pytest.raises(LedgerFailed) as failed:
        open_database(f"sqlite:///{path}")

    assert says in str(failed.value)


def test_a_database_of_others_is_no_ledger(tmp_path: Path) -> None:
    """Their tables are not mixed with ours."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("CREATE TABLE invoices (id INTEGER)")

    with pytest.raises(LedgerFailed, match="one of its own"):
        open_database(f"sqlite:///{path}")
