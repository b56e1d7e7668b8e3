"""Items by their keys, also those that a search does not show yet.

A new item may be found by a search only later. So where it matters whether a create has run, a
search that finds nothing is no answer: the board's own count of items is asked (one call), and
where that is not what it should be, all of the board's items are read. The count tells nothing
where the same request takes items off the board: those that come make up for those that leave.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from target_monday.delivery.calls import UNSEEN
from target_monday.delivery.outcomes import Acknowledged, Gone, Unknown
from target_monday.diff import Archive, Create
from target_monday.monday.boards import PAGE, boards_by_id, look_up, read_items

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.outcomes import Outcome
    from target_monday.delivery.pending import Pending
    from target_monday.diff import KnownItem
    from target_monday.ledger.items import ItemStore
    from target_monday.monday.boards import Item
    from target_monday.plan import BoardPlan

__all__ = ["Place", "Search", "appeared", "whole_board"]

_SEARCHABLE: Final = 40.0  # seconds in which what a request made can be seen, once some of it is
_KEYS_A_CALL: Final = 100
Place = tuple[int, str]  # the ledger's number of a board, and a key


Found = TypeVar("Found", bound=Sized)


def appeared(calls: Calls, look: Callable[[], Found], wanted: int, *, late: bool = True) -> Found:
    """What of so many things is there, if anything.

    monday runs operations one after another, and an item may be searchable only later: with `late`
    the first gets 8 seconds to appear, and where some are there, the others get 40.
    """
    found = look()
    clock, tries = calls.budget.clock, 0
    began = clock()
    while len(found) < wanted and clock() - began < (_SEARCHABLE if found else late * UNSEEN):
        tries += 1
        calls.pause(None, "a request is still running", tries)
        found = look()
    return found


def whole_board(calls: Calls, board_id: str, columns: Sequence[str]) -> tuple[list[Item], int]:
    """All items of a board, and how many it counts.

    Waits, up to 40 seconds, until the board shows as many items as it counts.
    """
    clock, tries = calls.budget.clock, 0
    began = clock()
    while True:
        count = _count(calls, board_id)
        items = read_items(calls.query, board_id, columns)
        if len(items) >= count or clock() - began >= _SEARCHABLE:
            return items, count
        tries += 1
        calls.pause(None, f"board {board_id} shows fewer items than it counts", tries)


def _count(calls: Calls, board_id: str) -> int:
    board = boards_by_id(calls.query, [board_id]).get(board_id)
    return (board.items_count or 0) if board else 0


@dataclass(slots=True)
class Search:
    """Looks for the items of operations.

    `counts`: how many items each board has, by monday's id, as far as this run knows. It is kept
    here from what is acknowledged, so that an item too many shows.
    """

    calls: Calls
    items: ItemStore
    counts: dict[str, int]

    def note(self, pack: Iterable[Pending], outcomes: Iterable[Outcome]) -> None:
        """Operations were acknowledged: items are on their boards, or off them.

        Where an item may have left without that being told, the count is not known any more.
        """
        for pending, outcome in zip(pack, outcomes, strict=True):
            board, leaves = pending.plan.board_id, isinstance(pending.operation, Archive)
            if board not in self.counts:
                continue
            if isinstance(outcome, Acknowledged):
                self.counts[board] += isinstance(pending.operation, Create) - leaves
            elif leaves and isinstance(outcome, Gone | Unknown):
                del self.counts[board]

    def look_up(self, waiting: Iterable[Pending]) -> dict[Place, list[KnownItem]]:
        """The items that carry the keys of these operations now, as a search finds them, by place.

        Key by key, 100 a call; or the whole board, 500 items a call, where that takes fewer.
        """
        return {
            (board, key): known
            for board, (plan, keys) in _by_board(waiting).items()
            for key, known in self._looked_up(plan, keys).items()
        }

    def find(
        self,
        waiting: Sequence[Pending],
        *,
        late: bool = False,
        there: bool = False,
        leaving: Container[str] = (),
    ) -> dict[Place, list[KnownItem]]:
        """The same, and for certain: what is not among it is not on its board.

        `late`: a request that makes some of it may still be at work. `there`: they were seen, and
        counted, so that the board's count says nothing. `leaving`: ids of boards that the request
        takes items off as well. Operations other than creates are of items that should be there.
        """
        by_board = _by_board(waiting)
        for plan, _ in by_board.values():
            if plan.board_id in leaving:
                self.counts.pop(plan.board_id, None)
        sure = (
            set()
            if late or there
            else {each for each in by_board if self._is_as_counted(waiting, each)}
        )
        asked = [each for each in waiting if each.place[0] not in sure]
        found = appeared(self.calls, lambda: self.look_up(asked), len(asked), late=late)
        for board, (plan, keys) in by_board.items():
            if board in sure:
                continue
            seen = sum(
                each.place in found and isinstance(each.operation, Create)
                for each in asked
                if each.place[0] == board
            )
            missing = {key for key in keys if (board, key) not in found}
            if not missing:
                if plan.board_id in self.counts and not there:
                    self.counts[plan.board_id] += seen
            elif there or not (late and self._is_as_counted(asked, board, seen)):
                read = self._read(plan, missing)
                found |= {(board, key): known for key, known in read.items()}
        return found

    def read(self, waiting: Iterable[Pending]) -> dict[Place, list[KnownItem]]:
        """The same from the boards themselves, which show more than a search may."""
        return {
            (board, key): known
            for board, (plan, keys) in _by_board(waiting).items()
            for key, known in self._read(plan, keys).items()
        }

    def doubled(self, made: Mapping[str, Pending]) -> set[str]:
        """Of these new items, by id, those whose keys other items of their boards have too.

        As soon as a search finds the new item, it finds an earlier one too; the board's count
        tells nothing, since people may have taken another item off it meanwhile.
        """
        ids = {each.place: item_id for item_id, each in made.items()}

        def told() -> dict[Place, list[KnownItem]]:
            found = self.look_up(made.values())
            return {
                place: these
                for place, these in found.items()
                if any(each.item_id == ids.get(place) for each in these)
            }

        found = appeared(self.calls, told, len(made))
        hidden = [each for each in made.values() if each.place not in found]
        for board, (plan, keys) in _by_board(hidden).items():
            read = self._read(plan, keys)
            found |= {(board, key): these for key, these in read.items()}
        return {item_id for place, item_id in ids.items() if len(found.get(place, ())) > 1}

    def _is_as_counted(self, waiting: Sequence[Pending], board: int, seen: int = 0) -> bool:
        """Whether a board holds no item but those that are known, and so many that were seen.

        False where the operations are not all creates: then a missing item is what is looked for.
        """
        these = [each for each in waiting if each.place[0] == board]
        board_id = these[0].plan.board_id
        expected = self.counts.get(board_id)
        if expected is None or not all(isinstance(each.operation, Create) for each in these):
            return False
        if _count(self.calls, board_id) != expected + seen:
            return False
        self.counts[board_id] = expected + seen
        return True

    def _looked_up(self, plan: BoardPlan, keys: Sequence[str]) -> Mapping[str, list[KnownItem]]:
        pages = (self.items.count(plan.ledger_id) + len(keys)) // PAGE + 1
        if pages * _KEYS_A_CALL < len(keys):
            return _by_key(plan, read_items(self.calls.query, plan.board_id, plan.column_ids), keys)
        column = plan.key_column or ""
        found = look_up(self.calls.query, plan.board_id, column, keys, columns=plan.column_ids)
        return {key: [plan.read(item) for item in these] for key, these in found.items()}

    def _read(self, plan: BoardPlan, keys: Iterable[str]) -> Mapping[str, list[KnownItem]]:
        """Those of the keys that a search did not show, from the board itself."""
        items, self.counts[plan.board_id] = whole_board(self.calls, plan.board_id, plan.column_ids)
        return _by_key(plan, items, keys)


def _by_key(
    plan: BoardPlan, items: Iterable[Item], keys: Iterable[str]
) -> Mapping[str, list[KnownItem]]:
    wanted, found = set(keys), dict[str, list["KnownItem"]]()
    for item in items:
        key = item.values.get(plan.key_column or "", (None, None))[0]
        if key in wanted:
            found.setdefault(str(key), []).append(plan.read(item))
    return found


def _by_board(waiting: Iterable[Pending]) -> dict[int, tuple[BoardPlan, list[str]]]:
    boards: dict[int, tuple[BoardPlan, list[str]]] = {}
    for pending in waiting:
        boards.setdefault(pending.plan.ledger_id, (pending.plan, []))[1].append(pending.key)
    return boards
