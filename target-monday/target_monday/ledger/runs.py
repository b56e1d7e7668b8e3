"""Runs and their books, and the lease that keeps a second run off a board."""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from target_monday.errors import BoardFailed, BoardParked, RunFailed
from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["BoardBooks", "Leases", "Runs"]

LEASE_SECONDS: Final = 900.0  # longer than any wait inside a run


@dataclass(frozen=True, slots=True)
class BoardBooks:
    """The numbers of one stream on one board in one run."""

    stream: str
    board_id: str | None
    counts: Mapping[str, int]
    totals: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Runs:
    """The run of this process in the ledger."""

    engine: Engine
    clock: Callable[[], float] = time.time
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def begin(self, version: str) -> None:
        """Note that a run has started."""
        with self.engine.begin() as connection:
            connection.execute(
                insert(tables.runs).values(
                    id=self.run_id, started_at=self.clock(), status="running", version=version
                )
            )

    def end(
        self,
        *,
        status: str,
        exit_code: int,
        message: str | None,
        calls: int,
        points: int,
        books: Sequence[BoardBooks],
    ) -> None:
        """Note how the run ended, with the books of each stream."""
        table = tables.runs
        values = {"status": status, "exit_code": exit_code, "message": message}
        rows = [
            {
                "run_id": self.run_id,
                "stream": book.stream,
                "board_id": book.board_id or "",
                "counts": dict(book.counts),
                "totals": book.totals,
            }
            for book in books
        ]
        with self.engine.begin() as connection:
            this = table.c.id == self.run_id
            connection.execute(
                update(table)
                .where(this)
                .values(**values, ended_at=self.clock(), calls=calls, points=points)
            )
            if rows:
                connection.execute(insert(tables.run_boards), rows)


@dataclass(slots=True)
class Leases:
    """One writer a board. A lease ends with its run, its process, or its time."""

    engine: Engine
    scope: str
    run_id: str
    clock: Callable[[], float] = time.time
    _held: set[str] = field(default_factory=set)
    _blocked: dict[str, str] = field(default_factory=dict)
    _renew_at: float = 0.0

    def take(self, board_id: str) -> None:
        """Hold the board until the run ends. Raises BoardFailed if another run has it."""
        if board_id in self._blocked:
            raise BoardParked(self._blocked[board_id])
        self._take(board_id, f"Board {board_id}")

    def block(self, board_id: str, reason: str) -> None:
        """Keep this run off a board that an earlier run's upload is still at work on."""
        self._blocked[board_id] = reason

    def take_name(self, name: str) -> None:
        """Hold a board's name while it is looked for and made. Raises BoardFailed likewise."""
        self._take(f"name:{sha256(name.encode()).hexdigest()[:32]}", f"Board {name!r}")

    def take_run(self) -> None:
        """Show that this run lives: what it has sent is its own affair."""
        self._take(f"run:{self.run_id}", f"Run {self.run_id}")

    def _take(self, place: str, what: str) -> None:
        if place in self._held:
            return
        table = tables.leases
        this = (table.c.scope == self.scope) & (table.c.board_id == place)
        try:
            with self.engine.begin() as connection:
                held = connection.execute(select(table).where(this)).one_or_none()
                if held is not None:
                    if self._alive(held.host, held.pid, held.expires_at):
                        raise BoardFailed(
                            f"{what} is being written by another run (process {held.pid} "
                            f"on {held.host}): wait until it has ended."
                        )
                    # The dead run's lease, not one that somebody took since it was looked at.
                    connection.execute(delete(table).where(this, table.c.run_id == held.run_id))
                connection.execute(insert(table).values(board_id=place, **self._mine()))
        except IntegrityError as error:
            raise BoardFailed(f"{what} was taken by another run at this moment.") from error
        self._held.add(place)

    def live_runs(self) -> set[str]:
        """The runs that hold anything and live, this one among them."""
        table = tables.leases
        with self.engine.connect() as connection:
            held = connection.execute(select(table).where(table.c.scope == self.scope)).all()
        return {
            row.run_id
            for row in held
            if row.run_id == self.run_id or self._alive(row.host, row.pid, row.expires_at)
        }

    def _alive(self, host: str, pid: int, expires_at: float) -> bool:
        if expires_at < self.clock():
            return False
        if host != socket.gethostname():
            return True
        return pid != os.getpid() and _process_exists(pid)

    def _mine(self) -> dict[str, object]:
        return {
            "scope": self.scope,
            "run_id": self.run_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "expires_at": self.clock() + LEASE_SECONDS,
        }

    def renew(self) -> None:
        """Keep what is held; called before each request, writes only when a third has passed.

        Raises RunFailed if this run was silent for so long that another one took a board.
        """
        now = self.clock()
        if not self._held or now < self._renew_at:
            return
        self._renew_at = now + LEASE_SECONDS / 3
        table = tables.leases
        with self.engine.begin() as connection:
            mine = table.c.run_id == self.run_id
            kept = connection.execute(
                update(table).where(mine).values(expires_at=now + LEASE_SECONDS)
            )
        if kept.rowcount < len(self._held):
            raise RunFailed(
                f"This run was silent for more than {LEASE_SECONDS / 60:.0f} minutes and another "
                "run took one of its boards. What is settled is kept; start it again."
            )

    def release(self) -> None:
        """Give everything back."""
        table = tables.leases
        with self.engine.begin() as connection:
            connection.execute(delete(table).where(table.c.run_id == self.run_id))
        self._held.clear()


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
