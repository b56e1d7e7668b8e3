"""What the commands share: which ledger is meant, and how rows are shown."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from target_monday.command_line import note_secrets
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.redaction import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Engine

__all__ = ["asked", "asked_ledger_url", "finding", "ledger", "ledger_at", "reading"]
__all__ += ["show", "table", "to_json"]

_FILE_WIDTH: Final = 240
_LEDGER_URL: Final = "TARGET_MONDAY_LEDGER_URL"  # how Meltano hands the setting on


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Options of the group and of its commands are the same ones: the later wins."""
    if value and parameter.name:
        context.find_root().ensure_object(dict)[parameter.name] = value


def finding(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which ledger is meant."""
    url = click.option(
        "--ledger-url",
        help="The ledger's address; default: where the target keeps it.",
        expose_value=False,
        callback=_remember,
    )
    environment = click.option(
        "--environment",
        help="The Meltano environment whose ledger is meant; default: the project's own default.",
        expose_value=False,
        callback=_remember,
    )
    return url(environment(command))


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has; it is called with the context and `as_json`."""
    with_json = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
    return with_json(finding(click.pass_context(command)))


def asked() -> dict[str, str]:
    """What the options that say which ledger is meant were given."""
    given: dict[str, str] = click.get_current_context().find_root().ensure_object(dict)
    return given


def ledger(context: click.Context, *, as_is: bool = False) -> Engine:
    """The ledger that the options name, or as it is. Raises RunFailed where there is none."""
    return ledger_at(asked_ledger_url(context, os.environ.get(_LEDGER_URL)), as_is=as_is)


def asked_ledger_url(context: click.Context, setting: str | None) -> str:
    """The address of the ledger that is meant: by the options, else by the setting."""
    given: dict[str, str] = context.find_root().ensure_object(dict)
    url, environment = given.get("ledger_url"), given.get("environment")
    if not url and not environment:
        url = setting
    return url or default_ledger_url(environment=environment)


def ledger_at(url: str, *, as_is: bool = False) -> Engine:
    """The ledger at this address. Raises RunFailed where there is none."""
    note_secrets({"ledger_url": url})
    return open_database(url, create=False, as_is=as_is)


def show(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    rare: Collection[str] = (),
) -> None:
    """Print rows, as a table of these columns or whole as JSON; `rare` ones if there are any."""
    if as_json:
        click.echo(to_json(rows))
    else:
        table(rows, columns, rare)


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], rare: Collection[str] = ()
) -> None:
    """Print rows as a table."""
    drawn = Table()
    names = [name for name in columns if name not in rare or any(row.get(name) for row in rows)]
    for name in names:
        drawn.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        drawn.add_row(*(_shown(name, row.get(name)) for name in names))
    # Cells are shown as they are (no markup); a file is not folded like a terminal.
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    Console(markup=False, width=width).print(drawn)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "at" or name.endswith("_at"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    text = bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)
    return visible(text)  # a terminal must not be steered by what stands in a business system


def to_json(value: Any) -> str:
    """A value as JSON, digit by digit."""
    return msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value).decode()
