"""What the ledger remembers of an account's limits, for the next run and for others beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BudgetStore"]

_KEPT: Final = 7 * 86_400.0  # seconds


@dataclass(slots=True)
class BudgetStore:
    """The numbers of the account behind one API address."""

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

    def save(self, numbers: Mapping[str, float]) -> None:
        """Remember what has changed since the last time."""
        changed = {
            name: number for name, number in numbers.items() if self._saved.get(name) != number
        }
        if not changed:
            return
        with self.engine.begin() as connection:
            for name, number in changed.items():
                self._put(connection, name, number)
        self._saved.update(changed)

    def count_calls(self, calls: float) -> float:
        """Add to today's calls, as monday counts days (UTC); gives what all runs used today."""
        name = f"calls {datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%d}"
        table = tables.budgets
        this = self._this(name)
        with self.engine.begin() as connection:
            values: dict[str, Any] = {"amount": table.c.amount + calls, "at": self.clock()}
            if not connection.execute(update(table).where(this).values(**values)).rowcount:
                self._put(connection, name, calls)
                old = table.c.name.like("calls %") & (table.c.at < self.clock() - _KEPT)
                connection.execute(delete(table).where(old))
            used: float = connection.execute(select(table.c.amount).where(this)).scalar_one()
        return used

    def _put(self, connection: Connection, name: str, number: float) -> None:
        table, values = tables.budgets, {"amount": number, "at": self.clock()}
        changed = connection.execute(update(table).where(self._this(name)).values(**values))
        if not changed.rowcount:
            connection.execute(insert(table).values(scope=self.scope, name=name, **values))

    def _this(self, name: str) -> Any:
        table = tables.budgets
        return (table.c.scope == self.scope) & (table.c.name == name)
