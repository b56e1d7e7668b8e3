"""Links from item to item: made as soon as their targets are there, in this run or a later one.

A link whose targets are known is a cell like any other. One whose targets are still to be made in
this run waits for them in the pool; what is left at the end gets a second pass, and then stays in
the ledger: it is made without its row coming again. What was linked to an item that is another one
by now is linked anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_monday import link_cells
from target_monday.delivery.outcomes import Acknowledged
from target_monday.diff import Archive, KnownItem, Update, WantedRow, certain
from target_monday.ledger.links import PendingLink
from target_monday.link_rejects import LinkRejects
from target_monday.monday.boards import PAGE
from target_monday.templates import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from target_monday.delivery.outcomes import Outcome
    from target_monday.delivery.pending import Pending
    from target_monday.diff import Cell
    from target_monday.lost_links import LostLinks
    from target_monday.plan import BoardPlan
    from target_monday.settling import Row

__all__ = ["Linking"]

Place = tuple[int, str]  # the ledger's number of a board, and a key
_log = logging.getLogger("target-monday")


@dataclass(slots=True)
class _Open:
    """A link that is not made yet; `kept`: the ledger knows of it.

    `cell` is what makes it, once all its targets are known.
    """

    link: PendingLink
    kept: bool = False
    cell: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class Linking(LinkRejects):
    """The links of one run."""

    lost: LostLinks
    _plans: dict[int, BoardPlan] = field(default_factory=dict)
    _open: dict[Place, dict[str, _Open]] = field(default_factory=dict)
    _made: dict[int, list[tuple[str, str]]] = field(default_factory=dict)  # to be forgotten
    _doubted: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    _repairs: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether any link waits, or the ledger has to be told of one that does not any more."""
        return bool(self._open or self._made)

    def open(self, plan: BoardPlan) -> None:
        """A board is ready: take up the links that wait in the ledger."""
        if not plan.targets:
            return
        first = plan.ledger_id not in self._plans
        self._plans[plan.ledger_id] = plan
        for name in plan.targets:
            self.find_boards(plan, name)
        if first:
            waiting = self.store.pending(plan.ledger_id)
            for (key, name), link in waiting.items():
                if name in plan.targets:
                    opened = self._open.setdefault((plan.ledger_id, key), {})
                    opened[name] = _Open(link, kept=True)
            self.lost.open(plan, waiting.keys())

    def open_keys(self, plan: BoardPlan) -> list[str]:
        """The keys of the board's rows with links that wait."""
        return [key for board, key in self._open if board == plan.ledger_id]

    # Rows and their operations.

    def note_all(self, plan: BoardPlan, rows: Sequence[tuple[WantedRow, Row]]) -> None:
        """Take note of the links of these rows that need more than their cells."""
        self.lost.came(plan, rows)
        for each, row in rows:
            if each.unlinked or self._open:
                self.note(plan, each, row.record)

    def note(self, plan: BoardPlan, row: WantedRow, record: Mapping[str, Any]) -> None:
        """What of a row cannot be linked yet; what waited before and can be, or is not wanted."""
        place = (plan.ledger_id, row.key)
        opened = self._open.get(place)
        if opened is not None:
            for name in [each for each in opened if each not in (row.unlinked or ())]:
                column = plan.link_column(name)
                if column is None or column.column.id in row.cells:
                    self._close(place, name)
        if not row.unlinked:
            return
        opened = self._open.setdefault(place, {})
        for name, keys in row.unlinked.items():
            before = opened.get(name)
            if before is None or before.link.keys != keys:
                opened[name] = _Open(PendingLink(keys, link_cells.excerpt(plan, name, record)))

    def _close(self, place: Place, name: str) -> None:
        """This link needs nothing more."""
        opened = self._open.get(place, {})
        link = opened.pop(name, None)
        if not opened:
            self._open.pop(place, None)
        if link is not None and link.kept:
            self._made.setdefault(place[0], []).append((place[1], name))
        if link is not None and link.link.told:
            self.journal.rejects.resolve(self._plans[place[0]].stream, [place[1]])

    def keep(self, places: Iterable[Place]) -> None:
        """Rows are settled without all of their links: the ledger has to know of these.

        What was made meanwhile is forgotten there.
        """
        by_board: dict[int, dict[tuple[str, str], PendingLink]] = {}
        for board, key in places:
            for name, each in self._open.get((board, key), {}).items():
                if not each.kept:
                    by_board.setdefault(board, {})[key, name] = each.link
                    each.kept = True
        for board, made in self._made.items():
            self.store.forget(board, made)
        self._made.clear()
        for board, links in by_board.items():
            self.store.keep(board, links)

    def is_held(self, pending: Pending, pool: Container[Place]) -> bool:
        """Whether a target of its links waits itself, and is to be made first."""
        targets = self._plans[pending.plan.ledger_id].targets if pending.place in self._open else {}
        return any(
            (board, key) in pool and (board, key) != pending.place
            for name, each in self._open.get(pending.place, {}).items()
            for board in targets[name].boards
            for key in each.link.keys
        )

    def bind(self, pack: Iterable[Pending]) -> None:
        """Put the links into operations that are about to leave, where the targets are known."""
        open_ones = [
            each
            for each in pack
            if each.place in self._open and not isinstance(each.operation, Archive)
        ]
        if not open_ones:
            return
        wanted: dict[tuple[int, str], dict[str, None]] = {}
        for pending in open_ones:
            for name, each in self._open[pending.place].items():
                wanted.setdefault((pending.place[0], name), {}).update(
                    dict.fromkeys(each.link.keys)
                )
        found = {
            (board, name): self.found(self._plans[board], name, list(keys))
            for (board, name), keys in wanted.items()
        }
        for pending in open_ones:
            for name, each in self._open[pending.place].items():
                ids = found[pending.place[0], name]
                column = self._plans[pending.place[0]].link_column(name)
                doubted = self._doubted.get((pending.place[0], name), set())
                if column is None or doubted.intersection(each.link.keys):
                    continue
                each.cell = link_cells.complete(each.link.keys, ids)
                if each.cell is not None:
                    link_cells.put(pending, column.column.id, each.cell)

    def settled(self, pack: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
        """Operations were acknowledged: their links are made, the others are for the ledger."""
        self.lost.settled(pack, outcomes)
        if not self._open and not self._made:
            return
        places: list[Place] = []
        for pending, outcome in zip(pack, outcomes, strict=True):
            place, operation = pending.place, pending.operation
            if place not in self._open or pending.rest or not isinstance(outcome, Acknowledged):
                continue
            if isinstance(operation, Archive):
                for name in list(self._open[place]):
                    self._close(place, name)
                continue
            for name, each in list(self._open[place].items()):
                column = self._plans[place[0]].link_column(name)
                written = operation.cells.get(column.column.id) if column else None
                if written is not None and written == each.cell:
                    self._close(place, name)
            if pending.plan.spec.append:  # there is no key to link it by later
                self._tell_of_appended(pending)
            else:
                places.append(place)
        self.keep(places)

    def _tell_of_appended(self, pending: Pending) -> None:
        for name, each in list(self._open.get(pending.place, {}).items()):
            elsewhere = self.elsewhere(pending.plan, name, each.link.keys)
            self.tell(pending.plan, None, name, each.link, elsewhere)
            self._close(pending.place, name)

    def without(self, pending: Pending) -> bool:
        """Take the links out of an operation that was refused: they must not cost the row.

        Their targets are looked up before they are tried again. False if there are none, or nothing
        else to send.
        """
        operation, plan = pending.operation, pending.plan
        if isinstance(operation, Archive) or not plan.targets or not pending.tickets:
            return False
        linked = {
            name: column.column.id
            for name in plan.targets
            if (column := plan.link_column(name)) and operation.cells.get(column.column.id)
        }
        taken = False
        for name, column_id in linked.items():
            waits = self._open.get(pending.place, {}).get(name)
            keys = waits.link.keys if waits else plan.targets[name].keys(pending.record)
            if isinstance(keys, Absent):
                continue
            if waits is None:
                link = PendingLink(keys, link_cells.excerpt(plan, name, pending.record))
                self._open.setdefault(pending.place, {})[name] = _Open(link)
            self._doubted.setdefault((plan.ledger_id, name), set()).update(keys)
            plan.targets[name].forget(keys)
            link_cells.drop(pending, column_id)
            pending.record_hash, taken = None, True
        return taken

    def refused(self, pending: Pending) -> None:
        """The second pass of a link is a reject."""
        self.rejects += not pending.tickets and pending.place in self._open

    def is_told(self, plan: BoardPlan, key: str) -> bool:
        """Whether a link of this row stands as a reject, which the row itself does not resolve."""
        return any(each.link.told for each in self._open.get((plan.ledger_id, key), {}).values())

    # At the end of the run.

    def unconnected(self) -> list[BoardPlan]:
        """Plans with columns of links whose targets' boards came up only later."""
        return [
            plan
            for plan in self._plans.values()
            if any(
                not (targets.boards and plan.link_column(name))
                and self.boards_of(targets.link.stream)
                for name, targets in plan.targets.items()
            )
        ]

    def second_pass(self, is_closed: Callable[[BoardPlan], bool]) -> Iterator[Pending]:
        """The links that can be made now, and those that point to another item by now."""
        for (board, name), keys in self._doubted.items():
            targets = self._plans[board].targets[name]
            found = self.store.ids(targets.boards, list(keys)) if targets.boards else {}
            for each in targets.boards:
                these = [key for key, (place, _) in found.items() if place == each]
                if these:
                    self.looked_up(targets, each, these)
        self._doubted.clear()
        for plan in self._plans.values():
            if not is_closed(plan):
                yield from self._merged(self._repaired(plan), self._late(plan))

    @staticmethod
    def _merged(*passes: Iterable[Pending]) -> Iterable[Pending]:
        """One operation an item."""
        found: dict[Place, Pending] = {}
        for pending in (each for one in passes for each in one):
            before = found.setdefault(pending.place, pending)
            if before is not pending and isinstance(pending.operation, Update):
                for column_id, cell in pending.operation.cells.items():
                    link_cells.put(before, column_id, cell)
        return found.values()

    def _repaired(self, plan: BoardPlan) -> Iterator[Pending]:
        """Items that link to what was a target's item before, or have lost their links to it."""
        changes: dict[str, dict[str, str]] = {}
        for name, targets in plan.targets.items():
            column = plan.link_column(name)
            if column is None or not targets.boards:
                continue
            moved = self.store.moved(plan.ledger_id, name, targets.boards)
            if moved:
                changes[column.column.id] = dict(moved.values())
                now = {key: new for key, (_, new) in moved.items()}
                self._repairs.append((plan.ledger_id, name, now))
        back = self.lost.returned(plan, self.found)
        if not changes and not back:
            return
        keys = list(self.items.keys(plan.ledger_id) if changes else back)
        for start in range(0, len(keys), PAGE):
            for key, item in self.items.items(plan.ledger_id, keys[start : start + PAGE]).items():
                cells = link_cells.repaired(certain(item.cells), changes, back.get(key, {}))
                if cells:
                    pending = link_cells.update(plan, key, item, cells)
                    if not self._refused_before(pending):
                        yield pending

    def _late(self, plan: BoardPlan) -> Iterator[Pending]:
        """Links that waited."""
        places = [place for place in self._open if place[0] == plan.ledger_id]
        known = self.items.items(plan.ledger_id, [key for _, key in places])
        wanted: dict[str, dict[str, None]] = {}
        for place in places:
            for name, each in self._open[place].items():
                wanted.setdefault(name, {}).update(dict.fromkeys(each.link.keys))
        found = {name: self.found(plan, name, list(keys)) for name, keys in wanted.items()}
        before = {
            name: self.store.linked(
                plan.ledger_id, name, [key for key in keys if key not in found[name]]
            )
            for name, keys in wanted.items()
        }
        for place in places:
            item = known.get(place[1])
            if item is None:  # its row is no item, and comes again
                for name in list(self._open[place]):
                    self._close(place, name)
                continue
            cells, record = self._late_cells(plan, place, item, found, before)
            if cells:
                pending = link_cells.update(plan, place[1], item, cells, record)
                if not self._refused_before(pending):
                    yield pending

    def _refused_before(self, pending: Pending) -> bool:
        before = self.journal.rejects.refused_before
        return before(pending.plan.stream, pending.key, pending.digest)

    def _late_cells(
        self,
        plan: BoardPlan,
        place: Place,
        item: KnownItem,
        found: Mapping[str, Mapping[str, str]],
        before: Mapping[str, Mapping[str, str]],
    ) -> tuple[dict[str, Cell], dict[str, Any]]:
        """What of an item's links is to be written, and the record behind it."""
        cells: dict[str, Cell] = {}
        record: dict[str, Any] = {}
        for name, each in list(self._open[place].items()):
            column = plan.link_column(name)
            if column is None or not plan.targets[name].boards:
                continue
            have, keys = item.cells.get(column.column.id), each.link.keys
            each.cell = link_cells.complete(keys, found[name])
            cell = each.cell or link_cells.partly(keys, have, found[name], before[name])
            if cell != have:
                cells[column.column.id] = cell
                record |= each.link.record
            elif each.cell is not None:
                self._close(place, name)
        return cells, record

    def end(self, is_closed: Callable[[BoardPlan], bool]) -> list[tuple[BoardPlan, int]]:
        """Settle what was repaired; report what still waits. Gives how many links, by board."""
        for board, name, ids in self._repairs:
            if not is_closed(self._plans[board]):
                self.store.point(board, name, ids)
        self.keep(())
        waiting: dict[int, dict[tuple[str, str], PendingLink]] = {}
        counts = self.lost.end(self._plans)
        elsewhere = self._elsewhere()
        for (board, key), opened in self._open.items():
            plan = self._plans[board]
            counts[board] = counts.get(board, 0) + len(opened)
            if is_closed(plan):
                continue
            for name, each in opened.items():
                there = elsewhere.get((board, name), {})
                link = self.ended(plan, key, name, each.link, there)
                if link != each.link:
                    waiting.setdefault(board, {})[key, name] = each.link = link
        for board, links in waiting.items():
            self.store.keep(board, links)
        for board, count in counts.items():
            _log.warning("links.pending stream=%s links=%d", self._plans[board].stream, count)
        return [(self._plans[board], count) for board, count in counts.items()]

    def _elsewhere(self) -> dict[tuple[int, str], Mapping[str, str]]:
        """By board and column, the targets of open links that their column cannot link to."""
        wanted: dict[tuple[int, str], dict[str, None]] = {}
        for (board, _), opened in self._open.items():
            for name, each in opened.items():
                wanted.setdefault((board, name), {}).update(dict.fromkeys(each.link.keys))
        return {
            (board, name): self.elsewhere(self._plans[board], name, list(keys))
            for (board, name), keys in wanted.items()
        }
