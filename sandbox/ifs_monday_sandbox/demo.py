"""`make demo`: a year of business arrives on boards, a day passes, and only the changes travel.

Both syncs are real `meltano run` processes of the project in the working directory. Everything
they keep (Meltano's state, the ledger) goes to a throw-away directory, so the project stays clean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

SNAPSHOT: Final = Path("output/demo/boards.html")
# A minute of monday's budgets passes in this many seconds, so that nobody waits for real ones.
MINUTE_SECONDS: Final = 1.0
WIDTH: Final = 110  # columns that the table needs, also where the output goes to a file
COUNTS: Final = ("read", "created", "updated", "unchanged", "archived", "rejected", "carried_over")


@dataclass(frozen=True, slots=True)
class Sync:
    """One `meltano run`: what the ledger says of each board, and what it cost monday."""

    boards: Sequence[Mapping[str, Any]]
    seconds: float
    calls: int
    mutations: int
    points: int


class SyncFailedError(RuntimeError):
    """`meltano run` ended with an error; its log says why."""

    def __init__(self, status: int, log: Path) -> None:
        super().__init__(f"meltano run ended with {status}; the end of its log, {log}:")
        self.log = log


def main() -> int:
    """Run the demo; the exit status is 0 only if both syncs settled every row."""
    console = Console(width=max(WIDTH, Console().width))
    settings = SandboxSettings(monday=replace(MondaySettings(), minute_seconds=MINUTE_SECONDS))
    with (
        tempfile.TemporaryDirectory(prefix="ifs-monday-demo-") as room,
        Sandbox(settings) as sandbox,
    ):
        console.print(f"IFS Cloud at {sandbox.ifs_url}, monday.com at {sandbox.monday_url}")
        console.print("(A minute of monday's budgets lasts one second here, so nobody waits.)")
        try:
            first = _sync(sandbox, Path(room), console, "First sync: a year of business")
            console.print(_table("First sync", first))
            changes = sandbox.business.tick()
            console.print("A business day passes.")
            for entity_set, counts in sorted(changes.changes.items()):
                told = f"{counts.created} new, {counts.changed} changed, {counts.deleted} gone"
                console.print(f"  {entity_set}: {told}", highlight=False)
            second = _sync(sandbox, Path(room), console, "Second sync: only the changes")
            console.print(_table("Second sync", second))
        except SyncFailedError as error:
            console.print(f"[red]{error}[/]")
            console.print("\n".join(error.log.read_text().splitlines()[-25:]), markup=False)
            return 1
        snapshot = _save_snapshot(sandbox)
    console.print(_verdict(first, second))
    console.print(f"The boards as finance sees them: [bold]{snapshot}[/]", soft_wrap=True)
    return 0


def _sync(sandbox: Sandbox, room: Path, console: Console, title: str) -> Sync:
    """One `meltano run tap-ifs-cloud target-monday` against the sandbox."""
    ledger_url = f"sqlite:///{room / 'ledger.db'}"
    environment = os.environ | {
        "MELTANO_DATABASE_URI": f"sqlite:///{room / 'meltano.db'}",
        "TAP_IFS_CLOUD_BASE_URL": sandbox.ifs_url,
        "TARGET_MONDAY_API_URL": sandbox.monday_url,
        "TARGET_MONDAY_LEDGER_URL": ledger_url,
    }
    log = room / "meltano-run.log"
    before = _usage(sandbox)
    started = time.monotonic()
    with console.status(title), log.open("w") as output:
        status = subprocess.run(
            ["meltano", "--environment", "sandbox", "run", "tap-ifs-cloud", "target-monday"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status:
        raise SyncFailedError(status, log)
    after = _usage(sandbox)
    report = json.loads(
        subprocess.check_output(
            ["target-monday-audit", "report", "--json", "--ledger-url", ledger_url]
        )
    )
    return Sync(
        boards=report["boards"],
        seconds=time.monotonic() - started,
        calls=after["calls"] - before["calls"],
        mutations=after["mutations"] - before["mutations"],
        points=after["points"] - before["points"],
    )


def _usage(sandbox: Sandbox) -> Any:
    """What monday has counted since it started: calls, mutations, points."""
    with urllib.request.urlopen(f"{sandbox.boards_url}/sandbox/usage") as answer:
        return json.load(answer)


def _table(title: str, sync: Sync) -> Table:
    """A line per board and a total; calls and points are monday's own count."""
    table = Table(
        title=f"{title}: {sync.seconds:.1f} s, {sync.calls} API calls, {sync.points:,} points",
        title_justify="left",
    )
    table.add_column("stream", no_wrap=True)
    for count in COUNTS:
        table.add_column(count.replace("_", " "), justify="right")
    for board in sync.boards:
        table.add_row(board["stream"], *(f"{board[count]:,}" for count in COUNTS))
    table.add_section()
    table.add_row("all", *(f"{_total(sync, count):,}" for count in COUNTS))
    return table


def _total(sync: Sync, count: str) -> int:
    return sum(board[count] for board in sync.boards)


def _verdict(first: Sync, second: Sync) -> str:
    changed = sum(_total(second, count) for count in ("created", "updated", "archived"))
    return (
        f"Of {_total(second, 'read'):,} rows read in the second sync only {changed:,} changes "
        f"travelled, in {second.calls} API calls (the first took {first.calls})."
    )


def _save_snapshot(sandbox: Sandbox) -> Path:
    SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(f"{sandbox.boards_url}/sandbox/snapshot.html") as answer:
        SNAPSHOT.write_bytes(answer.read())
    return SNAPSHOT.resolve()


if __name__ == "__main__":
    sys.exit(main())
