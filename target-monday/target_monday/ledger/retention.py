"""Payloads that are kept no longer: emptied, accounted for, and gone from the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine

__all__ = ["Purge", "count_payloads", "purge_payloads"]


@dataclass(frozen=True, slots=True)
class Purge:
    """Which payloads: of records before `before` (seconds since 1970), of a stream, of a key."""

    before: float
    stream: str | None = None
    key: str | None = None
    who: str | None = None
    reason: str | None = None

    @property
    def which(self) -> ColumnElement[bool]:
        """The condition on `tables.records`."""
        table = tables.records
        found = table.c.at < self.before
        if self.stream is not None:
            found &= table.c.stream == self.stream
        return found if self.key is None else found & (table.c.key == self.key)


def count_payloads(engine: Engine, purge: Purge) -> int:
    """How many payloads it would empty."""
    wanted = select(func.count()).where(purge.which, tables.records.c.payload.is_not(None))
    with engine.connect() as connection:
        return int(connection.execute(wanted).scalar_one())


def purge_payloads(engine: Engine, purge: Purge, now: float, run_id: str | None = None) -> int:
    """Empty these payloads, whose hashes stay; gives how many.

    In a SQLite file their place is overwritten. Raises LedgerFailed.
    """
    if not count_payloads(engine, purge):
        return 0
    sqlite = engine.dialect.name == "sqlite"
    row = {
        "at": now,
        "stream": purge.stream,
        "key": purge.key,
        "before": purge.before,
        "who": purge.who,
        "reason": purge.reason,
    }
    with writing(engine, "purge", run_id) as ledger:
        if sqlite:
            ledger.connection.exec_driver_sql("PRAGMA secure_delete=ON")
        emptied = ledger.empty_payloads(purge.which, row)
    if sqlite:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return emptied
