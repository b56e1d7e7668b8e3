"""`target-monday-audit`: what the ledger says about runs, boards and rejects. Reads only."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from target_monday.errors import TargetError
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.ledger.reports import open_rejects, recent_runs, run_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine

__all__ = ["audit"]

_COLUMNS: Final = {
    "runs": ("id", "started_at", "seconds", "status", "exit_code", "calls", "points", "message"),
    "report": (
        *("stream", "board_id", "read", "created", "updated", "unchanged", "rejected"),
        *("carried_over", "merged", "unknown", "archived", "shortened", "calls", "points"),
    ),
    "rejects": ("id", "at", "run_id", "stream", "key", "code", "message"),
}


_RARE: Final = frozenset({"merged", "unknown", "archived", "shortened"})  # shown if there are any
_FILE_WIDTH: Final = 240


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Options of the group and of its commands are the same ones: the later wins."""
    if value and parameter.name:
        context.find_root().ensure_object(dict)[parameter.name] = value


def _finding(command: Callable[..., Any]) -> Callable[..., Any]:
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


@click.group()
@_finding
def audit() -> None:
    """Ask the ledger of target-monday what was done."""


def _ledger(context: click.Context) -> Engine:
    asked: dict[str, str] = context.find_root().ensure_object(dict)
    try:
        url = asked.get("ledger_url")
        return open_database(
            url or default_ledger_url(environment=asked.get("environment")), create=False
        )
    except TargetError as error:
        click.echo(f"{error.code} {error}", err=True)
        sys.exit(error.exit_code)


def _reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has."""
    with_json = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
    return with_json(_finding(click.pass_context(command)))


@audit.command()
@click.option("--limit", default=20, show_default=True, help="How many runs, newest first.")
@_reading
def runs(context: click.Context, limit: int, *, as_json: bool) -> None:
    """The last runs: when, how they ended, what they cost."""
    _show("runs", recent_runs(_ledger(context), limit), as_json=as_json)


@audit.command()
@click.argument("run_id", required=False)
@_reading
def report(context: click.Context, run_id: str | None, *, as_json: bool) -> None:
    """The books of one run, by default the last one: a line a board, and the total."""
    found = run_report(_ledger(context), run_id)
    if found is None:
        click.echo("There is no such run in the ledger.", err=True)
        sys.exit(1)
    if as_json:
        click.echo(_json(found))
        return
    click.echo(
        f"run {found['id']}  {found['status']}  exit code {found['exit_code']}  "
        f"balanced: {'yes' if found['balanced'] else 'no'}"
    )
    total = {"stream": "total", **found["total"]}
    _table("report", [*found["boards"], total])


@audit.command()
@click.option("--payload", is_flag=True, help="With the records (they may hold personal data).")
@_reading
def rejects(context: click.Context, *, payload: bool, as_json: bool) -> None:
    """Rows that are not delivered and not yet followed by a delivered one of their key."""
    rows = open_rejects(_ledger(context), payload=payload)
    _show("rejects", rows, as_json=as_json, more=("payload",) if payload else ())


def _show(
    kind: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool, more: Sequence[str] = ()
) -> None:
    if as_json:
        click.echo(_json(rows))
    else:
        _table(kind, rows, more)


def _table(kind: str, rows: Sequence[Mapping[str, Any]], more: Sequence[str] = ()) -> None:
    table = Table()
    names = [
        name
        for name in (*_COLUMNS[kind], *more)
        if name not in _RARE or any(row.get(name) for row in rows)
    ]
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_shown(name, row.get(name)) for name in names))
    # Cells are shown as they are (no markup); a file is not folded like a terminal.
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    Console(markup=False, width=width).print(table)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in {"at", "started_at"}:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    text = bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)
    # A terminal must not be steered by what stands in a business system.
    return "".join(character if character.isprintable() else "�" for character in text)


def _json(value: Any) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()
