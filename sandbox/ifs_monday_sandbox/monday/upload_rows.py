"""The rows of an upload: read from CSV, matched with items, written one by one."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ifs_monday_sandbox.monday import writes
from ifs_monday_sandbox.monday.cell_view import display_text
from ifs_monday_sandbox.monday.csv_cells import csv_value, takes_csv
from ifs_monday_sandbox.monday.errors import MondayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Board, Column, Group, Item, Writer
    from ifs_monday_sandbox.monday.settings import BulkMatch

__all__ = ["Match", "Outcome", "UploadFaultError", "read_rows", "write_rows"]

RELATION_COLUMNS = 5


class UploadFaultError(Exception):
    """The upload as a whole cannot be taken; `reason` is a BulkImportFailureReason."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Match:
    """By which column rows find their items, and whether those found are left as they are."""

    column: Column
    skip: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: created, updated, skipped, invalid or failed. Rows count from 1.

    `column_id`: of the cell that `error` is about, if it is about one.
    """

    row_number: int
    kind: str
    item_id: int | None = None
    error: str = ""
    column_id: str = ""


class BadCellError(Exception):
    """A cell that cannot be imported."""

    def __init__(self, column_id: str, message: str) -> None:
        self.column_id = column_id
        super().__init__(message)


class Target(Protocol):
    """Where rows go: the part of an upload job that is needed here."""

    @property
    def board(self) -> Board:
        """The board that is written."""

    @property
    def group(self) -> Group:
        """Where new items are placed."""

    @property
    def match(self) -> Match | None:
        """How rows find items that exist."""

    @property
    def reach(self) -> BulkMatch:
        """Where rows find items that exist: on the whole board, or in `group` alone."""

    @property
    def writer(self) -> Writer:
        """Who uploads."""


def read_rows(
    board: Board, content: bytes, most_rows: int
) -> tuple[Sequence[str], Sequence[Mapping[str, str]]]:
    """The header, and the rows as column id -> text; raises UploadFaultError."""
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UploadFaultError("INVALID_UPLOAD", f"Not a CSV file in UTF-8: {error}") from error
    header, rows = (lines[0], [line for line in lines[1:] if line]) if lines else ([], [])
    _check_header(board, header)
    if len(rows) > most_rows:
        raise UploadFaultError("INVALID_UPLOAD", f"{len(rows)} rows, at most {most_rows} are taken")
    uneven = next((number for number, row in enumerate(rows, 1) if len(row) != len(header)), None)
    if uneven is not None:
        raise UploadFaultError(
            "INVALID_UPLOAD", f"Row {uneven} has not as many cells as the header"
        )
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def _check_header(board: Board, header: Sequence[str]) -> None:
    if not header or header[0] != "name":
        raise UploadFaultError("INVALID_UPLOAD", "The first header must be `name`")
    if len(set(header)) < len(header):
        raise UploadFaultError("INVALID_UPLOAD", "A header stands twice")
    relations = 0
    for column_id in header[1:]:
        column = board.columns.get(column_id)
        if column is None or column.archived:
            raise UploadFaultError("INVALID_UPLOAD", f"The board has no column {column_id}")
        if not takes_csv(column.type):
            raise UploadFaultError(
                "INVALID_UPLOAD", f"Column {column_id}: {column.type} cannot be uploaded"
            )
        relations += column.type == "board_relation"
    if relations > RELATION_COLUMNS:
        raise UploadFaultError(
            "INVALID_UPLOAD", f"At most {RELATION_COLUMNS} connect boards columns are taken"
        )


def write_rows(
    account: Account, target: Target, rows: Sequence[Mapping[str, str]]
) -> list[Outcome]:
    """Every row's outcome, in order. Of several rows with one key, the last wins."""
    known = _items_by_key(account, target)
    last = {_key(target, row): number for number, row in enumerate(rows)}
    outcomes: list[Outcome] = []
    for number, row in enumerate(rows):
        key = _key(target, row)
        if key and last[key] != number:
            outcomes.append(Outcome(number + 1, "skipped", error="a later row has the same key"))
            continue
        outcomes.append(_write_row(account, target, row, number + 1, known.get(key)))
    return outcomes


def _key(target: Target, row: Mapping[str, str]) -> str:
    return "" if target.match is None else row.get(target.match.column.id, "").casefold()


def _items_by_key(account: Account, target: Target) -> dict[str, Item]:
    """Active items within reach by key; of several, the most recently created one."""
    if target.match is None:
        return {}
    column = target.match.column
    found: dict[str, Item] = {}
    for item in target.board.active_items():
        if target.reach == "group" and item.group_id != target.group.id:
            continue
        found[display_text(account, item, column).casefold()] = item
    found.pop("", None)
    return found


def _write_row(
    account: Account, target: Target, row: Mapping[str, str], number: int, item: Item | None
) -> Outcome:
    if item is not None and target.match is not None and target.match.skip:
        return Outcome(number, "skipped", item.id)
    try:
        values = _values(account, target.board, row)
    except BadCellError as error:
        return Outcome(number, "invalid", error=str(error), column_id=error.column_id)
    try:
        if item is not None:
            writes.change_values(
                account, target.board, item, values, writer=target.writer, create_labels=False
            )
            return Outcome(number, "updated", item.id)
        values.pop("name", None)
        new = writes.create_item(
            account,
            target.board,
            row["name"],
            group=target.group,
            values={key: value for key, value in values.items() if value is not None},
            writer=target.writer,
        )
        return Outcome(number, "created", new.id)
    except MondayError as error:
        kind = "failed" if error.code == "ItemsLimitationException" else "invalid"
        column_id = error.extensions["error_data"].get("column_id", "")
        return Outcome(number, kind, error=str(error), column_id=column_id)


def _values(account: Account, board: Board, row: Mapping[str, str]) -> dict[str, Any]:
    """The row's cells that are not empty: an empty cell keeps what is there."""
    values: dict[str, Any] = {}
    for column_id, text in row.items():
        if text == "":
            continue
        column = board.columns[column_id]
        if column.type == "name":
            values[column_id] = text
            continue
        try:
            values[column_id] = csv_value(account, column, text)
        except ValueError as error:
            raise BadCellError(column_id, str(error)) from error
    return values
