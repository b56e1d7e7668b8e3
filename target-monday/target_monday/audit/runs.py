"""`runs`: the last runs."""

from __future__ import annotations

from typing import Final

import click

from target_monday.audit.command import ledger, reading, show
from target_monday.ledger.reports import recent_runs

__all__ = ["runs"]

_COLUMNS: Final = (
    *("id", "started_at", "seconds", "status", "exit_code", "calls", "points", "message"),
)


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many runs, newest first.",
)
@reading
def runs(context: click.Context, limit: int, *, as_json: bool) -> None:
    """The last runs: when, how they ended, what they cost."""
    show(recent_runs(ledger(context), limit), _COLUMNS, as_json=as_json)
