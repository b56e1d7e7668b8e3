"""Intents before requests, outcomes after them, rejects with their payload."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import Archive, Cell, Create, KnownItem, Operation, Update
from target_monday.ledger import tables
from target_monday.ledger.items import write_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "Intent",
    "Journal",
    "RejectedRow",
    "SentOperation",
    "SentUpload",
    "UnsettledRequest",
]

_REMEMBERED: Final = 24 * 3600.0  # seconds that a refusal holds
_payload = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Cell]).decode


@dataclass(frozen=True, slots=True)
class Intent:
    """An operation on a board (the ledger's number for it), with the item's state afterwards."""

    board: int
    key: str
    operation: Operation
    after: KnownItem | None  # None: the item leaves


@dataclass(frozen=True, slots=True)
class SentOperation:
    """An operation of an unsettled request, as it was intended."""

    board: int
    key: str
    kind: str  # create, update or archive
    item_id: str | None
    name: str | None
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class SentUpload:
    """The job that a file of operations was uploaded for; `lane` is ingest or backfill."""

    job_id: str
    lane: str


@dataclass(frozen=True, slots=True)
class UnsettledRequest:
    """A request whose outcome its run did not learn; operations in order of their alias.

    A request that makes a board or columns has no operations. One that is an upload has a job
    instead of a body.
    """

    id: int
    run_id: str
    idempotency_key: str
    body: bytes
    sent_at: float  # seconds since 1970
    operations: tuple[SentOperation, ...]
    upload: SentUpload | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not delivered, with the record itself.

    `digest`: of an operation that monday will refuse again while nothing changes.
    """

    stream: str
    key: str | None
    code: str
    message: str
    record: Mapping[str, object]
    digest: str | None = None


class Journal:
    """What one run intends and learns at one API address."""

    def __init__(
        self, engine: Engine, scope: str, run_id: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._scope = scope
        self._run_id = run_id
        self._clock = clock
        self._open_rejects: dict[str, set[str]] = self._read_open_rejects()
        self._refused: dict[tuple[str, str], str] = self._read_refusals()

    def intend(self, body: bytes, intents: Sequence[Intent]) -> tuple[int, str]:
        """Commit what is about to be sent: the request's number and its idempotency key."""
        key = str(uuid.uuid4())
        with self._engine.begin() as connection:
            return self._intend(connection, key, body, intents), key

    def intend_upload(self, board: int, upload: SentUpload, intents: Sequence[Intent]) -> int:
        """Commit that a file of these operations is about to be uploaded: the request's number."""
        with self._engine.begin() as connection:
            request = self._intend(connection, str(uuid.uuid4()), b"", intents)
            row = {"board": board, "lane": upload.lane, "job_id": upload.job_id}
            connection.execute(insert(tables.uploads).values(request=request, **row))
        return request

    def _intend(
        self, connection: Connection, key: str, body: bytes, intents: Sequence[Intent]
    ) -> int:
        request: int = connection.execute(
            insert(tables.requests)
            .values(
                scope=self._scope,
                run_id=self._run_id,
                idempotency_key=key,
                body=body,
                sent_at=self._clock(),
            )
            .returning(tables.requests.c.id)
        ).scalar_one()
        rows = [_operation_row(request, intent) for intent in intents]
        if rows:
            connection.execute(insert(tables.operations), rows)
        return request

    def count_written(self, request: int, written: int) -> None:
        """Note how many items an upload wrote, for the hourly limit of them."""
        table = tables.uploads
        with self._engine.begin() as connection:
            this = table.c.request == request
            connection.execute(update(table).where(this).values(written=written))

    def uploads_since(self, moment: float) -> list[tuple[float, str, int]]:
        """Uploads after `moment`: when, by which lane, and items written or asked for."""
        uploads, requests, operations = tables.uploads, tables.requests, tables.operations
        asked = (
            select(func.count()).where(operations.c.request == uploads.c.request).scalar_subquery()
        )
        wanted = (
            select(requests.c.sent_at, uploads.c.lane, func.coalesce(uploads.c.written, asked))
            .join(requests, requests.c.id == uploads.c.request)
            .where(requests.c.scope == self._scope, requests.c.sent_at > moment)
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(wanted)]

    def settle(self, request: int, intents: Sequence[Intent], outcomes: Sequence[Outcome]) -> None:
        """Commit what became of a request. Unknown outcomes leave it open for the next start."""
        now = self._clock()
        with self._engine.begin() as connection:
            numbers = self._operations(connection, request)
            rows = [
                _outcome_row(number, outcome, now)
                for number, outcome in zip(numbers, outcomes, strict=True)
            ]
            if rows:
                connection.execute(insert(tables.outcomes), rows)
            self._apply(connection, intents, outcomes)
            self._close(connection, request, now)

    def settle_by_reading(self, request: int) -> None:
        """The boards were read instead: the request needs nothing more."""
        with self._engine.begin() as connection:
            self._close(connection, request, self._clock())

    def _close(self, connection: Connection, request: int, now: float) -> None:
        table = tables.requests
        connection.execute(update(table).where(table.c.id == request).values(settled_at=now))

    def _operations(self, connection: Connection, request: int) -> list[int]:
        table = tables.operations
        rows = connection.execute(
            select(table.c.id).where(table.c.request == request).order_by(table.c.id)
        )
        return [row.id for row in rows]

    def _apply(
        self, connection: Connection, intents: Sequence[Intent], outcomes: Sequence[Outcome]
    ) -> None:
        known: dict[int, dict[str, KnownItem]] = {}
        for intent, outcome in zip(intents, outcomes, strict=True):
            match outcome:
                case Acknowledged(item_id) if intent.after is not None:
                    item = KnownItem(item_id, intent.after.name, intent.after.cells)
                    known.setdefault(intent.board, {})[intent.key] = item
                case Gone():
                    self._forget(connection, intent)
                case Acknowledged() if isinstance(intent.operation, Archive):
                    self._forget(connection, intent)
                case _:
                    pass
        for board, items in known.items():
            write_items(connection, board, items)
        self._distrust(connection, intents, outcomes)

    def _distrust(
        self, connection: Connection, intents: Sequence[Intent], outcomes: Sequence[Outcome]
    ) -> None:
        """Boards with an operation nobody knows about are read again before they are compared."""
        boards = {
            intent.board
            for intent, outcome in zip(intents, outcomes, strict=True)
            if isinstance(outcome, Unknown)
        }
        table = tables.boards
        these = table.c.id.in_(boards)
        connection.execute(update(table).where(these).values(other_items=None))

    def _forget(self, connection: Connection, intent: Intent) -> None:
        table = tables.items
        this = (table.c.board == intent.board) & (table.c.key == intent.key)
        connection.execute(delete(table).where(this))

    def unsettled(self) -> list[UnsettledRequest]:
        """Requests whose outcome is not known, also those of runs that live; oldest first."""
        table = tables.requests
        open_ones = (table.c.scope == self._scope) & table.c.settled_at.is_(None)
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).where(open_ones).order_by(table.c.id)).all()
            return [
                UnsettledRequest(
                    row.id,
                    row.run_id,
                    row.idempotency_key,
                    row.body,
                    row.sent_at,
                    _sent(connection, row.id),
                    _upload(connection, row.id),
                )
                for row in rows
            ]

    def others(self) -> tuple[int, int]:
        """What other runs have sent: the newest request's number, and how many are open.

        As long as this stays the same and none is open, no other run has written anything.
        """
        table = tables.requests
        theirs = (table.c.scope == self._scope) & (table.c.run_id != self._run_id)
        newest = select(func.coalesce(func.max(table.c.id), 0)).where(theirs)
        unsettled = select(func.count()).where(theirs, table.c.settled_at.is_(None))
        with self._engine.connect() as connection:
            return connection.execute(newest).scalar_one(), connection.execute(
                unsettled
            ).scalar_one()

    def reject(self, rows: Iterable[RejectedRow]) -> None:
        """Commit rejects; they stay open until a row of their key is delivered."""
        now = self._clock()
        rows = list(rows)
        values = [
            {
                "run_id": self._run_id,
                "scope": self._scope,
                "stream": row.stream,
                "key": row.key,
                "code": row.code,
                "message": row.message,
                "payload": _payload.encode(row.record),
                "at": now,
            }
            for row in rows
        ]
        if not values:
            return
        self._resolve_again(values)
        with self._engine.begin() as connection:
            for row, value in zip(rows, values, strict=True):
                added = insert(tables.rejects).values(**value).returning(tables.rejects.c.id)
                number = connection.execute(added).scalar_one()
                if row.digest is not None:
                    refusal = {"reject": number, "digest": row.digest}
                    connection.execute(insert(tables.refusals).values(**refusal))
        for row in rows:
            if row.key is not None:
                self._open_rejects.setdefault(row.stream, set()).add(row.key)
            if row.key is not None and row.digest is not None:
                self._refused[row.stream, row.key] = row.digest

    def refused_before(self, stream: str, key: str, digest: str) -> bool:
        """Whether monday refused this very operation within the last day.

        Its reject is still open. After a day it is tried once more: a person may have changed what
        stood against it on the board.
        """
        return bool(self._refused) and self._refused.get((stream, key)) == digest

    def _resolve_again(self, values: Sequence[Mapping[str, object]]) -> None:
        """A new reject of a key takes the place of the open one."""
        for value in values:
            if value["key"] is not None:
                self.resolve(str(value["stream"]), [str(value["key"])])

    def resolve(self, stream: str, keys: Iterable[str]) -> None:
        """Rows of these keys are as wanted now: what was rejected before is done with."""
        open_keys = self._open_rejects.get(stream)
        resolved = open_keys.intersection(keys) if open_keys else set()
        if not open_keys or not resolved:
            return
        open_keys -= resolved
        table = tables.rejects
        these = (
            (table.c.scope == self._scope)
            & (table.c.stream == stream)
            & table.c.resolved_at.is_(None)
            & table.c.key.in_(resolved)
        )
        with self._engine.begin() as connection:
            connection.execute(update(table).where(these).values(resolved_at=self._clock()))

    def _read_open_rejects(self) -> dict[str, set[str]]:
        table = tables.rejects
        open_ones = (table.c.scope == self._scope) & table.c.resolved_at.is_(None)
        found: dict[str, set[str]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(table.c.stream, table.c.key).where(open_ones)):
                if row.key is not None:
                    found.setdefault(row.stream, set()).add(row.key)
        return found

    def _read_refusals(self) -> dict[tuple[str, str], str]:
        rejects, refusals = tables.rejects, tables.refusals
        wanted = (
            select(rejects.c.stream, rejects.c.key, refusals.c.digest)
            .join(refusals, refusals.c.reject == rejects.c.id)
            .where(
                rejects.c.scope == self._scope,
                rejects.c.resolved_at.is_(None),
                rejects.c.at > self._clock() - _REMEMBERED,
            )
        )
        with self._engine.connect() as connection:
            return {(row.stream, row.key): row.digest for row in connection.execute(wanted)}

    def pending_cells(self, board: int) -> dict[str, dict[str, Cell]]:
        """Key -> cells that did not fit into any request of an earlier run."""
        table = tables.pending_cells
        with self._engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.board == board))
            return {row.key: _decode(row.cells) for row in rows}

    def keep_pending_cells(self, board: int, key: str, cells: Mapping[str, Cell]) -> None:
        """Remember cells for the next run, beside those that wait already."""
        kept = {**self.pending_cells(board).get(key, {}), **cells}
        row = {"board": board, "key": key, "cells": _encode(kept), "at": self._clock()}
        self.forget_pending_cells(board, key)
        with self._engine.begin() as connection:
            connection.execute(insert(tables.pending_cells).values(**row))

    def forget_pending_cells(self, board: int, key: str) -> None:
        """They are on the board now."""
        table = tables.pending_cells
        with self._engine.begin() as connection:
            connection.execute(delete(table).where((table.c.board == board) & (table.c.key == key)))


