"""Rejects as people deal with them: found, looked at, corrected, waived. Nothing is overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from target_monday.columns import IGNORED_PREFIXES
from target_monday.ledger import tables
from target_monday.ledger.sealed import writing
from target_monday.unreadable import restored, stored

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine, RowMapping, Table

__all__ = ["OPEN_STATES", "Filed", "Note", "correct", "file_of", "looks_of", "note"]

OPEN_STATES: Final = frozenset({"open", "retried"})
_CHUNK: Final = 500
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_payload = msgspec.json.Encoder(decimal_format="number", enc_hook=stored).encode
_sorted = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Filed:
    """A reject with what happened to it since.

    `attempts` counts the first one; `record` is the number of the record that counts now: as it
    came, or as it was corrected last. `payload` is that record as JSON, None where none was kept
    or retention emptied it; `payload_hash` stays. `message` and `code` are of the first attempt;
    later ones stand in `events`, oldest first.
    """

    id: int
    run_id: str
    scope: str
    stream: str
    board_id: str | None
    column_id: str | None
    key: str | None
    code: str
    message: str
    at: float  # seconds since 1970, UTC
    state: str  # open, retried, resolved or waived
    attempts: int
    record: int | None
    payload: bytes | None
    payload_hash: bytes | None
    schema_hash: str | None
    page: int | None  # of the source, where that record was read
    events: tuple[Mapping[str, Any], ...]

    @property
    def is_open(self) -> bool:
        """Whether it is still to be delivered."""
        return self.state in OPEN_STATES

    @property
    def last_at(self) -> float:
        """When it was last refused, corrected or the like."""
        return float(self.events[-1]["at"]) if self.events else self.at

    def record_of(self) -> dict[str, Any]:
        """The record that counts. Raises ValueError where it is not kept."""
        if self.payload is None:
            raise ValueError(f"the record of reject {self.id} is not kept")
        record: dict[str, Any] = restored(_decode(self.payload))
        return record

    def came_as(self, record: Mapping[str, object]) -> bool:
        """Whether it is the record that came, but for what tells of the reading of it."""
        return self.look in looks_of(record)

    @property
    def look(self) -> bytes | None:
        """What it shares with each record that says the same."""
        return self.payload_hash if self.payload is None else _look(_decode(self.payload))

    def row(self) -> dict[str, Any]:
        """It as the commands show it, without payload and history."""
        names = ("id", "run_id", "scope", "stream", "board_id", "column_id", "key", "code")
        more = ("message", "at", "state", "attempts")
        return {name: getattr(self, name) for name in (*names, *more)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is written down about a reject: by whom, why, and under which ticket."""

    state: str
    at: float
    who: str | None = None
    reason: str | None = None
    ticket: str | None = None
    run_id: str | None = None


def file_of(
    engine: Engine,
    *,
    numbers: Collection[int] | None = None,
    scope: str | None = None,
    stream: str | None = None,
    code: str | None = None,
    states: Collection[str] | None = None,
    before: float | None = None,
) -> list[Filed]:
    """The rejects that fit all of what is given, oldest first; `before` is a time."""
    table = tables.rejects
    wanted = select(table).order_by(table.c.id)
    for column, value in ((table.c.scope, scope), (table.c.stream, stream), (table.c.code, code)):
        if value is not None:
            wanted = wanted.where(column == value)
    if before is not None:
        wanted = wanted.where(table.c.at < before)
    if numbers is not None:
        wanted = wanted.where(table.c.id.in_(numbers))
    with engine.connect() as connection:
        rows = connection.execute(wanted).mappings().all()
        filed = list(_filed(connection, rows))
    return [each for each in filed if states is None or each.state in states]


