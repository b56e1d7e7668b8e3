"""`rejects`: rows that are not delivered, and what people do about them."""

from __future__ import annotations

import getpass
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from target_monday.audit.command import ledger, reading, show, table, to_json
from target_monday.audit.corrections import Corrections
from target_monday.audit.running import Run, running
from target_monday.audit.spreadsheet import as_csv
from target_monday.errors import SelectorUnknown
from target_monday.ledger.known_rows import KnownRows
from target_monday.ledger.reject_book import OPEN_STATES, Filed, Note, correct, file_of, note
from target_monday.ledger.selectors import require_code, require_stream
from target_monday.private import write_private
from target_monday.rejects import reject_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Engine

__all__ = ["rejects"]

_COLUMNS: Final = (
    *("id", "at", "age_days", "state", "attempts", "stream", "board_id", "column_id", "key"),
    *("code", "message", "run_id"),
)
_RARE: Final = frozenset({"board_id", "column_id", "attempts"})
_EVENTS: Final = ("at", "state", "who", "reason", "ticket", "corrected", "run_id")
_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0}
_STATES: Final = ("open", "retried", "resolved", "waived", "all")
_ANY: Final = {"stream": None, "code": None, "state": "all", "older_than": None}


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+)([dhm])", value)
    if found is None:
        raise click.BadParameter("say it as 3d, 12h or 30m")
    return int(found[1]) * _UNITS[found[2]]


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose rejects."""
    for option in (
        click.option("--stream", help="Of this stream."),
        click.option("--code", help="With this code."),
        click.option(
            "--state",
            type=click.Choice(_STATES),
            help="In this state; default: open ones, tried again or not.",
        ),
        click.option(
            "--older-than", callback=_seconds, help="First rejected so long ago: 3d, 12h, 30m."
        ),
    ):
        command = option(command)
    return command


def _chosen(engine: Engine, asked: dict[str, Any], numbers: Sequence[int] = ()) -> list[Filed]:
    require_stream(engine, asked["stream"])
    require_code(engine, asked["code"], reject_codes())
    state, older = asked["state"], asked["older_than"]
    every = state == "all" or (state is None and bool(numbers))
    found = file_of(
        engine,
        numbers=numbers or None,
        stream=asked["stream"],
        code=asked["code"],
        states=None if every else {state} if state else OPEN_STATES,
        before=None if older is None else time.time() - older,
    )
    missing = set(numbers) - {each.id for each in found}
    if missing:
        raise _no_reject(missing)
    return found


def _no_reject(numbers: Iterable[int]) -> SelectorUnknown:
    listed = ", ".join(map(str, sorted(numbers)))
    return SelectorUnknown(
        f"The ledger has no reject {listed}. Nothing was done. `rejects --state all` lists all."
    )


def _end(sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(1)


def _row(reject: Filed, *, payload: bool = False) -> dict[str, Any]:
    row = {**reject.row(), "age_days": round((time.time() - reject.at) / _UNITS["d"], 1)}
    if payload:
        row["payload"] = None if reject.payload is None else msgspec.Raw(reject.payload)
    return row


@click.group(invoke_without_command=True)
@click.option("--payload", is_flag=True, help="With the records (they may hold personal data).")
@_choosing
@reading
def rejects(context: click.Context, *, payload: bool, as_json: bool, **asked: Any) -> None:
    """Rows that are not delivered; without a command, list the open ones."""
    if context.invoked_subcommand is None:
        _list(context, payload=payload, as_json=as_json, **asked)


@rejects.command("list")
@click.option("--payload", is_flag=True, help="With the records (they may hold personal data).")
@_choosing
@reading
def list_command(context: click.Context, *, payload: bool, as_json: bool, **asked: Any) -> None:
    """Rejects with code, board, attempts and age, oldest first."""
    _list(context, payload=payload, as_json=as_json, **asked)


def _list(context: click.Context, *, payload: bool, as_json: bool, **asked: Any) -> None:
    found = _chosen(ledger(context), asked)
    columns = (*_COLUMNS, *(("payload",) if payload else ()))
    rows = [_row(each, payload=payload) for each in found]
    show(rows, columns, as_json=as_json, rare=_RARE)


@rejects.command("show")
@click.argument("number", type=int)
@reading
def show_command(context: click.Context, number: int, *, as_json: bool) -> None:
    """One reject with its record and all that happened to it."""
    (found,) = _chosen(ledger(context), _ANY, [number])
    row = {**_row(found, payload=True), "events": found.events}
    if as_json:
        click.echo(to_json(row))
        return
    table([row], _COLUMNS, _RARE)
    click.echo("record" if found.payload else "record: none was kept, or it was purged")
    if found.payload:
        fields = found.record_of()
        table(
            [{"property": name, "value": _plain(value)} for name, value in fields.items()],
            ("property", "value"),
        )
    click.echo("history")
    table(found.events, _EVENTS, frozenset(_EVENTS[2:]))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


@rejects.command()
@click.argument("numbers", nargs=-1, type=int)
@_choosing
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
@reading
def export(
    context: click.Context,
    numbers: tuple[int, ...],
    *,
    form: str,
    output: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Rejects with their records: CSV for a spreadsheet, or JSON lines with the values as they are.

    A cell of the CSV that a spreadsheet could take for a formula begins with an apostrophe.
    """
    found = _chosen(ledger(context), asked, numbers)
    if as_json or form == "jsonl":
        text = "".join(f"{to_json(_row(each, payload=True))}\n" for each in found)
    else:
        text = as_csv(_wide(each) for each in found)
    if output is None:
        sys.stdout.buffer.write(text.encode())
        return
    write_private(output, text)


