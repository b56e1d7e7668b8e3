"""Requests whose answer an earlier run never got: settled before anything new is sent.

monday keeps the answer to an idempotency key for 30 minutes
(developer.monday.com/api-reference/docs/idempotency): inside them the same body is sent again,
unless the items that it creates are on the board already: monday does not promise to have kept
its answer. Boards and columns that are made so are then found by their names and titles, as those
are that were made in time.

Only requests of dead runs are touched: a live one still waits for its answer.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from target_monday.delivery.alias_lane import outcomes_of
from target_monday.delivery.copies import archive_copies, without_copies
from target_monday.delivery.outcomes import Acknowledged, Unknown
from target_monday.delivery.searching import appeared, whole_board
from target_monday.delivery.upload_lane import UploadLane
from target_monday.delivery.upload_report import Sent
from target_monday.diff import Archive, Create, KnownItem, Update, WantedRow
from target_monday.errors import BoardFailed, RunFailed
from target_monday.ledger.intents import Intent, SentOperation, SentUpload, UnsettledRequest
from target_monday.monday.boards import board_names, boards_by_id, look_up
from target_monday.monday.errors import AnswerLost, Refused
from target_monday.monday.operations import Making, making
from target_monday.monday.uploads import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.outcomes import Outcome
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.ledger.leases import Leases

__all__ = ["Recovery"]

_KEY_LIFETIME: Final = 25 * 60.0  # seconds; five minutes less than monday's
_FILE_SECONDS: Final = 90.0
_log = logging.getLogger("target-monday")


class _Ran(Exception):
    """The request did run: what it made is on its board."""


@dataclass(slots=True)
class Recovery:
    """Settles what earlier runs left open."""

    calls: Calls
    items: ItemStore
    journal: Journal
    leases: Leases
    clock: Callable[[], float] = time.time

    def settle_all(self) -> None:
        """Every open request of runs that are dead, of boards that no other run holds."""
        self.leases.take_run()
        requests = self._of_dead_runs()
        if not requests:
            return
        boards = {entry.id: entry for entry in self.items.boards().values()}
        for request in requests:
            touched = {each.board for each in request.operations} & set(boards)
            if self._lease([boards[board].board_id for board in touched]):
                self._settle(request, boards)

    def _of_dead_runs(self) -> list[UnsettledRequest]:
        """Open requests that nobody waits for. A dead run stays dead, so they are read after it."""
        runs = {request.run_id for request in self.journal.unsettled()}
        dead = runs - self.leases.live_runs()
        return [each for each in self.journal.unsettled() if each.run_id in dead] if dead else []

    def _lease(self, board_ids: Sequence[str]) -> bool:
        """Whether the boards are ours."""
        try:
            for board_id in board_ids:
                self.leases.take(board_id)
        except BoardFailed:
            return False
        return True

    def _settle(self, request: UnsettledRequest, boards: Mapping[int, BoardEntry]) -> None:
        if request.upload is not None:
            self._settle_upload(request, request.upload, boards)
            return
        young = self.clock() - request.sent_at < _KEY_LIFETIME

        def is_there() -> bool:
            return self._created(request, boards) if request.operations else self._made(request)

        def look(_: bool) -> None:  # noqa: FBT001 - Calls tells it
            if is_there():
                raise _Ran

        resend = young and not is_there()
        _log.info(
            "request.recover request=%d operations=%d by=%s",
            *(request.id, len(request.operations), "resend" if resend else "reading"),
        )
        if not resend or not self._resend(request, look, boards):
            for board in {each.board for each in request.operations}:
                self.items.distrust(board)
            self.journal.settle_by_reading(request.id)

    def _settle_upload(
        self, request: UnsettledRequest, upload: SentUpload, boards: Mapping[int, BoardEntry]
    ) -> None:
        """Ask for the job. While it is at work, nothing else is written to its board."""
        intents = [self._intent(each) for each in request.operations]
        sent = [
            Sent(each.key, each.kind == "create", each.item_id or "") for each in request.operations
        ]
        entry = next(
            (boards[each.board] for each in request.operations if each.board in boards), None
        )
        if entry is None:
            self.journal.settle_by_reading(request.id)
            return
        files = Files(api_url=self.calls.client.url, timeout=_FILE_SECONDS)
        try:
            lane = UploadLane(self.calls, self.journal, files, self.leases.renew)
            age = max(0.0, self.clock() - request.sent_at)
            outcomes = lane.resume(request.id, sent, upload, entry.key_column or "", age)
        finally:
            files.close()
        parked = next((each for each in outcomes if isinstance(each, Unknown)), None)
        _log.info(
            "upload.recover job=%s rows=%d at_work=%s", upload.job_id, len(sent), bool(parked)
        )
        if parked is not None:
            self.leases.block(
                entry.board_id,
                f"Board {entry.board_id} takes nothing in this run. {parked.message}",
            )
            return
        board = entry.id, entry.board_id
        outcomes = without_copies(self.calls, self.journal, board, sent, outcomes)
        self.journal.settle(request.id, intents, outcomes, how="report")
        if not all(isinstance(each, Acknowledged) for each in outcomes):
            self.items.distrust(entry.id)

    def _created(self, request: UnsettledRequest, boards: Mapping[int, BoardEntry]) -> bool:
        """Whether any item that the request creates is on its board."""
        creates: dict[int, list[str]] = {}
        for each in request.operations:
            if each.kind == "create" and each.board in boards and boards[each.board].key_column:
                creates.setdefault(each.board, []).append(each.key)
        if not creates:
            return False

        def there() -> list[int]:
            return [each for each, keys in creates.items() if self._searched(boards[each], keys)]

        if appeared(self.calls, there, 1):
            return True
        leaving = {
            boards[each.board].board_id
            for each in request.operations
            if each.kind not in {"create", "update"} and each.board in boards
        }
        return any(
            self._is_hidden(boards[each], boards, keys, leaving) for each, keys in creates.items()
        )

    def _searched(self, entry: BoardEntry, keys: Sequence[str]) -> bool:
        column = entry.key_column or ""
        found = look_up(self.calls.query, entry.board_id, column, keys, columns=[column])
        return bool(found)

    def _is_hidden(
        self,
        entry: BoardEntry,
        boards: Mapping[int, BoardEntry],
        keys: Sequence[str],
        leaving: Container[str],
    ) -> bool:
        """Whether one of the keys is on the board, though no search finds it yet.

        A board that counts the items that the ledger knows of has no others, unless it is one of
        those that the request takes items off as well (`leaving`).
        """
        board = boards_by_id(self.calls.query, [entry.board_id]).get(entry.board_id)
        if board is None or board.state != "active":
            return False
        if entry.other_items is not None and entry.board_id not in leaving:
            here = [each.id for each in boards.values() if each.board_id == entry.board_id]
            if board.items_count == entry.other_items + sum(map(self.items.count, here)):
                return False
        column, wanted = entry.key_column or "", set(keys)
        items, _ = whole_board(self.calls, entry.board_id, [column])
        return any(item.values.get(column, (None,))[0] in wanted for item in items)

    def _made(self, request: UnsettledRequest) -> bool:
        """Whether any board, column or group that the request makes is there.

        It has the title, so the run finds it and makes only what is missing.
        """
        things = making(request.body)
        boards = {each.board_id for each in things if each.board_id is not None}
        workspaces = {each.workspace for each in things if each.board_id is None}

        def there() -> list[Making]:
            found = boards_by_id(self.calls.query, sorted(boards)).values()
            titles = {("column", board.id, each.title) for board in found for each in board.columns}
            titles |= {("group", board.id, each.title) for board in found for each in board.groups}
            names = {
                (workspace, name)
                for workspace in workspaces
                for name in board_names(self.calls.query, workspace)
            }
            return [
                each
                for each in things
                if (each.kind, each.board_id, each.title) in titles
                or (each.board_id is None and (each.workspace, each.title) in names)
            ]

        return bool(things) and bool(appeared(self.calls, there, len(things)))

    def _resend(
        self,
        request: UnsettledRequest,
        look: Callable[[bool], None],
        boards: Mapping[int, BoardEntry],
    ) -> bool:
        """The same bytes under the same key. False if the boards have to be read instead."""
        try:
            answer = self.calls.mutate(request.body, request.idempotency_key, before_resend=look)
        except (Refused, _Ran):
            return False
        except AnswerLost as error:
            raise RunFailed(f"A request of an earlier run cannot be settled: {error}") from error
        outcomes: list[Outcome] = outcomes_of(answer, len(request.operations))
        intents = [self._intent(each) for each in request.operations]
        name = answer.request_id
        self.journal.settle(request.id, intents, outcomes, how="resend", request_id=name)
        if not answer.replayed:
            self._archive_copies(request, outcomes, boards)
        return True

    def _archive_copies(
        self,
        request: UnsettledRequest,
        outcomes: Sequence[Outcome],
        boards: Mapping[int, BoardEntry],
    ) -> None:
        """Where the first try ended while the second was on its way, both have made an item.

        The later one leaves; the board is read again for the other.
        """
        made: dict[int, dict[str, str]] = {}
        for sent, outcome in zip(request.operations, outcomes, strict=True):
            if sent.kind == "create" and isinstance(outcome, Acknowledged):
                made.setdefault(sent.board, {})[sent.key] = outcome.item_id
        copies = [
            Intent(board, key, Archive(key, ids[key]), None)
            for board, ids in made.items()
            if board in boards and boards[board].key_column
            for key in self._doubled(boards[board], ids)
        ]
        if not copies:
            return
        _log.warning("request.ran_twice items=%d: the later ones are archived", len(copies))
        for board in {each.board for each in copies}:
            self.items.distrust(board)
        archive_copies(self.calls, self.journal, copies)

    def _doubled(self, entry: BoardEntry, ids: Mapping[str, str]) -> list[str]:
        """The keys of these new items, by key, that other items of the board have too.

        As soon as a search finds the new item, it finds an earlier one too.
        """
        column = entry.key_column or ""

        def told() -> dict[str, int]:
            found = look_up(self.calls.query, entry.board_id, column, list(ids), columns=[column])
            return {
                key: len(items)
                for key, items in found.items()
                if any(item.id == ids.get(key) for item in items)
            }

        found = appeared(self.calls, told, len(ids))
        if len(found) < len(ids):
            items, _ = whole_board(self.calls, entry.board_id, [column])
            found = Counter(str(item.values.get(column, (None,))[0]) for item in items)
        return [key for key in ids if found.get(key, 0) > 1]

    def _intent(self, sent: SentOperation) -> Intent:
        row = WantedRow(sent.key, sent.name, sent.name or "", sent.cells)
        match sent.kind:
            case "create":
                after = KnownItem("", sent.name or "", sent.cells)
                return Intent(sent.board, sent.key, Create.of(row), after)
            case "update":
                known = self.items.items(sent.board, [sent.key]).get(sent.key)
                before = known or KnownItem(sent.item_id or "", "", {})
                cells = {**before.cells, **sent.cells}
                after = KnownItem(before.item_id, sent.name or before.name, cells)
                update = Update(row, before.item_id, sent.cells, sent.name)
                return Intent(sent.board, sent.key, update, after)
            case _:
                leaving = Archive(sent.key, sent.item_id or "", sent.kind == "delete")
                return Intent(sent.board, sent.key, leaving, None)
