"""Which of the operations that wait go as uploads, and which board's turn it is."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.delivery.csv_rows import (
    CsvRow,
    LiveLabels,
    MissingLabel,
    NotByUpload,
    columns_of,
    csv_row,
    folded,
    refreshed,
)
from target_monday.delivery.lanes import DAILY_CALLS, Means, upload_pays
from target_monday.delivery.reach import Reach
from target_monday.delivery.upload_lane import Batch
from target_monday.diff import Create, Update
from target_monday.monday.boards import IDS, boards_by_id, items_by_id
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.pending import Pending
    from target_monday.delivery.upload_lane import UploadLane
    from target_monday.diff import Operation
    from target_monday.ledger.items import ItemStore
    from target_monday.monday.boards import Column
    from target_monday.plan import BoardPlan

__all__ = ["Dispatch", "Turn"]

GATHERED: Final = 10_000  # operations that wait before a lane is chosen
GATHERED_FIRST: Final = 20_000  # of a first load
_STRAY: Final = "an upload may not find items of other groups than its own"
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Turn:
    """What is next: uploads, or operations that have to go by aliases before an upload can."""

    batches: Sequence[Batch] = ()
    scouts: Sequence[Pending] = ()


@dataclass(slots=True)
class _Rows:
    """A board's operations as rows of a file, as far as they can be."""

    rows: list[tuple[Pending, CsvRow]] = field(default_factory=list)
    unlabelled: list[Pending] = field(default_factory=list)  # that only wait for a new label
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Dispatch:
    """Chooses lanes. `lane` is the setting: auto, alias or ingest."""

    lane: str
    uploads: UploadLane
    calls: Calls
    items: ItemStore
    max_aliases: int
    backfill: bool = True
    before_pack: Callable[[Sequence[tuple[BoardPlan, Operation]]], object] = lambda _: None
    _first_loads: dict[int, bool] = field(default_factory=dict)
    _labels: dict[int, LiveLabels] = field(default_factory=dict)
    _scouted: dict[int, set[tuple[str, str]]] = field(default_factory=dict)

    def gathers(self, plan: BoardPlan) -> int:
        """How many operations may wait for more to come; 0: a full request leaves at once."""
        if self.lane == "alias" or plan.key_column is None or not self.uploads.is_open(plan):
            return 0
        return GATHERED_FIRST if self._backfills(plan) else GATHERED

    def open(self, plan: BoardPlan) -> None:
        """Note a board before anything of this run is written to it."""
        if plan.ledger_id not in self._first_loads:
            self._first_loads[plan.ledger_id] = self.items.is_empty(plan.ledger_id)

    def turn(self, waiting: Iterable[Pending]) -> Turn:
        """What of it should go as uploads now; nothing if aliases are to be taken."""
        if self.lane == "alias":
            return Turn()
        boards: dict[int, list[Pending]] = {}
        for pending in waiting:
            boards.setdefault(pending.plan.ledger_id, []).append(pending)
        batches: list[Batch] = []
        starts, items = self.uploads.left_in_hour()
        for operations in boards.values():
            plan = operations[0].plan
            if starts <= len(batches) or not self.uploads.is_open(plan) or not plan.first_group:
                continue
            backfill = self._backfills(plan)
            room = len(operations) if backfill else items
            if not self._pays(plan, operations, room=room, backfill=backfill):
                continue
            probe = self._probe(plan, operations, room)
            if probe is not None:
                return Turn(batches=[probe])
            strays = len(plan.all_groups) > 1 and self.uploads.reach is not Reach.BOARD
            rows = self._rows(operations, strays=strays)
            if rows.unlabelled and self._pays(
                plan, [*rows.unlabelled, *(each for each, _ in rows.rows)], room, backfill=backfill
            ):
                return Turn(scouts=self._scouts(plan, rows.unlabelled))
            if not self._pays(plan, [each for each, _ in rows.rows], room, backfill=backfill):
                self._tell(plan, rows)
                continue
            batch = self._batch(plan, rows.rows, room, backfill=backfill)
            batches.append(batch)
            items -= 0 if batch.backfill else len(batch.pack)
        return Turn(batches=batches)

    def _backfills(self, plan: BoardPlan) -> bool:
        first = self._first_loads.get(plan.ledger_id, False)
        return self.backfill and first and not self.uploads.backfill_refused

    def _pays(
        self, plan: BoardPlan, operations: Sequence[Pending], room: int, *, backfill: bool
    ) -> bool:
        count = min(len(operations), room)
        if count == 0 or self.lane == "ingest":
            return count > 0
        budget = self.calls.budget
        kinds = [each.kind for each in operations[: self.max_aliases]]
        means = Means(
            capacity=budget.capacity(kinds, self.max_aliases),
            price=budget.price(kinds) // len(kinds),
            points_left=budget.points_left,
            minute_points=budget.minute_points or budget.points_left,
            daily_calls=budget.daily_calls or DAILY_CALLS,
            rows_a_job=self.uploads.rows_a_file(plan, backfill=backfill),
        )
        return upload_pays(count, sum(each.is_blind for each in operations[:count]), means)

    def _probe(self, plan: BoardPlan, operations: Sequence[Pending], room: int) -> Batch | None:
        """One row that shows how far uploads look for items; None if that is known.

        It goes to another group than its item's: a copy that comes of it is one, not thousands.
        """
        changes = [
            each
            for each in operations
            if isinstance(each.operation, Update) and each.operation.item_id
        ]
        groups, column = plan.all_groups, plan.key_column
        if len(groups) < 2 or self.uploads.reach is not Reach.UNKNOWN or column is None:  # noqa: PLR2004 - items of one group are in reach
            return None
        if not self._pays(plan, changes, room, backfill=False):
            return None
        self.uploads.probed = True
        rows = {
            str(each.intent.item_id): (each, row) for each, row in self._rows(changes[:IDS]).rows
        }
        for item in items_by_id(self.calls.query, list(rows), [column]).values():
            pending, row = rows[item.id]
            key, _ = item.values.get(column, (None, None))
            if (item.state, item.board_id, key) == ("active", plan.board_id, pending.key):
                group = next(each for each in groups if each != item.group_id)
                return Batch(plan, group, [pending], [row], is_probe=True)
        return None

    def _rows(self, operations: Sequence[Pending], *, strays: bool = False) -> _Rows:
        """The operations as rows. `strays`: items of other groups may be out of reach."""
        plan = operations[0].plan
        self.before_pack([(each.plan, each.operation) for each in operations])
        columns = columns_of(plan)
        labels = self._labels.setdefault(plan.ledger_id, LiveLabels.of(columns.values()))
        twins = self._twins(plan, operations)
        found = _Rows()
        for each in operations:
            try:
                if folded(each.key) in twins:
                    raise NotByUpload("a key that differs from another one only in case")  # noqa: TRY301
                if strays and not isinstance(each.operation, Create):
                    raise NotByUpload(_STRAY)  # noqa: TRY301
                found.rows.append((each, csv_row(each, columns, labels)))
            except MissingLabel as error:
                if (error.column_id, error.label) in self._scouted.get(plan.ledger_id, ()):
                    found.reasons[str(error)] += 1
                else:
                    found.unlabelled.append(each)
            except NotByUpload as error:
                found.reasons[str(error)] += 1
            except Reject as error:
                found.reasons[str(error)] += 1
            except KeyError:
                found.reasons["a group or a tag that it needs is not there"] += 1
        return found

    def _twins(self, plan: BoardPlan, operations: Iterable[Pending]) -> set[str]:
        """What several keys of the board share: monday would take one of them for another."""
        keys = self.items.keys_on(plan.board_id) | {each.key for each in operations}
        counts = Counter(map(folded, keys))
        return {each for each, count in counts.items() if count > 1}

    def _scouts(self, plan: BoardPlan, unlabelled: Sequence[Pending]) -> list[Pending]:
        """A row for each label that is not on the board yet: sent first, it makes the label."""
        columns, known = columns_of(plan), self._labels[plan.ledger_id]
        texts = {column: dict(labels) for column, labels in known.texts.items()}
        made = self._scouted.setdefault(plan.ledger_id, set())
        scouts: list[Pending] = []
        for each in unlabelled:
            new = False
            while (missing := _missing(each, columns, LiveLabels(texts))) is not None:
                labels = texts.setdefault(missing.column_id, {})
                labels[-len(labels) - 1] = missing.label
                made.add((missing.column_id, missing.label))
                new = True
            if new:
                scouts.append(each)
        return scouts

    def look_at_labels(self, plan: BoardPlan) -> None:
        """Read the board's labels again, after scouts have made new ones."""
        board = boards_by_id(self.calls.query, [plan.board_id]).get(plan.board_id)
        if board is not None:
            self._labels[plan.ledger_id] = refreshed(board, plan)

    def _batch(
        self,
        plan: BoardPlan,
        rows: Sequence[tuple[Pending, CsvRow]],
        room: int,
        *,
        backfill: bool,
    ) -> Batch:
        """The rows of one file: those of the largest group, as many as a file may have."""
        groups: dict[str | None, list[tuple[Pending, CsvRow]]] = {}
        for pending, row in rows:
            groups.setdefault(row.group, []).append((pending, row))
        anywhere = groups.pop(None, [])  # items that are there stay in their group
        group, chosen = max(
            groups.items(), key=lambda one: len(one[1]), default=(plan.first_group, [])
        )
        chosen = [*chosen, *anywhere]
        backfill = backfill and not anywhere
        most = min(self.uploads.rows_a_file(plan, backfill=backfill), max(1, room))
        pack = [pending for pending, _ in chosen[:most]]
        return Batch(plan, str(group), pack, [row for _, row in chosen[:most]], backfill)

    def _tell(self, plan: BoardPlan, rows: _Rows) -> None:
        for reason, count in rows.reasons.most_common(3):
            _log.info("upload.not_taken stream=%s rows=%d reason=%r", plan.stream, count, reason)


def _missing(
    pending: Pending, columns: Mapping[str, Column], labels: LiveLabels
) -> MissingLabel | None:
    try:
        csv_row(pending, columns, labels)
    except MissingLabel as error:
        return error
    except NotByUpload:
        return None
    return None
