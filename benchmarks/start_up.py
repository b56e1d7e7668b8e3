"""How long the tap takes before it reads a row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import CONTESTANTS, TAP
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["start_up"]


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
        yield Figure("tap start-up", name, "s", taken, Goal("at most", 0.6))
