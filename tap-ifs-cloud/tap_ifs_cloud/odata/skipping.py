"""A walk by offset, for sets that cannot be walked by key. No HTTP here.

Offsets shift when rows before them come or go. So each page begins a few rows before the place
reached, and goes on behind the last row that is known; if none is found, the walk steps back.
Rows may come twice by that, but none is missed that was there all the time, as long as the server
sorts them alike each time. Where it need not, or where pages do not overlap, that is said
(`Page.gap`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from tap_ifs_cloud.odata.errors import PagingLoop
from tap_ifs_cloud.odata.paging import IDLE, Page, along, without_circles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_ifs_cloud.odata.paging import Ask
    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.odata.rows import Row

__all__ = ["walk_by_skip"]

_text_of = msgspec.json.Encoder().encode

OVERLAP = 10  # rows that a page repeats
REREAD = 2000  # rows that a walk may read again because no row known was left before them
STEPS_BACK = 100  # in one walk; a server that sorts otherwise each time would take any number
UNSTEADY = (
    "the rows stand in another order in each answer, or others write faster than they are read: "
    "set `key_properties` to columns that identify a row, or `paging: next_link`"
)


def walk_by_skip(
    ask: Ask,
    first: Query,
    order: Sequence[str],
    place: Callable[[Row], Any],
    *,
    unique: bool = False,
) -> Iterator[Page]:
    """Every page in the order of some columns, whose values `place` gives.

    Rows are told apart by them if they are `unique`, else by all that a row holds. Pages are not
    smaller than two overlaps, or there would be nothing to see by what has moved. Without an order
    there is nothing to compare, and rows can be missed or come twice. Only rows that nothing tells
    apart are read along the server's links, where there are some.
    Raises PagingLoop.
    """
    start = replace(first, orderby=tuple(order), top=max(first.top or 0, 2 * OVERLAP))
    return _Offset(without_circles(ask), start, place, unique).pages()


@dataclass(slots=True)
class _Offset:
    """Where a walk is."""

    ask: Ask
    start: Query
    place: Callable[[Row], Any]
    unique: bool
    position: int = 0  # of the row to be read next
    recent: list[Any] = field(default_factory=list)  # identities of the last rows read
    longest: int = 0  # rows of a page so far
    steps_back: int = 0
    reread: int = 0
    idle: int = 0  # pages without a new row, in a row
    gap: str | None = None  # why the rows behind those read so far may not be the next ones

    def pages(self) -> Iterator[Page]:
        """Only what is new of each page. Only an empty page is the end."""
        overlap, before, is_end_near = 0, None, False
        while True:
            begin = self.position
            page = self._page(begin - overlap)
            is_apart = bool(begin) and not overlap and not (is_end_near and not page.rows)
            if is_apart:
                self._doubt("the server's pages are too small to overlap")
            between: Sequence[Row] = ()
            if not overlap:
                new, has_moved = page.rows, False
            elif self._identities(page.rows[:overlap]) == self.recent[-overlap:]:
                new, has_moved = page.rows[overlap:], False
            else:
                between, has_moved = self._between_known(page.rows), True
                page, new = self._behind_known_row(page)
            self._remember(new)
            gap = self.gap if begin and (new or has_moved or is_apart) else None
            yield Page([*between, *new], number=page.number, gap=gap)
            self._look_at_order(page.rows)
            if page.next_link is None and not page.rows and not overlap:
                return
            self._count_idle(idle=not new or (not overlap and page.rows == before))
            yield from self._linked(page)
            before = page.rows
            # A short page with nothing behind the rows known is the last one, if the next is empty.
            is_short = len(page.rows) < self.longest or len(page.rows) <= overlap
            self.longest = max(self.longest, len(page.rows))
            is_end_near = bool(overlap) and is_short and not new
            overlap = 0 if is_end_near else self._overlap(page)

    def _doubt(self, gap: str) -> None:
        self.gap = self.gap or gap

    def _look_at_order(self, rows: Sequence[Row]) -> None:
        """Rows that tie can stand in another order in the next answer."""
        if not self.start.orderby:
            self._doubt("the set has no column that rows can be ordered by")
        elif any(one == other for one, other in pairwise(map(self.place, rows))):
            self._doubt(f"several rows have the same {', '.join(self.start.orderby)}")

    def _overlap(self, page: Page) -> int:
        wanted = min(OVERLAP, max(1, len(page.rows) // 2), self.position)
        return wanted if self.start.orderby else 0

    def _count_idle(self, *, idle: bool) -> None:
        self.idle = self.idle + 1 if idle else 0
        if self.idle > IDLE:
            raise PagingLoop(
                "the server answers with the page before again and again: set `paging: next_link`"
            )

    def _page(self, skip: int) -> Page:
        """The page there; one that is empty and links further is asked for again, a few times."""
        page = self.ask(replace(self.start, skip=skip or None))()
        for _ in range(IDLE):
            if page.rows or not page.links_on or not self.unique:
                break
            page = self.ask(replace(self.start, skip=skip or None))()
        self.position = skip + len(page.rows)
        return replace(page, next_link=None) if self.unique else page

    def _linked(self, page: Page) -> Iterator[Page]:
        for linked in along(self.ask, page.next_link):
            self.position += len(linked.rows)
            self._remember(linked.rows)
            yield linked

    def _behind_known_row(self, page: Page) -> tuple[Page, Sequence[Row]]:
        """What follows the rows read so far, and the page that it was found on."""
        reached = self.position
        skip, step = reached - len(page.rows), self.start.top or OVERLAP
        while (new := self._behind_known(page.rows)) is None and skip > 0:
            self._count_step()
            skip, step = max(0, skip - step), step * 2
            page = self._page(skip)
        if new is not None:
            return page, new
        if self.reread > REREAD:
            raise PagingLoop(UNSTEADY)
        self.reread += reached
        return page, page.rows

    def _behind_known(self, rows: Sequence[Row]) -> Sequence[Row] | None:
        """The rows behind the latest known one that is among them; `None` if there is none."""
        identities = self._identities(rows)
        for known in reversed(self.recent):
            if known in identities:
                return rows[identities.index(known) + 1 :]
        return None

    def _between_known(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows before the latest known one that are not known themselves.

        They are new there, or stood behind it in the answer before. Rows that only all that they
        hold tells apart may also have been given away long ago.
        """
        identities = self._identities(rows)
        known = [one for one in self.recent if one in identities]
        places = list(map(identities.index, known))
        if places != sorted(places):
            self._doubt("rows stand in another order in each answer")
        if not self.unique or not known:
            return ()
        pairs = zip(identities[: places[-1]], rows, strict=False)
        return [row for one, row in pairs if one not in self.recent]

    def _count_step(self) -> None:
        self.steps_back += 1
        if self.steps_back > STEPS_BACK:
            raise PagingLoop(UNSTEADY)

    def _remember(self, rows: Sequence[Row]) -> None:
        self.recent = [*self.recent, *self._identities(rows[-OVERLAP:])][-OVERLAP:]

    def _identities(self, rows: Sequence[Row]) -> list[Any]:
        """Of whole rows as texts: whoever gets the rows may change them."""
        return list(map(self.place if self.unique else _text_of, rows))
