"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes and repetitions of all benchmarks."""

    rows: int = 150_000  # fewer, and what is left after start-up is noise
    rounds: int = 5
    memory_rows: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    entity_types: int = 5_000
    target_rows: int = 1_000_000  # that the target's ledger knows
    changed_rows: int = 100_000  # of a first load by aliases
    ledger_rows: int = 10_000  # of a first load whose ledger is weighed
    plan_rows: tuple[int, ...] = (10_000, 100_000)
