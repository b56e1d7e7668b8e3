"""Rows a second of the tap beside a raw loop and a stock SDK stream, over the same pages."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.contestants import CONTESTANTS, check_output
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.processes import Run, Server
    from benchmarks.settings import Settings

__all__ = ["tap_speed"]

_RAW: Final = ("raw loop", "raw loop, decimals as text", "raw loop, a page a write")
_STOCK: Final = "stock SDK stream"
_TAPS: Final = ("tap, full", "tap, incremental", "tap, stream map")
# The stream map takes the SDK's own path, which no goal is set for.
_JUDGED: Final = _TAPS[:2]

Seconds = dict[str, tuple[float, ...]]  # by contestant, one for each round


@dataclass(frozen=True, slots=True)
class Pair:
    """A run over all rows, and one over an empty set."""

    full: Run
    empty: Run


def tap_speed(settings: Settings) -> Iterator[Figure]:
    """Rates and ratios: less the time of a run over an empty set (net), and with it (gross).

    Those by CPU time hold also where other processes are in the way, but count what a contestant
    does in two threads at once as if it did one after the other.
    """
    with (
        served([0, settings.rows], kept=settings.rows) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        # This also leaves each with its bytecode compiled and the server warm.
        for contestant in CONTESTANTS.values():
            check_output(contestant, server, settings.rows, Path(folder))
        rounds = [_round(server, settings.rows, Path(folder)) for _ in range(settings.rounds)]

    def seconds(taken: Callable[[Pair], float]) -> Seconds:
        return {name: tuple(taken(one[name]) for one in rounds) for name in CONTESTANTS}

    net = seconds(lambda pair: pair.full.seconds - pair.empty.seconds)
    gross = seconds(lambda pair: pair.full.seconds)
    cpu = seconds(lambda pair: pair.full.cpu_seconds - pair.empty.cpu_seconds)
    yield from _figures("tap speed, net", net, settings.rows, judged=True)
    yield from _figures("tap speed, gross", gross, settings.rows)
    yield from _figures("tap speed, net, by CPU time", cpu, settings.rows)


def _round(server: Server, rows: int, folder: Path) -> dict[str, Pair]:
    """All contestants, one after another."""
    pairs = {}
    for name, contestant in CONTESTANTS.items():
        full, empty = (measured(contestant.command(server, size, folder)) for size in (rows, 0))
        pairs[name] = Pair(full, empty)
        print(
            f"  {name}: {full.seconds:.2f} s, with no rows {empty.seconds:.2f} s", file=sys.stderr
        )
    return pairs


def _figures(
    benchmark: str, seconds: Seconds, rows: int, *, judged: bool = False
) -> Iterator[Figure]:
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
