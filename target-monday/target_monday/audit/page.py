"""`page`: one HTML file of runs, boards, rejects, calls and freshness, to look at and to print."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from target_monday.audit.charts import columns
from target_monday.audit.command import finding, ledger
from target_monday.audit.pages import moment, rendered
from target_monday.ledger.overview import overview
from target_monday.private import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["page"]

_A_DAY: Final = len("2026-11-24")
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
# Rejects by age: (up to so many seconds, words).
_AGES: Final = (
    (_DAY, "under a day"),
    (7 * _DAY, "1 to 7 days"),
    (30 * _DAY, "7 to 30 days"),
    (float("inf"), "over 30 days"),
)


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="target-monday.html",
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="How many runs, the last ones.",
)
@finding
@click.pass_context
def page(context: click.Context, out: Path, runs: int) -> None:
    """Write one HTML page of what the ledger says: no network, no scripts, ready to print."""
    engine = ledger(context)
    write_private(out, rendered("page.html.j2", _values(overview(engine, runs=runs), time.time())))
    click.echo(f"written to {out}")


def _values(found: Mapping[str, Any], now: float) -> dict[str, Any]:
    runs = found["runs"]
    ages = [(now - each["at"]) for each in found["rejects"]]
    limit = found["daily_limit"]
    days = {moment(run["started_at"])[:_A_DAY] for run in runs}
    form = "%d %b" if len(days) > 1 else "%H:%M"
    today = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    return {
        **found,
        "now": now,
        "age": lambda at: age(now, at),
        "today": next((each["calls"] for each in found["days"] if each["day"] == today), 0),
        "late": _late(found["undelivered"]),
        "rows_chart": columns(
            [
                (
                    datetime.fromtimestamp(run["started_at"], UTC).strftime(form),
                    [(name, run["total"].get(name) or 0) for name in ("created", "updated")],
                )
                for run in reversed(runs)
            ]
        ),
        "calls_chart": columns(
            [(each["day"][5:], [("calls", each["calls"])]) for each in found["days"]], limit=limit
        ),
        "ages_chart": columns([(words, [("open", count)]) for words, count in _buckets(ages)]),
    }


def _late(undelivered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of all rows that are not delivered: how many, the oldest and the newest."""
    oldest = [each["oldest"] for each in undelivered if each["oldest"] is not None]
    newest = [each["newest"] for each in undelivered if each["newest"] is not None]
    return {
        "rows": sum(each["rows"] for each in undelivered),
        "oldest": min(oldest, default=None),
        "newest": max(newest, default=None),
    }


def _buckets(ages: Sequence[float]) -> list[tuple[str, int]]:
    found = dict.fromkeys((words for _, words in _AGES), 0)
    for each in ages:
        found[next(words for most, words in _AGES if each <= most)] += 1
    return list(found.items())


def age(now: float, at: float | None) -> str:
    """How long ago something was: minutes, hours or days."""
    if at is None:
        return "never"
    seconds = max(now - at, 0.0)
    if seconds < _HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
