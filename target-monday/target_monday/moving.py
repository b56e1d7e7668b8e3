"""Rows that now belong to another board of their stream: the old item leaves, then a new one comes.

In this order, so that no key ever has two items: a run that is cut off between the two has not
passed the row's bookmark, and the next one makes the item. What the old item held in mapped columns
goes along; what people added to it stays with it in the archive of its board.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from msgspec import structs

from target_monday.delivery.pending import Pending
from target_monday.diff import GROUP, Archive, Create, Update, WantedRow
from target_monday.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_monday.diff import Cell, KnownItem
    from target_monday.plan import BoardPlan
    from target_monday.routing import Division, Route
    from target_monday.settling import Row

__all__ = ["Elsewhere", "Moving"]


@dataclass(slots=True)
class Elsewhere:
    """What of a key is on other boards of its stream, or waits to be sent there.

    `places`: the archives that have to come first. `cells` and `name` are those that the item has,
    or was about to get; `tickets` those of rows that were overtaken before they were sent.
    """

    places: set[tuple[int, str]] = field(default_factory=set)
    cells: dict[str, Cell] = field(default_factory=dict)
    name: str | None = None
    tickets: list[int] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    stuck: bool = False  # its board takes nothing more in this run, so it cannot leave

    def under(self, row: WantedRow) -> WantedRow:
        """The row laid over what its item had before."""
        name = row.name if row.name is not None else self.name
        rules = replace(row.rules, create=True)  # the item was there: it is no new one
        return structs.replace(row, name=name, cells={**self.cells, **row.cells}, rules=rules)


@dataclass(slots=True, kw_only=True)
class Moving(Sending):
    """Takes items off the boards of their stream that their rows do not belong to any more.

    `doubled`: by stream the keys that were found on several of its boards.
    """

    doubled: dict[str, set[str]] = field(default_factory=dict)

    def note_doubled(self, route: Route) -> None:
        """Find the keys that have items on several of the stream's boards."""
        boards = [plan.ledger_id for plan in route.plans.values()]
        if len(boards) > 1:
            self.doubled[route.stream] = self.items.doubled(boards)

    def divide(self, route: Route, rows: Sequence[Row]) -> Division:
        """The rows of a stream by board; those that name none are rejected."""
        plans = route.plans.values()
        division = route.divide(rows, lambda keys: self._whereabouts(plans, keys))
        if division.rejected:
            self.books.at(route.stream).read += len(division.rejected)
            self.reject_rows(route.spec, division.rejected)
        return division

    def _whereabouts(self, plans: Iterable[BoardPlan], keys: Sequence[str]) -> dict[str, BoardPlan]:
        """The board that each of these keys is on, or is about to be sent to."""
        found: dict[str, BoardPlan] = {}
        for plan in plans:
            known = self.items.items(plan.ledger_id, keys)
            for key in keys:
                waiting = self._pool.get((plan.ledger_id, key))
                leaves = waiting is not None and isinstance(waiting.operation, Archive)
                if (waiting is not None or key in known) and not leaves:
                    found[key] = plan
        return found

    def _elsewhere(
        self,
        plan: BoardPlan,
        others: Sequence[BoardPlan],
        known: Mapping[str, KnownItem],
        wanted: Sequence[tuple[WantedRow, Row]],
    ) -> dict[str, Elsewhere]:
        """Have the items of these rows leave all boards but this one. `known` are on this one."""
        if not others:
            return {}
        keys = list({each.key for each, _ in wanted})
        doubled = self.doubled.get(plan.stream, set())
        asked = [key for key in keys if key not in known or key in doubled]
        found: dict[str, Elsewhere] = {}
        for other in others:
            items = self.items.items(other.ledger_id, asked) if asked else {}
            if self.is_closed(other):
                found |= {key: Elsewhere(stuck=True) for key in items}
                continue
            for key in keys:
                waiting = self._pool.get((other.ledger_id, key))
                if waiting is not None or key in items:
                    this = found.setdefault(key, Elsewhere())
                    self._call_off(this, plan, other, waiting)
                    self._send_off(this, plan, other, key, _there(items.get(key), waiting))
        return found

    def _call_off(
        self, this: Elsewhere, plan: BoardPlan, other: BoardPlan, waiting: Pending | None
    ) -> None:
        """What waits to be written there is written here instead."""
        if waiting is None or isinstance(waiting.operation, Archive):
            return
        self._take_out(waiting)
        if waiting.counted:  # its row is in the books of the other board
            self._settle(waiting.tickets)
        else:
            rows = len(waiting.tickets)
            self._books(other).read -= rows
            self._books(plan).read += rows
            this.tickets += waiting.tickets
        this.record |= waiting.record
        this.places |= waiting.after
        if waiting.before is not None:
            self._note(this, plan, other, waiting.before.name, waiting.before.cells)
        operation = waiting.operation
        cells = {**operation.cells, **waiting.rest}
        self._note(this, plan, other, operation.name, cells)

    def _send_off(
        self,
        this: Elsewhere,
        plan: BoardPlan,
        other: BoardPlan,
        key: str,
        item: KnownItem | None,
    ) -> None:
        if (other.ledger_id, key) in self._pool:
            this.places.add((other.ledger_id, key))  # it leaves already
        elif item is not None:
            self._note(this, plan, other, item.name, item.cells, newest=False)
            leaving = Pending(other, key, Archive(key, item.item_id), item)
            self._wait_again(leaving)
            this.places.add(leaving.place)

    @staticmethod
    def _note(
        this: Elsewhere,
        plan: BoardPlan,
        other: BoardPlan,
        name: str | None,
        cells: Mapping[str, Cell],
        *,
        newest: bool = True,
    ) -> None:
        properties = {cell.column.id: cell.property for cell in other.cells}
        columns = {cell.property: cell.column.id for cell in plan.cells}
        here = {
            GROUP if column == GROUP else columns[properties[column]]: cell
            for column, cell in cells.items()
            if column == GROUP or properties.get(column) in columns
        }
        this.cells = {**this.cells, **here} if newest else {**here, **this.cells}
        this.name = (name or this.name) if newest else (this.name or name)


def _there(known: KnownItem | None, waiting: Pending | None) -> KnownItem | None:
    """The item that is on the board, whatever waits to be done to it."""
    if waiting is None or known is not None:
        return known
    is_there = isinstance(waiting.operation, Update | Archive)
    return waiting.before if is_there and not isinstance(waiting.operation, Create) else None
