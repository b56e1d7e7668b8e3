"""`verify`: whether the ledger is as it was written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from msgspec import to_builtins

from target_monday.audit.command import ledger, reading, table, to_json
from target_monday.ledger.seals import Anchor
from target_monday.ledger.verification import verify as look

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["verify"]

_COLUMNS: Final = ("table", "key", "fault")
_KEY: Final = "TARGET_MONDAY_SEAL_KEY"  # as Meltano hands the setting on


def _anchors(_: click.Context, __: click.Parameter, given: Sequence[str]) -> Sequence[Anchor]:
    try:
        return [Anchor.of(each) for each in given]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option(
    "--seals",
    envvar="TARGET_MONDAY_SEALS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file of seals, or a copy of it kept elsewhere; default: beside the ledger.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="NUMBER:HASH",
    callback=_anchors,
    help="A line of the chain that was noted elsewhere: in the log, or on a board's trail.",
)
@reading
def verify(
    context: click.Context, *, seals: Path | None, anchors: Sequence[Anchor], as_json: bool
) -> None:
    """Whether the ledger is as it was written: 0 if so, 1 with each place that was altered.

    With TARGET_MONDAY_SEAL_KEY in the environment the seals must be signed with that key.
    """
    key = os.environ.get(_KEY) or None
    verdict = look(ledger(context, as_is=True), seals=seals, seal_key=key, anchors=anchors)
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
        held = "no seals to compare with" if verdict.seals is None else f"{verdict.seals} seals"
        click.echo(f"sound: {verdict.lines} lines of the chain, {verdict.rows} rows, {held}")
    else:
        table(places, _COLUMNS)
        click.echo(f"altered: {len(places)} places")
    sys.exit(0 if verdict.is_sound else 1)
