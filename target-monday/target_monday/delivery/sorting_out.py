"""Operations whose item is not as it was thought to be: looked up together, then made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_monday.monday.boards import PAGE, look_up, read_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.pending import Pending
    from target_monday.diff import KnownItem
    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan

__all__ = ["looked_up"]

_KEYS_A_CALL = 100


def looked_up(
    calls: Calls, items: ItemStore, waiting: Iterable[Pending]
) -> dict[tuple[int, str], list[KnownItem]]:
    """The items that carry the keys of these operations now, by place.

    Key by key, 100 a call; or the whole board, 500 items a call, where that takes fewer.
    """
    by_board: dict[int, tuple[BoardPlan, list[str]]] = {}
    for pending in waiting:
        by_board.setdefault(pending.plan.ledger_id, (pending.plan, []))[1].append(pending.key)
    found: dict[tuple[int, str], list[KnownItem]] = {}
    for board, (plan, keys) in by_board.items():
        for key, known in _on_board(calls, items, plan, keys).items():
            found[board, key] = known
    return found


def _on_board(
    calls: Calls, items: ItemStore, plan: BoardPlan, keys: Sequence[str]
) -> dict[str, list[KnownItem]]:
    column = plan.key_column or ""
    pages = (items.count(plan.ledger_id) + len(keys)) // PAGE + 1
    if pages * _KEYS_A_CALL >= len(keys):
        found = look_up(calls.query, plan.board_id, column, keys, columns=plan.column_ids)
        return {key: [plan.read(item) for item in these] for key, these in found.items()}
    wanted, known = set(keys), dict[str, list["KnownItem"]]()
    for item in read_items(calls.query, plan.board_id, plan.column_ids):
        key = item.values.get(column, (None, None))[0]
        if key in wanted:
            known.setdefault(str(key), []).append(plan.read(item))
    return known
