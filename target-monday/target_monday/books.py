"""The books of a run: every row that was read is accounted for, or the run fails."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.ledger.runs import BoardBooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    dropped by a stream map, kept back by the mode, or their stream is left out.
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
    calls: int = 0  # requests that touched the board; one request may touch several
    points: int = 0

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

    def at(self, stream: str, board_id: str | None = None) -> StreamBooks:
        """The books of a stream on a board, opened when they are first asked for.

        Without a board: of rows that reached none; where the stream has one board only, its books.
        """
        boards = self.streams.setdefault(stream, {})
        if board_id is None and len(boards) == 1:
            return next(iter(boards.values()))
        return boards.setdefault(board_id, StreamBooks())

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

    def rows(self) -> list[BoardBooks]:
        """The books as the ledger keeps them."""
        return [
            BoardBooks(stream, board_id, asdict(books))
            for stream, boards in self.streams.items()
            for board_id, books in boards.items()
        ]

    def lines(self, *, calls: int, points: int) -> Iterable[str]:
        """One line a board, and the total."""
        for row in self.rows():
            yield f"board stream={row.stream} board={row.board_id or '-'} {_pairs(row.counts)}"
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
