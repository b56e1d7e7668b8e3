"""What the ledger costs: bytes for each delivered row, and its share of a run's time."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests

from benchmarks.figures import Figure, Goal
from benchmarks.processes import ChildFailed, measured, monday
from benchmarks.target_rows import TARGET, write_config, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["target_ledger"]

_NAME: Final = "target ledger"
_KILOBYTE: Final = Goal("at most", 1000)
_SHARE: Final = Goal("at most", 15)
_EVERY: Final = 100  # of so many rows one is changed
_MICRO: Final = 1_000_000
# A minute's points hold ten requests of 100 creates: so the limits leave each of them 6 seconds.
_SECONDS: Final = 0.5


def target_ledger(settings: Settings) -> Iterator[Figure]:
    """Bytes a row that is created or updated, payloads apart; time in the ledger of a first load.

    Of a monday that takes half a second for a request of 100 rows, and of one that takes no time.
    """
    yield from _sizes(settings.ledger_rows)
    yield from _shares(settings)


@dataclass(frozen=True, slots=True)
class _Size:
    used: int
    payloads: int


def _size(ledger: Path) -> _Size:
    """Bytes in use of a ledger that no process has open, and those of the payloads in it."""
    with closing(sqlite3.connect(ledger)) as database:

        def number(question: str) -> int:
            return int(database.execute(question).fetchone()[0])

        pages = number("PRAGMA page_count") - number("PRAGMA freelist_count")
        payloads = number("SELECT coalesce(sum(length(payload)), 0) FROM records")
        return _Size(pages * number("PRAGMA page_size"), payloads)


def _sizes(rows: int) -> Iterator[Figure]:
    """Bytes that each row takes, of a first load and of a run that changes 1 % of them."""
    with tempfile.TemporaryDirectory() as name, monday() as url:
        folder = Path(name)
        ledger = folder / "ledger.db"
        config = write_config(folder / "config.json", url, ledger, lane="alias")
        runs = (
            write_lines(folder / "none.jsonl", 0),
            write_lines(folder / "all.jsonl", rows),
            write_lines(folder / "some.jsonl", rows, is_changed=lambda at: at % _EVERY == 0),
        )
        sizes = []
        for source in runs:
            measured([TARGET, "--config", str(config)], source)
            requests.post(url.replace("/v2", "/items"), json=rows, timeout=10)
            sizes.append(_size(ledger))
    empty, first, second = sizes
    for what, before, after, many in (
        ("created", empty, first, rows),
        ("updated, 1 % of them", first, second, rows // _EVERY),
    ):
        payloads = after.payloads - before.payloads
        others = (after.used - before.used - payloads) / many
        yield Figure(_NAME, f"a row {what}, payload apart", "bytes", (others,), _KILOBYTE)
        yield Figure(_NAME, f"a row {what}, its payload", "bytes", (payloads / many,))


def _shares(settings: Settings) -> Iterator[Figure]:
    """The ledger's part of a first load, start and end of the run included."""
    rows = settings.ledger_rows
    shares: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = write_lines(folder / "all.jsonl", rows)
        for at in range(settings.rounds):
            for seconds in (_SECONDS, 0.0):
                config = folder / f"{at}-{seconds}.json"
                with monday(seconds) as url:
                    write_config(config, url, config.with_suffix(".db"), lane="alias")
                    told = _clocked(config, lines)
                took = f"monday takes {seconds:g} s for 100 rows"
                whole = "seconds" if seconds else "cpu_seconds"
                share = 100 * told[f"ledger_{whole}"] / told[whole]
                kind = "time" if seconds else "CPU time"
                shares.setdefault(f"share of {kind}, {took}", []).append(share)
                if not seconds:
                    for each in ("seconds", "cpu_seconds"):
                        a_row = told[f"ledger_{each}"] / rows * _MICRO
                        shares.setdefault(f"a row, {each}", []).append(a_row)
    words = {
        "a row, seconds": "a row, waits for the disk included",
        "a row, cpu_seconds": "a row, CPU",
    }
    for what, values in shares.items():
        goal = _SHARE if what.startswith("share of time") else None
        unit = "%" if what.startswith("share") else "us"
        yield Figure(_NAME, words.get(what, what), unit, tuple(values), goal)


def _clocked(config: Path, lines: Path) -> dict[str, float]:
    """Seconds of a run and of its ledger. Raises ChildFailed."""
    told = config.with_suffix(".times.json")
    module = [sys.executable, "-m", "benchmarks.ledger_clock", str(told)]
    measured([*module, "--config", str(config)], lines)
    if not told.exists():
        raise ChildFailed("the clock on the ledger told nothing")
    times: dict[str, float] = json.loads(told.read_text(encoding="utf-8"))
    return times
