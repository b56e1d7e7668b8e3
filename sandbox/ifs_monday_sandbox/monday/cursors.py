"""Cursors of item pages: what is still to come of a list that was taken at the first request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ifs_monday_sandbox.monday.errors import bad_argument, bad_cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Cursors", "Rest"]

LIFE_SECONDS = 60 * 60
MOST_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class Rest:
    """Items not yet shown, and when the chain of pages began."""

    item_ids: Sequence[int]
    began: float


class Cursors:
    """All cursors of an account; each lives 60 minutes from the first request of its chain."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._rests: dict[str, Rest] = {}

    def first(self, item_ids: Sequence[int], limit: int) -> tuple[Sequence[int], str | None]:
        """The first page of a list, and the cursor to go on with, if there is more."""
        return self._cut(Rest(item_ids, self._elapsed()), limit)

    def next(self, cursor: str, limit: int) -> tuple[Sequence[int], str | None]:
        """The next page; raises MondayError for a cursor that is unknown or too old."""
        rest = self._rests.get(cursor)
        if rest is None or self._elapsed() - rest.began > LIFE_SECONDS:
            raise bad_cursor()
        return self._cut(rest, limit)

    def _cut(self, rest: Rest, limit: int) -> tuple[Sequence[int], str | None]:
        if not 1 <= limit <= MOST_A_PAGE:
            raise bad_argument(f"limit must be 1 to {MOST_A_PAGE}", limit=limit)
        page, more = rest.item_ids[:limit], rest.item_ids[limit:]
        if not more:
            return page, None
        cursor = secrets.token_urlsafe(24)
        self._rests[cursor] = Rest(more, rest.began)
        return page, cursor
