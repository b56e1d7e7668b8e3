"""What the ledger remembers of an account's limits, for the next run and for others beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import write_later, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_monday.ledger.sealed import Writing

__all__ = ["BudgetStore"]

_KEPT: Final = 7 * 86_400.0  # seconds
_AMOUNT: Final = "SELECT amount FROM budgets WHERE scope = ? AND name = ?"


@dataclass(slots=True)
class BudgetStore:
    """The numbers of the account behind one API address: limits, prices, ids of users."""

    engine: Engine
    scope: str
    clock: Callable[[], float] = time.time
    _saved: dict[str, float] = field(default_factory=dict)

    def load(self) -> dict[str, float]:
        """Everything that is remembered, by name."""
        table = tables.budgets
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.scope == self.scope))
            return {row.name: row.amount for row in rows}

    def recent(self, seconds: float) -> dict[str, float]:
        """What was remembered in the last so many seconds."""
        table = tables.budgets
        young = (table.c.scope == self.scope) & (table.c.at > self.clock() - seconds)
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).where(young))
            return {row.name: row.amount for row in rows}

    def save(self, numbers: Mapping[str, float]) -> None:
        """Remember what has changed since the last time."""
        changed = self._changed(numbers)
        if changed:
            with writing(self.engine, "budgets", durable=False) as ledger:
                self._put(ledger, changed)

    def used_today(self) -> float:
        """The calls of all runs of today, as monday counts days (UTC)."""
        with self.engine.connect() as connection:
            table = tables.budgets
            this = (table.c.scope == self.scope) & (table.c.name == self._today())
            return connection.execute(select(table.c.amount).where(this)).scalar_one_or_none() or 0

    def count_calls(self, calls: float, learned: Mapping[str, float] | None = None) -> None:
        """Add to today's calls, and save these numbers, with what is next written to the ledger."""
        write_later(self.engine, partial(self._count, calls, learned or {}), "count", durable=False)

    def _count(self, calls: float, learned: Mapping[str, float], ledger: Writing) -> None:
        today, table = self._today(), tables.budgets
        found = ledger.read(_AMOUNT, (self.scope, today))
        used = (found[0][0] if found else 0.0) + calls
        self._put(ledger, {**self._changed(learned), today: used})
        if not found:
            old = table.c.at < self.clock() - _KEPT
            ledger.remove(table, table.c.name.like("calls %") & old)

    def _today(self) -> str:
        return f"calls {datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%d}"

    def _changed(self, numbers: Mapping[str, float]) -> dict[str, float]:
        saved = self._saved.get
        return {name: number for name, number in numbers.items() if saved(name) != number}

    def _put(self, ledger: Writing, numbers: Mapping[str, float]) -> None:
        now = self.clock()
        rows = [
            {"scope": self.scope, "name": name, "amount": number, "at": now}
            for name, number in numbers.items()
        ]
        ledger.put(tables.budgets, rows)
        self._saved.update(numbers)
