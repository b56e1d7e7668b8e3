"""How a whole entity set is walked: a generator over a function that fetches. No HTTP here.

IFS warns that `$top` with `$skip` can repeat or miss rows while others write, even with `$orderby`
(IFS technical documentation, OData provider, "Supported functionalities"). The default is keyset
paging: ordered by all key columns, the next page is what lies strictly behind the last row seen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tap_ifs_cloud.odata.errors import KeyNull, PagingLoop
from tap_ifs_cloud.odata.query import Query, after, both, literal

__all__ = ["Cursor", "Link", "Page", "Row", "keyset", "linked", "skipping", "walk"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a page, as the server gave it and the origin guard let it pass."""

    url: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its rows as they came, and the server's own link to the next page."""

    rows: Sequence[Row]
    next_link: Link | None = None


Address = Query | Link
Fetch = Callable[[Address], Page]
# What to ask after a page without a link; the number counts the rows read so far.
Beyond = Callable[[Page, int], Query | None]


def walk(fetch: Fetch, first: Query, beyond: Beyond) -> Iterator[Page]:
    """Every page from `first` on.

    The server's link is followed where it gives one; otherwise `beyond` says what to ask next.
    A server may cap pages below `$top` and say nothing, so a short page is never the end.
    Raises PagingLoop when an address comes up again.
    """
    seen: set[Hashable] = set()
    rows_read = 0
    last: Sequence[Row] = ()
    address: Address | None = first
    while address is not None:
        if address in seen:
            raise PagingLoop("the server leads back to a page that was read: set `paging: skip`")
        seen.add(address)
        page = fetch(address)
        if page.rows and page.rows == last:
            raise PagingLoop(
                "the server answers with the page before once more: set `paging: next_link`"
            )
        yield page
        rows_read, last = rows_read + len(page.rows), page.rows
        address = page.next_link or beyond(page, rows_read)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The columns that order a walk, each with its type; the key columns come last."""

    columns: tuple[str, ...]
    types: tuple[str, ...]

    def behind(self, row: Row) -> str:
        """The filter for the rows that follow `row`. Raises KeyNull."""
        missing = [column for column in self.columns if row.get(column) is None]
        if missing:
            raise KeyNull(
                f"a row has no value in {', '.join(missing)}: set `key_properties` of the stream "
                "to columns that are never empty, or `paging: skip`"
            )
        literals = [literal(t, row[c]) for c, t in zip(self.columns, self.types, strict=True)]
        return after(self.columns, literals)


def keyset(first: Query, cursor: Cursor) -> tuple[Query, Beyond]:
    """A walk strictly behind the last row seen, until a page is empty."""
    start = replace(first, orderby=cursor.columns)

    def beyond(page: Page, _: int) -> Query | None:
        if not page.rows:
            return None
        return replace(start, filter=both(start.filter, cursor.behind(page.rows[-1])))

    return start, beyond


def skipping(first: Query, order: Sequence[str]) -> tuple[Query, Beyond]:
    """A walk by offset, until a page is empty."""
    start = replace(first, orderby=tuple(order))

    def beyond(page: Page, rows_read: int) -> Query | None:
        return replace(start, skip=rows_read) if page.rows else None

    return start, beyond


def linked(first: Query, order: Sequence[str]) -> tuple[Query, Beyond]:
    """A walk along the server's links only; a page without one is the end."""
    return replace(first, orderby=tuple(order), top=None), lambda _page, _rows: None