def _filed(connection: Connection, rows: Sequence[RowMapping]) -> Iterator[Filed]:
    events: dict[int, list[RowMapping]] = {}
    table = tables.reject_events
    for event in _those(connection, table, "reject", [row["id"] for row in rows]):
        events.setdefault(event["reject"], []).append(event)
    counting = {row["id"]: _record_that_counts(row, events.get(row["id"], [])) for row in rows}
    numbers = {number for number in counting.values() if number is not None}
    records = {row["id"]: row for row in _those(connection, tables.records, "id", numbers)}
    for row in rows:
        happened = events.get(row["id"], [])
        record = records.get(counting[row["id"]])
        yield Filed(
            **{name: row[name] for name in ("id", "run_id", "scope", "stream", "board_id")},
            column_id=row["column_id"],
            key=record["key"] if record else row["key"],
            code=row["code"],
            message=row["message"],
            at=row["at"],
            state=happened[-1]["state"] if happened else "open",
            attempts=1 + sum(event["state"] == "retried" for event in happened),
            record=counting[row["id"]],
            payload=record["payload"] if record else None,
            payload_hash=record["payload_hash"] if record else None,
            schema_hash=record["schema_hash"] if record else None,
            page=record["page"] if record else None,
            events=tuple(_event(event) for event in happened),
        )


def _record_that_counts(row: RowMapping, events: Iterable[RowMapping]) -> int | None:
    """The newest one: as it came, was corrected, or came again after it had been purged."""
    later = [event["record"] for event in events if event["record"] is not None]
    number: int | None = later[-1] if later else row["record"]
    return number


def looks_of(record: Mapping[str, object]) -> tuple[bytes, bytes]:
    """What it shares with rejects that say the same: with their records, or with their hashes."""
    payload = _payload(record)
    return _look(_decode(payload)), _hash(payload)


def _hash(payload: bytes) -> bytes:
    return sha256(payload).digest()[:16]


def _look(record: Mapping[str, object]) -> bytes:
    return sha256(_sorted(_subject(record))).digest()


def _subject(record: Mapping[str, object]) -> dict[str, object]:
    return {name: each for name, each in record.items() if not name.startswith(IGNORED_PREFIXES)}


def _event(row: RowMapping) -> dict[str, Any]:
    names = ("at", "state", "run_id", "who", "reason", "ticket")
    corrected = row["record"] is not None and row["state"] != "retried"
    return {name: row[name] for name in names} | {"corrected": corrected}


def _those(
    connection: Connection, table: Table, column: str, numbers: Collection[int]
) -> Iterator[RowMapping]:
    """Rows of a table by numbers, in the order of their ids."""
    known = sorted(numbers)
    for start in range(0, len(known), _CHUNK):
        these = table.c[column].in_(known[start : start + _CHUNK])
        yield from connection.execute(select(table).where(these).order_by(table.c.id)).mappings()


def note(engine: Engine, rejects: Iterable[Filed], what: Note) -> None:
    """Write down what became of these rejects."""
    rows = [_row(each, what, None) for each in rejects]
    with writing(engine, what.state, what.run_id) as ledger:
        ledger.append(tables.reject_events, rows)
        if what.state not in OPEN_STATES:
            refused = tables.refusals.c.reject.in_([row["reject"] for row in rows])
            ledger.remove(tables.refusals, refused)


def correct(
    engine: Engine, reject: Filed, payload: Mapping[str, Any], key: str | None, what: Note
) -> None:
    """Put a corrected record in place of the one that was rejected, which is kept."""
    text = _payload(payload)
    table = tables.records
    with writing(engine, "correct", what.run_id) as ledger:
        came = ledger.connection.execute(select(table).where(table.c.id == reject.record))
        row = dict(came.mappings().one())
        del row["id"], row["digest"]
        changed = {"key": key, "at": what.at, "payload": text, "payload_size": len(text)}
        digest = {"payload_hash": _hash(text)}
        (number,) = ledger.append(table, [{**row, **changed, **digest}])
        ledger.append(tables.reject_events, [_row(reject, what, number)])
        ledger.remove(tables.refusals, tables.refusals.c.reject == reject.id)


def _row(reject: Filed, what: Note, record: int | None) -> dict[str, Any]:
    return {
        "reject": reject.id,
        "state": what.state,
        "at": what.at,
        "run_id": what.run_id,
        "who": what.who,
        "reason": what.reason,
        "ticket": what.ticket,
        "record": record,
    }
