"""Whatever ends a run: no mutation without its intent, and a ledger that is as it was written."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from sqlalchemy import select
from target_monday.errors import BoardFailed
from target_monday.ledger import tables
from target_monday.ledger.database import open_database
from target_monday.ledger.leases import Leases
from target_monday.ledger.sealed import writing
from target_monday.ledger.verification import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

KEYS = [f"k{at}" for at in range(12)]
PACKS = {"lane": "alias", "max_aliases": 5}


def rows(messages: Any, *keys: str, note: str = "n") -> list[dict[str, Any]]:
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    return [schema, *(messages.record("s", Id=key, Note=note) for key in keys), messages.state(1)]


def is_write(request: Request) -> bool:
    return "idempotency-key" in request.headers


def intended(url: str) -> set[str]:
    """The keys that the ledger knows operations of; the ledger is sound."""
    engine = open_database(url)
    assert verify(engine).places == []
    with engine.connect() as connection:
        keys = set(connection.execute(select(tables.operations.c.key)).scalars())
    engine.dispose()
    return keys


def on_board(rehearsal: Any) -> list[str]:
    return [row["Record key"] for row in rehearsal.sandbox.account.rows("S")]


@pytest.mark.parametrize("served", [True, False], ids=["served", "not-served"])
@pytest.mark.parametrize("request_number", range(5))
def test_a_kill_at_any_request_leaves_intents_and_a_sound_ledger(
    rehearsal: Any, messages: Any, ledger_url: str, request_number: int, *, served: bool
) -> None:
    """The board, its columns, each pack of items: the next run goes on, nothing is there twice."""
    process = rehearsal.start(**PACKS, ledger_url=ledger_url)
    seen: list[int] = []

    def is_last(request: Request) -> bool:
        if is_write(request):
            seen.append(1)
        return len(seen) > request_number

    rehearsal.kill_at(process, is_last, served=served)
    killed = rehearsal.end_with_input(process, rows(messages, *KEYS))
    rehearsal.sandbox.monday_faults.clear()

    assert killed.code == -signal.SIGKILL
    known = intended(ledger_url)
    if request_number >= 2:  # before that there is no board with items
        assert set(on_board(rehearsal)) <= known
    assert rehearsal.run(rows(messages, *KEYS), **PACKS, ledger_url=ledger_url).code == 0
    assert sorted(on_board(rehearsal)) == sorted(KEYS)
    assert intended(ledger_url) >= set(KEYS)


def test_a_bookmark_goes_out_after_what_is_before_it_is_on_the_disk(
    rehearsal: Any, messages: Any, ledger_url: str
) -> None:
    """Outcomes wait for the next intent to be written with it, but no bookmark passes them."""
    process = rehearsal.start(**PACKS, ledger_url=ledger_url)
    process.stdin.write(messages.lines(rows(messages, *KEYS[:10])))
    process.stdin.write(messages.lines([messages.record("s", Id="later", Note="n")]))
    process.stdin.close()
    assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    process.stderr.close()

    engine = open_database(ledger_url)
    with engine.connect() as connection:
        done = select(tables.outcomes.c.outcome)
        found = connection.execute(done).scalars().all()
    engine.dispose()

    assert found[:10] == ["acknowledged"] * 10


def test_a_request_costs_one_wait_for_the_disk(rehearsal: Any, messages: Any) -> None:
    """What became of it is written with the next one's intent; the last of them by itself."""
    ended = rehearsal.run(rows(messages, *KEYS, "l", "m", "n"), **PACKS)

    engine = open_database(f"sqlite:///{rehearsal.ledger}")
    with engine.connect() as connection:
        kinds = connection.execute(select(tables.chain.c.kind)).scalars().all()
    engine.dispose()

    assert ended.code == 0
    assert [kind for kind in kinds if "intend" in kind or "settle" in kind][-4:] == [
        "intend",
        "count, settle, intend",
        "count, settle, intend",
        "count, settle",
    ]


