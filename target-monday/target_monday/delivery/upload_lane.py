"""The lane of uploads: one job for thousands of rows of a board, settled row by row.

Start, upload, questions, report. The intent is committed before the file leaves, so a job that a
dead run left behind, or that outlives this one, is asked for by the next run before anything is
written to its board. A job without its file does nothing: its start needs no such care.
Source: developer.monday.com/api-reference/docs/importing-items-in-bulk.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.delivery.calls import WaitTooLong
from target_monday.delivery.copies import without_copies
from target_monday.delivery.csv_rows import CsvRow, csv_file
from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone, Outcome, Unknown
from target_monday.delivery.reach import Reach, remember, remembered
from target_monday.delivery.upload_report import Sent, row_outcomes
from target_monday.diff import Create
from target_monday.errors import RunFailed
from target_monday.ledger.intents import SentUpload
from target_monday.monday.answers import part_of
from target_monday.monday.client import encode_body
from target_monday.monday.errors import (
    AccessDenied,
    AnswerLost,
    BadRequest,
    Fault,
    Kind,
    MondayError,
    Refused,
)
from target_monday.monday.operations import StartUpload, write_batch
from target_monday.monday.uploads import (
    BACKFILL_ROWS,
    INGEST_ROWS,
    ITEMS_AN_HOUR,
    STARTS_AN_HOUR,
    URL_SECONDS,
    Job,
    StartedUpload,
    ask_jobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.pending import Pending
    from target_monday.ledger.journal import Journal
    from target_monday.monday.uploads import Counts, Files
    from target_monday.plan import BoardPlan

__all__ = ["Batch", "UploadLane"]

_HOUR: Final = 3600.0
_PATIENCE: Final = 600.0  # seconds with a job; then it is for the next run
_LONGEST_WAIT: Final = 60.0
_GROWTH: Final = 1.5
_ARRIVAL: Final = 12  # intervals in which a job shows that its file has arrived
_NOT_BEGUN: Final = frozenset({"UPLOAD_PENDING", None})  # None: monday knows no such job
_TRIES: Final = 2  # jobs that are started for one file
_STORES: Final = 3  # times that a file is sent to one address
_FEW: Final = 200  # rows of a refused file that go by aliases; a larger one is halved
_STRIKES: Final = 6  # refused files of a board, one after another
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations of one board, and of one group if they create items, with their rows."""

    plan: BoardPlan
    group_id: str
    pack: Sequence[Pending]
    rows: Sequence[CsvRow]
    backfill: bool = False
    is_probe: bool = False  # one row, sent to another group than its item's

    @property
    def start(self) -> StartUpload:
        """The job that it needs."""
        match = None if self.backfill else self.plan.key_column
        return StartUpload(self.plan.board_id, self.group_id, match, self.backfill)

    @property
    def sent(self) -> list[Sent]:
        """Its rows, to settle them by."""
        return [
            Sent(
                each.key,
                isinstance(each.operation, Create),
                "" if isinstance(each.operation, Create) else each.operation.item_id,
            )
            for each in self.pack
        ]


@dataclass(frozen=True, slots=True)
class _SentFile:
    """A file that may have arrived. `stored`: it has, for certain."""

    request: int  # the ledger's number
    job_id: str
    stored: bool


