"""Links that a reading of their board found no more, until it is known what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["LostLink", "LostLinkStore"]

_CHUNK: Final = 500  # values a statement


@dataclass(frozen=True, slots=True)
class LostLink:
    """A link of the row `key` in the column of this name, to the row `target`.

    `item_id` is the item that it pointed to; "" once the target was seen to be gone. `at`: when the
    board was read that had it no more.
    """

    key: str
    column: str
    target: str
    item_id: str
    at: float = 0.0


@dataclass(slots=True)
class LostLinkStore:
    """The links that boards, by the ledger's own numbers, have lost."""

    engine: Engine
    clock: Callable[[], float]

    def of(self, board: int) -> list[LostLink]:
        """All of a board."""
        table = tables.lost_links
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.board == board)).mappings()
            names = ("key", "column", "target", "item_id", "at")
            return [LostLink(*(row[name] for name in names)) for row in rows]

    def keep(self, board: int, links: Iterable[LostLink]) -> None:
        """A board was read just now and has these links no more."""
        self._write(board, [(each, self.clock()) for each in links])

    def note_gone(self, board: int, links: Iterable[LostLink]) -> None:
        """Their targets are gone: whatever items these have when they come back."""
        self._write(board, [(each, each.at) for each in links], gone=True)

    def _write(
        self, board: int, links: Sequence[tuple[LostLink, float]], *, gone: bool = False
    ) -> None:
        rows = [
            {
                "board": board,
                "key": link.key,
                "column": link.column,
                "target": link.target,
                "item_id": "" if gone else link.item_id,
                "at": at,
            }
            for link, at in links
        ]
        if rows:
            with writing(self.engine, "keep lost links") as ledger:
                ledger.put(tables.lost_links, rows)

    def forget(self, board: int, links: Iterable[LostLink]) -> None:
        """They are there again, or not wanted any more."""
        table = tables.lost_links
        by_link: dict[tuple[str, str], list[str]] = {}
        for each in links:
            by_link.setdefault((each.column, each.target), []).append(each.key)
        if not by_link:
            return
        with writing(self.engine, "forget lost links") as ledger:
            for (column, target), keys in by_link.items():
                these = (table.c["column"] == column) & (table.c.target == target)
                for start in range(0, len(keys), _CHUNK):
                    chunk = table.c.key.in_(keys[start : start + _CHUNK])
                    ledger.remove(table, (table.c.board == board) & these & chunk)

    def targets(self, board: int, column: str, ids: Sequence[str]) -> dict[str, str]:
        """Item id -> key of a target, of items that links of this column were made with."""
        table = tables.link_targets
        links = (table.c.board == board) & (table.c["column"] == column)
        wanted = select(table.c.item_id, table.c.target).where(links)
        with self.engine.connect() as connection:
            return {
                row.item_id: row.target
                for start in range(0, len(ids), _CHUNK)
                for row in connection.execute(
                    wanted.where(table.c.item_id.in_(ids[start : start + _CHUNK]))
                )
            }

    def read_at(self, board: int) -> float:
        """When all items of a board were last read."""
        table = tables.index_reads
        with self.engine.connect() as connection:
            found = connection.execute(select(table.c.at).where(table.c.board == board))
            return found.scalar_one_or_none() or 0.0
