"""Intents before requests, outcomes after them. Rejects and kept cells stand beside them."""

from __future__ import annotations

import time
import uuid
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, func, select

from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import Archive, KnownItem, Update, doubted
from target_monday.ledger import tables
from target_monday.ledger.intents import (
    Intent,
    SentOperation,
    SentUpload,
    UnsettledRequest,
    outcome_row,
)
from target_monday.ledger.items import write_items
from target_monday.ledger.layouts import Layouts, packed
from target_monday.ledger.link_revisions import note_targets
from target_monday.ledger.pending_cells import PendingCells
from target_monday.ledger.records import Records
from target_monday.ledger.rejects import Rejects
from target_monday.ledger.sealed import Writing, catch_up, write_later, writing
from target_monday.ledger.seals import last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Journal"]


class Journal:
    """What one run intends and learns at one API address."""

    def __init__(
        self, engine: Engine, scope: str, run_id: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._scope = scope
        self._run_id = run_id
        self._clock = clock
        self._layouts = Layouts()
        self._numbers: dict[int, list[int]] = {}  # of the operations of requests that are open
        self.records = Records(run_id)
        self.rejects = Rejects(engine, scope, run_id, self.records, clock)
        self.pending_cells = PendingCells(engine, clock)

    def anchor(self) -> str:
        """The end of the ledger's chain, to be noted outside of it."""
        return str(last_line(self._engine))

    def announce(
        self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]
    ) -> None:
        """Records of this stream come under this schema from now on."""
        self.records.announce(self._engine, stream, schema, key_properties, self._clock())

    def intend(
        self, body: bytes, intents: Sequence[Intent], *, lane: str = "alias"
    ) -> tuple[int, str]:
        """Commit what is about to be sent: the request's number and its idempotency key."""
        key = str(uuid.uuid4())
        with writing(self._engine, "intend", self._run_id) as ledger:
            return self._intend(ledger, key, body, intents, lane), key

    def intend_upload(self, board: int, upload: SentUpload, intents: Sequence[Intent]) -> int:
        """Commit that a file of these operations is about to be uploaded: the request's number."""
        with writing(self._engine, "intend upload", self._run_id) as ledger:
            request = self._intend(ledger, str(uuid.uuid4()), b"", intents, upload.lane)
            row = {"board": board, "lane": upload.lane, "job_id": upload.job_id, "written": None}
            ledger.put(tables.uploads, [{"request": request, **row}])
        return request

    def _intend(
        self, ledger: Writing, key: str, body: bytes, intents: Sequence[Intent], lane: str
    ) -> int:
        now = self._clock()
        row = {
            "scope": self._scope,
            "run_id": self._run_id,
            "idempotency_key": key,
            "body_hash": sha256(body).hexdigest(),
            "sent_at": now,
            "lane": lane,
        }
        (request,) = ledger.append(tables.requests, [row])
        ledger.put(tables.open_requests, [{"request": request, "body": body}])
        records = self.records.append(ledger, [each.source for each in intents], now)
        rows = [
            self._operation(ledger, request, intent, record)
            for intent, record in zip(intents, records, strict=True)
        ]
        self._numbers[request] = ledger.append(tables.operations, rows)
        return request

    def _operation(
        self, ledger: Writing, request: int, intent: Intent, record: int | None
    ) -> dict[str, Any]:
        before = intent.before
        cells = before.cells if intent.after is None and before else intent.cells
        columns = self._layouts.order(cells)
        return {
            "request": request,
            "board": intent.board,
            "key": intent.key,
            "kind": intent.kind,
            "item_id": intent.item_id,
            "name": intent.name,
            "name_before": before.name if before and (intent.name or not intent.after) else None,
            "layout": self._layouts.number(ledger, columns) if columns else None,
            "before": packed(before.cells, columns).decode() if before and columns else None,
            "cells": packed(cells, columns).decode() if intent.after and columns else None,
            "record": record,
        }

    def count_written(self, request: int, written: int) -> None:
        """Note how many items an upload wrote, for the hourly limit of them.

        Once its file has arrived, and before its report, these are the rows of the file.
        """
        table = tables.uploads
        with writing(self._engine, "count written", self._run_id) as ledger:
            ledger.change(table, table.c.request == request, written=written)

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

    def settle(
        self,
        request: int,
        intents: Sequence[Intent],
        outcomes: Sequence[Outcome],
        *,
        how: str = "answer",
        request_id: str | None = None,
    ) -> None:
        """Commit what became of a request. Boards of unknown outcomes are read again.

        What went well is written with the next intent, if nothing else is asked of the ledger
        before: that is one wait for the disk a request. `catch_up` before a bookmark relies on it.

        `how` it is known: by its answer, a resend, reading the boards, or an upload's report.
        `request_id`: monday's own name of the request, for its support.
        """
        closing = request, self._clock(), how, request_id
        settle = partial(self._settle, closing, intents, outcomes)
        if all(isinstance(outcome, Acknowledged) for outcome in outcomes):
            write_later(self._engine, settle, "settle", self._run_id)
            return
        with writing(self._engine, "settle", self._run_id) as ledger:
            settle(ledger)

    def catch_up(self) -> None:
        """Have all that was settled on the disk."""
        catch_up(self._engine)

    def _settle(
        self,
        closing: tuple[int, float, str, str | None],
        intents: Sequence[Intent],
        outcomes: Sequence[Outcome],
        ledger: Writing,
    ) -> None:
        request, now, *_ = closing
        numbers = self._operations(ledger, request)
        rows = [
            outcome_row(number, outcome, now)
            for number, outcome in zip(numbers, outcomes, strict=True)
        ]
        ledger.append(tables.outcomes, rows)
        self._apply(ledger, intents, outcomes, _makers(numbers, intents, outcomes))
        self._close(ledger, *closing)

    def settle_by_reading(
        self, request: int, *, how: str = "reading", request_id: str | None = None
    ) -> None:
        """The boards were read instead: the request needs nothing more."""
        with writing(self._engine, "settle", self._run_id) as ledger:
            self._close(ledger, request, self._clock(), how, request_id)

    def _close(
        self, ledger: Writing, request: int, now: float, how: str, request_id: str | None
    ) -> None:
        self._numbers.pop(request, None)
        if ledger.forget(tables.open_requests, [(request,)]):
            row = {"request": request, "at": now, "request_id": request_id, "how": how}
            ledger.append(tables.settlements, [row])

    def _operations(self, ledger: Writing, request: int) -> list[int]:
        """The numbers of a request's operations, also of one that another run sent."""
        known = self._numbers.get(request)
        if known is not None:
            return known
        question = "SELECT id FROM operations WHERE request = ? ORDER BY id"
        return [number for (number,) in ledger.read(question, (request,))]

    def _apply(
        self,
        ledger: Writing,
        intents: Sequence[Intent],
        outcomes: Sequence[Outcome],
        makers: Mapping[tuple[int, str], int],
    ) -> None:
        known: dict[int, dict[str, KnownItem]] = {}
        distrusted: set[int] = set()
        for intent, outcome in zip(intents, outcomes, strict=True):
            match outcome:
                case Acknowledged(item_id) if intent.after is not None:
                    item = intent.after.under(item_id)
                    known.setdefault(intent.board, {})[intent.key] = item
                case Gone():
                    self._forget(ledger, intent)
                case Acknowledged() if isinstance(intent.operation, Archive):
                    self._forget(ledger, intent, intent.operation.item_id)
                case Unknown():
                    distrusted.add(intent.board)
                case Rejected(may_have_run=True) | CarriedOver(may_have_run=True):
                    either = _in_doubt(intent)
                    if either is not None:
                        known.setdefault(intent.board, {})[intent.key] = either
                case _:
                    pass
        for board, items in known.items():
            write_items(ledger, self._layouts, board, items, makers)
        for board in distrusted:
            ledger.change(tables.boards, tables.boards.c.id == board, other_items=None)

    @staticmethod
    def _forget(ledger: Writing, intent: Intent, item_id: str = "") -> None:
        """Forget the item of this key; with an id, only if it is this one, or has none."""
        table = tables.items
        note_targets(ledger, intent.board, {intent.key: ""})
        this = (table.c.board == intent.board) & (table.c.key == intent.key)
        if item_id:
            this &= table.c.item_id.in_(["", item_id])
        ledger.remove(table, this)

    def unsettled(self) -> list[UnsettledRequest]:
        """Requests whose outcome is not known, also those of runs that live; oldest first."""
        requests, still_open = tables.requests, tables.open_requests
        wanted = (
            select(requests, still_open.c.body)
            .join(still_open, still_open.c.request == requests.c.id)
            .where(requests.c.scope == self._scope)
            .order_by(requests.c.id)
        )
        with self._engine.connect() as connection:
            return [
                UnsettledRequest(
                    row.id,
                    row.run_id,
                    row.idempotency_key,
                    row.body,
                    row.sent_at,
                    self._sent(connection, row.id),
                    _upload(connection, row.id),
                )
                for row in connection.execute(wanted).all()
            ]

    def _sent(self, connection: Connection, request: int) -> tuple[SentOperation, ...]:
        table = tables.operations
        these = select(table).where(table.c.request == request).order_by(table.c.id)
        return tuple(
            SentOperation(
                row.board,
                row.key,
                row.kind,
                row.item_id,
                row.name,
                self._layouts.unpack(connection, row.layout, row.cells),
            )
            for row in connection.execute(these).all()
        )

    def others(self) -> tuple[int, int]:
        """What other runs have sent: the newest request's number, and how many are open.

        As long as this stays the same and none is open, no other run has written anything.
        """
        requests, still_open = tables.requests, tables.open_requests
        theirs = (requests.c.scope == self._scope) & (requests.c.run_id != self._run_id)
        newest = select(func.coalesce(func.max(requests.c.id), 0)).where(theirs)
        unsettled = (
            select(func.count())
            .select_from(still_open)
            .join(requests, requests.c.id == still_open.c.request)
            .where(theirs)
        )
        with self._engine.connect() as connection:
            return connection.execute(newest).scalar_one(), connection.execute(
                unsettled
            ).scalar_one()


