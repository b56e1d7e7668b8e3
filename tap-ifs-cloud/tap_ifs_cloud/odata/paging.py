"""How a whole entity set is walked: generators over a function that fetches. No HTTP here.

IFS warns that `$top` with `$skip` can repeat or miss rows while others write, even with `$orderby`
(IFS technical documentation, OData provider, "Supported functionalities"). The default is keyset
paging: ordered by all key columns, the next page is what lies strictly behind the last row seen.

A database may sort text otherwise than it compares it (Oracle: NLS_SORT, NLS_COMP), and then rows
fall between two such pages. So the order of each page is checked, and a walk ends only when the
server has no more rows than came; otherwise the set is walked again by offset (module `skipping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from tap_ifs_cloud.odata.errors import PagingLoop
from tap_ifs_cloud.odata.query import Query, after, both, literal

__all__ = [
    "Cursor",
    "Fetch",
    "Link",
    "OrderBroken",
    "Page",
    "Row",
    "walk_by_key",
    "walk_by_link",
    "without_circles",
]

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


Fetch = Callable[[Query | Link], Page]


class OrderBroken(Exception):
    """Rows do not come in the order of the key, or not all of them; `str()` says why."""


# Types whose order a server cannot see otherwise than we do. Of the others (enumerations, GUIDs)
# each server has its own.
_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Edm.String": str,
    "Edm.Decimal": Decimal,
    "Edm.Byte": Decimal,
    "Edm.SByte": Decimal,
    "Edm.Int16": Decimal,
    "Edm.Int32": Decimal,
    "Edm.Int64": Decimal,
    "Edm.Date": str,
    "Edm.DateTimeOffset": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The columns that order a walk, each with its type; the key columns come last."""

    columns: tuple[str, ...]
    types: tuple[str, ...]

    def behind(self, row: Row) -> str:
        """The filter for the rows that follow `row`. Raises OrderBroken on an empty column."""
        missing = [column for column in self.columns if row.get(column) is None]
        if missing:
            raise OrderBroken(f"a row has no value in {', '.join(missing)}")
        literals = [literal(t, row[c]) for c, t in zip(self.columns, self.types, strict=True)]
        return after(self.columns, literals)

    def check(self, rows: Sequence[Row]) -> None:
        """Raises OrderBroken unless the rows ascend strictly, as far as that can be told."""
        for one, other in pairwise(rows):
            self._check(one, other)

    def _check(self, one: Row, other: Row) -> None:
        for column, type_name in zip(self.columns, self.types, strict=True):
            low, high = one.get(column), other.get(column)
            if low == high:
                continue
            if low is None or high is None or _ascends(type_name, low, high):
                return
            raise OrderBroken(f"the server sorts {column} otherwise than by its plain values")
        raise OrderBroken(f"several rows have the same {', '.join(self.columns)}")

    def same(self, one: Row, other: Row) -> bool:
        """Whether two rows stand at the same place."""
        return all(one.get(column) == other.get(column) for column in self.columns)


def _ascends(type_name: str, low: object, high: object) -> bool:
    """Whether `low` comes before `high`, or nobody can tell."""
    plain = _PLAIN.get(type_name)
    try:
        return plain is None or bool(plain(low) < plain(high))
    except (ValueError, TypeError, ArithmeticError):
        return True  # a value of another type: the row decoder refuses it by name


def without_circles(fetch: Fetch) -> Fetch:
    """`fetch` that follows no link twice. It raises PagingLoop."""
    seen: set[Link] = set()

    def once(address: Query | Link) -> Page:
        if isinstance(address, Link):
            if address in seen:
                raise PagingLoop(
                    "the server leads back to a page that was read: set `paging: skip`"
                )
            seen.add(address)
        return fetch(address)

    return once


def walk_by_key(fetch: Fetch, first: Query, cursor: Cursor) -> Iterator[Page]:
    """Each page strictly behind the last row seen, or along the server's link if it gives one.

    A server may cap pages below `$top` and say nothing, so a short page is never the end. Instead
    of asking for an empty page, a short one is followed by the question what stands at the last
    row's place and behind: if it is that row and nothing else, no row was left out either.
    Raises OrderBroken; the rows that came until then are right, but others may be missing.
    """
    fetch, start = without_circles(fetch), replace(first, orderby=cursor.columns)
    address: Query | Link = start
    last: list[Row] = []  # the one row that the next page lies behind, once there is one
    count, capped = 0, False
    while True:
        page = fetch(address)
        cursor.check([*last, *page.rows])
        yield page
        last, count = list(page.rows[-1:]) or last, count + len(page.rows)
        if page.next_link is not None:
            address = page.next_link
            continue
        if not last:
            return
        if not page.rows:
            _check_nothing_left(fetch, start, count)
            return
        if not capped and len(page.rows) < (start.top or 0):
            if _is_last(fetch, start, count, last[0], cursor):
                return
            capped = True
        address = replace(start, filter=both(start.filter, cursor.behind(last[0])))


def _is_last(fetch: Fetch, start: Query, count: int, last: Row, cursor: Cursor) -> bool:
    """Whether `last` is the last of `count` rows; a lone row may be all that a page can hold."""
    if count == 1:
        return not fetch(replace(start, top=1, skip=1)).rows
    rows = fetch(replace(start, top=2, skip=count - 1)).rows
    return len(rows) == 1 and cursor.same(rows[0], last)


def _check_nothing_left(fetch: Fetch, start: Query, count: int) -> None:
    if fetch(replace(start, top=1, skip=count)).rows:
        raise OrderBroken(f"the server has more than the {count} rows that a walk by key came to")


def walk_by_link(fetch: Fetch, first: Query) -> Iterator[Page]:
    """Along the server's links only; a page without one is the end."""
    fetch = without_circles(fetch)
    page = fetch(replace(first, top=None))
    yield page
    while page.next_link is not None:
        page = fetch(page.next_link)
        yield page
