"""Documents that are done for good leave their boards: those that come, and those that do not.

What is due is archived at the end of the input, all together, so that the brake sees how many there
are before anything is touched. A row that is due and not on a board makes no item. A document that
is opened again gets a new item: the archived one stays with what people added to it.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from target_monday.delivery.pending import Pending
from target_monday.diff import Archive
from target_monday.errors import BoardFailed
from target_monday.moving import Moving
from target_monday.versions import Leaving, hold_back

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from target_monday.mapping import BoardSpec
    from target_monday.plan import BoardPlan
    from target_monday.retire_when import RetireWhen
    from target_monday.routing import Route
    from target_monday.settling import Row

__all__ = ["Retiring"]

_log = logging.getLogger("target-monday")


@dataclass(slots=True, kw_only=True)
class Retiring(Moving):
    """Sets rows apart that are due, and archives their items when the input has ended.

    `wall` tells seconds since 1970.
    """

    wall: Callable[[], float]
    _leaving: dict[tuple[int, str], Pending] = field(default_factory=dict)
    _stays: dict[str, set[str]] = field(default_factory=dict)  # by stream: keys that are not due

    def is_due(self, spec: BoardSpec, record: Mapping[str, Any]) -> bool:
        """Whether the record's document is done for good."""
        rule = spec.retire
        return rule is not None and rule.is_due(record, rule.today(self.wall()))

    def without_retired(self, route: Route, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that are to be on their boards; for each key its last row in the batch says."""
        rule = route.spec.retire
        if rule is None or not rows:
            return rows
        today = rule.today(self.wall())
        keys = [route.spec.key_or_none(row.record) for row in rows]
        due = {
            key: rule.is_due(row.record, today) for key, row in zip(keys, rows, strict=True) if key
        }
        leaving = {key for key, is_due in due.items() if is_due}
        stays = self._stays.setdefault(route.stream, set())
        stays -= leaving
        stays |= due.keys() - leaving
        for key in due.keys() - leaving:
            self._keep(route, key)
        if leaving:
            self._set_apart(
                route,
                [(key, row) for key, row in zip(keys, rows, strict=True) if key and key in leaving],
            )
        return [row for key, row in zip(keys, rows, strict=True) if key not in leaving]

    def stay(self, route: Route, keys: Collection[str]) -> None:
        """Rows of these keys are as they were when they were not due, on this very day."""
        if route.spec.retire is None:
            return
        self._stays.setdefault(route.stream, set()).update(keys)
        for key in keys if self._leaving else ():
            self._keep(route, key)

    def _keep(self, route: Route, key: str) -> None:
        """A later row says that the document is open: its item does not leave."""
        for plan in route.plans.values():
            spared = self._leaving.pop((plan.ledger_id, key), None) if self._leaving else None
            if spared is not None:
                self._filtered(spared)

    def _filtered(self, pending: Pending) -> None:
        self._books(pending.plan).filtered += len(pending.tickets)
        self._settle(pending.tickets)

    def _set_apart(self, route: Route, rows: Sequence[tuple[str, Row]]) -> None:
        keys = list({key for key, _ in rows})
        at: dict[str, BoardPlan] = {}
        for plan in route.plans.values():
            known = self.items.items(plan.ledger_id, keys)
            for key in keys:
                place = (plan.ledger_id, key)
                waiting = self._pool.get(place)
                self._call_back(waiting)
                before = known.get(key) or (waiting.before if waiting else None)
                if before is not None and place not in self._leaving:
                    operation = Archive(key, before.item_id)
                    self._leaving[place] = Pending(plan, key, operation, before)
                if before is not None:
                    at[key] = plan
        for key, row in rows:
            on = at.get(key)
            self.books.at(route.stream, on.board_id if on else None).read += 1
            if on is None:
                self.books.at(route.stream).filtered += 1
                self._settle([row.ticket])
            else:
                leaving = self._leaving[on.ledger_id, key]
                leaving.tickets.append(row.ticket)
                leaving.record, leaving.page = row.record, row.page

    def _call_back(self, waiting: Pending | None) -> None:
        """What waits to be written is not written any more."""
        if waiting is None or isinstance(waiting.operation, Archive):
            return
        self._take_out(waiting)
        if waiting.counted:
            self._settle(waiting.tickets)
        else:
            self._filtered(waiting)

    def retire(self, route: Route, settings: Mapping[str, Any]) -> None:
        """Have everything leave that is due, also what did not come, unless the brake holds it."""
        rule = route.spec.retire
        if rule is None:
            return
        if route.stream not in self.failed:
            for plan in route.plans.values():
                self._judge_known(rule, plan)
        boards = {plan.ledger_id: plan for plan in route.plans.values()}
        leaving = [each for place, each in self._leaving.items() if place[0] in boards]
        for each in leaving:
            del self._leaving[each.place]
        try:
            counts = Counter(each.place[0] for each in leaving)
            by_part = {
                plan.spec.part: Leaving(counts[number], self.items.count(number))
                for number, plan in boards.items()
            }
            what = f"items are to be retired from stream {route.stream!r}"
            hold_back(settings, by_part, what)
        except BoardFailed as error:
            self.fail_stream(route.stream, str(error))
        for each in leaving:
            if self.is_closed(each.plan):
                self._leave(each)
            else:
                self._wait_again(each)

    def _judge_known(self, rule: RetireWhen, plan: BoardPlan) -> None:
        """The items whose rows did not come in this run, by the cells that the ledger knows."""
        columns = {cell.property: cell.column.id for cell in plan.cells}
        state, since = columns.get(rule.property), columns.get(rule.since)
        if state is None or since is None or not rule.cells_of(plan.spec.columns):
            return
        today, stays = rule.today(self.wall()), self._stays.get(plan.stream, set())
        due = [
            key
            for key, cells in self.items.cells(plan.ledger_id, (state, since))
            if key not in stays
            and rule.is_due_by_cells(cells.get(state), cells.get(since), today)
            and (plan.ledger_id, key) not in self._leaving
        ]
        for key, item in self.items.items(plan.ledger_id, due).items():
            leaving = Pending(plan, key, Archive(key, item.item_id), item)
            self._leaving[leaving.place] = leaving

    @override
    def carry_over_rest(self) -> None:
        """The run stops: what still waits, or would have left, is for the next one."""
        for pending in self._leaving.values():
            self._books(pending.plan).carried_over += len(pending.tickets)
        self._leaving.clear()
        super(Retiring, self).carry_over_rest()
