"""Runs: how each began, how it ended, and its books."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ENDS", "BoardBooks", "RunHeader", "Runs", "Seal"]

ENDS: Final = "end run"  # the kind of the chain's line that a run ends with
_log = logging.getLogger("target-monday")
_json = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class BoardBooks:
    """The numbers of one stream on one board in one run. `totals`: its control totals, if any."""

    stream: str
    board_id: str | None
    counts: Mapping[str, int]
    totals: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """Who runs what, where, by which settings. `mapping` is JSON without secrets."""

    version: str
    user: str | None = None
    host: str | None = None
    pid: int | None = None
    versions: str | None = None
    settings_hash: str | None = None
    mapping_hash: str | None = None
    mapping: str | None = None
    git_commit: str | None = None
    token_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of the chain when a run had ended: what comes before it cannot be cut unseen.

    `mac`: the HMAC-SHA256 of the three under a key of the user's, in hex digits, if there is one.
    """

    run: str
    seq: int
    hash: str
    mac: str | None = None


@dataclass(slots=True)
class Runs:
    """The run of this process in the ledger."""

    engine: Engine
    clock: Callable[[], float] = time.time
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def begin(self, header: RunHeader) -> None:
        """Note that a run has started."""
        now, row = self.clock(), asdict(header)
        mapping, known = row.pop("mapping"), tables.mappings
        with writing(self.engine, "begin run", self.run_id) as ledger:
            if mapping is not None:
                this = select(known.c.hash).where(known.c.hash == header.mapping_hash)
                if ledger.connection.execute(this).scalar_one_or_none() is None:
                    entry = {"hash": header.mapping_hash, "mapping": mapping, "at": now}
                    ledger.append(known, [entry])
            ledger.append(tables.runs, [{"id": self.run_id, "started_at": now, **row}])

    def end(
        self,
        *,
        status: str,
        exit_code: int,
        message: str | None,
        calls: int,
        points: int,
        books: Sequence[BoardBooks],
    ) -> Seal:
        """Note how the run ended, with the books of each stream; gives the end of the chain."""
        row = {"status": status, "exit_code": exit_code, "message": message}
        books_of = [
            {
                "run_id": self.run_id,
                "stream": book.stream,
                "board_id": book.board_id or "",
                "counts": _json(book.counts).decode(),
                "totals": None if book.totals is None else _json(book.totals).decode(),
            }
            for book in books
        ]
        with writing(self.engine, ENDS, self.run_id) as ledger:
            ends = tables.run_ends
            ended = select(ends.c.run_id).where(ends.c.run_id == self.run_id)
            if ledger.connection.execute(ended).first() is None:
                ledger.append(tables.run_books, books_of)
                row = {"run_id": self.run_id, "ended_at": self.clock(), **row}
                ledger.append(ends, [{**row, "calls": calls, "points": points}])
            else:  # it was silent for so long that another run has closed it
                _log.warning("run.closed_before run=%s: its books stand as they were", self.run_id)
        return Seal(self.run_id, ledger.seq, ledger.hash)
