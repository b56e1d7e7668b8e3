"""`purge`: payloads that are kept no longer."""

from __future__ import annotations

import time
from typing import Final

import click

from target_monday.audit.command import finding, ledger
from target_monday.ledger.retention import Purge, count_payloads, purge_payloads
from target_monday.ledger.selectors import require_key
from target_monday.run_header import user_name

__all__ = ["purge"]

_DAY: Final = 24 * 3600.0


@click.command()
@click.option(
    "--days",
    type=click.IntRange(min=0),
    required=True,
    envvar="TARGET_MONDAY_PAYLOAD_DAYS",
    help="Payloads older than this go; default: the setting `payload_days`, as Meltano tells it.",
)
@click.option("--stream", help="Only those of this stream.")
@click.option("--key", help="Only those of this key: somebody asks to be forgotten.")
@click.option("--reason", help="Why; stands in the ledger.")
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@finding
@click.pass_context
def purge(
    context: click.Context,
    *,
    days: int,
    stream: str | None,
    key: str | None,
    reason: str | None,
    dry_run: bool,
) -> None:
    """Empty the payloads of old records. Their hashes stay, so that `verify` still holds."""
    if key is not None and stream is None:
        raise click.UsageError("A key is one of a stream: name it by --stream.")
    now = time.time()
    which = Purge(now - days * _DAY, stream, key, user_name(), reason)
    engine = ledger(context)
    if stream is not None:
        require_key(engine, stream, key)
    if dry_run:
        click.echo(f"{count_payloads(engine, which)} payloads would be emptied")
        return
    click.echo(f"{purge_payloads(engine, which, now)} payloads emptied")
