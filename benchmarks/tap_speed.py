"""Rows a second of the tap beside a raw loop and a stock SDK stream, over the same pages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.contestants import CONTESTANTS, check_output
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import Server
    from benchmarks.settings import Settings

__all__ = ["tap_speed"]

Seconds = dict[str, tuple[float, ...]]  # by contestant, one for each round

_RAW: Final = ("raw loop", "raw loop, decimals as text")
_STOCK: Final = "stock SDK stream"
_TAPS: Final = ("tap, full", "tap, incremental", "tap, stream map")
# The stream map takes the SDK's own path, which no goal is set for.
_JUDGED: Final = _TAPS[:2]


def tap_speed(settings: Settings) -> Iterator[Figure]:
    """Rates and ratios, with the time of a run over an empty set taken off (net), and without."""
    with (
        served([0, settings.rows], kept=settings.rows) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        # This also leaves each with its bytecode compiled and the server warm.
        for contestant in CONTESTANTS.values():
            check_output(contestant, server, settings.rows, Path(folder))
        rounds = [_round(server, settings.rows, Path(folder)) for _ in range(settings.rounds)]
    gross = {name: tuple(one[name][0] for one in rounds) for name in CONTESTANTS}
    net = {
        name: tuple(full - empty for full, empty in (one[name] for one in rounds))
        for name in CONTESTANTS
    }
    for kind, seconds in (("net", net), ("gross", gross)):
        yield from _figures(f"tap speed, {kind}", seconds, settings.rows, judged=kind == "net")


def _round(server: Server, rows: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds of each contestant over all rows and over none, one contestant after another."""
    taken = {}
    for name, contestant in CONTESTANTS.items():
        full, empty = (
            measured(contestant.command(server, size, folder)).seconds for size in (rows, 0)
        )
        taken[name] = full, empty
        print(f"  {name}: {full:.2f} s, {empty:.2f} s of it start-up", file=sys.stderr)
    return taken


def _figures(benchmark: str, seconds: Seconds, rows: int, *, judged: bool) -> Iterator[Figure]:
    for name, taken in seconds.items():
        yield Figure(benchmark, name, "rows/s", tuple(rows / one for one in taken))
    for name in _TAPS:
        is_judged = judged and name in _JUDGED
        for raw in _RAW:
            goal = Goal("at least", 0.9, aim=1.5) if is_judged else None
            yield Figure(benchmark, f"{name} / {raw}", "times", _ratios(seconds, name, raw), goal)
        goal = Goal("at least", 8) if is_judged else None
        yield Figure(benchmark, f"{name} / {_STOCK}", "times", _ratios(seconds, name, _STOCK), goal)


def _ratios(seconds: Seconds, name: str, other: str) -> tuple[float, ...]:
    """How many times as fast, round by round: both ran within the same minute."""
    return tuple(b / a for a, b in zip(seconds[name], seconds[other], strict=True))