@dataclass(slots=True)
class UploadLane:
    """Delivers batches of several boards at a time: monday works on them beside each other."""

    calls: Calls
    journal: Journal
    files: Files
    before_request: Callable[[], None]
    off: str | None = None  # why this run does without uploads
    backfill_refused: bool = False
    probed: bool = False
    _off_until: float = 0.0
    _most_rows: dict[str, int] = field(default_factory=dict)  # a file, by board
    _strikes: dict[str, int] = field(default_factory=dict)

    def is_open(self, plan: BoardPlan) -> bool:
        """Whether uploads to this board can be started now."""
        waits = self._now() < self._off_until
        return self.off is None and not waits and self._strikes.get(plan.board_id, 0) < _STRIKES

    def rows_a_file(self, plan: BoardPlan, *, backfill: bool) -> int:
        """Rows that the next file of this board may have."""
        most = BACKFILL_ROWS if backfill else INGEST_ROWS
        return min(most, self._most_rows.get(plan.board_id, most))

    def left_in_hour(self) -> tuple[int, int]:
        """Starts, and items of `ingest_items`, that the account has left in this hour."""
        uploads = self.journal.uploads_since(self.calls.store.clock() - _HOUR)
        items = sum(written for _, lane, written in uploads if lane == "ingest")
        return STARTS_AN_HOUR - len(uploads), max(0, ITEMS_AN_HOUR - items)

    @property
    def reach(self) -> Reach:
        """How far an upload that matches looks for items, as the ledger remembers it.

        A probe that showed nothing is not repeated in its run; the narrower reach is safe.
        """
        known = remembered(self.calls.store)
        return Reach.GROUP if known is Reach.UNKNOWN and self.probed else known

    def deliver(self, batches: Sequence[Batch]) -> list[list[Outcome]]:
        """What became of each operation of each batch, in their order."""
        outcomes: dict[int, list[Outcome]] = {}
        jobs: dict[int, _SentFile] = {}
        for _ in range(_TRIES):
            waiting = [at for at in range(len(batches)) if at not in outcomes and at not in jobs]
            if not waiting:
                break
            started = self._start([batches[at] for at in waiting])
            for at, start in zip(waiting, started, strict=True):
                if isinstance(start, StartedUpload):
                    file = self._upload(batches[at], start)
                    if file is not None:
                        jobs[at] = file
                else:
                    outcomes[at] = [start] * len(batches[at].pack)
        known = self._wait([file.job_id for file in jobs.values()])
        for at, file in jobs.items():
            outcomes[at] = self._settled(batches[at], file, known.get(file.job_id))
        return [outcomes.get(at) or _by_alias(batch) for at, batch in enumerate(batches)]

    def _now(self) -> float:
        return self.calls.budget.clock()

    # Starting.

    def _start(self, batches: Sequence[Batch]) -> list[StartedUpload | Outcome]:
        """The jobs, in one request; where one cannot be had, what that means for its rows."""
        body = encode_body(*write_batch([batch.start for batch in batches]))
        self.before_request()
        try:
            answer = self.calls.mutate(body, str(uuid.uuid4()))
        except WaitTooLong as error:
            self._off_until = self._now() + error.wait
            return [self._without(str(error))] * len(batches)
        except AnswerLost as error:
            if error.says_nothing:
                raise RunFailed(f"No upload could be started: {error}") from error
            return [self._refused(batch, error.fault) for batch in batches]
        except Refused as error:
            return [self._refused(batch, error.fault) for batch in batches]
        except RunFailed as error:
            cause = error.__cause__
            if not isinstance(cause, AccessDenied | BadRequest):
                raise
            fault = Fault(None, cause.code, cause.message, Kind.ACCESS)
            return [self._refused(batch, fault) for batch in batches]
        faults = {fault.alias: fault for fault in answer.faults}
        return [
            self._started(batch, answer.data.get(f"m{at}"), faults.get(f"m{at}", faults.get(None)))
            for at, batch in enumerate(batches)
        ]

    def _started(self, batch: Batch, data: Any, fault: Fault | None) -> StartedUpload | Outcome:
        try:
            start = part_of(data or {}, StartedUpload)
        except AnswerLost as error:  # without its file the job does nothing
            start, fault = StartedUpload(), fault or error.fault
        if start.job_id and start.upload_url:
            return start
        return self._refused(batch, fault or Fault(None, "NO_JOB", "no job", Kind.ACCESS))

    def _refused(self, batch: Batch, fault: Fault) -> Outcome:
        sentence = f"monday answered {fault.code}: {fault.message}"
        match fault.kind:
            case Kind.DAILY_LIMIT:
                return CarriedOver(sentence, run_ends=True)
            case Kind.FULL:
                return CarriedOver(sentence, full=True)
            case Kind.BOARD:
                return CarriedOver(sentence, board_failed=True)
            case Kind.RETRY | Kind.TOO_COMPLEX:
                self._off_until = self._now() + (fault.wait or _HOUR)
                return self._without(sentence)
            case _ if batch.backfill:
                self.backfill_refused = True
                _log.info("backfill.refused reason=%r", sentence)
                return CarriedOver(sentence, refit=True)
            case _:
                self.off = sentence
                return self._without(sentence)

    def _without(self, sentence: str) -> Outcome:
        _log.warning("uploads.off reason=%r", sentence)
        return CarriedOver(sentence, by_alias=True)

    def _upload(self, batch: Batch, start: StartedUpload) -> _SentFile | None:
        """Send the file. None if it did not arrive, for certain."""
        upload = SentUpload(str(start.job_id), "backfill" if batch.backfill else "ingest")
        intents = [pending.intent for pending in batch.pack]
        content = csv_file(batch.rows)
        request = self.journal.intend_upload(batch.plan.ledger_id, upload, intents)
        for attempt in range(_STORES):
            stored = self.files.put(str(start.upload_url), content)
            if stored.taken:
                self.journal.count_written(request, len(intents))
                break
            _log.warning("upload.not_taken job=%s reason=%r", start.job_id, stored.reason)
            if stored.refused and attempt == 0:
                outcomes = [CarriedOver(stored.reason)] * len(intents)
                self.journal.settle(request, intents, outcomes)
                self.journal.count_written(request, 0)
                return None
        _log.info(
            "upload.sent stream=%s job=%s lane=%s rows=%d bytes=%d",
            *(batch.plan.stream, start.job_id, upload.lane, len(batch.rows), len(content)),
        )
        return _SentFile(request, str(start.job_id), stored.taken)

    # Waiting and settling.

    def _wait(
        self, job_ids: Sequence[str], patience: float = _PATIENCE, age: float = 0.0
    ) -> dict[str, Job]:
        """The jobs as they were last, once they have ended or patience has.

        Questions are calls, so they come more and more seldom. `age`: seconds since the files
        left; a job that has not begun by the time its file should have arrived is not waited for.
        A job of which monday does not tell is left out.
        """
        known: dict[str, Job] = {}
        open_ones, began, wait = list(job_ids), self._now(), self.calls.poll_interval
        while open_ones and self._now() - began < patience:
            self.before_request()
            self.calls.wait(wait, f"monday.com works on upload {', '.join(open_ones)}")
            wait = min(wait * _GROWTH, max(self.calls.poll_interval, _LONGEST_WAIT))
            try:
                states = dict(zip(open_ones, ask_jobs(self.calls.query, open_ones), strict=True))
            except MondayError as error:
                _log.warning("upload.not_told reason=%r", str(error))
                return {job_id: job for job_id, job in known.items() if job.ended}
            known |= states
            late = age + self._now() - began > self._arrival
            open_ones = [
                job_id
                for job_id, job in states.items()
                if not (job.ended or (late and job.status in _NOT_BEGUN))
            ]
        return known

    @property
    def _arrival(self) -> float:
        """Seconds in which a job shows that its file has arrived."""
        return _ARRIVAL * self.calls.poll_interval

    def _settled(self, batch: Batch, file: _SentFile, job: Job | None) -> list[Outcome]:
        intents, job_id, request = [each.intent for each in batch.pack], file.job_id, file.request
        if job is None or not job.ended:
            unended = _unended(job_id, job, stored=file.stored)
            if isinstance(unended, Gone):
                self._never_arrived(request, job_id)
                self.journal.settle(request, intents, [unended] * len(intents))
            return [unended] * len(intents)
        outcomes = self._outcomes(batch, job_id, job)
        if batch.is_probe and job.status == "COMPLETED":
            self._learn_reach(job.counts, outcomes)
        board = batch.plan.ledger_id, batch.plan.board_id
        outcomes = without_copies(self.calls, self.journal, board, batch.sent, outcomes)
        self.journal.settle(request, intents, outcomes, how="report")
        written = sum(isinstance(each, Acknowledged) for each in outcomes)
        told = job.counts.written if job.counts else written
        self.journal.count_written(request, told)
        created = job.counts.created if job.counts else None
        more = (created or 0) - sum(each.creates for each in batch.sent)
        if more > 0:
            _log.warning(
                "upload.made_more stream=%s job=%s items=%d: monday did not find items by their "
                "keys and made new ones; where an item's id is known, the new one is archived",
                *(batch.plan.stream, job_id, more),
            )
        _log.info(
            "upload.done stream=%s job=%s status=%s rows=%d written=%d settled=%d",
            *(batch.plan.stream, job_id, job.status, len(intents), told, written),
        )
        return outcomes

    def _outcomes(self, batch: Batch, job_id: str, job: Job) -> list[Outcome]:
        if job.status == "COMPLETED":
            self._strikes.pop(batch.plan.board_id, None)
            return self.written(batch.sent, job_id, job, batch.plan.key_column or "")
        reason = job.failure_reason or "INTERNAL_ERROR"
        sentence = f"upload {job_id} ended with {reason}: {job.failure_message or 'no reason'}"
        _log.warning("upload.failed stream=%s reason=%r", batch.plan.stream, sentence)
        if job.status == "FAILED":  # some of it may have run
            self._learn(batch, reason, sentence)
            return [Gone(sentence, by_upload=True, copied=True)] * len(batch.pack)
        return [self._learn(batch, reason, sentence)] * len(batch.pack)

    def _learn(self, batch: Batch, reason: str, sentence: str) -> Outcome:
        """What a refused file means for the next ones, and for its rows."""
        board, rows = batch.plan.board_id, len(batch.pack)
        match reason:
            case "AUTHORIZATION_FAILED" | "PERMISSION_DENIED":
                return self._refused(batch, Fault(None, reason, sentence, Kind.ACCESS))
            case "ACCOUNT_CAPACITY_EXCEEDED":
                self._off_until = self._now() + _HOUR
                return self._without(sentence)
            case "INVALID_UPLOAD" | "FILE_TOO_LARGE" if rows > _FEW:
                self._strikes[board] = self._strikes.get(board, 0) + 1
                self._most_rows[board] = max(_FEW, rows // 2)
                return CarriedOver(sentence, refit=True)
            case _:
                return CarriedOver(sentence, by_alias=True)

    def _learn_reach(self, counts: Counts | None, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of a row that was sent to another group than its item's."""
        if counts is not None and counts.created:
            reach = Reach.GROUP
        elif all(isinstance(each, Acknowledged) for each in outcomes):
            reach = Reach.BOARD
        else:
            return
        remember(self.calls.store, reach)
        _log.info("upload.reach_learned reach=%s", reach.name.lower())

    def written(
        self, sent: Sequence[Sent], job_id: str, job: Job, key_column: str
    ) -> list[Outcome]:
        """Which rows of a completed job are on the board, by counts and report."""
        report = self._report(job_id, job)
        outcomes = row_outcomes(job_id, sent, job.counts, report, key_column)
        if job.counts is not None and (job.counts.submitted or len(sent)) != len(sent):
            _log.warning(
                "upload.miscounted job=%s rows=%d submitted=%d: every row is looked up",
                *(job_id, len(sent), job.counts.submitted),
            )
        refused = [each.message for each in outcomes if isinstance(each, CarriedOver)]
        if refused:
            _log.warning(
                "upload.rows_refused job=%s rows=%d first=%r: they are sent by mutations",
                *(job_id, len(refused), refused[0]),
            )
        return outcomes

    def _report(self, job_id: str, job: Job) -> bytes | None:
        """The report; its address lives ten minutes, then another one is asked for."""
        if not job.report_url:
            return None
        content = self.files.get(job.report_url)
        if content is not None:
            return content
        try:
            again = ask_jobs(self.calls.query, [job_id])[0]
        except MondayError:
            return None
        return self.files.get(again.report_url) if again.report_url else None

    def resume(
        self, request: int, sent: Sequence[Sent], upload: SentUpload, key_column: str, age: float
    ) -> list[Outcome]:
        """The outcomes of a dead run's upload; all are Unknown while it is being processed.

        `age`: seconds since the file was about to leave. Its sender is dead, so a file that has
        not arrived by now never will.
        """
        job_id, job = upload.job_id, None
        try:
            job = ask_jobs(self.calls.query, [job_id])[0]
        except MondayError as error:
            if error.kind in {Kind.GONE, Kind.REJECT}:
                return [_ended(job_id, "is not known any more")] * len(sent)
            _log.warning("upload.not_told reason=%r", str(error))
        if job is not None and not job.ended:
            patience = max(_PATIENCE / 10, self._arrival - age + self.calls.poll_interval)
            job = self._wait([job_id], patience, age).get(job_id)
        too_late = upload.stored and age > 2 * URL_SECONDS
        never_begun = job is not None and job.status in _NOT_BEGUN and too_late
        if job is None or not (job.ended or never_begun):
            unended = _unended(job_id, job, stored=upload.stored)
            if isinstance(unended, Gone):
                self._never_arrived(request, job_id)
            return [unended] * len(sent)
        self.journal.count_written(request, job.counts.written if job.counts else 0)
        if job.status == "COMPLETED":
            return self.written(sent, job_id, job, key_column)
        end = "was never begun" if never_begun else f"ended with {job.failure_reason or job.status}"
        return [_ended(job_id, end)] * len(sent)

    def _never_arrived(self, request: int, job_id: str) -> None:
        self.journal.count_written(request, 0)
        _log.warning("upload.never_arrived job=%s: its rows are sent anew", job_id)


def _by_alias(batch: Batch) -> list[Outcome]:
    return [CarriedOver("no file could be uploaded", by_alias=True)] * len(batch.pack)


def _ended(job_id: str, end: str) -> Gone:
    return Gone(f"Upload {job_id} {end}.", by_upload=True, copied=True)


def _unended(job_id: str, job: Job | None, *, stored: bool) -> Gone | Unknown:
    """The outcome of each row of a job that has not ended. `stored`: it has its file."""
    if job is not None and job.status in _NOT_BEGUN and not stored:
        return Gone(f"Upload {job_id} never got its file.", by_upload=True)
    if job is None:
        state = f"monday does not say how far upload {job_id} is."
    elif job.status in _NOT_BEGUN:
        state = f"Upload {job_id} has its file, and monday has not begun to process it."
    else:
        state = f"Upload {job_id} is still being processed."
    return Unknown(f"{state} The next run asks for it before it writes to this board.", parked=True)
