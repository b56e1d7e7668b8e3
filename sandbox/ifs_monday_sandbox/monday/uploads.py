"""Upload jobs: `ingest_items` and `backfill_items`, from their start to their report.

Source: developer.monday.com/api-reference/docs/importing-items-in-bulk.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.monday.csv_cells import MATCH_TYPES
from ifs_monday_sandbox.monday.errors import MondayError, bad_argument, missing
from ifs_monday_sandbox.monday.limits import Window
from ifs_monday_sandbox.monday.structure import active_column
from ifs_monday_sandbox.monday.upload_report import report_of
from ifs_monday_sandbox.monday.upload_rows import (
    Match,
    Outcome,
    UploadFaultError,
    read_rows,
    write_rows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Board, Group, Writer
    from ifs_monday_sandbox.monday.settings import BulkMatch, BulkReport

__all__ = ["URL_SECONDS", "UploadJob", "Uploads"]

URL_SECONDS: Final = 10 * 60
MOST_BYTES = 150 * 1024 * 1024
MINUTES_OF_AN_HOUR = 60


@dataclass(slots=True)
class UploadJob:
    """One upload; the GraphQL type ItemsJobStatus reads it. `*_url_until` are on `elapsed`."""

    id: int
    board: Board
    group: Group
    match: Match | None
    most_rows: int
    counted: bool
    writer: Writer
    base_url: str
    upload_until: float
    polls_left: int
    reach: BulkMatch = "board"
    report_form: BulkReport = "serial"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    status: str = "UPLOAD_PENDING"
    content: bytes | None = None
    outcomes: Sequence[Outcome] = ()
    report: str = ""
    report_until: float | None = None
    failure_reason: str | None = None
    failure_message: str | None = None

    @property
    def upload_url(self) -> str:
        """Where the CSV file is PUT."""
        return f"{self.base_url}/uploads/{self.token}"

    @property
    def report_url(self) -> str | None:
        """Where the rows' outcomes can be read."""
        return f"{self.base_url}/reports/{self.token}" if self.report_created else None

    @property
    def report_created(self) -> bool:
        """Whether there is a report."""
        return self.report_until is not None

    @property
    def progress_percentage(self) -> int:
        """0 until it is done."""
        return 100 if self.status == "COMPLETED" else 0

    @property
    def fully_imported(self) -> bool:
        """Completed with nothing failed; invalid rows do not clear it."""
        return self.status == "COMPLETED" and self.counts["failed"] == 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows came to which end."""
        kinds = [outcome.kind for outcome in self.outcomes]
        names = ("invalid", "skipped", "created", "updated", "failed")
        return {"submitted": len(kinds)} | {name: kinds.count(name) for name in names}


class Uploads:
    """The upload jobs of an account and its hourly limits."""

    def __init__(self, account: Account) -> None:
        self._account = account
        settings = account.settings
        hour = MINUTES_OF_AN_HOUR * settings.minute_seconds
        self.jobs_left = Window(settings.ingest_jobs_per_hour, hour, account.elapsed)
        self.items_left = Window(settings.ingest_items_per_hour, hour, account.elapsed)
        self._jobs: dict[int, UploadJob] = {}

    def start(
        self,
        board: Board,
        group_id: str,
        *,
        match: tuple[str, str] | None,
        backfill: bool,
        writer: Writer,
        base_url: str,
    ) -> UploadJob:
        """A job that waits for its file; `match` is a column id and UPSERT or SKIP."""
        group = board.group(group_id)
        if group is None:
            raise missing("group", group_id)
        found = None if match is None else _match(board, *match)
        if self.jobs_left.left < 1:
            wait = math.ceil(self.jobs_left.full_in() * 1000)
            raise MondayError(
                "RATE_LIMIT_EXCEEDED",
                f"{self.jobs_left.limit} uploads an hour are allowed",
                status_code=429,
                retryAfterMs=wait,
            )
        self.jobs_left.use(1)
        job = UploadJob(
            id=self._account.next_id(),
            board=board,
            group=group,
            match=found,
            most_rows=20_000 if backfill else 10_000,
            counted=not backfill,
            writer=writer,
            base_url=base_url,
            upload_until=self._account.elapsed() + URL_SECONDS,
            polls_left=self._account.settings.ingest_polls,
            reach=self._account.settings.bulk_match,
            report_form=self._account.settings.bulk_report,
        )
        self._jobs[job.id] = job
        return job

    def by_token(self, token: str) -> UploadJob | None:
        """The job whose addresses hold this token."""
        return next((job for job in self._jobs.values() if job.token == token), None)

    def receive(self, job: UploadJob, content: bytes) -> None:
        """The file has come: process it now, or after the set number of questions."""
        job.content = content
        job.status = "PROCESSING"
        if job.polls_left == 0:
            self._process(job)

    def poll(self, job_id: object) -> UploadJob:
        """The job, brought one step forward if it has its file."""
        job = self._jobs.get(int(str(job_id))) if str(job_id).isdecimal() else None
        if job is None:
            raise missing("job", job_id)
        expired = self._account.elapsed() > job.upload_until
        if job.status == "UPLOAD_PENDING" and expired:
            self._fail(job, "REJECTED", UploadFaultError("INVALID_UPLOAD", "No file was uploaded"))
        elif job.status == "PROCESSING" and job.polls_left:
            job.polls_left -= 1
        elif job.status == "PROCESSING":
            self._process(job)
        return job

    def _process(self, job: UploadJob) -> None:
        content = job.content or b""
        job.content = None
        try:
            if len(content) > MOST_BYTES:
                raise UploadFaultError("FILE_TOO_LARGE", "At most 150 MB are taken")  # noqa: TRY301  (one way out for every fault)
            if any(text in content for text in self._account.poison):
                raise UploadFaultError("INVALID_UPLOAD", "The file cannot be read")  # noqa: TRY301  (as above)
            header, rows = read_rows(job.board, content, job.most_rows)
        except UploadFaultError as error:
            self._fail(job, "REJECTED", error)
            return
        try:
            self._check_capacity(job, len(rows))
            job.outcomes = write_rows(self._account, job, rows)
        except UploadFaultError as error:
            self._fail(job, "FAILED", error)
            return
        if job.counted:
            self.items_left.use(sum(one.kind in ("created", "updated") for one in job.outcomes))
        job.status = "COMPLETED"
        if job.report_form != "none":
            columns = [column_id for column_id in header if column_id != "name"]
            job.report = report_of(job.outcomes, columns, job.report_form, seed=job.id)
            job.report_until = self._account.elapsed() + URL_SECONDS

    def _check_capacity(self, job: UploadJob, rows: int) -> None:
        if job.counted and rows > self.items_left.left:
            raise UploadFaultError(
                "ACCOUNT_CAPACITY_EXCEEDED",
                f"{self.items_left.left} of {self.items_left.limit} items an hour are left",
            )
        room = self._account.settings.items_limit - job.board.active_count
        if job.match is None and rows > room:
            raise UploadFaultError("BOARD_CAPACITY_EXCEEDED", f"The board has room for {room}")

    def _fail(self, job: UploadJob, status: str, error: UploadFaultError) -> None:
        job.status, job.failure_reason, job.failure_message = status, error.reason, str(error)


def _match(board: Board, column_id: str, behaviour: str) -> Match:
    column = active_column(board, column_id)
    if column.type not in MATCH_TYPES:
        raise bad_argument(f"Uploads cannot match on {column.type} columns", column_id=column_id)
    return Match(column, skip=behaviour == "SKIP")
