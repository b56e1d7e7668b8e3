"""The target against the sandbox on a clock that stands still unless somebody waits."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, Self

from ifs_monday_sandbox.monday.account import Account
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from target_monday.books import Books
from target_monday.clock import Clock
from target_monday.errors import TargetError
from target_monday.ledger.database import open_database
from target_monday.ledger.known_rows import Asked, KnownRows
from target_monday.replaying import Feed, ReplayingTarget
from target_monday.target import TargetMonday

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["BEGAN", "Simulation", "Time", "Took"]

BEGAN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass
class Time:
    """Seconds that pass when somebody waits, and only then."""

    seconds: float = 0.0

    def elapsed(self) -> float:
        """The stopwatch of both sides."""
        return self.seconds

    def wall(self) -> datetime:
        """The time of day on the twin's side."""
        return BEGAN + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Wait, in no time."""
        self.seconds += seconds


@dataclass(frozen=True)
class Took:
    """A run that has ended: exit code, message, and what it took."""

    code: int
    message: str
    seconds: float
    calls: int
    mutations: int
    refused: int
    books: Any


@dataclass
class Simulation:
    """The target in this process against the sandbox, on a clock that both go by."""

    folder: Path
    monday: MondaySettings = field(default_factory=MondaySettings)
    time: Time = field(default_factory=Time)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = Account(self.monday, wall=self.time.wall, elapsed=self.time.elapsed)
        settings = SandboxSettings(size=1, monday=self.monday)
        self.sandbox = Sandbox(settings, monday_account=self.account)

    def __enter__(self) -> Self:
        """Start the twin."""
        self.sandbox.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.sandbox.__exit__(None, None, None)

    def run(self, lines: str | IO[str], **settings: Any) -> Took:
        """Run the target over these lines, or what they are read from, to its end."""
        given = io.StringIO(lines) if isinstance(lines, str) else lines
        return self._run(TargetMonday, given, settings)

    def replay(self, asked: Asked, **settings: Any) -> Took:
        """Deliver these rows of the ledger once more."""
        engine = open_database(f"sqlite:///{self.folder / 'ledger.db'}")
        rows = KnownRows(engine).newest(asked)
        engine.dispose()
        return self._run(ReplayingTarget, Feed(rows), settings)

    def _run(self, kind: type[TargetMonday], given: Any, settings: Mapping[str, Any]) -> Took:
        config = {
            "api_token": "s4ndb0x-m0nd4y",
            "api_url": self.sandbox.monday_url,
            "ledger_url": f"sqlite:///{self.folder / 'ledger.db'}",
            **self.settings,
            **settings,
        }
        clock = Clock(
            self.time.elapsed, lambda: BEGAN.timestamp() + self.time.seconds, self.time.sleep
        )
        began, usage = self.time.seconds, self.account.usage
        before = (usage.calls, usage.mutations, usage.refused)
        target = kind(config=config, clock=clock)
        code, message = 0, ""
        try:
            target.listen(given)
        except TargetError as error:
            code, message = error.exit_code, str(error)
        session = vars(target).get("session")  # asking for it would begin one, which none would end
        return Took(
            code,
            message,
            self.time.seconds - began,
            usage.calls - before[0],
            usage.mutations - before[1],
            usage.refused - before[2],
            session.books if session else Books(),
        )
