"""What a command needs that asks monday: the target's settings, calls within the limits."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from target_monday.audit.command import asked
from target_monday.books import Books
from target_monday.command_line import logging_from, note_secrets
from target_monday.delivery.budget import Budget
from target_monday.delivery.calls import Calls
from target_monday.errors import SettingsFault
from target_monday.ledger.budgets import BudgetStore
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.monday.client import Client
from target_monday.progress import Progress
from target_monday.settings import setting_faults
from target_monday.target import TargetMonday
from target_monday.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Engine

__all__ = ["calling", "configured", "ledger_of", "live_settings"]


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that says where the target's settings are; the command gets `configs`."""
    return click.option(
        "--config",
        "configs",
        multiple=True,
        metavar="FILE",
        help="The target's settings as JSON, or ENV for TARGET_MONDAY_* variables (the default).",
    )(command)


def live_settings(configs: Sequence[str]) -> dict[str, Any]:
    """The settings as a run of the target would have them. Raises SettingsFault."""
    context = click.get_current_context()
    context.with_resource(logging_from(logging.WARNING))
    given = TargetMonday.cb_config(context, click.Option(["--config"]), tuple(configs) or ("ENV",))
    target = TargetMonday(config=given.config, parse_env_config=given.parse_env)
    note_secrets(target.config)
    faults = list(setting_faults(target.config))
    if faults:
        raise SettingsFault(faults)
    return dict(target.config)


def ledger_of(settings: Mapping[str, Any], *, create: bool = False) -> Engine:
    """The ledger that the options name, else the settings, else the project's own."""
    options = asked()
    url = options.get("ledger_url") or settings.get("ledger_url")
    environment = options.get("environment")
    return open_database(url or default_ledger_url(environment=environment), create=create)


@contextmanager
def calling(
    settings: Mapping[str, Any], engine: Engine, *, max_calls: int | None = None
) -> Iterator[Calls]:
    """Calls to monday as the settings say, counted in the ledger as a run's calls are."""
    client = Client(
        url=settings["api_url"],
        token=settings["api_token"],
        version=settings["api_version"],
        timeout=float(settings["timeout"]),
    )
    calls = Calls(
        client,
        Budget(time.monotonic),
        Termination(),
        time.sleep,
        BudgetStore(engine, settings["api_url"], time.time),
        Progress(Books(), time.monotonic),
        max_calls=max_calls,
        reserve_calls=settings.get("reserve_calls") or 0,
    )
    calls.recall()
    try:
        yield calls
    finally:
        client.close()
