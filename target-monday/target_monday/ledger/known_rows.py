"""The newest record of each key that the ledger knows, to be delivered once more.

A record stands in the ledger if it led to an operation or a reject, so what came last of a key is
what its board holds, or what was refused. Records are numbered in the order in which they came:
the highest number is the newest, whichever run or time was asked for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from operator import eq, ge, le, lt
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import func, select

from target_monday.appending import is_appended
from target_monday.keys import key_of, key_text
from target_monday.ledger import tables
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine

    from target_monday.ledger.reject_book import Filed

__all__ = ["Asked", "KnownRow", "KnownRows"]

_LEFT: Final = frozenset({"archive", "delete"})
_PURGED: Final = "their payloads were purged (retention) or never kept"
_NO_SCHEMA: Final = "the schema that they came under is not in the ledger"
_DOUBTED: Final = "they came before the ledger was restored, and their boards may hold newer ones"
_OTHER_KEY: Final = (
    "their keys were made of other properties, and newer rows have taken their place"
)
_NO_KEY: Final = "they have no key, and would make second items"
_record = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode
_names = msgspec.json.Decoder(list[str]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which keys are meant: those with a record that fits all of this. Times are since 1970."""

    run_id: str | None = None
    stream: str | None = None
    key_from: str | None = None
    key_to: str | None = None  # itself included
    since: float | None = None
    until: float | None = None

    def condition(self) -> list[ColumnElement[bool]]:
        """What a record must fulfil."""
        table = tables.records.c
        asked: tuple[tuple[ColumnElement[Any], Any, Any], ...] = (
            (table.run_id, eq, self.run_id),
            (table.stream, eq, self.stream),
            (table.key, ge, self.key_from),
            (table.key, le, self.key_to),
            (table.at, ge, self.since),
            (table.at, lt, self.until),
        )
        return [compare(column, value) for column, compare, value in asked if value is not None]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A record with the schema that it came under; `payload` and `schema` are JSON.

    `page`: of the source, where it was read.
    """

    stream: str
    key: str | None
    payload: bytes
    page: int | None
    schema: str
    key_properties: tuple[str, ...]


@dataclass(slots=True)
class KnownRows:
    """What the ledger can give again. `missing`: stream -> why it cannot, and how many rows."""

    engine: Engine
    missing: dict[str, Counter[str]] = field(default_factory=dict)
    left: int = 0  # rows whose items left their boards after they came
    waived: int = 0
    _schemas: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def newest(self, asked: Asked) -> list[KnownRow]:
        """The newest record of each key that is asked for, stream by stream, as they came."""
        table = tables.records
        with self.engine.connect() as connection:
            meant = (
                select(table.c.stream, table.c.key)
                .where(*asked.condition(), table.c.key.is_not(None))
                .distinct()
                .subquery()
            )
            newest = (
                select(func.max(table.c.id).label("id"))
                .join(meant, (meant.c.stream == table.c.stream) & (meant.c.key == table.c.key))
                .group_by(table.c.stream, table.c.key)
                .subquery()
            )
            rows = connection.execute(
                select(table)
                .join(newest, newest.c.id == table.c.id)
                .order_by(table.c.stream, table.c.id)
            ).all()
            self._count_keyless(connection, asked)
            gone = self._gone(connection)
            waived = self._waived(connection)
            doubted = _doubted(connection)
            found = []
            for row in rows:
                if is_appended(row.key):
                    self.missing.setdefault(row.stream, Counter())[_NO_KEY] += 1
                elif row.at <= doubted.get(row.stream, -1.0):
                    self.missing.setdefault(row.stream, Counter())[_DOUBTED] += 1
                elif row.at <= gone.get((row.stream, row.key), -1.0):
                    self.left += 1
                elif row.id in waived:
                    self.waived += 1
                else:
                    found.append(row)
            return list(self._given(connection, found))

    def of_rejects(self, rejects: list[Filed]) -> list[KnownRow]:
        """The records of these rejects, as they came or were corrected; streams together."""
        table = tables.records
        numbers = [each.record for each in rejects if each.record is not None]
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(table).where(table.c.id.in_(numbers)).order_by(table.c.stream, table.c.id)
            ).all()
            return list(self._given(connection, rows))

    def _given(self, connection: Connection, rows: Any) -> Iterator[KnownRow]:
        newest = {row.stream: row.schema_hash for row in rows if row.schema_hash is not None}
        for row in rows:
            schema = self._schema(connection, newest.get(row.stream))
            if row.payload is None or schema is None:
                reason = _PURGED if row.payload is None else _NO_SCHEMA
                self.missing.setdefault(row.stream, Counter())[reason] += 1
            elif not _is_its_key(row.key, row.payload, schema[1]):
                self.missing.setdefault(row.stream, Counter())[_OTHER_KEY] += 1
            else:
                yield KnownRow(row.stream, row.key, row.payload, row.page, *schema)

    def _schema(
        self, connection: Connection, number: str | None
    ) -> tuple[str, tuple[str, ...]] | None:
        if number is None:
            return None
        if number not in self._schemas:
            table = tables.schemas
            row = connection.execute(select(table).where(table.c.hash == number)).one_or_none()
            if row is None:
                return None
            self._schemas[number] = row.schema, tuple(_names(row.key_properties))
        return self._schemas[number]

    def _count_keyless(self, connection: Connection, asked: Asked) -> None:
        table = tables.records
        wanted = (
            select(table.c.stream, func.count())
            .where(*asked.condition(), table.c.key.is_(None))
            .group_by(table.c.stream)
        )
        for stream, count in connection.execute(wanted):
            self.missing.setdefault(stream, Counter())[_NO_KEY] += count

    @staticmethod
    def _gone(connection: Connection) -> dict[tuple[str, str], float]:
        """Stream and key -> when the item left its board, where that was the last of it."""
        operations, outcomes, boards = tables.operations, tables.outcomes, tables.boards
        last = (
            select(boards.c.stream, operations.c.key, func.max(operations.c.id).label("id"))
            .join(boards, boards.c.id == operations.c.board)
            .join(outcomes, outcomes.c.operation == operations.c.id)
            .where(outcomes.c.outcome == "acknowledged")
            .group_by(boards.c.stream, operations.c.key)
            .subquery()
        )
        wanted = (
            select(last.c.stream, last.c.key, tables.requests.c.sent_at)
            .join(operations, operations.c.id == last.c.id)
            .join(tables.requests, tables.requests.c.id == operations.c.request)
            .where(operations.c.kind.in_(_LEFT))
        )
        return {(row[0], row[1]): row[2] for row in connection.execute(wanted)}

    @staticmethod
    def _waived(connection: Connection) -> set[int]:
        """The records of rejects that somebody waived."""
        rejects, events = tables.rejects, tables.reject_events
        last = select(func.max(events.c.id)).group_by(events.c.reject)
        wanted = (
            select(rejects.c.record)
            .join(events, events.c.reject == rejects.c.id)
            .where(events.c.id.in_(last), events.c.state == "waived")
        )
        return set(connection.execute(wanted).scalars())


def _is_its_key(key: str | None, payload: bytes, key_properties: Sequence[str]) -> bool:
    """Whether the record has this key still, by what keys are made of now."""
    if key is None:
        return True
    try:
        return key_text(key_of(_record(payload), key_properties)) == key
    except Reject:
        return False


def _doubted(connection: Connection) -> dict[str, float]:
    """Since when what came of a stream is believed, where there is such a time."""
    table = tables.boards
    wanted = select(table.c.stream, func.max(table.c.doubted_at)).group_by(table.c.stream)
    return {row[0]: row[1] for row in connection.execute(wanted) if row[1] is not None}
