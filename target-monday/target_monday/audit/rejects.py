"""`rejects`: rows that are not delivered."""

from __future__ import annotations

from typing import Final

import click

from target_monday.audit.command import ledger, reading, show
from target_monday.ledger.reports import open_rejects

__all__ = ["rejects"]

_COLUMNS: Final = ("id", "at", "run_id", "stream", "key", "code", "message")


@click.command()
@click.option("--payload", is_flag=True, help="With the records (they may hold personal data).")
@reading
def rejects(context: click.Context, *, payload: bool, as_json: bool) -> None:
    """Rows that are not delivered and not yet followed by a delivered one of their key."""
    rows = open_rejects(ledger(context), payload=payload)
    show(rows, (*_COLUMNS, *(("payload",) if payload else ())), as_json=as_json)
