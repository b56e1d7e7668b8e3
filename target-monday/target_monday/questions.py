"""Commands that only ask: settings as a run has them, and calls to monday.com that keep nothing."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click
import msgspec
from typing_extensions import override

from target_monday.books import Books
from target_monday.command_line import ending_in_one_line, logging_from, note_secrets
from target_monday.delivery.budget import Budget
from target_monday.delivery.calls import Calls
from target_monday.errors import SettingsFault, TargetError
from target_monday.ledger.budgets import BudgetStore
from target_monday.ledger.database import open_database
from target_monday.monday.client import Client
from target_monday.progress import Progress
from target_monday.proposing.streams import KnownStream, streams_of
from target_monday.target import TargetMonday
from target_monday.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["OneLine", "SourceFault", "questions", "read_streams", "settings_of", "with_config"]

_ENVIRONMENT: Final = "TARGET_MONDAY_"
_PATIENCE: Final = 30.0  # seconds; somebody waits for the answer


class SourceFault(TargetError):
    """What should tell the streams cannot be read."""

    code = "SOURCE"
    exit_code: ClassVar[int] = 2


class OneLine(click.Command):
    """What goes wrong is one line with a code on stderr; the exit codes are the target's."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with ending_in_one_line(ctx):
            return super().invoke(ctx)


with_config = click.option(
    "--config",
    "configs",
    multiple=True,
    metavar="FILE",
    help="The target's settings as JSON, or ENV for TARGET_MONDAY_* variables, the default.",
)


def settings_of(paths: Sequence[str], *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the target's settings, checked and with defaults.

    Args:
        paths: Files, later ones before earlier ones, or ENV; empty for ENV.
        without: Settings that play no part, so that they may be wrong.
    """
    for name in [name for name, value in os.environ.items() if not value]:
        if name.startswith(_ENVIRONMENT):
            del os.environ[name]  # empty means not set
    for name in without:
        os.environ.pop(f"{_ENVIRONMENT}{name.upper()}", None)
    config: dict[str, Any] = {}
    try:
        for path in paths:
            if path != "ENV":
                config |= msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Any])
        for name in without:
            config.pop(name, None)
        with logging_from(logging.CRITICAL):  # faults come as errors, too
            target = TargetMonday(
                config=config,
                parse_env_config=not paths or "ENV" in paths,
                validate_config=True,
                setup_mapper=False,
            )
    except (OSError, ValueError) as error:
        raise SettingsFault(
            [f"A file of --config, or an environment variable, cannot be read: {error}."]
        ) from error
    note_secrets(target.config)
    return dict(target.config)


@contextmanager
def questions(config: Mapping[str, Any]) -> Iterator[Calls]:
    """Give calls to monday.com; what they teach of its limits is not kept."""
    engine = open_database("sqlite://")
    client = Client(
        url=config["api_url"],
        token=config["api_token"],
        version=config["api_version"],
        timeout=min(float(config["timeout"]), _PATIENCE),
    )
    termination = Termination()
    store = BudgetStore(engine, config["api_url"])
    try:
        progress = Progress(Books(), time.monotonic)
        yield Calls(client, Budget(time.monotonic), termination, termination.sleep, store, progress)
    finally:
        client.close()
        engine.dispose()


def read_streams(source: str) -> list[KnownStream]:
    """Return the streams of a catalog or of SCHEMA lines; `-` is the input. Raises SourceFault."""
    try:
        text = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return streams_of(text)
    except OSError as error:
        raise SourceFault(f"{source} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SourceFault(f"{source} is {error}.") from error