def _wide(reject: Filed) -> dict[str, Any]:
    """A reject with a cell for each property of its record."""
    head = {f"reject_{name}": value for name, value in _row(reject).items()}
    head["reject_at"] = datetime.fromtimestamp(reject.at, UTC)
    return head | (reject.record_of() if reject.payload else {})


def _signing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say who did something, and why."""
    for option in (
        click.option("--reason", required=True, help="Why; it stays in the ledger."),
        click.option("--who", help="Who; default: the user of the operating system."),
        click.option("--ticket", help="The ticket that it belongs to."),
    ):
        command = option(command)
    return command


def _note(state: str, reason: str, who: str | None, ticket: str | None) -> Note:
    return Note(
        state=state, at=time.time(), who=who or getpass.getuser(), reason=reason, ticket=ticket
    )


def _one_open(engine: Engine, number: int) -> Filed:
    found = file_of(engine, numbers=[number])
    if not found:
        raise _no_reject([number])
    if not found[0].is_open:
        _end(f"Reject {number} is {found[0].state}: nothing is to be done.")
    return found[0]


@rejects.command()
@click.argument("number", type=int)
@click.option("--set", "changes", multiple=True, help="Property=value, or Property:=JSON.")
@click.option(
    "--file",
    "whole",
    type=click.File("rb"),
    help="A JSON file with the whole record; - for the input.",
)
@_signing
@reading
def edit(  # noqa: PLR0913 - an option each
    context: click.Context,
    number: int,
    *,
    changes: Sequence[str],
    whole: Any,
    reason: str,
    who: str | None,
    ticket: str | None,
    as_json: bool,
) -> None:
    """Correct the record of a reject; what came from the source is kept beside it.

    The next run delivers it, or `rejects replay` does so now.
    """
    engine = ledger(context)
    reject = _one_open(engine, number)
    corrections = Corrections(engine, reject)
    try:
        record = corrections.whole(whole.read()) if whole else corrections.changed(changes)
        key = corrections.key_of(record)
    except ValueError as error:
        _end(f"Reject {number} was not changed: {error}.")
        return
    correct(engine, reject, record, key, _note(reject.state, reason, who, ticket))
    (found,) = file_of(engine, numbers=[number])
    show([_row(found, payload=True)], (*_COLUMNS, "payload"), as_json=as_json, rare=_RARE)


@rejects.command()
@click.argument("numbers", nargs=-1, type=int, required=True)
@_signing
@reading
def waive(
    context: click.Context,
    numbers: tuple[int, ...],
    *,
    reason: str,
    who: str | None,
    ticket: str | None,
    as_json: bool,
) -> None:
    """Accept that these rows are not delivered; they stay in the ledger with the reason."""
    engine = ledger(context)
    found = [_one_open(engine, number) for number in numbers]
    note(engine, found, _note("waived", reason, who, ticket))
    rows = [_row(each) for each in file_of(engine, numbers=numbers)]
    show(rows, _COLUMNS, as_json=as_json, rare=_RARE)


@rejects.command()
@click.argument("numbers", nargs=-1, type=int)
@_choosing
@click.option("--all", "everything", is_flag=True, help="All open ones.")
@running
@reading
def replay(
    context: click.Context,
    numbers: tuple[int, ...],
    *,
    everything: bool,
    config: Sequence[str],
    as_json: bool,  # noqa: ARG001 - of all commands; a run says what it did in the log
    **asked: Any,
) -> None:
    """Deliver rejects now, by a run of its own, without reading the source again."""
    chosen = bool(numbers or asked["stream"] or asked["code"] or asked["older_than"])
    if chosen == everything:
        raise click.UsageError("Name rejects by their numbers or the options, or say --all.")
    run = Run(context, config)
    known = KnownRows(run.engine)
    found = [each for each in _chosen(run.engine, asked, numbers) if each.scope == run.scope]
    run.deliver(known.of_rejects([each for each in found if each.is_open]), known)
