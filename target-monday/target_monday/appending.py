"""Rows without a key: each makes an item, and none a second one after a run that was cut off.

A row has no identity, so what counts is where it stands in its stream: until a bookmark has passed
it, the tap will send it again. So long the ledger keeps what it looked like; when the next run
brings the same row again it is known to be on the board, as often as it is there.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Container

    from target_monday.diff import WantedRow
    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan

__all__ = ["Appending", "is_appended"]

PREFIX: Final = "append:"
_NAME: Final = re.compile(r"append:[0-9a-f]{32}:[0-9a-f]{32}")
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Appending:
    """The appended rows of this run, and those that an earlier one left behind its bookmark."""

    items: ItemStore
    _left: dict[int, dict[str, list[str]]] = field(default_factory=dict)  # board -> look -> keys
    _rows: list[tuple[int, str, int, str]] = field(default_factory=list)

    def key(self, plan: BoardPlan, row: WantedRow, ticket: int) -> tuple[str, bool]:
        """The key of the row in the ledger, and whether its item is on the board already."""
        look = _look(row)
        left = self._left.get(plan.ledger_id)
        if left is None:
            left = self._left[plan.ledger_id] = self._read(plan.ledger_id)
        keys = left.get(look)
        again = bool(keys)
        key = keys.pop() if keys else f"{PREFIX}{look}:{uuid.uuid4().hex}"
        self._rows.append((ticket, plan.stream, plan.ledger_id, key))
        return key, again

    def _read(self, board: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key in self.items.keys_by_item(board).values():
            if key.startswith(PREFIX):
                found.setdefault(key.split(":")[1], []).append(key)
        return found

    def passed(self, ticket: int, but: Container[str]) -> None:
        """A bookmark went out behind all rows below this ticket: they will not come again.

        Rows of the streams in `but` will, since their own bookmarks were held back.
        """
        if not self._rows or self._rows[0][0] >= ticket:
            return
        self._forget([each for each in self._rows if each[0] < ticket and each[1] not in but])
        self._rows = [each for each in self._rows if each[0] >= ticket or each[1] in but]

    def ended_well(self) -> None:
        """The run is complete: what comes next is new, even if it looks the same."""
        self._forget(self._rows)
        for board, left in self._left.items():
            self.items.forget_items(board, [key for keys in left.values() for key in keys])
        self._rows, self._left = [], {}

    def _forget(self, rows: list[tuple[int, str, int, str]]) -> None:
        for board in {board for _, _, board, _ in rows}:
            self.items.forget_items(board, [key for _, _, one, key in rows if one == board])


def is_appended(key: str) -> bool:
    """Whether this is no key of a row but the ledger's own name for a row that has none."""
    return _NAME.fullmatch(key) is not None


def _look(row: WantedRow) -> str:
    """What two rows share that make the same item; when they were read does not matter."""
    cells = {column: cell for column, cell in row.cells.items() if column not in row.rules.along}
    return hashlib.sha256(_encode([row.name, row.fallback_name, cells])).hexdigest()[:32]
