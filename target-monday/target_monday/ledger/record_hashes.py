"""The hashes of records for which items need no change: asked for in thousands, for the quiet path.

Below SQLAlchemy's own statements where each row counts: they would take longer than the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RecordHashes"]

_CHUNK: Final = 500  # keys a statement
_KNOWN: Final = "SELECT record_hash, key FROM items WHERE board = {} AND record_hash"


@dataclass(frozen=True, slots=True)
class RecordHashes:
    """What is known of records that went to their boards."""

    engine: Engine

    def known(self, board: int, hashes: Sequence[bytes]) -> dict[bytes, str]:
        """Those of these hashes that an item of the board has, with its key."""
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                marks = ",".join("?" * len(hashes))
                statement, values = f"{_KNOWN.format('?')} IN ({marks})", (board, *hashes)
            else:
                statement, values = f"{_KNOWN.format('%s')} = ANY(%s)", (board, list(hashes))
            found = connection.exec_driver_sql(statement, values)
            return dict(found.cursor.fetchall())

    def of(self, board: int, keys: Sequence[str]) -> set[bytes]:
        """The hashes that the items under these keys have."""
        table, found = tables.items, set[bytes]()
        with self.engine.connect() as connection:
            for chunk in _chunks(keys):
                these = (table.c.board == board) & table.c.key.in_(chunk)
                wanted = select(table.c.record_hash).where(these, table.c.record_hash.is_not(None))
                found.update(map(bytes, connection.execute(wanted).scalars()))
        return found

    def remember(self, board: int, hashes: Mapping[str, bytes]) -> None:
        """Key -> hash of a record for which its item, as it is known, needs no change."""
        if not hashes:
            return
        table = tables.items
        with writing(self.engine, "remember", durable=False) as ledger:
            for chunk in _chunks(list(hashes)):
                these = (table.c.board == board) & table.c.key.in_(chunk)
                rows = ledger.connection.execute(select(table).where(these)).mappings()
                changed = [{**row, "record_hash": hashes[row["key"]]} for row in rows]
                ledger.put(table, changed)


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
