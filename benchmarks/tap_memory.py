"""The peak memory of the tap, and whether it grows with the rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["tap_memory"]

FLAT = 1.1  # times the peak over the fewest rows


def tap_memory(settings: Settings) -> Iterator[Figure]:
    """Peak resident memory at each size; pages are patched as they are asked for."""
    name, command = "tap memory", CONTESTANTS["tap, full"].command
    peaks = []
    with served(settings.memory_rows) as server, tempfile.TemporaryDirectory() as folder:
        for rows in settings.memory_rows:
            peak = measured(command(server, rows, Path(folder))).megabytes
            peaks.append(peak)
            yield Figure(name, f"peak at {rows:,} rows", "MB", (peak,), Goal("at most", 150))
    growth = peaks[-1] / peaks[0]
    yield Figure(name, "peak at most rows / at fewest", "times", (growth,), Goal("at most", FLAT))
