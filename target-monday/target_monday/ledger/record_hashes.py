"""The hashes of records for which items need no change: asked for in thousands, for the quiet path.

A tap mostly brings its rows in the order in which it brought them before, and that is the order in
which SQLite keeps the items. So the items behind the last one that was found are read; rows whose
hash is not among them are found by their keys. An index of the hashes would find these as well, but
hashes that follow each other lie far apart in it: each changed row would write a page of its own.

Below SQLAlchemy's own statements where each row counts: they would take longer than the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RecordHashes", "Trial"]

_CHUNK: Final = 500  # keys a statement
_BY_KEY: Final = (
    "SELECT key, record_hash, {rowid} FROM items WHERE board = {mark} AND key IN ({marks})"
    " AND record_hash IS NOT NULL"
)
_NEXT: Final = (
    "SELECT record_hash, key, rowid FROM items WHERE +board = ? AND rowid > ? AND rowid <= ?"
    " ORDER BY rowid LIMIT ?"
)
_SPAN: Final = 4  # times a batch; how far the items of one may be strewn
_MOST: Final = 64  # batches for which a way is left out


@dataclass(slots=True)
class Trial:
    """A way of finding rows that is left out for a while whenever it finds few."""

    _pause: int = 0  # batches
    _failures: int = 0

    @property
    def failed(self) -> bool:
        """Whether it found few the last time."""
        return self._failures > 0

    def is_due(self) -> bool:
        """Whether to try it with this batch."""
        if self._pause:
            self._pause -= 1
            return False
        return True

    def judge(self, hits: int, rows: int) -> None:
        """Whether it was worth it."""
        if 2 * hits >= rows:
            self._failures = 0
        else:
            self._failures += 1
            self._pause = min(2**self._failures, _MOST)


@dataclass(slots=True)
class _Ahead:
    """Where the next rows of a board are likely to be: behind this row of the table."""

    rowid: int = 0
    trial: Trial = field(default_factory=Trial)


@dataclass(slots=True)
class RecordHashes:
    """What is known of records that went to their boards."""

    engine: Engine
    _ahead: dict[int, _Ahead] = field(default_factory=dict)  # by board

    def ahead(self, board: int, hashes: Sequence[bytes]) -> dict[bytes, str]:
        """Those of these hashes that the items have which follow the last ones, with their keys.

        PostgreSQL keeps no order: there it finds none.
        """
        if self.engine.dialect.name != "sqlite":
            return {}
        ahead = self._ahead.setdefault(board, _Ahead())
        if not ahead.trial.is_due():
            return {}
        span, start = len(hashes) + len(hashes) // _SPAN, ahead.rowid
        limits = (board, start, start + _SPAN * len(hashes), span)
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(_NEXT, limits).cursor.fetchall()
        near = {one: (key, rowid) for one, key, rowid in rows}
        places = {one: near[one] for one in hashes if one in near}
        ahead.trial.judge(len(places), len(hashes))
        last = next((places[one] for one in reversed(hashes) if one in places), None)
        if last is not None:
            ahead.rowid = last[1]
        return {one: key for one, (key, _) in places.items()}

    def of(self, board: int, keys: Sequence[str]) -> dict[str, bytes]:
        """The hashes that the items under these keys have.

        Where the look ahead failed, the next one begins behind these.
        """
        is_sqlite = self.engine.dialect.name == "sqlite"
        mark, rowid = ("?", "rowid") if is_sqlite else ("%s", "0")
        found: dict[str, tuple[bytes, int]] = {}
        with self.engine.connect() as connection:
            for chunk in _chunks(keys):
                marks = ", ".join(repeat(mark, len(chunk)))
                wanted = _BY_KEY.format(rowid=rowid, mark=mark, marks=marks)
                rows = connection.exec_driver_sql(wanted, (board, *chunk)).cursor.fetchall()
                found |= {key: (bytes(one), place) for key, one, place in rows}
        ahead = self._ahead.get(board)
        if ahead is not None and ahead.trial.failed:
            last = next((found[key] for key in reversed(keys) if key in found), None)
            ahead.rowid = last[1] if last else ahead.rowid
        return {key: one for key, (one, _) in found.items()}

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
