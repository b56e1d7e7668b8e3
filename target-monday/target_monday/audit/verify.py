"""`verify`: whether the ledger is as it was written."""

from __future__ import annotations

import sys
from typing import Final

import click
from msgspec import to_builtins

from target_monday.audit.command import ledger, reading, table, to_json
from target_monday.errors import TargetError
from target_monday.ledger.verification import verify as look

__all__ = ["verify"]

_COLUMNS: Final = ("table", "key", "fault")


@click.command()
@reading
def verify(context: click.Context, *, as_json: bool) -> None:
    """Whether the ledger is as it was written: 0 if so, 1 with each place that was altered."""
    try:
        verdict = look(ledger(context, as_is=True))
    except TargetError as error:
        click.echo(f"{error.code} {error}", err=True)
        sys.exit(error.exit_code)
    places = to_builtins(verdict.places)
    if as_json:
        click.echo(
            to_json(
                {
                    "sound": verdict.is_sound,
                    "lines": verdict.lines,
                    "rows": verdict.rows,
                    "seals": verdict.seals,
                    "places": places,
                }
            )
        )
    elif verdict.is_sound:
        seals = "no seals beside it" if verdict.seals is None else f"{verdict.seals} seals"
        click.echo(f"sound: {verdict.lines} lines of the chain, {verdict.rows} rows, {seals}")
    else:
        table(places, _COLUMNS)
        click.echo(f"altered: {len(places)} places")
    sys.exit(0 if verdict.is_sound else 1)
