"""What the commands share that deliver: whose settings they run by, and how a replay is run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from target_monday.audit.command import asked_ledger_url, ledger_at
from target_monday.command_line import note_secrets
from target_monday.replaying import ReplayingTarget, told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from target_monday.ledger.known_rows import KnownRow, KnownRows

__all__ = ["Run", "running"]


def running(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option for the settings of a run; the command is called with `config`."""
    option = click.option(
        "--config",
        multiple=True,
        help="The target's settings: a JSON file, or ENV for environment variables. Default: ENV.",
    )
    return option(command)


class Run:
    """A replay under way: its settings, and the ledger that it reads from and writes to."""

    def __init__(self, context: click.Context, config: Sequence[str]) -> None:
        option = click.Option(["--config"])
        given = ReplayingTarget.cb_config(context, option, tuple(config) or ("ENV",))
        self.settings: dict[str, Any] = ReplayingTarget.settings_of(given)
        note_secrets(self.settings)
        url = asked_ledger_url(context, self.settings.get("ledger_url"))
        self.settings["ledger_url"] = url
        self.engine: Engine = ledger_at(url)

    @property
    def scope(self) -> str:
        """The API address whose boards are meant."""
        return str(self.settings["api_url"])

    def deliver(self, rows: Sequence[KnownRow], known: KnownRows) -> None:
        """Deliver these rows by a run of its own; ends the command as that run ends.

        With exit code 1 where the run went well, but not all that was asked for could be given.
        """
        _tell(known)
        code = 0
        if rows:
            code = self._run(rows)
        else:
            click.echo("Nothing to replay.", err=True)
        sys.exit(code or (1 if known.missing else 0))

    def _run(self, rows: Sequence[KnownRow]) -> int:
        self.engine.dispose()
        ReplayingTarget.log_to_stderr()
        try:
            ReplayingTarget.replay(self.settings, rows)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0


def _tell(known: KnownRows) -> None:
    for sentence in told(known.missing):
        click.echo(sentence, err=True)
    if known.left:
        click.echo(f"{known.left} rows left their boards since: they stay away.", err=True)
    if known.waived:
        click.echo(f"{known.waived} rows are waived rejects: they stay away.", err=True)
