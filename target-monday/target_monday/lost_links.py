"""Links that are on their board no more, though the target took none of them out.

monday takes an item out of all links when a person deletes it. The row that links to it need not
come again when the item does: so what a reading of the board misses is kept, and linked again as
soon as the target is another item, or was gone and is back. Where the target was there all the
time, a person took the link out: such a link is the row's own matter, when that comes again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.delivery.outcomes import Acknowledged
from target_monday.diff import Archive, certain
from target_monday.ledger.lost_links import LostLink
from target_monday.quoting import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from target_monday.delivery.outcomes import Outcome
    from target_monday.delivery.pending import Pending
    from target_monday.diff import Cell, KnownItem, WantedRow
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.links import LinkStore
    from target_monday.ledger.lost_links import LostLinkStore
    from target_monday.plan import BoardPlan, CellPlan

__all__ = ["LostLinks"]

_NAMED: Final = 5  # keys that a line of the log names
_log = logging.getLogger("target-monday")


def _ids(cell: Cell) -> set[str]:
    return set(cell) if isinstance(cell, list) else set()


def _is_told(plan: BoardPlan, row: WantedRow, name: str) -> bool:
    """Whether a row has what makes the links of a column."""
    column = plan.link_column(name)
    is_made = column is not None and column.column.id in row.cells
    return is_made or name in (row.unlinked or ())


def _is_full(column: CellPlan, item: KnownItem, item_id: str | None) -> bool:
    """Whether an item has the link again, or another one where the column takes no more."""
    have = _ids(item.cells.get(column.column.id))
    settings = column.column.settings
    is_single = isinstance(settings, dict) and settings.get("allowMultipleItems") is False
    return item_id in have or (is_single and bool(have))


@dataclass(slots=True)
class LostLinks:
    """What boards have lost, by the key of the row and the name of the column.

    `boards_of` gives the live boards of a stream.
    """

    items: ItemStore
    made: LinkStore
    store: LostLinkStore
    boards_of: Callable[[str], Sequence[BoardEntry]]
    _lossy: set[int] = field(default_factory=set)  # boards that have lost any
    _returning: dict[tuple[int, str], list[LostLink]] = field(default_factory=dict)
    _strange: dict[tuple[int, str], set[str]] = field(default_factory=dict)  # no keys of them yet

    def read(self, plan: BoardPlan, now: Mapping[str, KnownItem]) -> None:
        """A board was read: what has it no more? To be told before the ledger is."""
        columns = {
            name: column.column.id for name in plan.targets if (column := plan.link_column(name))
        }
        if not columns:
            return
        gone: dict[str, list[tuple[str, str]]] = {name: [] for name in columns}
        for key, known in self.items.cells(plan.ledger_id, list(columns.values())):
            before = certain(known)
            for name, column_id in columns.items():
                had = _ids(before.get(column_id))
                if had and key in now:
                    missing = had - _ids(now[key].cells.get(column_id))
                    gone[name] += [(key, item_id) for item_id in missing]
        lost = [each for name, links in gone.items() for each in self._named(plan, name, links)]
        if lost:
            self.store.keep(plan.ledger_id, lost)
            self._lossy.add(plan.ledger_id)
            keys = list(dict.fromkeys(each.key for each in lost))
            _log.warning(
                "links.gone stream=%s board=%s links=%d keys=%s",
                *(plan.stream, plan.board_id, len(lost), listed(keys[:_NAMED])),
            )
        for name, column_id in columns.items():
            there = {each for item in now.values() for each in _ids(item.cells.get(column_id))}
            known_ids = self.store.targets(plan.ledger_id, name, list(there))
            self._strange[plan.ledger_id, name] = there - known_ids.keys()

    def _named(
        self, plan: BoardPlan, name: str, links: Sequence[tuple[str, str]]
    ) -> Iterable[LostLink]:
        """The links whose targets are known by their keys; row's key and item id."""
        ids = list({item_id for _, item_id in links})
        keys = self.store.targets(plan.ledger_id, name, ids)
        if any(each not in keys for each in ids):
            keys = self._keys_by_item(plan, name) | keys
        return [LostLink(key, name, keys[each], each) for key, each in links if each in keys]

    def _keys_by_item(self, plan: BoardPlan, name: str) -> dict[str, str]:
        """Item id -> key of all targets that a column may have."""
        keys: dict[str, str] = {}
        for board in self._boards(plan, name):
            keys |= self.items.keys_by_item(board)
        return keys

    def open(self, plan: BoardPlan, waiting: Collection[tuple[str, str]]) -> None:
        """A board is ready. Links that wait by themselves, by row and column, are not lost too."""
        if not self.store.has_any(plan.ledger_id):
            return
        self._lossy.add(plan.ledger_id)
        lost = self.store.of(plan.ledger_id, list({key for key, _ in waiting}))
        done = [each for each in lost if (each.key, each.column) in waiting]
        self.store.forget(plan.ledger_id, done)

    def came(self, plan: BoardPlan, rows: Sequence[tuple[WantedRow, object]]) -> None:
        """These rows say themselves what they link to."""
        if plan.ledger_id not in self._lossy:
            return
        wanted = {row.key: row for row, _ in rows}
        done = [
            each
            for each in self.store.of(plan.ledger_id, list(wanted))
            if _is_told(plan, wanted[each.key], each.column)
        ]
        self.store.forget(plan.ledger_id, done)

    def returned(
        self, plan: BoardPlan, found: Callable[[BoardPlan, str, Sequence[str]], Mapping[str, str]]
    ) -> dict[str, dict[str, set[str]]]:
        """Links that can be made again: by the row's key and the column's id, their item ids.

        `found` gives the ids of targets.
        """
        board, made = plan.ledger_id, dict[str, dict[str, set[str]]]()
        for name in plan.targets if board in self._lossy else ():
            column = plan.link_column(name)
            there = self.store.there(board, name, self._boards(plan, name))
            others = [each for each, now in there if now != each.item_id]
            if column is None or not others:
                continue
            ids = found(plan, name, list({each.target for each in others}))
            items = self.items.items(board, list({each.key for each in others}))
            done: list[LostLink] = []
            for each in others:
                item, item_id = items.get(each.key), ids.get(each.target)
                if item is None or _is_full(column, item, item_id):
                    done.append(each)
                elif item_id is not None and item_id != each.item_id:
                    made.setdefault(each.key, {}).setdefault(column.column.id, set()).add(item_id)
                    self._returning.setdefault((board, each.key), []).append(each)
            self.store.forget(board, done)
        return made

    def settled(self, pack: Iterable[Pending], outcomes: Iterable[Outcome]) -> None:
        """Operations were acknowledged: the links that they brought back are lost no more."""
        if not self._returning:
            return
        for pending, outcome in zip(pack, outcomes, strict=True):
            if not isinstance(outcome, Acknowledged):
                continue
            links = self._returning.pop(pending.place, [])
            if not isinstance(pending.operation, Archive):
                self.store.forget(pending.place[0], links)

    def end(self, plans: Mapping[int, BoardPlan]) -> dict[int, int]:
        """What became of the others, and what links point to that were only read.

        Gives how many links of a board have targets that are gone.
        """
        counts: dict[int, int] = {}
        for board in self._lossy & plans.keys():
            count = sum(self._judged(plans[board], name) for name in plans[board].targets)
            counts |= {board: count} if count else {}
        for (board, name), ids in self._strange.items():
            if ids and board in plans:
                self._learn(plans[board], name, ids)
        return counts

    def _judged(self, plan: BoardPlan, name: str) -> int:
        """Tell the targets that are gone from those that were there all the time."""
        board, boards = plan.ledger_id, self._boards(plan, name)
        self.store.note_gone(board, self.store.without_target(board, name, boards))
        read = min(map(self.store.read_at, boards), default=0.0)
        by_hand = [
            each
            for each, now in self.store.there(board, name, boards)
            if now == each.item_id and read > each.at
        ]
        self.store.forget(board, by_hand)
        return self.store.count_gone(board, name, boards)

    def _boards(self, plan: BoardPlan, name: str) -> list[int]:
        return [entry.id for entry in self.boards_of(plan.targets[name].link.stream)]

    def _learn(self, plan: BoardPlan, name: str, ids: set[str]) -> None:
        """Links that were only read, since the ledger was lost, point to these targets."""
        keys = self._keys_by_item(plan, name)
        targets = {keys[each]: each for each in ids if each in keys}
        known = self.made.linked(plan.ledger_id, name, list(targets))
        new = {target: each for target, each in targets.items() if target not in known}
        self.made.point(plan.ledger_id, name, new)
