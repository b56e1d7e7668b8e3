"""Cells as the ledger writes them: values in the order of a layout, which names the columns once.

Rows of a board fill the same columns again and again; naming them in each row would be most of it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import select

from target_monday.diff import Cell
from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from target_monday.ledger.sealed import Writing

__all__ = ["Layouts", "packed", "plain"]

_PLAIN: Final = (b"[", b"{")  # how JSON begins, and no stream of zlib
_REMEMBERED: Final = 10_000  # orders in which columns come
_encode: Final = msgspec.json.Encoder().encode
_list: Final = msgspec.json.Decoder(list[Cell]).decode
_object: Final = msgspec.json.Decoder(dict[str, Cell]).decode
_names: Final = msgspec.json.Decoder(list[str]).decode


def packed(cells: Mapping[str, Cell], columns: Sequence[str]) -> bytes:
    """The cells of these columns, in this order, as a JSON list; null where there is none."""
    return _encode(list(map(cells.get, columns)))


def plain(cells: bytes | str) -> bytes:
    """Cells as `packed` gave them, whichever way a row holds them: once they were deflated."""
    if isinstance(cells, str):
        return cells.encode()
    return cells if cells.startswith(_PLAIN) else zlib.decompress(cells)


class Layouts:
    """The layouts of one ledger, read as they are met."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._columns: dict[int, list[str]] = {}
        self._orders: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._places: dict[tuple[int, tuple[str, ...]], list[tuple[str, int]]] = {}

    def order(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns in the order of their layout."""
        given = tuple(columns)
        known = self._orders.get(given)
        if known is None:
            if len(self._orders) > _REMEMBERED:
                self._orders.clear()
            known = self._orders[given] = tuple(sorted(given))
        return known

    def number(self, ledger: Writing, columns: tuple[str, ...]) -> int:
        """The number of a layout, which is new if need be."""
        known = self._numbers.get(columns)
        if known is not None:
            return known
        table, text = tables.layouts, _encode(columns).decode()
        found = ledger.connection.execute(select(table.c.id).where(table.c.columns == text))
        number: int | None = found.scalar_one_or_none()
        if number is None:  # not kept in mind before it is committed
            return ledger.append(table, [{"columns": text}])[0]
        self._numbers[columns] = number
        return number

    def unpack(
        self,
        connection: Connection,
        layout: int | None,
        cells: bytes | str | None,
        only: tuple[str, ...] | None = None,
    ) -> dict[str, Cell]:
        """Column id -> cell, also null ones, of what a row holds; of nothing, nothing.

        `only`: the columns that are asked for, if not all are.
        """
        if cells is None:
            return {}
        if layout is None:
            return _object(plain(cells))
        columns = self._columns.get(layout)
        if columns is None:
            table = tables.layouts
            text = connection.execute(select(table.c.columns).where(table.c.id == layout))
            columns = self._columns[layout] = _names(text.scalar_one())
        values = _list(plain(cells))
        if only is None:
            return dict(zip(columns, values, strict=True))
        places = self._places.get((layout, only))
        if places is None:
            known = {column: at for at, column in enumerate(columns)}
            places = [(column, known[column]) for column in only if column in known]
            self._places[layout, only] = places
        return {column: values[at] for column, at in places}
