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

__all__ = ["BudgetStore"]

_KEPT: Final = 7 * 86_400.0  # seconds


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
        changed = {
            name: number for name, number in numbers.items() if self._saved.get(name) != number
        }
        if not changed:
            return
        with writing(self.engine, "budgets", durable=False) as ledger:
            ledger.put(
                tables.budgets,
                [
                    {"scope": self.scope, "name": name, "amount": number, "at": self.clock()}
                    for name, number in changed.items()
                ],
            )
        self._saved.update(changed)

    def count_calls(self, calls: float) -> float:
        """Add to today's calls, as monday counts days (UTC); gives what all runs used today."""
        name = f"calls {datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%d}"
        table = tables.budgets
        this = (table.c.scope == self.scope) & (table.c.name == name)
        with writing(self.engine, "count", durable=False) as ledger:
            found = ledger.connection.execute(select(table.c.amount).where(this))
            before: float | None = found.scalar_one_or_none()
            used = (before or 0.0) + calls
            now = self.clock()
            row = {"scope": self.scope, "name": name, "amount": used, "at": now}
            ledger.put(table, [row])
            if before is None:
                ledger.remove(table, table.c.name.like("calls %") & (table.c.at < now - _KEPT))
        return used
