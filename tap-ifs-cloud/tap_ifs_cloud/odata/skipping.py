"""A walk by offset, for sets that cannot be walked by key. No HTTP here.

Offsets shift when rows before them come or go. So each page begins a few rows before the place
reached, and goes on behind the last row that is known; if none is found, the walk steps back.
Rows may come twice by that, but none is missed that was there all the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from tap_ifs_cloud.odata.errors import PagingLoop
from tap_ifs_cloud.odata.paging import Page, without_circles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_ifs_cloud.odata.paging import Ask
    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.odata.rows import Row

__all__ = ["walk_by_skip"]

_text_of = msgspec.json.Encoder().encode

OVERLAP = 10  # rows that a page repeats
IDLE = 10  # pages in a row without a new row: as many may be, if rows are added before them
STEPS_BACK = 100  # in one walk; a server that sorts otherwise each time would take any number


def walk_by_skip(
    ask: Ask, first: Query, order: Sequence[str], *, place: Callable[[Row], Any] | None = None
) -> Iterator[Page]:
    """Every page in the order of some columns; rows are told apart by `place`, else whole.

    Pages are not smaller than two overlaps, or there would be nothing to see by what has moved.
    Without an order there is nothing to compare, and rows can be missed or come twice. Only rows
    that nothing tells apart are read along the server's links, where there are some.
    Raises PagingLoop.
    """
    start = replace(first, orderby=tuple(order), top=max(first.top or 0, 2 * OVERLAP))
    return _Offset(without_circles(ask), start, place).pages()


@dataclass(slots=True)
class _Offset:
    """Where a walk is."""

    ask: Ask
    start: Query
    place: Callable[[Row], Any] | None
    position: int = 0  # of the row to be read next
    recent: list[Any] = field(default_factory=list)  # identities of the last rows read
    longest: int = 0  # rows of a page so far
    steps_back: int = 0
    idle: int = 0  # pages without a new row, in a row

    def pages(self) -> Iterator[Page]:
        """Only what is new of each page. Only an empty page is the end."""
        overlap, before = 0, None
        while True:
            page = self._page(self.position - overlap)
            page, new = self._behind_overlap(page, overlap) if overlap else (page, page.rows)
            self._remember(new)
            yield Page(new, number=page.number)
            if page.next_link is None and not page.rows and not overlap:
                return
            self._count_idle(idle=not new or (not overlap and page.rows == before))
            yield from self._linked(page)
            before = page.rows
            # A short page with nothing behind the rows known is the last one, if the next is empty.
            is_short = len(page.rows) < self.longest
            self.longest = max(self.longest, len(page.rows))
            overlap = 0 if overlap and is_short and not new else self._overlap(page)

    def _overlap(self, page: Page) -> int:
        wanted = min(OVERLAP, len(page.rows) // 2, self.position)
        return wanted if self.start.orderby else 0

    def _count_idle(self, *, idle: bool) -> None:
        self.idle = self.idle + 1 if idle else 0
        if self.idle > IDLE:
            raise PagingLoop(
                "the server answers with the page before again and again: set `paging: next_link`"
            )

    def _page(self, skip: int) -> Page:
        page = self.ask(replace(self.start, skip=skip or None))()
        self.position = skip + len(page.rows)
        return page if self.place is None else replace(page, next_link=None)

    def _linked(self, page: Page) -> Iterator[Page]:
        while page.next_link is not None:
            page = self.ask(page.next_link)()
            self.position += len(page.rows)
            self._remember(page.rows)
            yield page

    def _behind_overlap(self, page: Page, overlap: int) -> tuple[Page, Sequence[Row]]:
        """What follows the rows read so far, and the page that it was found on."""
        if self._identities(page.rows[:overlap]) == self.recent[-overlap:]:
            return page, page.rows[overlap:]
        skip, step = self.position - len(page.rows), self.start.top or OVERLAP
        while (new := self._behind_known(page.rows)) is None and skip > 0:
            self._count_step()
            skip, step = max(0, skip - step), step * 2
            page = self._page(skip)
        return page, page.rows if new is None else new

    def _behind_known(self, rows: Sequence[Row]) -> Sequence[Row] | None:
        """The rows behind the latest known one that is among them; `None` if there is none."""
        identities = self._identities(rows)
        for known in reversed(self.recent):
            if known in identities:
                return rows[identities.index(known) + 1 :]
        return None

    def _count_step(self) -> None:
        self.steps_back += 1
        if self.steps_back > STEPS_BACK:
            raise PagingLoop(
                "the rows stand in another order in each answer: set `key_properties` to columns "
                "that identify a row, or `paging: next_link`"
            )

    def _remember(self, rows: Sequence[Row]) -> None:
        self.recent = [*self.recent, *self._identities(rows[-OVERLAP:])][-OVERLAP:]

    def _identities(self, rows: Sequence[Row]) -> list[Any]:
        """Of whole rows as texts: whoever gets the rows may change them."""
        return list(map(_text_of if self.place is None else self.place, rows))
