"""Rejects and what happened to them since: appended, so that their state is their last event's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Engine, ScalarSelect, func, select

from target_monday.ledger import tables
from target_monday.ledger.records import Records, SourceRecord
from target_monday.ledger.reject_book import OPEN_STATES, Filed, file_of, looks_of
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

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
    page: int | None = None


def is_open() -> ColumnElement[bool]:
    """The condition on `tables.rejects` that a reject is neither resolved nor waived."""
    return func.coalesce(_last_event(tables.reject_events.c.state), "open").not_in(_DONE)


def _last_event(column: ColumnElement[Any]) -> ScalarSelect[Any]:
    """What the last event of a reject says."""
    events = tables.reject_events
    return (
        select(column)
        .where(events.c.reject == tables.rejects.c.id)
        .order_by(events.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


class Rejects:
    """The rejects of one API address, as one run meets them.

    A row is recognised by its key. One without a key is recognised by what its record says; rows
    that say the same are one reject each, and each of these is met once in a run.
    """

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
        self._open: dict[str, dict[str, list[int]]] = {}
        self._keyless: dict[tuple[str, bytes | None], list[int]] = {}
        self._met: set[int] = set()  # of those without a key
        self._read_open()
        self._refused: dict[tuple[str, str], str] = self._read_refusals()

    def add(self, rows: Iterable[RejectedRow]) -> None:
        """Commit rejects; they stay open until a row of their key is delivered."""
        rows = list(rows)
        if not rows:
            return
        now = self._clock()
        waiting = self._waiting(rows)
        again = self._again(waiting)
        self.tried(
            {each.id: f"{row.code}: {row.message}" for each, row in again},
            purged={each.id: row for each, row in again if each.payload is None},
        )
        known = {id(row) for _, row in again}
        rows = [row for row in rows if id(row) not in known]
        for row in rows:  # a new reject of a row takes the place of the open one
            if row.key is not None:
                self.resolve(row.stream, [row.key], "rejected anew")
        replaced = (number for number, row in waiting.items() if row.key is None)
        same = {each.id for each, _ in again}
        self._done([number for number in replaced if number not in same], "rejected anew")
        with writing(self._engine, "reject", self._run_id) as ledger:
            records = self._records.append(ledger, [_source(row) for row in rows], now)
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
            else:
                self._keyless.setdefault((row.stream, looks_of(row.record)[0]), []).append(number)
                self._met.add(number)
            if row.key is not None and row.digest is not None:
                self._refused[row.stream, row.key] = row.digest

    def _waiting(self, rows: Iterable[RejectedRow]) -> dict[int, RejectedRow]:
        """The rows that have an open reject already, by its number."""
        found: dict[int, RejectedRow] = {}
        for row in rows:
            number = self._newest(row) if row.key is not None else self._next_alike(row)
            if number is not None:
                found[number] = row
        return found

    def _newest(self, row: RejectedRow) -> int | None:
        numbers = self._open.get(row.stream, {}).get(str(row.key), ())
        return numbers[-1] if numbers else None

    def _next_alike(self, row: RejectedRow) -> int | None:
        """A reject whose record says the same, if this run has not met it yet."""
        for look in looks_of(row.record):
            for number in self._keyless.get((row.stream, look), ()):
                if number not in self._met:
                    self._met.add(number)
                    return number
        return None

    def _again(self, waiting: Mapping[int, RejectedRow]) -> list[tuple[Filed, RejectedRow]]:
        """Rows that are rejected for the same reason as before, each with its reject."""
        filed = file_of(self._engine, numbers=list(waiting)) if waiting else ()
        pairs = ((each, waiting[each.id]) for each in filed)
        return [
            (each, row) for each, row in pairs if each.code == row.code and each.came_as(row.record)
        ]

    def tried(
        self,
        reasons: Mapping[int, str],
        digests: Mapping[int, str] | None = None,
        *,
        purged: Mapping[int, RejectedRow] | None = None,
    ) -> None:
        """These rejects were tried again in this run, and refused with these reasons.

        `digests`: of operations that monday will refuse again while nothing changes. `purged`: the
        rows whose records retention had emptied, and which have brought them back.
        """
        if not reasons:
            return
        now = self._clock()
        event = {"state": "retried", "at": now, "run_id": self._run_id}
        more = {"who": None, "ticket": None}
        refusals = [{"reject": each, "operation": one} for each, one in (digests or {}).items()]
        rows = purged or {}
        with writing(self._engine, "retried", self._run_id) as ledger:
            sources = [_source(row) for row in rows.values()]
            kept = dict(zip(rows, self._records.append(ledger, sources, now), strict=True))
            ledger.append(
                tables.reject_events,
                [
                    {"reject": each, **event, **more, "reason": why, "record": kept.get(each)}
                    for each, why in reasons.items()
                ],
            )
            ledger.put(tables.refusals, refusals)

    def waiting(self, stream: str) -> list[Filed]:
        """The open rejects of a stream with their records."""
        if stream not in self._open:  # those without a key wait for people
            return []
        found = file_of(self._engine, scope=self._scope, stream=stream, states=OPEN_STATES)
        return [each for each in found if each.payload is not None]

    def is_still_open(self, reject: Filed) -> bool:
        """Whether no row of its key has been delivered since it was read."""
        if reject.key is None:
            return True
        return reject.id in self._open.get(reject.stream, {}).get(reject.key, ())

    @property
    def open(self) -> int:
        """How many rows are rejected and not delivered since."""
        keyed = sum(len(numbers) for keys in self._open.values() for numbers in keys.values())
        return keyed + sum(map(len, self._keyless.values()))

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

    def refused_before(self, stream: str, key: str, digest: Callable[[], str]) -> bool:
        """Whether monday refused this very operation within the last day.

        Its reject is still open. After a day it is tried once more: a person may have changed what
        stood against it on the board.
        """
        refused = self._refused.get((stream, key))
        return refused is not None and refused == digest()

    def resolve(
        self,
        stream: str,
        keys: Iterable[str],
        reason: str = "delivered",
        number: int | None = None,
    ) -> None:
        """Rows of these keys are as wanted now: what was rejected before is done with.

        So is the reject of this number, under whatever key it was filed.
        """
        waiting = self._open.get(stream)
        if not waiting:
            return
        numbers = [each for key in keys for each in waiting.pop(key, ())]
        for key, these in list(waiting.items()) if number is not None else ():
            if number in these:
                numbers += waiting.pop(key)
        self._done(numbers, reason)

    def _done(self, numbers: Sequence[int], reason: str) -> None:
        if not numbers:
            return
        for place, alike in list(self._keyless.items()):
            self._keyless[place] = [each for each in alike if each not in numbers]
        event = {"state": "resolved", "at": self._clock(), "run_id": self._run_id}
        more = {"who": None, "reason": reason, "ticket": None, "record": None}
        with writing(self._engine, "resolve", self._run_id) as ledger:
            ledger.append(
                tables.reject_events, [{"reject": each, **event, **more} for each in numbers]
            )
            table = tables.refusals
            ledger.remove(table, table.c.reject.in_(numbers))

    def _read_open(self) -> None:
        table = tables.rejects
        wanted = select(table.c.id).where(table.c.scope == self._scope, is_open())
        with self._engine.connect() as connection:
            numbers = list(connection.execute(wanted).scalars())
        for each in file_of(self._engine, numbers=numbers) if numbers else ():
            if each.key is not None:  # a corrected record may have one
                self._open.setdefault(each.stream, {}).setdefault(each.key, []).append(each.id)
            else:
                self._keyless.setdefault((each.stream, each.look), []).append(each.id)

    def _read_refusals(self) -> dict[tuple[str, str], str]:
        rejects, refusals, events = tables.rejects, tables.refusals, tables.reject_events
        wanted = (
            select(rejects.c.stream, rejects.c.key, refusals.c.operation)
            .join(refusals, refusals.c.reject == rejects.c.id)
            .where(
                rejects.c.scope == self._scope,
                is_open(),
                func.coalesce(_last_event(events.c.at), rejects.c.at) > self._clock() - _REMEMBERED,
            )
        )
        with self._engine.connect() as connection:
            return {(row.stream, row.key): row.operation for row in connection.execute(wanted)}


def _source(row: RejectedRow) -> SourceRecord:
    return SourceRecord(row.stream, row.key, row.record, row.page)
