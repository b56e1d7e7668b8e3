"""Rows a second of a run in which nothing changed, beside loops and targets that do less."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests

from benchmarks.figures import Figure, Goal
from benchmarks.processes import ChildFailed, environment, measured, monday
from benchmarks.target_rows import TARGET, write_config, write_ledger, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import Run
    from benchmarks.settings import Settings

__all__ = ["target_speed"]

_OURS: Final = "target, quiet"
_STREWN: Final = "target, quiet, rows in another order"
_STOCK: Final = "stock SDK target"
_CHECKED: Final = "stock SDK target, validating"
_RAW: Final = "raw loop that parses"
_SKETCH: Final = "sketch: typed, hashed, looked up"
_FEWER: Final = 10  # so many times fewer rows for who checks each row against its JSON schema


@dataclass(frozen=True, slots=True)
class Contestant:
    """A command, and the lines that it reads."""

    command: list[str]
    lines: Path
    rows: int


def target_speed(settings: Settings) -> Iterator[Figure]:
    """Rates net of a run over no rows, by the clock and by CPU time, and ratios round by round.

    The ledger knows every row; vanished rows are asked for, so that versions count as well.
    """
    rows = settings.target_rows
    with monday() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contestants = _contestants(folder, url, rows)
        empty = write_lines(folder / "none.jsonl", 0)
        for each in (_OURS, _STREWN):
            _check(contestants[each], rows)
        rounds = [_round(contestants, empty) for _ in range(settings.rounds)]
    for word, seconds in (("net", "seconds"), ("net, by CPU time", "cpu_seconds")):
        rates = {
            each: tuple(
                contestants[each].rows
                / (getattr(one[each][0], seconds) - getattr(one[each][1], seconds))
                for one in rounds
            )
            for each in contestants
        }
        goal = Goal("at least", 100_000) if word == "net" else None
        yield from _figures(f"target speed, {word}", rates, goal)


def _contestants(folder: Path, url: str, rows: int) -> dict[str, Contestant]:
    ledger = folder / "ledger.db"
    write_ledger(url, ledger, rows, vanished="archive")
    requests.post(url.replace("/v2", "/items"), json=rows, timeout=10).raise_for_status()
    lines, fewer = write_lines(folder / "all.jsonl", rows), rows // _FEWER
    some = write_lines(folder / "some.jsonl", fewer)
    ours = write_config(folder / "ours.json", url, ledger, vanished="archive")
    strewn = write_lines(folder / "strewn.jsonl", rows, strewn=True)
    command = [TARGET, "--config", str(ours)]
    found = {_OURS: Contestant(command, lines, rows), _STREWN: Contestant(command, strewn, rows)}
    for each, validates in ((_STOCK, False), (_CHECKED, True)):
        config = folder / f"stock-{validates}.json"
        config.write_text(json.dumps({"validate_records": validates}), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.stock_target", "--config", str(config)]
        found[each] = Contestant(
            command, some if validates else lines, fewer if validates else rows
        )
    raw = [sys.executable, "-m", "benchmarks.raw_target"]
    found[_RAW] = Contestant(raw, lines, rows)
    found[_SKETCH] = Contestant([*raw, str(ledger)], lines, rows)
    return found


def _check(ours: Contestant, rows: int) -> None:
    """Whether all rows are found unchanged, and each is accounted for. Raises ChildFailed."""
    with ours.lines.open("rb") as source:
        done = subprocess.run(
            ours.command, stdin=source, capture_output=True, env=environment(), check=False
        )
    said = done.stderr.decode(errors="replace")
    wanted = (f" read={rows} ", f" unchanged={rows} ", " archived=0 ", "balanced=yes")
    if (
        done.returncode
        or any(each not in said for each in wanted)
        or b"bookmarks" not in done.stdout
    ):
        raise ChildFailed(f"the quiet run is not quiet: {said[-2000:]}")


def _round(contestants: dict[str, Contestant], empty: Path) -> dict[str, tuple[Run, Run]]:
    taken = {}
    for name, each in contestants.items():
        taken[name] = measured(each.command, each.lines), measured(each.command, empty)
        full = taken[name][0]
        print(f"  {name}: {full.seconds:.2f} s, CPU {full.cpu_seconds:.2f} s", file=sys.stderr)
    return taken


def _figures(
    benchmark: str, rates: dict[str, tuple[float, ...]], goal: Goal | None
) -> Iterator[Figure]:
    ours = rates[_OURS]
    for name, values in rates.items():
        yield Figure(benchmark, name, "rows/s", values, goal if name == _OURS else None)
    for name, values in rates.items():
        if name != _OURS:
            ratios = tuple(a / b for a, b in zip(ours, values, strict=True))
            least = Goal("at least", 1.5) if goal and name == _STOCK else None
            yield Figure(benchmark, f"{_OURS} / {name}", "times", ratios, least)
