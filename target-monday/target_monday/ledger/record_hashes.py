"""The hashes of records for which items need no change: asked for in thousands, for the quiet path.

A tap mostly brings its rows in the order in which it brought them before, and that is the order in
which SQLite keeps the items. So the items behind the last one that was found are read first; what
is not among them is looked up by the index, where hashes that follow each other lie far apart.

Below SQLAlchemy's own statements where each row counts: they would take longer than the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RecordHashes"]

_CHUNK: Final = 500  # keys a statement
_KNOWN: Final = "SELECT record_hash, key FROM items WHERE board = %s AND record_hash = ANY(%s)"
_INDEXED: Final = (
    "SELECT record_hash, key, rowid FROM items WHERE board = ? AND record_hash IN ({})"
)
_NEXT: Final = (
    "SELECT record_hash, key, rowid FROM items WHERE +board = ? AND rowid > ? AND rowid <= ?"
    " ORDER BY rowid LIMIT ?"
)
_SPAN: Final = 4  # times a batch; how far the items of one may be strewn
_MOST: Final = 64  # batches without a look ahead


@dataclass(slots=True)
class _Ahead:
    """Where the next rows of a board are likely to be: behind this row of the table.

    `pause`: for so many batches that is not tried, since it failed `failures` times.
    """

    rowid: int = 0
    pause: int = 0
    failures: int = 0

    def judge(self, hits: int, rows: int) -> None:
        """Whether it was worth it."""
        if 2 * hits >= rows:
            self.failures = 0
        else:
            self.failures += 1
            self.pause = min(2**self.failures, _MOST)


@dataclass(slots=True)
class RecordHashes:
    """What is known of records that went to their boards."""

    engine: Engine
    _ahead: dict[int, _Ahead] = field(default_factory=dict)  # by board

    def known(self, board: int, hashes: Sequence[bytes]) -> dict[bytes, str]:
        """Those of these hashes that an item of the board has, with its key."""
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                return self._in_sqlite(connection, board, hashes)
            found = connection.exec_driver_sql(_KNOWN, (board, list(hashes)))
            return dict(found.cursor.fetchall())

    def _in_sqlite(
        self, connection: Connection, board: int, hashes: Sequence[bytes]
    ) -> dict[bytes, str]:
        ahead = self._ahead.setdefault(board, _Ahead())
        places: dict[bytes, tuple[str, int]] = {}
        if ahead.pause:
            ahead.pause -= 1
        else:
            span, start = len(hashes) + len(hashes) // _SPAN, ahead.rowid
            limits = (board, start, start + _SPAN * len(hashes), span)
            rows = connection.exec_driver_sql(_NEXT, limits).cursor.fetchall()
            near = {one: (key, rowid) for one, key, rowid in rows}
            places = {one: near[one] for one in hashes if one in near}
            ahead.judge(len(places), len(hashes))
        rest = [one for one in hashes if one not in places] if len(places) < len(hashes) else ()
        if rest:
            statement = _INDEXED.format(",".join("?" * len(rest)))
            rows = connection.exec_driver_sql(statement, (board, *rest)).cursor.fetchall()
            places |= {one: (key, rowid) for one, key, rowid in rows}
        last = next((places[one] for one in reversed(hashes) if one in places), None)
        if last is not None:
            ahead.rowid = last[1]
        return {one: key for one, (key, _) in places.items()}

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
