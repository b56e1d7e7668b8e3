"""`explain`: who wrote a cell, when, by which run and request, from which row of the source."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from target_monday.audit.command import ledger, reading, table, to_json
from target_monday.errors import SelectorUnknown
from target_monday.ledger.explanations import Explained, columns_of, explain, find_boards, keys_of
from target_monday.ledger.selectors import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine, Row

    from target_monday.ledger.explanations import Writing

__all__ = ["explain_command"]

_COLUMNS: Final = (
    *("column", "value", "how", "before", "written_at", "run", "request_id", "row_version"),
    *("etag", "page"),
)
_RARE: Final = frozenset({"before", "request_id", "row_version", "etag", "page"})
_HISTORY: Final = ("column", "written_at", "kind", "before", "value", "outcome", "run", "lane")


@click.command("explain")
@click.option("--board", required=True, help="Id or name of a board, or its stream.")
@click.option("--key", help="The item's key, as it stands in its key column.")
@click.option("--every-key", is_flag=True, help="All items of the board, one JSON line a cell.")
@click.option("--column", help="A column's id, or the property that goes to it; default: all.")
@click.option("--all", "with_history", is_flag=True, help="Also all writes before, newest first.")
@reading
def explain_command(
    context: click.Context,
    *,
    board: str,
    key: str | None,
    every_key: bool,
    column: str | None,
    with_history: bool,
    as_json: bool,
) -> None:
    """Say of each cell of an item who wrote it, from which row, and what was there before."""
    if bool(key) == every_key:
        raise click.UsageError("Name an item by --key, or say --every-key.")
    engine = ledger(context)
    boards = find_boards(engine, board)
    if not boards:
        raise SelectorUnknown(
            f"The ledger knows no board {board!r}. Name it by its id, its name, or its stream."
        )
    if every_key:
        if column is not None:
            _require_column(engine, boards, column)
        for row in boards:
            for each in keys_of(engine, row.id):
                for cell in _cells(engine, row, each, column):
                    click.echo(to_json(_row(cell, with_history=with_history)))
        return
    cells = [cell for row in boards for cell in _cells(engine, row, str(key), column)]
    if not cells:
        what = f"item {key!r}" if column is None else f"column {column!r} of item {key!r}"
        raise SelectorUnknown(f"The ledger knows no {what} on board {board!r}.")
    if as_json:
        click.echo(to_json([_row(cell, with_history=with_history) for cell in cells]))
        return
    _print(cells, with_history=with_history)


def _require_column(engine: Engine, boards: Sequence[Row[Any]], column: str) -> None:
    known = {name for row in boards for name in columns_of(engine, row.id)}
    if column not in known:
        raise unknown("column", column, known)


def _cells(engine: Engine, board: Row[Any], key: str, column: str | None) -> Iterator[Explained]:
    for cell in explain(engine, board, key):
        if column is None or column in {cell.column_id, cell.property_name}:
            yield cell


def _row(cell: Explained, *, with_history: bool) -> dict[str, Any]:
    row = {**asdict(cell), "explanation": cell.sentence}
    row["property"] = row.pop("property_name")
    if not with_history:
        del row["history"]
    return row


def _print(cells: list[Explained], *, with_history: bool) -> None:
    first = cells[0]
    click.echo(
        f"stream {first.stream}  board {first.board_id}  item {first.item_id or '-'}  "
        f"key {first.key}"
    )
    table([_line(cell) for cell in cells], _COLUMNS, _RARE)
    if with_history:
        click.echo("history, the newest first")
        table([line for cell in cells for line in _history(cell)], _HISTORY)


def _column(cell: Explained) -> str:
    return f"{cell.property_name} ({cell.column_id})" if cell.property_name else cell.column_id


def _line(cell: Explained) -> dict[str, Any]:
    line = {"column": _column(cell), "value": cell.value, "how": cell.sentence}
    if cell.writing is None:
        return line
    written = _written(cell.writing)
    return {
        **line,
        **{name: written[name] for name in _COLUMNS if name in written and name != "value"},
    }


def _written(writing: Writing) -> dict[str, Any]:
    """A write as columns of a table."""
    return {**asdict(writing), "written_at": writing.at}


def _history(cell: Explained) -> Iterator[dict[str, Any]]:
    for each in cell.history:
        yield {"column": _column(cell), **_written(each)}
