"""Several streams on one board: whose a key is.

The ledger knows each stream's items. A key that another stream of the board owns is a reject; a
key that nobody owns, because the ledger was lost, is taken by the first stream that brings its row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from target_monday.diff import KnownItem
    from target_monday.ledger.items import BoardEntry, ItemStore

__all__ = ["KeyTaken", "Sharing"]


class KeyTaken(Reject):
    """Another stream has an item of this key on the same board."""

    code = "KEY_TAKEN"

    def __init__(self, key: str, stream: str, board_id: str) -> None:
        super().__init__(
            f"key {key!r} belongs to stream {stream!r} on board {board_id}: streams that share a "
            "board need keys of their own, or a `key_column` each"
        )


@dataclass(slots=True)
class Sharing:
    """The boards that several streams write to, by the ledger's numbers of their entries.

    `unclaimed`: items that carry a key which no stream of the board owns.
    """

    unclaimed: dict[int, dict[str, KnownItem]] = field(default_factory=dict)
    _neighbours: dict[int, list[BoardEntry]] = field(default_factory=dict)
    _entries: dict[int, BoardEntry] = field(default_factory=dict)

    def know(self, entry: BoardEntry, neighbours: Sequence[BoardEntry] | None) -> None:
        """Note who else writes to the board of `entry`; None: nobody."""
        if neighbours is None:
            return
        self._entries[entry.id] = entry
        self._neighbours[entry.id] = list(neighbours)
        for other in neighbours:
            these = self._neighbours.setdefault(other.id, [])
            if all(each.id != entry.id for each in these):
                these.append(entry)

    def __contains__(self, board: object) -> bool:
        """Whether others write to the board too."""
        return board in self._neighbours

    def neighbours(self, board: int) -> list[int]:
        """The entries of the other streams."""
        return [each.id for each in self._neighbours.get(board, ())]

    def rivals(self, board: int, key_column: str | None) -> list[BoardEntry]:
        """Those of them that keep their keys in the same column."""
        these = self._neighbours.get(board, ())
        return [each for each in these if key_column and each.key_column == key_column]

    def taken(
        self,
        board: int,
        key_column: str | None,
        keys: Sequence[str],
        items: ItemStore,
        pool: Container[tuple[int, str]],
    ) -> dict[str, KeyTaken]:
        """The keys among these that another stream owns, or is about to own."""
        found: dict[str, KeyTaken] = {}
        for rival in self.rivals(board, key_column) if keys else ():
            owned = items.items(rival.id, keys)
            for key in keys:
                if key in owned or (rival.id, key) in pool:
                    found[key] = KeyTaken(key, rival.stream, rival.board_id)
        return found

    def claim(self, board: int, keys: Sequence[str], items: ItemStore) -> Mapping[str, KnownItem]:
        """Make the items of these keys, that nobody owns so far, the stream's own."""
        free = self.unclaimed.get(board)
        if not free:
            return {}
        claimed = {key: free.pop(key) for key in keys if key in free}
        items.adopt(board, claimed)
        return claimed
