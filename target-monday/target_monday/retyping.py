"""Columns that were changed to a type that cannot hold what was written to them. Pure.

A column made by default follows the board's own type, since a person may choose a better one. One
that cannot hold its own cells any more stops the stream before anything is written: else each of
its rows would be rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_monday.binding import codec_of, found_column
from target_monday.diff import certain
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_monday.diff import Cell
    from target_monday.mapping import BoardSpec, ColumnSpec
    from target_monday.monday.boards import Board, Column

__all__ = ["retyped", "retyped_faults"]

_NOT_BY_VALUE: Final = frozenset({"board_relation", "location", "people"})  # cells are no values


def retyped(
    spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> dict[str, tuple[ColumnSpec, Column]]:
    """The columns of another type than the schema's, by the id of the column that was written."""
    found: dict[str, tuple[ColumnSpec, Column]] = {}
    for each in spec.columns:
        column = found_column(each, board, known)
        if column is None or each.property not in known or each.source or each.link:
            continue
        if column.type not in {each.column_type, *_NOT_BY_VALUE}:
            found[known[each.property]] = (each, column)
    return found


def retyped_faults(
    spec: BoardSpec,
    board: Board,
    columns: Mapping[str, tuple[ColumnSpec, Column]],
    items: Iterable[Mapping[str, Cell]],
) -> Iterator[str]:
    """Those of `columns` that cannot hold what these items have in them, one sentence each."""
    doubtful = {
        old: (each, column, codec_of(each, column)) for old, (each, column) in columns.items()
    }
    for cells in items:
        for old, (each, column, codec) in list(doubtful.items()):
            cell = certain({old: cells.get(old)})[old]
            try:
                if cell is not None:
                    codec.canonical(cell)
            except Reject as error:
                del doubtful[old]
                yield (
                    f"stream {spec.stream!r}, board {board.id} ({board.name!r}): column "
                    f"{column.title!r} of property {each.property!r} is of type {column.type!r} by "
                    f"now, which cannot hold what was written to it ({error}). Change it back, or "
                    "name another column for the property in the mapping."
                )
        if not doubtful:
            return
