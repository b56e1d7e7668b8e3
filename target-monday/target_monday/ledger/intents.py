"""Operations as the ledger knows them: before they are sent, and as they were sent. No database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import Archive, Cell, Create, KnownItem, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.ledger.records import SourceRecord

__all__ = ["Intent", "SentOperation", "SentUpload", "UnsettledRequest", "outcome_row"]


class Intent(msgspec.Struct, frozen=True):
    """An operation on a board (the ledger's number for it), with the item's state afterwards.

    `before`: the item as it was known; `source`: the record that led to it, None where a row is
    gone from the source.
    """

    board: int
    key: str
    operation: Operation
    after: KnownItem | None  # None: the item leaves
    before: KnownItem | None = None
    source: SourceRecord | None = None

    @property
    def kind(self) -> str:
        """create, update, archive or delete."""
        operation = self.operation
        is_deletion = isinstance(operation, Archive) and operation.delete
        return "delete" if is_deletion else operation.kind

    @property
    def item_id(self) -> str | None:
        """The item that it changes; None where it makes one."""
        return None if isinstance(self.operation, Create) else self.operation.item_id

    @property
    def name(self) -> str | None:
        """The name that it gives the item, None where it leaves it."""
        return None if isinstance(self.operation, Archive) else self.operation.name

    @property
    def cells(self) -> Mapping[str, Cell]:
        """The cells that it writes. An item that leaves is told with all it had, in `before`."""
        return {} if isinstance(self.operation, Archive) else self.operation.cells


@dataclass(frozen=True, slots=True)
class SentOperation:
    """An operation of an unsettled request, as it was intended."""

    board: int
    key: str
    kind: str  # create, update, archive or delete
    item_id: str | None
    name: str | None
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class SentUpload:
    """The job that a file of operations was uploaded for; `lane` is ingest or backfill.

    `stored`: the file has arrived, for certain.
    """

    job_id: str
    lane: str
    stored: bool = False


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


def outcome_row(number: int, outcome: Outcome, now: float) -> dict[str, Any]:
    """The row of `outcomes` for operation `number`."""
    row: dict[str, Any] = {"operation": number, "at": now}
    match outcome:
        case Acknowledged(item_id):
            return row | {"outcome": "acknowledged", "item_id": item_id}
        case Rejected(code, message):
            return {**row, "outcome": "rejected", "code": code, "message": message}
        case Gone(message, code):
            return {**row, "outcome": "gone", "code": code, "message": message}
        case Unknown(message):
            return {**row, "outcome": "unknown", "message": message}
        case CarriedOver(message):
            return {**row, "outcome": "carried over", "message": message}