@pytest.mark.parametrize("room", [0, 8_000, 40_000, 90_000])
def test_a_full_disk_stops_the_run_before_the_next_mutation(
    rehearsal: Any, messages: Any, room: int
) -> None:
    """With a code and a sentence; once there is room again the next run goes on."""
    url = f"sqlite:///{rehearsal.ledger}"
    assert rehearsal.run(rows(messages), **PACKS).code == 0
    keys = [f"k{at:04}" for at in range(400)]
    size = rehearsal.ledger.stat().st_size
    command = ["prlimit", f"--fsize={size + room}", *rehearsal.command(lane="alias")]
    lines = messages.lines(rows(messages, *keys, note="n" * 200))

    full = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)

    assert full.returncode == 1, full.stderr
    assert "LEDGER" in full.stderr
    assert "Traceback" not in full.stderr
    assert set(on_board(rehearsal)) <= intended(url)
    ended = rehearsal.run([lines.rstrip()], lane="alias")
    assert (ended.code, sorted(on_board(rehearsal))) == (0, keys), ended.log
    assert intended(url) == set(keys)


def test_the_ledger_is_for_its_owner_only(rehearsal: Any, messages: Any) -> None:
    """Its file, what SQLite keeps beside it, and the seals."""
    process = rehearsal.start(**PACKS)
    modes: set[int] = set()

    def look(request: Request) -> bool:
        if is_write(request):
            files = rehearsal.folder.glob("ledger.db*")
            modes.update(stat.S_IMODE(file.stat().st_mode) for file in files)
        return False

    rehearsal.sandbox.monday_faults.plan(Fault(503, matches=look))
    ended = rehearsal.end_with_input(process, rows(messages, "a"))

    seals = rehearsal.folder / "ledger.db.seals.jsonl"
    assert (ended.code, modes, stat.S_IMODE(seals.stat().st_mode)) == (0, {0o600}, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="cut"),
        pytest.param(lambda content: b"x" * 200 + content[200:], id="overwritten"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_a_damaged_ledger_is_never_taken_for_a_new_one(
    rehearsal: Any, messages: Any, spoil: Callable[[bytes], bytes]
) -> None:
    """The run ends with a code and says what to do; boards and file stay as they are."""
    assert rehearsal.run(rows(messages, *KEYS), **PACKS).code == 0
    spoilt = spoil(rehearsal.ledger.read_bytes())
    rehearsal.ledger.write_bytes(spoilt)
    mutations = rehearsal.usage()["mutations"]

    ended = rehearsal.run(rows(messages, *KEYS, note="m"), **PACKS)

    assert (ended.code, " LEDGER " in ended.log) == (1, True), ended.log
    assert "Traceback" not in ended.log
    assert rehearsal.usage()["mutations"] == mutations


def test_another_machine_keeps_off_a_board_that_is_being_written(ledger_url: str) -> None:
    """Whatever its process number is here, and until the lease has run out."""
    engine = open_database(ledger_url)
    ours, theirs = (Leases(engine, "scope", name) for name in ("run-1", "run-2"))
    theirs.take("77")
    with writing(engine, "move") as ledger:
        ledger.change(tables.leases, tables.leases.c.run_id == "run-2", host="elsewhere", pid=1)

    with pytest.raises(BoardFailed, match="process 1 on elsewhere"):
        ours.take("77")
    assert ours.live_runs() == {"run-2"}
    with writing(engine, "let it run out") as ledger:
        ledger.change(tables.leases, tables.leases.c.run_id == "run-2", expires_at=1.0)
    ours.take("77")

    assert ours.live_runs() == {"run-1"}
    assert verify(engine).is_sound
    engine.dispose()


def test_the_same_host_name_on_another_machine_is_another_host(ledger_url: str) -> None:
    """Containers often share a name, and their process numbers mean nothing to each other."""
    engine = open_database(ledger_url)
    ours, theirs = (Leases(engine, "scope", name) for name in ("run-1", "run-2"))
    theirs.take("77")
    with writing(engine, "move") as ledger:
        gone = 2**22 + 7  # no process of this machine
        here = {"host": socket.gethostname(), "machine": "another boot", "pid": gone}
        ledger.change(tables.leases, tables.leases.c.run_id == "run-2", **here)

    with pytest.raises(BoardFailed):
        ours.take("77")
    engine.dispose()


def test_a_killed_run_whose_parent_never_asks_for_its_end_holds_nothing(ledger_url: str) -> None:
    """In containers nobody may: the process keeps its number, and does nothing any more."""
    engine = open_database(ledger_url)
    ours, theirs = (Leases(engine, "scope", name) for name in ("run-1", "run-2"))
    theirs.take("77")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with writing(engine, "move") as ledger:
            ledger.change(tables.leases, tables.leases.c.run_id == "run-2", pid=other.pid)
        with pytest.raises(BoardFailed):
            ours.take("77")

        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        ours.take("77")

    assert ours.live_runs() == {"run-1"}
    engine.dispose()
