"""`verify`: whether the ledger is as it was written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click
from msgspec import to_builtins

from target_monday.audit.command import ledger, reading, table, to_json
from target_monday.ledger.verification import verify as look

__all__ = ["verify"]

_COLUMNS: Final = ("table", "key", "fault")
_KEY: Final = "TARGET_MONDAY_SEAL_KEY"  # as Meltano hands the setting on


@click.command()
@click.option(
    "--seals",
    envvar="TARGET_MONDAY_SEALS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file of seals, or a copy of it kept elsewhere; default: beside the ledger.",
)
@reading
def verify(context: click.Context, *, seals: Path | None, as_json: bool) -> None:
    """Whether the ledger is as it was written: 0 if so, 1 with each place that was altered.

    With TARGET_MONDAY_SEAL_KEY in the environment the seals must be signed with that key.
    """
    key = os.environ.get(_KEY) or None
    verdict = look(ledger(context, as_is=True), seals=seals, seal_key=key)
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
        held = "no seals beside it" if verdict.seals is None else f"{verdict.seals} seals"
        click.echo(f"sound: {verdict.lines} lines of the chain, {verdict.rows} rows, {held}")
    else:
        table(places, _COLUMNS)
        click.echo(f"altered: {len(places)} places")
    sys.exit(0 if verdict.is_sound else 1)
