"""Links that wait for their targets, and where the links that were made point to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.link_revisions import link_revision
from target_monday.ledger.sealed import writing
from target_monday.unreadable import restored, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["LinkStore", "PendingLink"]

_CHUNK: Final = 500  # keys a statement
_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=stored).encode
_keys = msgspec.json.Decoder(tuple[str, ...]).decode
_record = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class PendingLink:
    """A link that is not made yet: the keys of its targets, and of its row what makes it.

    `runs`: ends of runs that found it so. `told`: it stands as a reject, since a target is missing
    or (2) is on a board that its column does not connect.
    """

    keys: tuple[str, ...]
    record: Mapping[str, Any]
    runs: int = 0
    told: int = 0


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


class LinkStore:
    """The links of boards, which are named by the ledger's own numbers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ids(self, boards: Sequence[int], keys: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Key -> board and item id ("" where it is not known) of items that are on these boards."""
        table = tables.items
        wanted = select(table.c.key, table.c.board, table.c.item_id)
        with self._engine.connect() as connection:
            return {
                row.key: (row.board, row.item_id)
                for chunk in _chunks(keys)
                for row in connection.execute(
                    wanted.where(table.c.board.in_(boards) & table.c.key.in_(chunk))
                )
            }

    # Where the links of a column point to.

    def linked(self, board: int, column: str, keys: Sequence[str]) -> dict[str, str]:
        """Key of a target -> the item id that links of this column were made with."""
        table = tables.link_targets
        wanted = select(table.c.target, table.c.item_id)
        with self._engine.connect() as connection:
            return {
                row.target: row.item_id
                for chunk in _chunks(keys)
                for row in connection.execute(
                    wanted.where(
                        (table.c.board == board)
                        & (table.c["column"] == column)
                        & table.c.target.in_(chunk)
                    )
                )
            }

    def moved(self, board: int, column: str, boards: Sequence[int]) -> dict[str, tuple[str, str]]:
        """Key -> item id of before and of now, of targets whose item is another one since."""
        links, items = tables.link_targets, tables.items
        wanted = (
            select(links.c.target, links.c.item_id, items.c.item_id.label("now"))
            .join(items, (items.c.key == links.c.target) & items.c.board.in_(boards))
            .where(
                (links.c.board == board)
                & (links.c["column"] == column)
                & (links.c.item_id != items.c.item_id)
                & (items.c.item_id != "")
            )
        )
        with self._engine.connect() as connection:
            return {row.target: (row.item_id, row.now) for row in connection.execute(wanted)}

    def point(self, board: int, column: str, ids: Mapping[str, str]) -> None:
        """Links of this column are made with these item ids from now on."""
        rows = [
            {"board": board, "column": column, "target": key, "item_id": item_id}
            for key, item_id in ids.items()
        ]
        if rows:
            with writing(self._engine, "point links") as ledger:
                ledger.put(tables.link_targets, rows)

    def revision(self, board: int) -> int:
        """A number of the board's links that stays as long as the items that they point to do."""
        return link_revision(self._engine, board)

    # Links that wait.

    def pending(self, board: int) -> dict[tuple[str, str], PendingLink]:
        """Key of the row and name of the column -> the link that waits."""
        table = tables.pending_links
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.board == board))
            return {
                (row.key, row._mapping["column"]): PendingLink(  # noqa: SLF001 - `column` is a word of SQL
                    _keys(row.targets), restored(_record(row.record)), row.runs, row.told
                )
                for row in rows
            }

    def keep(self, board: int, links: Mapping[tuple[str, str], PendingLink]) -> None:
        """Have these links wait, in place of what waited there."""
        rows = [
            {
                "board": board,
                "key": key,
                "column": column,
                "targets": _encode(link.keys),
                "record": _encode(dict(link.record)),
                "runs": link.runs,
                "told": link.told,
            }
            for (key, column), link in links.items()
        ]
        if rows:
            with writing(self._engine, "keep links") as ledger:
                ledger.put(tables.pending_links, rows)

    def forget(self, board: int, links: Iterable[tuple[str, str]]) -> None:
        """These links are made, or not wanted any more."""
        table = tables.pending_links
        by_column: dict[str, list[str]] = {}
        for key, column in links:
            by_column.setdefault(column, []).append(key)
        if not by_column:
            return
        with writing(self._engine, "forget links") as ledger:
            for column, keys in by_column.items():
                for chunk in _chunks(keys):
                    these = (table.c.board == board) & (table.c["column"] == column)
                    ledger.remove(table, these & table.c.key.in_(chunk))
