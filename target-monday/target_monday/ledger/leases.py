"""One writer a board: leases that keep a second run off it, on this machine or another."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, Row, select, text

from target_monday.errors import BoardFailed, BoardParked, RunFailed
from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Leases", "live_runs"]

LEASE_SECONDS: Final = 900.0  # longer than any wait inside a run


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
        with writing(self.engine, "lease", self.run_id) as ledger:
            now = self._now(ledger.connection)
            held = ledger.connection.execute(select(table).where(this)).one_or_none()
            if held is not None and _is_alive(held, now):
                raise BoardFailed(
                    f"{what} is being written by another run (process {held.pid} "
                    f"on {held.host}): wait until it has ended."
                )
            ledger.put(table, [{"board_id": place, **self._mine(now)}])
        self._held.add(place)

    def live_runs(self) -> set[str]:
        """The runs that hold anything and live, this one among them."""
        return live_runs(self.engine, self.clock, self.run_id)

    def _now(self, connection: Connection) -> float:
        return _now(connection, self.clock)

    def _mine(self, now: float) -> dict[str, object]:
        return {
            "scope": self.scope,
            "run_id": self.run_id,
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": os.getpid(),
            "expires_at": now + LEASE_SECONDS,
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
        with writing(self.engine, "renew leases", self.run_id, durable=False) as ledger:
            expires_at = self._now(ledger.connection) + LEASE_SECONDS
            kept = ledger.change(table, table.c.run_id == self.run_id, expires_at=expires_at)
        if kept < len(self._held):
            raise RunFailed(
                f"This run was silent for more than {LEASE_SECONDS / 60:.0f} minutes and another "
                "run took one of its boards. What is settled is kept; start it again."
            )

    def release(self) -> None:
        """Give everything back."""
        table = tables.leases
        with writing(self.engine, "release leases", self.run_id, durable=False) as ledger:
            ledger.remove(table, table.c.run_id == self.run_id)
        self._held.clear()


def live_runs(
    engine: Engine, clock: Callable[[], float] = time.time, own: str | None = None
) -> set[str]:
    """The runs that hold anything at any API address, and live; `own` does in any case."""
    with engine.connect() as connection:
        now = _now(connection, clock)
        held = connection.execute(select(tables.leases)).all()
    return {row.run_id for row in held if row.run_id == own or _is_alive(row, now)}


def _now(connection: Connection, clock: Callable[[], float]) -> float:
    """Machines that share a server go by its clock, since theirs may differ."""
    if connection.dialect.name == "postgresql":
        moment = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))
        return float(moment.scalar_one())
    return clock()


def _is_alive(held: Row[Any], now: float) -> bool:
    if held.expires_at < now:
        return False
    here = (socket.gethostname(), _machine())
    if (held.host, held.machine or _machine()) != here:
        return True
    return held.pid != os.getpid() and _process_exists(held.pid)


@cache
def _machine() -> str | None:
    """Where process numbers mean the same: one boot of one machine, one container on it."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return None


def _process_exists(pid: int) -> bool:
    """Whether it runs. One that was killed may have a number until its parent asks for its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    with suppress(OSError):  # where there is no /proc, all that have a number run
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return state.rpartition(") ")[2][:1] not in {"Z", "X"}
    return True
