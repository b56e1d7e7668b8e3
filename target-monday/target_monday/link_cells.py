"""Cells of links: what they should hold, and how they get into operations and out of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from target_monday.delivery.pending import Pending
from target_monday.diff import Archive, Create, Update, WantedRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from target_monday.diff import Cell, KnownItem
    from target_monday.plan import BoardPlan

__all__ = ["complete", "drop", "excerpt", "partly", "put", "repaired", "update"]


def complete(keys: Sequence[str], ids: Mapping[str, str]) -> list[str] | None:
    """The cell that links to all of these; None if one is not there."""
    return sorted({ids[key] for key in keys}) if all(key in ids for key in keys) else None


def partly(
    keys: Sequence[str], cell: Cell, found: Mapping[str, str], before: Mapping[str, str]
) -> list[str] | None:
    """The cell as it should be while not all targets are there.

    What it links to already stays where that was the target's item: an archived item may come back.
    """
    there = {found[key] for key in keys if key in found}
    have = set(cell) if isinstance(cell, list) else set()
    kept = {before[key] for key in keys if key not in found and before.get(key) in have}
    return sorted(have) or None if there | kept == have else sorted(there) or None


def repaired(
    cells: Mapping[str, Cell],
    moved: Mapping[str, Mapping[str, str]],
    back: Mapping[str, AbstractSet[str]],
) -> dict[str, Cell]:
    """The cells that are otherwise once items are others, by column, and others are back."""
    changed: dict[str, Cell] = {}
    for column in moved.keys() | back.keys():
        cell = cells.get(column)
        have = cell if isinstance(cell, list) else []
        now = {moved.get(column, {}).get(each, each) for each in have} | back.get(column, set())
        if now != set(have):
            changed[column] = sorted(now)
    return changed


def excerpt(plan: BoardPlan, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Of a record its key and what makes the link: enough to send it again."""
    names = (*plan.spec.key_properties, *plan.targets[name].link.fields)
    return {each: record[each] for each in names if each in record}


def put(pending: Pending, column_id: str, cell: Cell) -> None:
    """Add a cell to an operation, unless its item has it."""
    operation = pending.operation
    have = pending.before.cells.get(column_id) if pending.before else None
    if isinstance(operation, Archive) or cell == have:
        return
    row = replace(operation.row, cells={**operation.row.cells, column_id: cell})
    if isinstance(operation, Create):
        pending.operation = Create.of(row)
    else:
        pending.operation = replace(operation, row=row, cells={**operation.cells, column_id: cell})


def drop(pending: Pending, column_id: str) -> None:
    """Take a cell out of an operation."""
    operation = pending.operation
    if isinstance(operation, Archive):
        return
    rest = {column: cell for column, cell in operation.row.cells.items() if column != column_id}
    row = replace(operation.row, cells=rest)
    if isinstance(operation, Create):
        pending.operation = Create.of(row)
    else:
        cells = {column: cell for column, cell in operation.cells.items() if column != column_id}
        pending.operation = replace(operation, row=row, cells=cells)


def update(
    plan: BoardPlan,
    key: str,
    item: KnownItem,
    cells: Mapping[str, Cell],
    record: Mapping[str, Any] | None = None,
) -> Pending:
    """The operation that gives an item these cells of links."""
    operation = Update(WantedRow(key, None, "", cells), item.item_id, cells, None)
    return Pending(plan, key, operation, item, record=dict(record or {}))
