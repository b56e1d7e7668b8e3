"""How long the tap takes before it reads a row, and the target before it takes one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.contestants import CONTESTANTS, TAP
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, monday, served
from benchmarks.target_rows import TARGET, write_config, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["start_up", "target_start_up"]

_GOAL: Final = Goal("at most", 0.6)


def start_up(settings: Settings) -> Iterator[Figure]:
    """Seconds of commands that read nothing, and of a run over an empty set."""
    with served([0]) as server, tempfile.TemporaryDirectory() as folder:
        commands = {
            "--version": [TAP, "--version"],
            "--about": [TAP, "--about"],
            "run over an empty set": CONTESTANTS["tap, full"].command(server, 0, Path(folder)),
        }
        measured(commands["--version"])  # compiles what is not compiled yet
        rounds = [
            {name: measured(command).seconds for name, command in commands.items()}
            for _ in range(settings.rounds)
        ]
    for name in commands:
        taken = tuple(one[name] for one in rounds)
        yield Figure("tap start-up", name, "s", taken, _GOAL)


def target_start_up(settings: Settings) -> Iterator[Figure]:
    """The same of the target; the run opens its ledger and asks for its board."""
    with monday() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_config(folder / "config.json", url, folder / "ledger.db")
        empty = write_lines(folder / "none.jsonl", 0)
        commands = {
            "--version": [TARGET, "--version"],
            "--about": [TARGET, "--about"],
            "run over an empty stream": [TARGET, "--config", str(config)],
        }
        for command in commands.values():
            measured(command, empty)  # makes the board, compiles what is not compiled yet
        rounds = [
            {name: measured(command, empty).seconds for name, command in commands.items()}
            for _ in range(settings.rounds)
        ]
    for each in commands:
        yield Figure("target start-up", each, "s", tuple(one[each] for one in rounds), _GOAL)