def _sent(connection: Connection, request: int) -> tuple[SentOperation, ...]:
    table = tables.operations
    rows = connection.execute(select(table).where(table.c.request == request).order_by(table.c.id))
    return tuple(
        SentOperation(
            row.board,
            row.key,
            row.kind,
            row.item_id,
            row.name,
            _decode(row.cells) if row.cells else {},
        )
        for row in rows
    )


def _upload(connection: Connection, request: int) -> SentUpload | None:
    table = tables.uploads
    row = connection.execute(select(table).where(table.c.request == request)).one_or_none()
    return None if row is None else SentUpload(row.job_id, row.lane)


def _operation_row(request: int, intent: Intent) -> dict[str, object]:
    operation = intent.operation
    kind: str
    item_id: str | None
    name: str | None
    cells = None if isinstance(operation, Archive) else _encode(dict(operation.cells))
    match operation:
        case Create():
            kind, item_id, name = "create", None, operation.name
        case Update():
            kind, item_id, name = "update", operation.item_id, operation.name
        case Archive():
            kind, item_id, name = "archive", operation.item_id, None
    return {
        "request": request,
        "board": intent.board,
        "key": intent.key,
        "kind": kind,
        "item_id": item_id,
        "name": name,
        "cells": cells,
    }


def _outcome_row(number: int, outcome: Outcome, now: float) -> dict[str, object]:
    row: dict[str, object] = {"operation": number, "at": now}
    none: dict[str, object] = {"item_id": None, "code": None, "message": None}
    match outcome:
        case Acknowledged(item_id):
            return {**row, **none, "outcome": "acknowledged", "item_id": item_id}
        case Rejected(code, message):
            return {**row, **none, "outcome": "rejected", "code": code, "message": message}
        case Gone(message, code):
            return {**row, **none, "outcome": "gone", "code": code, "message": message}
        case Unknown(message):
            return {**row, **none, "outcome": "unknown", "message": message}
        case CarriedOver(message):
            return {**row, **none, "outcome": "carried over", "message": message}
