"""Jobs that outlive their request: bulk archiving and deleting, and uploads of items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ifs_monday_sandbox.monday import writes
from ifs_monday_sandbox.monday.errors import MondayError, bad_argument, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Board, Writer

__all__ = ["BulkJob", "Jobs"]

BULK_ITEMS = 500


@dataclass(slots=True)
class BulkJob:
    """Archiving or deleting many items; the GraphQL type AsyncJobStatus reads it."""

    id: int
    created_at: str
    result: dict[str, Any]
    polls_left: int
    error: str | None = None
    updated_at: str = field(default="")

    @property
    def status(self) -> str:
        """RUNNING for as many questions as the settings say, then COMPLETED."""
        return "RUNNING" if self.polls_left else "COMPLETED"


class Jobs:
    """All jobs of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._bulk: dict[int, BulkJob] = {}

    def remove(
        self, board: Board, item_ids: Sequence[object], *, archive: bool, writer: Writer
    ) -> BulkJob:
        """Archive or delete the items of the board; those that are not there count as failed."""
        if not 1 <= len(item_ids) <= BULK_ITEMS:
            raise bad_argument(f"1 to {BULK_ITEMS} item_ids are taken, not {len(item_ids)}")
        failed: list[str] = []
        for item_id in item_ids:
            try:
                item = writes.item_of_board(self._account, board, item_id)
            except MondayError:
                failed.append(str(item_id))
                continue
            if archive:
                writes.archive_item(self._account, item, writer=writer)
            else:
                writes.delete_item(self._account, item)
        result = {
            "total": len(item_ids),
            "succeeded": len(item_ids) - len(failed),
            "failed": len(failed),
            "details": {"failed_item_ids": failed},
        }
        now = writer.at.isoformat()
        polls = self._account.settings.ingest_polls
        job = BulkJob(self._account.next_id(), now, result, polls, updated_at=now)
        self._bulk[job.id] = job
        return job

    def bulk_status(self, job_id: object) -> dict[str, Any]:
        """How far a bulk job is; each question brings it forward."""
        job = self._bulk.get(int(str(job_id))) if str(job_id).isdecimal() else None
        if job is None:
            raise missing("job", job_id)
        status = job.status
        job.polls_left = max(0, job.polls_left - 1)
        return {
            "id": job.id,
            "status": status,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
            "error": job.error,
            "result": job.result if status == "COMPLETED" else None,
        }
