"""Where a ledger can be: behind a pooler, on a server that drops connections, on an archive."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, select
from target_monday.errors import LedgerFailed
from target_monday.ledger import tables
from target_monday.ledger.database import open_database
from target_monday.ledger.leases import Leases
from target_monday.ledger.verification import verify
from target_monday.settings import setting_faults

from tests.target.postgresql import Cluster, Pooler, as_user, pooler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AUDIT = Path(sys.executable).parent / "target-monday-audit"


def rows(messages: Any, count: int) -> list[Any]:
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    return [schema, *(messages.record("s", Id=str(at), Note="n") for at in range(count))]


@pytest.fixture
def pooled(postgresql: Cluster, miss: Callable[[str], None]) -> Iterator[tuple[str, str]]:
    """A new ledger's address by way of PgBouncer in transaction mode, and directly."""
    program = pooler()
    if program is None:
        miss("PgBouncer (Debian: pgbouncer)")
        raise AssertionError
    with Pooler(program, postgresql) as running:
        address = postgresql.database()
        yield running.url(address), address


def test_a_ledger_may_stand_behind_a_pooler(
    rehearsal: Any, messages: Any, pooled: tuple[str, str]
) -> None:
    """Several runs over the same few connections of the server; the ledger is sound."""
    through, directly = pooled
    settings = {"ledger_url": through, "max_aliases": 5, "lane": "alias"}

    ends = [rehearsal.run(rows(messages, 40), **settings) for _ in range(3)]

    assert [ended.code for ended in ends] == [0, 0, 0], ends[-1].log
    assert ends[-1].counts()["unchanged"] == 40
    for address in pooled:
        engine = open_database(address)
        assert verify(engine).is_sound
        engine.dispose()
    assert directly != through


def test_several_connections_at_once_share_the_poolers(pooled: tuple[str, str]) -> None:
    """Each has had another connection to the server before."""
    engines = [open_database(pooled[0]) for _ in range(4)]

    for turn in range(12):
        for number, engine in enumerate(engines):
            Leases(engine, "scope", f"run{number}").take(f"{turn}-{number}")

    with engines[0].connect() as connection:
        held = connection.execute(select(tables.leases.c.board_id)).scalars().all()
    assert len(held) == 12 * 4
    assert verify(engines[0]).is_sound
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "pooled"])
def test_an_idle_connection_that_was_dropped_is_replaced(
    postgresql: Cluster, request: pytest.FixtureRequest, *, is_pooled: bool
) -> None:
    """By a firewall, a restart or an administrator: the next transaction does not notice."""
    if is_pooled:
        address, directly = request.getfixturevalue("pooled")
    else:
        address = directly = postgresql.database()
    engine = open_database(address)

    for turn in range(3):
        postgresql.drop_connections(str(make_url(directly).database))
        Leases(engine, "scope", "run").take(str(turn))

    assert verify(engine).is_sound
    engine.dispose()


def archived(rehearsal: Any, messages: Any, folder: Path) -> Path:
    """A copy of a ledger after a run, with its seals."""
    assert rehearsal.run(rows(messages, 3)).code == 0
    folder.mkdir()
    for file in rehearsal.ledger.parent.glob("ledger.db*"):
        shutil.copy(file, folder)
    return folder / "ledger.db"


def close(folder: Path) -> None:
    """Leave a folder and its files to readers only, whoever they are."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    for each in folder.parents:  # pytest's own folders are their owner's alone
        if each.name.startswith(("pytest-", "popen-", "test_")):
            each.chmod(each.stat().st_mode | 0o055)


def ask(ledger: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the audit as a user who may not write."""
    return subprocess.run(
        as_user([str(AUDIT), *arguments, "--ledger-url", f"sqlite:///{ledger}"]),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
    )


@pytest.mark.parametrize(
    "command",
    [
        ["verify"],
        ["report", "--json"],
        ["runs"],
        ["rejects"],
        ["explain", "--board", "s", "--key", "0"],
    ],
    ids=lambda each: each[0],
)
def test_an_archived_ledger_is_read_where_nothing_can_be_written(
    rehearsal: Any, messages: Any, tmp_path: Path, command: list[str]
) -> None:
    """Verified and reported, and left as it is."""
    ledger = archived(rehearsal, messages, tmp_path / "archive")
    close(ledger.parent)
    before = sorted(each.name for each in ledger.parent.iterdir())

    done = ask(ledger, *command)

    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in ledger.parent.iterdir()) == before


def test_changes_in_a_log_beside_a_read_only_ledger_are_not_passed_over(
    rehearsal: Any, messages: Any, tmp_path: Path
) -> None:
    """What cannot be read whole is not reported at all; the sentence says what to copy."""
    ledger = archived(rehearsal, messages, tmp_path / "archive")
    with sqlite3.connect(ledger) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE later (x)")
        connection.commit()
        (tmp_path / "copy").mkdir()
        for file in ("ledger.db", "ledger.db-wal"):
            shutil.copy(ledger.parent / file, tmp_path / "copy")
    connection.close()
    close(tmp_path / "copy")

    done = ask(tmp_path / "copy" / "ledger.db", "verify")

    assert done.returncode == 1
    assert "ledger.db-wal" in done.stderr
    assert "Copy both files" in done.stderr


def test_a_run_over_a_read_only_ledger_is_not_told_to_move_it_away(
    rehearsal: Any, messages: Any, tmp_path: Path
) -> None:
    """It is not damaged."""
    ledger = archived(rehearsal, messages, tmp_path / "archive")
    close(ledger.parent)
    script = (
        "import sys; from target_monday.ledger.database import open_database\n"
        "try: open_database(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )

    done = subprocess.run(
        as_user([sys.executable, "-c", script, f"sqlite:///{ledger}"]),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
    )

    assert done.stdout.startswith("LedgerFailed"), done.stderr
    assert "writable" in done.stdout
    assert "move it away" not in done.stdout


def test_a_damaged_ledger_and_a_server_that_is_not_there_have_advice_of_their_own(
    tmp_path: Path,
) -> None:
    """Only the first may be moved away."""
    damaged = tmp_path / "ledger.db"
    damaged.write_bytes(b"no database at all " * 100)

    with pytest.raises(LedgerFailed, match="move it away"):
        open_database(f"sqlite:///{damaged}")
    with pytest.raises(LedgerFailed, match="Check the database and `ledger_url`"):
        open_database("postgresql+psycopg://u@127.0.0.1:1/x")


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"),
        *("sqlite:///file::memory:?uri=true", "sqlite:///file:x?mode=memory&uri=true"),
    ],
)
def test_a_ledger_in_memory_is_refused(url: str) -> None:
    """It would forget at the end of a run what was sent."""
    config = {"api_token": "t", "api_url": "https://api.monday.com/v2", "ledger_url": url}

    (fault,) = setting_faults(config)

    assert "in memory" in fault
    assert not list(setting_faults({**config, "ledger_url": "sqlite:////data/memory.db"}))


def test_writing_to_a_ledger_on_read_only_media_fails_by_name(
    rehearsal: Any, messages: Any, tmp_path: Path
) -> None:
    """A command that would change it says so."""
    ledger = archived(rehearsal, messages, tmp_path / "archive")
    close(ledger.parent)

    done = ask(ledger, "purge", "--days", "0", "--reason", "test")

    assert done.returncode == 1
    assert done.stderr.startswith("LEDGER ")
    assert "Traceback" not in done.stderr
