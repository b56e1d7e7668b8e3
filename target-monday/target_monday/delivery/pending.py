"""An operation that waits for its request, with the rows that wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from target_monday.diff import Archive, Cell, Create, KnownItem, Operation, Update
from target_monday.ledger.intents import Intent
from target_monday.ledger.records import SourceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.delivery.outcomes import CarriedOver
    from target_monday.plan import BoardPlan

__all__ = ["Pending"]


@dataclass(slots=True)
class Pending:
    """An operation and the rows behind it.

    `tickets` are the checkpoints' tickets of these rows; `record` is the last of them, kept for a
    reject; `before` is the item as it was known when the operation was made. `by_alias`: an upload
    did not take it, or cannot; `refusal`: what it said against this row. `rest` are cells that
    follow in a mutation of their own, `counted` says that the books know the row already;
    `partial`, that one of its cells did not fit. `after` are the places of operations that come
    first: its key's items leave the stream's other boards.
    `may_be_there`: a request or an upload may have made it, though it was not found.
    `record_hash`: of the last row's record, for which the item needs no change afterwards.
    `retry` is the number of the reject of an earlier run that is tried again; `page` is where the
    source told the record. `weight`: characters of its cells as they came, more or less. `place`:
    where it belongs, the ledger's number of the board, and the key.
    """

    plan: BoardPlan
    key: str
    operation: Operation
    before: KnownItem | None = None
    tickets: list[int] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    tries: int = 0
    by_alias: bool = False
    refusal: CarriedOver | None = None
    may_be_there: bool = False
    rest: Mapping[str, Cell] = field(default_factory=dict)
    counted: bool = False
    partial: bool = False
    after: frozenset[tuple[int, str]] = frozenset()
    record_hash: bytes | None = None
    retry: int | None = None
    page: int | None = None
    weight: int = field(init=False, default=0)
    place: tuple[int, str] = field(init=False)
    _intent: Intent | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.place = (self.plan.ledger_id, self.key)
        if not isinstance(self.operation, Archive):
            cells = self.operation.cells.values()
            self.weight = sum([len(cell) for cell in cells if type(cell) is str])

    @property
    def kind(self) -> str:
        """create, update or archive: what its price goes by."""
        return self.operation.kind

    def digest(self) -> str:
        """What a refusal is remembered by: it stays the same while row and mapping do."""
        operation, plan = self.operation, self.plan
        cells = {} if isinstance(operation, Archive) else dict(operation.cells)
        if not isinstance(operation, Archive):  # when and by which run it is tried is no change
            cells = {
                each: cell for each, cell in cells.items() if each not in operation.row.rules.along
            }
        name = None if isinstance(operation, Archive) else operation.name
        sent = [plan.board_id, self.kind, name, plan.create_labels, cells]
        return sha256(msgspec.json.encode(sent, order="sorted")).hexdigest()

    @property
    def is_blind(self) -> bool:
        """Whether the item's id is not known: an upload made it, and its key finds it."""
        return not isinstance(self.operation, Create) and not self.operation.item_id

    @property
    def intent(self) -> Intent:
        """What the ledger has to know of it before it is sent."""
        if self._intent is None or self._intent.operation is not self.operation:
            self._intent = self._intended()
        return self._intent

    def _intended(self) -> Intent:
        plan, key = self.plan, None if self.plan.spec.append else self.key
        source = SourceRecord(plan.stream, key, self.record, self.page) if self.record else None
        return Intent(plan.ledger_id, self.key, self.operation, self._after(), self.before, source)

    def _after(self) -> KnownItem | None:
        match self.operation:
            case Create() as create:
                return KnownItem("", create.name, create.cells, self._delivered())
            case Update(_, item_id, cells, name):
                before = self.before or KnownItem(item_id, "", {})
                after = {**before.cells, **cells}
                return KnownItem(item_id, name or before.name, after, self._delivered())
            case Archive():
                return None

    def _delivered(self) -> bytes | None:
        """The record's hash, if this operation leaves nothing of it to be sent."""
        return None if self.rest or self.partial else self.record_hash
