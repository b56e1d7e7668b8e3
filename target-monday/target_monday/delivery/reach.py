"""Where an upload that matches looks for items: on the whole board, or in the upload's group.

monday's guide says the board, monday's own MCP server says the group. So before the first upload
that changes items of a board with several groups, one row is sent to another group than its
item's. The ledger remembers what became of it, for the whole account.

Source: developer.monday.com/api-reference/docs/importing-items-in-bulk;
github.com/mondaycom/mcp, update-bulk-items-tool.ts.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from target_monday.ledger.budgets import BudgetStore

__all__ = ["Reach", "remember", "remembered"]

_NAME: Final = "upload reach"


class Reach(Enum):
    """Where matching uploads find items."""

    UNKNOWN = 0
    BOARD = 1
    GROUP = 2


def remembered(store: BudgetStore) -> Reach:
    """What an earlier upload showed."""
    return Reach(int(store.load().get(_NAME, 0)))


def remember(store: BudgetStore, reach: Reach) -> None:
    """Keep it for the next uploads, also those of other runs."""
    store.save({_NAME: float(reach.value)})
