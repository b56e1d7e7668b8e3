"""A row that costs more than one request may: its cells go in several mutations. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from target_monday.diff import GROUP, Create, KnownItem, Update

if TYPE_CHECKING:
    from target_monday.delivery.pending import Pending

__all__ = ["halved", "rest_of"]


def halved(pending: Pending) -> Pending | None:
    """The same with the first half of its cells, the others in `rest`; None if it has one left.

    A new item keeps its key and its group, so that it can be found and is where it belongs.
    """
    operation, plan = pending.operation, pending.plan
    if not isinstance(operation, Create | Update):
        return None
    firm = {plan.key_column, GROUP} if isinstance(operation, Create) else set()
    loose = [column for column in operation.cells if column not in firm]
    least = 1 if isinstance(operation, Create) else 2
    if len(loose) < least:
        return None
    late = set(loose[len(loose) // 2 :])
    now = {column: cell for column, cell in operation.cells.items() if column not in late}
    rest = {column: operation.cells[column] for column in loose if column in late}
    if isinstance(operation, Create):
        part: Create | Update = Create.of(structs.replace(operation.row, cells=now))
    else:
        part = structs.replace(operation, cells=now)
    return replace(pending, operation=part, rest={**rest, **pending.rest})


def rest_of(pending: Pending, item_id: str) -> Pending:
    """What is still to be sent after this part of it is on the board."""
    after = pending.intent.after
    before = KnownItem(item_id, after.name if after else "", after.cells if after else {})
    row = pending.operation.row if isinstance(pending.operation, Create | Update) else None
    if row is None:
        raise TypeError(pending.kind)
    operation = Update(structs.replace(row, cells=pending.rest), item_id, pending.rest, None)
    return replace(pending, operation=operation, before=before, rest={}, counted=True)
