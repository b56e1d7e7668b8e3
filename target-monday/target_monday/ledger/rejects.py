"""Rejects and what happened to them since: appended, so that their state is their last event's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Engine, func, select

from target_monday.ledger import tables
from target_monday.ledger.records import Records, SourceRecord
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["RejectedRow", "Rejects", "is_open"]

_REMEMBERED: Final = 24 * 3600.0  # seconds that a refusal holds
_DONE: Final = ("resolved", "waived")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not delivered, with the record itself.

    `digest`: of an operation that monday will refuse again while nothing changes. `board_id` and
    `column_id`: where it was to go, and which of its cells stands against it, as far as is known.
    """

    stream: str
    key: str | None
    code: str
    message: str
    record: Mapping[str, object]
    digest: str | None = None
    board_id: str | None = None
    column_id: str | None = None


def is_open() -> ColumnElement[bool]:
    """The condition on `tables.rejects` that a reject is neither resolved nor waived."""
    events = tables.reject_events
    newest = (
        select(events.c.state)
        .where(events.c.reject == tables.rejects.c.id)
        .order_by(events.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(newest, "open").not_in(_DONE)


class Rejects:
    """The rejects of one API address, as one run meets them."""

    def __init__(
        self,
        engine: Engine,
        scope: str,
        run_id: str,
        records: Records,
        clock: Callable[[], float],
    ) -> None:
        self._engine, self._scope, self._run_id = engine, scope, run_id
        self._records, self._clock = records, clock
        self._open: dict[str, dict[str, list[int]]] = self._read_open()
        self._refused: dict[tuple[str, str], str] = self._read_refusals()

    def add(self, rows: Iterable[RejectedRow]) -> None:
        """Commit rejects; they stay open until a row of their key is delivered."""
        rows = list(rows)
        if not rows:
            return
        now = self._clock()
        for row in rows:  # a new reject of a key takes the place of the open one
            if row.key is not None:
                self.resolve(row.stream, [row.key], "rejected again")
        with writing(self._engine, "reject", self._run_id) as ledger:
            sources = [SourceRecord(row.stream, row.key, row.record) for row in rows]
            records = self._records.append(ledger, sources, now)
            values = [
                self._row(row, record, now) for row, record in zip(rows, records, strict=True)
            ]
            numbers = ledger.append(tables.rejects, values)
            refusals = [
                {"reject": number, "operation": row.digest}
                for number, row in zip(numbers, rows, strict=True)
                if row.digest is not None
            ]
            ledger.put(tables.refusals, refusals)
        for number, row in zip(numbers, rows, strict=True):
            if row.key is not None:
                self._open.setdefault(row.stream, {}).setdefault(row.key, []).append(number)
            if row.key is not None and row.digest is not None:
                self._refused[row.stream, row.key] = row.digest

    def _row(self, row: RejectedRow, record: int | None, now: float) -> dict[str, object]:
        return {
            "run_id": self._run_id,
            "scope": self._scope,
            "stream": row.stream,
            "board_id": row.board_id,
            "column_id": row.column_id,
            "key": row.key,
            "code": row.code,
            "message": row.message,
            "record": record,
            "at": now,
        }

    def open_keys(self, stream: str) -> Collection[str]:
        """The keys of the stream's rows that were rejected and have not been delivered since."""
        return self._open.get(stream, {}).keys()

    def refused_before(self, stream: str, key: str, digest: str) -> bool:
        """Whether monday refused this very operation within the last day.

        Its reject is still open. After a day it is tried once more: a person may have changed what
        stood against it on the board.
        """
        return bool(self._refused) and self._refused.get((stream, key)) == digest

    def resolve(self, stream: str, keys: Iterable[str], reason: str = "delivered") -> None:
        """Rows of these keys are as wanted now: what was rejected before is done with."""
        waiting = self._open.get(stream)
        if not waiting:
            return
        numbers = [number for key in keys for number in waiting.pop(key, ())]
        if not numbers:
            return
        event = {"state": "resolved", "at": self._clock(), "run_id": self._run_id}
        more = {"who": None, "reason": reason, "ticket": None}
        with writing(self._engine, "resolve", self._run_id) as ledger:
            ledger.append(
                tables.reject_events, [{"reject": each, **event, **more} for each in numbers]
            )
            table = tables.refusals
            ledger.remove(table, table.c.reject.in_(numbers))

    def _read_open(self) -> dict[str, dict[str, list[int]]]:
        table = tables.rejects
        wanted = select(table.c.stream, table.c.key, table.c.id).where(
            table.c.scope == self._scope, table.c.key.is_not(None), is_open()
        )
        found: dict[str, dict[str, list[int]]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(wanted):
                found.setdefault(row.stream, {}).setdefault(row.key, []).append(row.id)
        return found

    def _read_refusals(self) -> dict[tuple[str, str], str]:
        rejects, refusals = tables.rejects, tables.refusals
        wanted = (
            select(rejects.c.stream, rejects.c.key, refusals.c.operation)
            .join(refusals, refusals.c.reject == rejects.c.id)
            .where(
                rejects.c.scope == self._scope,
                is_open(),
                rejects.c.at > self._clock() - _REMEMBERED,
            )
        )
        with self._engine.connect() as connection:
            return {(row.stream, row.key): row.operation for row in connection.execute(wanted)}
