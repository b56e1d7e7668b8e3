"""How many items boards have room for: known before anything is sent, kept while it is.

monday tells each board's limit and number of items with the board itself. Creates beyond the limit
wait for items that leave in this run; what has no room at its end is rejected by name, and no
request is sent for it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.diff import Create
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.delivery.pending import Pending
    from target_monday.monday.boards import Board

__all__ = ["BoardCapacity", "Capacity"]

_NEARLY_FULL: Final = 0.9  # share of the limit from which it is said
_ADVICE: Final = "give each period a board (`board_name` with fields), or use `retire_when`"
_log = logging.getLogger("target-monday")


class BoardCapacity(Reject):
    """The board holds as many items as monday lets it."""

    code = "BOARD_CAPACITY"

    def __init__(self, board_id: str) -> None:
        super().__init__(f"board {board_id} is full, as monday limits its items: {_ADVICE}")


@dataclass(slots=True)
class Capacity:
    """The items that each board, by its id, can still take.

    `left` does not hold boards without a limit; `waiting` are the new items that are to be sent;
    `counts` are the items of each board when it was first known.
    """

    left: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def know(self, board: Board) -> None:
        """Take up limit and count of a board before this run writes to it; say if it is close."""
        items = board.items_count or 0
        self.counts.setdefault(board.id, items)
        if not board.items_limit or board.id in self.left:
            return
        self.left[board.id] = max(0, board.items_limit - items)
        if items >= _NEARLY_FULL * board.items_limit:
            _log.warning(
                "board.nearly_full board=%s name=%r items=%d limit=%d: %s",
                *(board.id, board.name, items, board.items_limit, _ADVICE),
            )

    def came(self, board_id: str, items: int = 1) -> None:
        """So many items are on the board now that were not; a negative number: they left it."""
        if board_id in self.left:
            self.left[board_id] = max(0, self.left[board_id] - items)

    def is_full(self, board_id: str) -> None:
        """Monday says that the board takes nothing more, whatever it said before."""
        self.left[board_id] = 0

    def waits(self, pending: Pending, items: int) -> None:
        """So many more operations like this one are to be sent."""
        if isinstance(pending.operation, Create):
            board = pending.plan.board_id
            self.waiting[board] = self.waiting.get(board, 0) + items

    @property
    def lacks(self) -> bool:
        """Whether more is to be sent to a board than it has room for."""
        left = self.left
        return any(items > left.get(board, items) for board, items in self.waiting.items())

    def fitting(self, waiting: Sequence[Pending]) -> tuple[list[Pending], list[Pending]]:
        """What can be sent, and the creates that have no room, both in their order."""
        left = dict(self.left)
        fitting: list[Pending] = []
        beyond: list[Pending] = []
        for pending in waiting:
            board = pending.plan.board_id
            if isinstance(pending.operation, Create) and board in left:
                if left[board] <= 0:
                    beyond.append(pending)
                    continue
                left[board] -= 1
            fitting.append(pending)
        self._tell(beyond)
        return fitting, beyond

    def _tell(self, beyond: Sequence[Pending]) -> None:
        """Once a board, as soon as it is known."""
        for pending in beyond:
            board = pending.plan.board_id
            if board not in self._told:
                self._told.add(board)
                _log.warning(
                    "board.full stream=%s board=%s room=%d: further items wait until others leave",
                    *(pending.plan.stream, board, self.left[board]),
                )
