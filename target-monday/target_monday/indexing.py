"""What is on a board, by key: read again whenever the ledger may not know it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.errors import KeyPropertiesChanged
from target_monday.identity import parts_fault
from target_monday.keys import bare
from target_monday.monday.boards import read_items
from target_monday.quoting import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.diff import KnownItem
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.monday.boards import Board, Item
    from target_monday.plan import BoardPlan
    from target_monday.sharing import Sharing

__all__ = ["Index", "Indexing", "Owned", "index_of"]

_NAMED: Final = 5  # keys that a line of the log names
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Owned:
    """What other streams own on the board: ids of items, and keys in the same key column."""

    ids: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Index:
    """All items of a board by key. `ambiguous`: keys that several items carry."""

    known: Mapping[str, KnownItem]
    ambiguous: Mapping[str, tuple[str, ...]]
    other_items: int


@dataclass(slots=True)
class Indexing:
    """Knows the items of boards. `counts`: known items by entry, as they were with the boards.

    `found` is told what a reading of a board found, before the ledger is.
    """

    calls: Calls
    items: ItemStore
    sharing: Sharing
    found: Callable[[BoardPlan, Mapping[str, KnownItem]], None]
    ambiguous: dict[int, Mapping[str, tuple[str, ...]]]
    edited: dict[int, Mapping[str, KnownItem]]
    counts: Mapping[int, int] = field(default_factory=dict)
    _indexed: set[int] = field(default_factory=set)

    def know(
        self, plan: BoardPlan, board: Board, entry: BoardEntry, *, columns_changed: bool
    ) -> None:
        """Read the board's items if the ledger cannot be trusted to know them."""
        if plan.spec.append or (entry.id in self._indexed and not columns_changed):
            return
        neighbours = self.sharing.neighbours(entry.id)
        expected = None
        if entry.other_items is not None:
            theirs = sum(self.counts.get(each, 0) for each in neighbours)
            expected = self.items.count(entry.id) + theirs + entry.other_items
        self._indexed.add(entry.id)
        old = self.items.is_old(entry.id)
        if expected == board.items_count and not (columns_changed or old):
            return
        empty = not board.items_count and not any(map(self.items.count, neighbours))
        found = [] if empty else read_items(self.calls.query, board.id, plan.column_ids)
        remembered = self.items.keys_by_item(entry.id)
        index = index_of(plan, found, remembered, self._owned(plan, entry.id))
        where = f"stream {plan.stream!r}, board {board.id} ({board.name!r})"
        fault = None if remembered else parts_fault(where, plan.spec, index.known)
        if fault is not None:
            raise KeyPropertiesChanged([fault])
        self._tell_what_people_did(plan, index, remembered)
        self.found(plan, index.known)
        known = self._without_unclaimed(entry, index, remembered)
        unsure = index.ambiguous or len(known) < len(index.known)
        self.items.replace_all(entry.id, known, None if unsure else index.other_items)
        self.ambiguous[entry.id] = index.ambiguous
        _log.info(
            "index.read stream=%s board=%s items=%d others=%d ambiguous=%d",
            *(plan.stream, board.id, len(known), index.other_items, len(index.ambiguous)),
        )

    def _tell_what_people_did(
        self, plan: BoardPlan, index: Index, remembered: Mapping[str, str]
    ) -> None:
        """Items that left the board, and keys that were changed, since the ledger knew them."""
        there = index.known.keys() | index.ambiguous.keys()
        gone = [key for key in remembered.values() if key not in there]
        if gone:
            _log.warning(
                "items.gone stream=%s board=%s items=%d keys=%s",
                *(plan.stream, plan.board_id, len(gone), listed(gone[:_NAMED])),
            )
        edited = {
            key: item
            for key, item in index.known.items()
            if item.cells.get(plan.key_column or "") != bare(key)
        }
        if edited:
            _log.warning(
                "keys.edited stream=%s board=%s items=%d keys=%s: they are written again",
                *(plan.stream, plan.board_id, len(edited), listed(list(edited)[:_NAMED])),
            )
            self.edited[plan.ledger_id] = edited

    def _owned(self, plan: BoardPlan, board: int) -> Owned:
        ids = (self.items.keys_by_item(each) for each in self.sharing.neighbours(board))
        rivals = self.sharing.rivals(board, plan.key_column)
        keys = (self.items.keys(each.id) for each in rivals)
        return Owned(frozenset().union(*ids), frozenset().union(*keys))

    def _without_unclaimed(
        self, entry: BoardEntry, index: Index, remembered: Mapping[str, str]
    ) -> Mapping[str, KnownItem]:
        """The stream's own; on a shared board a key is nobody's before a row of it came."""
        if entry.id not in self.sharing:
            return index.known
        mine = {*remembered.values(), *self.items.keys(entry.id)}
        free = {key: item for key, item in index.known.items() if key not in mine}
        self.sharing.unclaimed[entry.id] = free
        if free:
            _log.warning(
                "items.unclaimed stream=%s board=%s items=%d: they carry keys of no stream yet; "
                "the first one that brings a row of a key takes it",
                *(entry.stream, entry.board_id, len(free)),
            )
        return {key: item for key, item in index.known.items() if key in mine}


def index_of(
    plan: BoardPlan,
    found: Sequence[Item],
    remembered: Mapping[str, str],
    owned: Owned = Owned(),
) -> Index:
    """The items by key. `remembered` (item id -> key) finds items whose key cell was edited.

    An item whose cell was edited does not stand for the key that it carries now.
    """
    by_key: dict[str, list[KnownItem]] = {}
    others = 0
    read = [(item, plan.read(item)) for item in found if item.id not in owned.ids]
    keys = ((item.id, known.cells[plan.key_column or ""]) for item, known in read)
    present = {key for number, key in keys if remembered.get(number, key) == key}
    for item, known in read:
        key = known.cells[plan.key_column or ""]
        before = remembered.get(item.id)
        edited = before is not None and before not in present
        if isinstance(key, str) and not edited:
            if key not in owned.keys:
                by_key.setdefault(key, []).append(known)
        elif before is not None and edited:
            by_key.setdefault(before, []).append(known)
        else:
            others += 1
    unique = {key: these[0] for key, these in by_key.items() if len(these) == 1}
    several = {
        key: tuple(item.item_id for item in these)
        for key, these in by_key.items()
        if len(these) > 1
    }
    return Index(unique, several, others)
