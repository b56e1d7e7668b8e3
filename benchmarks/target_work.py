"""What the target itself does for rows that change: its CPU time a row, and its peak memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests

from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, monday
from benchmarks.target_rows import TARGET, write_config, write_ledger, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["target_memory", "target_work"]

_FLAT: Final = 1.1  # times the peak over the fewest rows
_PEAK: Final = Goal("at most", 300)
_MICRO: Final = 1_000_000


def target_work(settings: Settings) -> Iterator[Figure]:
    """Microseconds of CPU time for each row that is created or updated, by aliases.

    Net of a run over no rows, against a monday that answers at once; all of it counts, the ledger
    and the making and reading of requests too.
    """
    rows = settings.changed_rows
    taken: dict[str, list[float]] = {"created": [], "updated": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = write_lines(folder / "all.jsonl", rows)
        changed = write_lines(folder / "changed.jsonl", rows, is_changed=lambda _: True)
        empty = write_lines(folder / "none.jsonl", 0)
        for at in range(settings.rounds):
            with monday() as url:
                config = write_config(
                    folder / f"{at}.json", url, folder / f"ledger{at}.db", lane="alias"
                )
                command = [TARGET, "--config", str(config)]
                nothing = measured(command, empty).cpu_seconds
                for kind, source in (("created", lines), ("updated", changed)):
                    net = measured(command, source).cpu_seconds - nothing
                    taken[kind].append(net / rows * _MICRO)
                    requests.post(url.replace("/v2", "/items"), json=rows, timeout=10)
    for kind, values in taken.items():
        yield Figure("target work", f"a row {kind}", "us", tuple(values), Goal("at most", 100))


def target_memory(settings: Settings) -> Iterator[Figure]:
    """Peak resident memory: of quiet runs over more and more rows, and of a first load."""
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in settings.memory_rows:
            with monday() as url:
                ledger = folder / f"{rows}.db"
                write_ledger(url, ledger, rows, vanished="archive")
                requests.post(url.replace("/v2", "/items"), json=rows, timeout=10)
                lines = write_lines(folder / f"{rows}.jsonl", rows)
                config = write_config(folder / "c.json", url, ledger, vanished="archive")
                peaks.append(measured([TARGET, "--config", str(config)], lines).megabytes)
            yield Figure("target memory", f"peak, {rows:,} quiet rows", "MB", (peaks[-1],), _PEAK)
        growth = (peaks[-1] / peaks[0],)
        what = "peak at most rows / at fewest"
        yield Figure("target memory", what, "times", growth, Goal("at most", _FLAT))
        rows = settings.changed_rows
        with monday() as url:
            lines = write_lines(folder / f"first-{rows}.jsonl", rows)
            config = write_config(folder / "c.json", url, folder / "first.db", lane="alias")
            peak = measured([TARGET, "--config", str(config)], lines).megabytes
        yield Figure("target memory", f"peak, {rows:,} new rows", "MB", (peak,), _PEAK)
