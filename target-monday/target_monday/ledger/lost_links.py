"""Links that a reading of their board found no more, until it is known what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, func, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, RowMapping

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

    def has_any(self, board: int) -> bool:
        """Whether a board has lost any."""
        table = tables.lost_links
        with self.engine.connect() as connection:
            one = select(table.c.key).where(table.c.board == board).limit(1)
            return connection.execute(one).first() is not None

    def of(self, board: int, keys: Sequence[str]) -> list[LostLink]:
        """Those of these rows."""
        table = tables.lost_links
        return [
            each
            for start in range(0, len(keys), _CHUNK)
            for each in self._read(
                (table.c.board == board) & table.c.key.in_(keys[start : start + _CHUNK])
            )
        ]

    def there(self, board: int, column: str, boards: Sequence[int]) -> list[tuple[LostLink, str]]:
        """Those of a column whose targets are on these boards, each with the target's item id.

        "" where the id is not known.
        """
        table, items = tables.lost_links, tables.items
        these = (table.c.board == board) & (table.c["column"] == column)
        wanted = (
            select(table, items.c.item_id.label("now"))
            .join(items, (items.c.key == table.c.target) & items.c.board.in_(boards))
            .where(these)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(wanted).mappings()
            return [(_link(row), row["now"]) for row in rows]

    def without_target(self, board: int, column: str, boards: Sequence[int]) -> list[LostLink]:
        """Those of a column whose targets are on none of these boards, as far as not noted."""
        table = tables.lost_links
        return self._read(_gone(board, column, boards) & (table.c.item_id != ""))

    def count_gone(self, board: int, column: str, boards: Sequence[int]) -> int:
        """How many links of a column have targets that are on none of these boards."""
        counted = select(func.count()).select_from(tables.lost_links)
        with self.engine.connect() as connection:
            found = connection.execute(counted.where(_gone(board, column, boards)))
            return int(found.scalar_one())

    def _read(self, these: ColumnElement[bool]) -> list[LostLink]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(tables.lost_links).where(these)).mappings()
            return [_link(row) for row in rows]

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


def _link(row: RowMapping) -> LostLink:
    return LostLink(row["key"], row["column"], row["target"], row["item_id"], row["at"])


def _gone(board: int, column: str, boards: Sequence[int]) -> ColumnElement[bool]:
    """Links of a column whose targets have no items."""
    table, items = tables.lost_links, tables.items
    item = select(items.c.key).where((items.c.key == table.c.target) & items.c.board.in_(boards))
    return (table.c.board == board) & (table.c["column"] == column) & ~item.exists()
