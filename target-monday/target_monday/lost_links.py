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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.delivery.outcomes import Outcome
    from target_monday.delivery.pending import Pending
    from target_monday.diff import Cell, KnownItem, WantedRow
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.links import LinkStore
    from target_monday.ledger.lost_links import LostLinkStore
    from target_monday.plan import BoardPlan

__all__ = ["LostLinks"]

_NAMED: Final = 5  # keys that a line of the log names
_log = logging.getLogger("target-monday")


def _ids(cell: Cell) -> set[str]:
    return set(cell) if isinstance(cell, list) else set()


def _is_full(plan: BoardPlan, item: KnownItem, link: LostLink) -> bool:
    """Whether the cell has the link again, or takes only one and has another."""
    column = plan.link_column(link.column)
    have = _ids(item.cells.get(column.column.id)) if column else set()
    settings = column.column.settings if column else None
    is_single = isinstance(settings, dict) and settings.get("allowMultipleItems") is False
    return link.item_id in have or (is_single and bool(have))


@dataclass(slots=True)
class LostLinks:
    """What boards have lost, by the key of the row and the name of the column.

    `boards_of` gives the live boards of a stream.
    """

    items: ItemStore
    made: LinkStore
    store: LostLinkStore
    boards_of: Callable[[str], Sequence[BoardEntry]]
    _lost: dict[int, dict[tuple[str, str], list[LostLink]]] = field(default_factory=dict)
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
        for key, known in self.items.cells(plan.ledger_id):
            before = certain(known)
            for name, column_id in columns.items():
                had = _ids(before.get(column_id))
                if had and key in now:
                    missing = had - _ids(now[key].cells.get(column_id))
                    gone[name] += [(key, item_id) for item_id in missing]
        lost = [each for name, links in gone.items() for each in self._named(plan, name, links)]
        if lost:
            self.store.keep(plan.ledger_id, lost)
            keys = list(dict.fromkeys(each.key for each in lost))
            _log.warning(
                "links.gone stream=%s board=%s links=%d keys=%r",
                *(plan.stream, plan.board_id, len(lost), keys[:_NAMED]),
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
        for entry in self.boards_of(plan.targets[name].link.stream):
            keys |= self.items.keys_by_item(entry.id)
        return keys

    def open(self, plan: BoardPlan, waiting: Iterable[tuple[str, str]]) -> None:
        """A board is ready: take up what it has lost, but for links that wait by themselves."""
        lost = self.store.of(plan.ledger_id)
        if not lost:
            return
        others = set(waiting)
        items = self.items.items(plan.ledger_id, list({each.key for each in lost}))
        kept: dict[tuple[str, str], list[LostLink]] = {}
        for each in lost:
            is_told = (each.key, each.column) in others or each.key not in items
            if not is_told and not _is_full(plan, items[each.key], each):
                kept.setdefault((each.key, each.column), []).append(each)
        self._lost[plan.ledger_id] = kept
        still = {each for links in kept.values() for each in links}
        self.store.forget(plan.ledger_id, [each for each in lost if each not in still])

    def came(self, plan: BoardPlan, rows: Iterable[WantedRow]) -> None:
        """These rows say themselves what they link to."""
        lost = self._lost.get(plan.ledger_id)
        if not lost:
            return
        done: list[LostLink] = []
        for row in rows:
            for name in plan.targets:
                column = plan.link_column(name)
                told = name in (row.unlinked or ()) or (column and column.column.id in row.cells)
                if told:
                    done += lost.pop((row.key, name), ())
        self.store.forget(plan.ledger_id, done)

    def returned(
        self, plan: BoardPlan, found: Callable[[BoardPlan, str, Sequence[str]], Mapping[str, str]]
    ) -> dict[str, dict[str, set[str]]]:
        """Links that can be made again: by the row's key and the column's id, their item ids."""
        lost = self._lost.get(plan.ledger_id, {})
        targets: dict[str, dict[str, None]] = {}
        for (_, name), links in lost.items():
            targets.setdefault(name, {}).update((each.target, None) for each in links)
        ids = {name: found(plan, name, list(keys)) for name, keys in targets.items()}
        made: dict[str, dict[str, set[str]]] = {}
        for (key, name), links in lost.items():
            column = plan.link_column(name)
            for each in links if column else ():
                item_id = ids[name].get(each.target)
                if column and item_id is not None and item_id != each.item_id:
                    made.setdefault(key, {}).setdefault(column.column.id, set()).add(item_id)
                    self._returning.setdefault((plan.ledger_id, key), []).append(each)
        return made

    def settled(self, pack: Iterable[Pending], outcomes: Iterable[Outcome]) -> None:
        """Operations were acknowledged: the links that they brought back are lost no more."""
        if not self._returning:
            return
        for pending, outcome in zip(pack, outcomes, strict=True):
            if not isinstance(outcome, Acknowledged):
                continue
            links = self._returning.pop(pending.place, [])
            if links and not isinstance(pending.operation, Archive):
                self._drop(pending.place[0], links)

    def _drop(self, board: int, links: Iterable[LostLink]) -> None:
        for each in links:
            place = each.key, each.column
            left = [one for one in self._lost.get(board, {}).pop(place, []) if one != each]
            if left:
                self._lost[board][place] = left
        self.store.forget(board, links)

    def end(self, plans: Mapping[int, BoardPlan]) -> dict[int, int]:
        """What became of the others, and whom the links point to that were read.

        Gives how many links of a board have targets that are gone.
        """
        counts: dict[int, int] = {}
        for board, lost in self._lost.items():
            links = [each for these in lost.values() for each in these]
            if links:
                counts[board] = self._judged(plans[board], links)
        for (board, name), ids in self._strange.items():
            if ids and board in plans:
                self._learn(plans[board], name, ids)
        return counts

    def _judged(self, plan: BoardPlan, links: Sequence[LostLink]) -> int:
        """Tell the targets that are gone from those that were there all the time."""
        gone: list[LostLink] = []
        by_hand: list[LostLink] = []
        count = 0
        for name in {each.column for each in links}:
            boards = [entry.id for entry in self.boards_of(plan.targets[name].link.stream)]
            these = [each for each in links if each.column == name]
            there = self.made.ids(boards, list({each.target for each in these}))
            read = {board: self.store.read_at(board) for board in boards}
            for each in these:
                board, item_id = there.get(each.target, (0, None))
                if item_id is None:
                    count += 1
                    if each.item_id:
                        gone.append(each)
                elif item_id == each.item_id and read[board] > each.at:
                    by_hand.append(each)
        self.store.note_gone(plan.ledger_id, gone)
        self.store.forget(plan.ledger_id, by_hand)
        return count

    def _learn(self, plan: BoardPlan, name: str, ids: set[str]) -> None:
        """Links that were only read, since the ledger was lost, point to these targets."""
        keys = self._keys_by_item(plan, name)
        targets = {keys[each]: each for each in ids if each in keys}
        known = self.made.linked(plan.ledger_id, name, list(targets))
        new = {target: each for target, each in targets.items() if target not in known}
        self.made.point(plan.ledger_id, name, new)
