"""A table of rows with what a database adds to each: a row id and a version."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["OBJID", "OBJVERSION", "Row", "Table", "Versions"]

Row = Mapping[str, object]
"""Column name -> str, int, Decimal, bool, date, aware datetime or None; never changed in place."""

OBJID: Final = "Objid"
OBJVERSION: Final = "Objversion"
"""Pseudo columns of every row: the row id (text of 18) and the version (text, or None)."""

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ROWS_PER_BLOCK: Final = 64


class Versions(Enum):
    """What the version of a row is: when it last changed, how often, or nothing (a view)."""

    STAMP = "stamp"
    COUNTER = "counter"
    NONE = "none"


class Table:
    """Rows by key, in the order they were stored.

    Args:
        number: Which table of the database it is; row ids carry it.
        key: The columns that identify a row.
        versions: What kind of version the rows have.
        stamp: A column that holds the moment of the last change, if there is one.
    """

    def __init__(
        self,
        number: int,
        key: tuple[str, ...],
        versions: Versions = Versions.STAMP,
        stamp: str | None = None,
    ) -> None:
        self.key = key
        self._number = number
        self._versions = versions
        self._stamp = stamp
        self._stored = 0
        self._by_key: dict[tuple[object, ...], Row] = {}
        self._rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """All rows; the same list until something changes, and not to be changed by the caller."""
        if self._rows is None:
            self._rows = list(self._by_key.values())
        return self._rows

    def key_of(self, row: Row) -> tuple[object, ...]:
        """The values that identify `row`."""
        return tuple(row[column] for column in self.key)

    def insert(self, row: Row, at: datetime) -> None:
        """Store a new row. Raises ValueError if its key is taken."""
        key = self.key_of(row)
        if key in self._by_key:
            raise ValueError(f"there is already a row {key}")
        self._stored += 1
        self._keep(key, {**row, OBJID: _row_id(self._number, self._stored)}, at)

    def update(self, row: Row, at: datetime, **changes: object) -> None:
        """Replace `row` by one with `changes`; its version and its stamp move."""
        self._keep(self.key_of(row), {**row, **changes}, at)

    def delete(self, row: Row) -> None:
        """Remove `row` without a trace."""
        del self._by_key[self.key_of(row)]
        self._rows = None

    def _keep(self, key: tuple[object, ...], row: dict[str, object], at: datetime) -> None:
        if self._stamp:
            row[self._stamp] = at
        row[OBJVERSION] = self._next_version(row.get(OBJVERSION), at)
        self._by_key[key] = row
        self._rows = None

    def _next_version(self, last: object, at: datetime) -> str | None:
        match self._versions:
            case Versions.STAMP:
                return f"{at:%Y%m%d%H%M%S}"
            case Versions.COUNTER:
                return str(int(str(last or 0)) + 1)
            case Versions.NONE:
                return None


def _row_id(table: int, row: int) -> str:
    """A row id as Oracle writes it: object (6), file (3), block (6), row (3), in base 64."""
    block, place = divmod(row, _ROWS_PER_BLOCK)
    return _digits(73_728 + table, 6) + _digits(6, 3) + _digits(128 + block, 6) + _digits(place, 3)


def _digits(value: int, width: int) -> str:
    letters = ""
    for _ in range(width):
        value, digit = divmod(value, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters
