"""The business as others see it: its rows, and how it moves on."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from ifs_monday_sandbox.business.books import Books
from ifs_monday_sandbox.business.tick import Changes, pass_a_day

if TYPE_CHECKING:
    from datetime import date

    from ifs_monday_sandbox.business.table import Row

__all__ = ["Business"]


class Business:
    """A manufacturer with three companies and a year of documents.

    Two businesses of the same seed and size are equal, and stay equal tick by tick. Safe to use
    from several threads.
    """

    def __init__(self, seed: int = 1, size: int = 100) -> None:
        self.seed = seed
        self.size = size
        self._lock = RLock()
        self._books = Books(seed, size)

    @property
    def today(self) -> date:
        """The business's own date."""
        return self._books.today

    def rows(self, entity_set: str) -> list[Row]:
        """The rows of a set as they are now, in the order they were stored.

        Each also has `Objid` (row id) and `Objversion`. The list and its rows are not to be
        changed; after a change the business gives a new list. Raises KeyError for unknown sets.
        """
        with self._lock:
            return self._books.rows(entity_set)

    def tick(self) -> Changes:
        """Let the next business day pass."""
        with self._lock:
            return pass_a_day(self._books)

    def reset(self) -> None:
        """Start over with the business as generated."""
        with self._lock:
            self._books = Books(self.seed, self.size)
