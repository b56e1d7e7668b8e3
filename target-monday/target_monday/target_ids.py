"""Which items the targets of links are: by the ledger, and by their boards where it does not know.

Keys become ids by the items of the target's stream. An upload tells no ids, so those of its items
are looked up when something links to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.binding import connected_boards
from target_monday.delivery.searching import whole_board
from target_monday.monday.boards import PAGE, look_up
from target_monday.rejects import Reject
from target_monday.templates import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.links import LinkStore
    from target_monday.links import LinkTargets
    from target_monday.plan import BoardPlan

__all__ = ["TargetIds"]

_REMEMBERED: Final = 200_000  # targets of a column whose ids are not asked for again
_KEYS_A_CALL: Final = 100


@dataclass(slots=True, kw_only=True)
class TargetIds:
    """Finds the targets of links. `boards_of` gives the live boards of a stream."""

    calls: Calls
    items: ItemStore
    store: LinkStore
    boards_of: Callable[[str], Sequence[BoardEntry]]
    _revisions: dict[int, int] = field(default_factory=dict)  # of boards, when ids were last known

    def find_boards(self, plan: BoardPlan, name: str) -> None:
        """The boards that hold the targets, as far as the column connects them."""
        targets, column = plan.targets[name], plan.link_column(name)
        connected = connected_boards(column.column) if column else ()
        targets.boards = tuple(
            entry.id
            for entry in self.boards_of(targets.link.stream)
            if column is None or entry.board_id in connected
        )

    def state(self, plan: BoardPlan) -> tuple[object, ...] | None:
        """What the cells of the plan's links hang on beside their rows, as it is now.

        What is known of targets is dropped when it has moved. None where that cannot be told:
        which of several boards has a target may change without any item of before.
        """
        if not plan.targets:
            return ()
        board, revision = plan.ledger_id, self.store.revision(plan.ledger_id)
        moved = self._revisions.get(board) != revision
        self._revisions[board] = revision
        for name, targets in plan.targets.items():
            if not targets.boards:
                self.find_boards(plan, name)
            if moved:
                targets.forget()
            if len(targets.boards) > 1:
                return None
        return revision, [(name, each.boards) for name, each in plan.targets.items()]

    def know(self, plan: BoardPlan, records: Sequence[Mapping[str, Any]]) -> None:
        """Find the items that these records link to, before their cells are made."""
        for name, targets in plan.targets.items():
            if not targets.boards:
                self.find_boards(plan, name)
            if len(targets.ids) > _REMEMBERED:
                targets.forget()
            new: dict[str, None] = {}
            for record in records:
                try:
                    keys = targets.keys(record)
                except Reject:  # told when the row is made
                    continue
                if not isinstance(keys, Absent):
                    new.update((key, None) for key in keys if key not in targets.ids)
            if new:
                targets.learn(self.found(plan, name, list(new)))

    def found(self, plan: BoardPlan, name: str, keys: Sequence[str]) -> dict[str, str]:
        """Key -> item id of the targets that are there."""
        targets = plan.targets[name]
        if not targets.boards or not keys:
            return {}
        found = self.store.ids(targets.boards, keys)
        blind: dict[int, list[str]] = {}
        for key, (board, item_id) in found.items():
            if not item_id:
                blind.setdefault(board, []).append(key)
        ids = {key: item_id for key, (_, item_id) in found.items() if item_id}
        for board, these in blind.items():
            ids |= self.looked_up(targets, board, these)
        known = self.store.linked(plan.ledger_id, name, list(ids))
        new = {key: item_id for key, item_id in ids.items() if key not in known}
        if new:
            self.store.point(plan.ledger_id, name, new)
        return ids

    def looked_up(self, targets: LinkTargets, board: int, keys: Sequence[str]) -> dict[str, str]:
        """The ids of items as they are on their board, for the ledger too; none if not there.

        A search may not find a new item yet, so that only the whole board tells what is gone.
        """
        entries = {entry.id: entry for entry in self.boards_of(targets.link.stream)}
        entry = entries.get(board)
        if entry is None or entry.key_column is None:
            return {}
        column, wanted = entry.key_column, set(keys)
        pairs = self._searched(entry, wanted)
        if not wanted.issubset(key for key, _ in pairs):
            read, _ = whole_board(self.calls, entry.board_id, [column])
            pairs = [(each.values.get(column, (None,))[0], each.id) for each in read]
        found: dict[str, list[str]] = {}
        for key, item_id in pairs:
            if key in wanted:
                found.setdefault(str(key), []).append(item_id)
        ids = {key: these[0] for key, these in found.items() if len(these) == 1}
        known = self.items.items(board, keys)
        changed = {
            key: known[key].under(item_id)
            for key, item_id in ids.items()
            if key in known and known[key].item_id != item_id
        }
        self.items.adopt(board, changed)
        gone = [key for key in known if key not in found]
        if gone:
            self.items.forget_items(board, gone)
        return ids

    def _searched(self, entry: BoardEntry, keys: set[str]) -> list[tuple[object, str]]:
        """Key and id of the items that a search finds; of none where that takes more calls."""
        column = entry.key_column or ""
        if len(keys) > (self.items.count(entry.id) // PAGE + 1) * _KEYS_A_CALL:
            return []
        seen = look_up(self.calls.query, entry.board_id, column, list(keys), columns=[column])
        return [(key, item.id) for key, these in seen.items() for item in these]
