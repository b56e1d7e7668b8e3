"""What the ledger remembers of an account's limits, for the next run and for others beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

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

    def count_calls(self, calls: float, learned: Mapping[str, float] | None = None) -> float:
        """Add to today's calls, as monday counts days (UTC); gives what all runs used today.

        `learned`: numbers to be saved with it.
        """
        now, table = self.clock(), tables.budgets
        today = f"calls {datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        changed = self._changed(learned or {})
        with writing(self.engine, "count", durable=False) as ledger:
            found = ledger.read(_AMOUNT, (self.scope, today))
            used: float = (found[0][0] if found else 0.0) + calls
            self._put(ledger, {**changed, today: used})
            if not found:
                ledger.remove(table, table.c.name.like("calls %") & (table.c.at < now - _KEPT))
        return used

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
