"""`replay`: rows that the ledger knows, delivered again without reading the source."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from target_monday.audit.command import finding
from target_monday.audit.running import Run, running
from target_monday.ledger.known_rows import Asked, KnownRows
from target_monday.ledger.selectors import require_run, require_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["replay"]

_FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def _moment(_: click.Context, __: click.Parameter, value: datetime | None) -> float | None:
    return None if value is None else value.replace(tzinfo=UTC).timestamp()


_time = click.DateTime(_FORMS)


@click.command()
@click.option("--run", "run_id", help="Rows that this run delivered or refused.")
@click.option("--stream", help="Rows of this stream.")
@click.option("--key-from", help="Keys from this one on, as they stand on the board.")
@click.option("--key-to", help="Keys up to this one, itself included.")
@click.option("--since", type=_time, callback=_moment, help="Rows that came at or after, UTC.")
@click.option("--until", type=_time, callback=_moment, help="Rows that came before, UTC.")
@click.option("--all", "everything", is_flag=True, help="Everything known.")
@running
@finding
@click.pass_context
def replay(  # noqa: PLR0913 - an option each
    context: click.Context,
    *,
    run_id: str | None,
    stream: str | None,
    key_from: str | None,
    key_to: str | None,
    since: float | None,
    until: float | None,
    everything: bool,
    config: Sequence[str],
) -> None:
    """Deliver rows again, from what the ledger keeps of them.

    The options name keys; what is delivered is the newest record of each, so that nothing older
    overwrites anything newer. Rows that are on their boards as they should be cost no call.
    """
    asked = Asked(
        run_id=run_id,
        stream=stream,
        key_from=key_from,
        key_to=key_to,
        since=since,
        until=until,
    )
    if (asked == Asked()) != everything:
        raise click.UsageError("Say what is meant: by the other options, or --all.")
    if (key_from or key_to) and not stream:
        raise click.UsageError("Keys are those of a stream: name it by --stream.")
    run = Run(context, config)
    require_run(run.engine, run_id)
    require_stream(run.engine, stream)
    known = KnownRows(run.engine)
    run.deliver(known.newest(asked), known)
