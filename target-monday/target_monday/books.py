"""The books of a run: every row that was read is accounted for, or the run fails."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.control_totals import Movements
from target_monday.ledger.runs import BoardBooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_monday.control_totals import ControlTotals
    from target_monday.diff import KnownItem
    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan

__all__ = ["Books", "StreamBooks", "is_balanced"]

_PARTS: Final = ("created", "updated", "unchanged", "rejected", "carried_over", "filtered")


def is_balanced(counts: Mapping[str, int]) -> bool:
    """Whether the rows read are those created, updated, and so on, taken together."""
    return counts["read"] == sum(counts[name] for name in _PARTS)


@dataclass(slots=True)
class StreamBooks:
    """One stream's rows on one board and what became of them.

    `merged` rows were overtaken by a later row of the same key before they were sent; they are
    counted among the unchanged ones. `unknown` ones are counted among those carried over.
    `partial` ones have cells that did not fit into any request of this run. `filtered` ones are
    dropped by a stream map, kept back by the mode, or their stream is left out. `unlinked`
    are links, of rows of this or an earlier run, whose targets are not there.

    Rejects of earlier runs that were sent again from the ledger are none of the rows read:
    `retried` counts them, `recovered` those of them that are delivered now.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    carried_over: int = 0
    filtered: int = 0
    merged: int = 0
    unknown: int = 0
    archived: int = 0
    partial: int = 0
    shortened: int = 0
    unlinked: int = 0
    calls: int = 0  # requests that touched the board; one request may touch several
    points: int = 0
    retried: int = 0
    recovered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether each row read is accounted for."""
        return is_balanced(asdict(self))

    def filter(self, rows: int) -> None:
        """Enter rows that were read and that the settings keep off the board."""
        self.read += rows
        self.filtered += rows


@dataclass(slots=True)
class Books:
    """The books of all streams, one for each board of a stream, in order of appearance."""

    streams: dict[str, dict[str | None, StreamBooks]] = field(default_factory=dict)
    movements: dict[tuple[str, str], Movements] = field(default_factory=dict)

    def at(self, stream: str, board_id: str | None = None) -> StreamBooks:
        """The books of a stream on a board, opened when they are first asked for.

        Without a board: of rows that reached none; where the stream has one board only, its books.
        """
        boards = self.streams.setdefault(stream, {})
        if board_id in boards:
            return boards[board_id]
        if board_id is None and len(boards) == 1:
            return next(iter(boards.values()))
        opened = boards[board_id] = StreamBooks()
        return opened

    def of(self, stream: str) -> StreamBooks:
        """The numbers of all boards of a stream together."""
        return _sum(self.streams.get(stream, {}).values())

    @property
    def _all(self) -> list[StreamBooks]:
        return [books for boards in self.streams.values() for books in boards.values()]

    @property
    def rejected(self) -> int:
        """Rejected rows of all streams."""
        return sum(books.rejected for books in self._all)

    @property
    def partial(self) -> int:
        """Rows of all streams that lack cells on their board."""
        return sum(books.partial for books in self._all)

    @property
    def carried_over(self) -> int:
        """Rows of all streams that are still to be done."""
        return sum(books.carried_over for books in self._all)

    @property
    def balanced(self) -> bool:
        """Whether the books of every board balance."""
        return all(books.balanced for books in self._all)

    def moved(
        self,
        plan: BoardPlan,
        kind: str,
        key: str,
        before: KnownItem | None,
        after: KnownItem | None,
    ) -> None:
        """Enter into the control totals what became of an item."""
        if plan.control is not None:
            cells = [None if item is None else item.cells for item in (before, after)]
            self._movements(plan, plan.control).enter(kind, key, *cells)

    def found(
        self, plan: BoardPlan, before: Mapping[str, KnownItem], after: Mapping[str, KnownItem]
    ) -> None:
        """Enter what a reading of the whole board found otherwise than it was known."""
        for key in before.keys() | after.keys():
            self.moved(plan, "found", key, before.get(key), after.get(key))

    def rejected_record(self, plan: BoardPlan, record: Mapping[str, object]) -> None:
        """Enter the amounts of a row that is rejected."""
        if plan.control is not None:
            self._movements(plan, plan.control).reject(record)

    def _movements(self, plan: BoardPlan, control: ControlTotals) -> Movements:
        place = plan.stream, plan.board_id
        if place not in self.movements:
            self.movements[place] = Movements(control, plan.ledger_id)
        return self.movements[place]

    def rows(self, items: ItemStore) -> list[BoardBooks]:
        """The books as the ledger keeps them, with the control totals of what was touched."""
        return [
            BoardBooks(stream, board_id, asdict(books), self._totals(stream, board_id, items))
            for stream, boards in self.streams.items()
            for board_id, books in boards.items()
        ]

    def _totals(self, stream: str, board_id: str | None, items: ItemStore) -> dict[str, Any] | None:
        found = self.movements.get((stream, board_id or ""))
        return None if found is None else found.report(items.cells)

    def progress(self) -> str:
        """Rows so far, as pairs of name and number."""
        counts = asdict(_sum(self._all))
        return _pairs({name: counts[name] for name in ("read", *_PARTS)})

    def lines(self, *, calls: int, points: int) -> Iterable[str]:
        """One line a board, and the total."""
        for stream, boards in self.streams.items():
            for board_id, books in boards.items():
                yield f"board stream={stream} board={board_id or '-'} {_pairs(asdict(books))}"
        totals = _sum(self._all)
        totals.calls, totals.points = calls, points
        balanced = "yes" if self.balanced else "no"
        yield f"total boards={len(self._all)} {_pairs(asdict(totals))} balanced={balanced}"


def _sum(parts: Iterable[StreamBooks]) -> StreamBooks:
    total = StreamBooks()
    for books in parts:
        for name, count in asdict(books).items():
            setattr(total, name, getattr(total, name) + count)
    return total


def _pairs(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in counts.items())