def _upload(connection: Connection, request: int) -> SentUpload | None:
    table = tables.uploads
    row = connection.execute(select(table).where(table.c.request == request)).one_or_none()
    if row is None:
        return None
    return SentUpload(row.job_id, row.lane, stored=row.written is not None)


def _makers(
    numbers: Sequence[int], intents: Sequence[Intent], outcomes: Sequence[Outcome]
) -> dict[tuple[int, str], int]:
    """The operations that made items, by board and key, unless another followed in the request."""
    found: dict[tuple[int, str], int] = {}
    for number, intent, outcome in zip(numbers, intents, outcomes, strict=True):
        place = intent.board, intent.key
        found.pop(place, None)
        if intent.kind == "create" and intent.cells and isinstance(outcome, Acknowledged):
            found[place] = number
    return found


def _in_doubt(intent: Intent) -> KnownItem | None:
    """An item that may hold what it held before, or what it was to hold: written again next time.

    What monday refuses may have been carried out in part, or by a try whose answer was lost.
    """
    operation, after = intent.operation, intent.after
    if not isinstance(operation, Update) or after is None:
        return None
    before = intent.before.cells if intent.before else {}
    cells = {**after.cells, **{each: doubted(before.get(each)) for each in operation.cells}}
    return KnownItem(after.item_id, after.name if operation.name is None else "", cells)
