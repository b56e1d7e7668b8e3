"""How a whole entity set is walked: generators over a function that asks for pages. No HTTP here.

IFS warns that `$top` with `$skip` can repeat or miss rows while others write, even with `$orderby`
(IFS technical documentation, OData provider, "Supported functionalities"). The default is keyset
paging: ordered by all key columns, the next page is what lies strictly behind the last row seen.

A server may cap pages below `$top` and say nothing, so only an empty page is the end. A database
may sort text otherwise than it compares it (Oracle: NLS_SORT, NLS_COMP), and then rows fall between
two such pages. So the order of each page is checked, and where text is among the columns that order
the walk, the server is asked at each boundary whether it sorts there as it compares.

A walk knows of each page whether rows can lie unread before it, and says so (`Page.gap`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import UNSET

from tap_ifs_cloud.odata.errors import IfsError, PagingLoop, RunStopper
from tap_ifs_cloud.odata.moments import moment
from tap_ifs_cloud.odata.query import Query, after, both, literal, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.rows import Row

__all__ = [
    "Ask",
    "Cursor",
    "KeyRepeated",
    "Link",
    "OrderBroken",
    "Page",
    "along",
    "walk_by_key",
    "walk_by_link",
    "without_circles",
]


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a page, as the server gave it and the origin guard let it pass."""

    url: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer or a part of it: its rows, and the server's own link to the next page.

    `number`: that of its request among those for pages of the set in this run, from 1.
    `has_unfollowed_link`: whether there was a link that is not to be followed.
    `gap`: why rows may lie unread before this page, though they were there all the time.
    """

    rows: Sequence[Row]
    next_link: Link | None = None
    places: Sequence[Any] | None = None  # of the rows, if a walk has looked at them
    number: int | None = None
    gap: str | None = None
    has_unfollowed_link: bool = False

    @property
    def links_on(self) -> bool:
        """Whether the server says that more follows."""
        return self.next_link is not None or self.has_unfollowed_link


# Begins to fetch a page; the function that comes back waits for it. So a walk can ask for the next
# page before it gives away the one at hand.
Ask: TypeAlias = Callable[[Query | Link], Callable[[], Page]]


class OrderBroken(Exception):
    """Rows do not come in the order of the key; `str()` says why."""


class KeyRepeated(OrderBroken):
    """Rows cannot be told apart by what they are ordered by."""


# How values of a type are compared; a text can stand for a moment or a number. Of the other types
# (enumerations, GUIDs) each server has its own order.
_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Edm.String": str,
    "Edm.Decimal": Decimal,
    "Edm.Byte": Decimal,
    "Edm.SByte": Decimal,
    "Edm.Int16": Decimal,
    "Edm.Int32": Decimal,
    "Edm.Int64": Decimal,
    "Edm.Date": str,
    "Edm.DateTimeOffset": moment,
}

PART: Final = 500  # rows given away at once: few enough to stay in a processor's cache meanwhile
IDLE: Final = 10  # pages in a row that bring nothing
RECENT: Final = 50  # rows known to a boundary; as many may be deleted before it becomes doubtful
_SURE: Final = frozenset(_PLAIN) - {"Edm.String"}

Place: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The columns that order a walk, each with its type; the key columns come last."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    place: Callable[[Row], Place]  # the values of the columns in a row

    @property
    def is_sure(self) -> bool:
        """Whether nobody can sort the columns otherwise than compare them."""
        return all(type_name in _SURE for type_name in self.types)

    def behind(self, row: Row) -> str:
        """The filter for the rows that follow `row`. Raises OrderBroken on an empty column."""
        place = self.place(row)
        missing = [c for c, value in zip(self.columns, place, strict=True) if _is_empty(value)]
        if missing:
            raise OrderBroken(f"a row has no value in {', '.join(missing)}")
        return after(self.columns, self._literals(place))

    def not_behind(self, place: Place) -> str:
        """The filter for all other rows than those behind a place without empty columns."""
        return until(self.columns, self._literals(place))

    def _literals(self, place: Place) -> list[str]:
        return [literal(t, v) for t, v in zip(self.types, place, strict=True)]

    def check(self, rows: Sequence[Row], *, behind: Place | None = None) -> list[Place]:
        """The places of the rows.

        Raises OrderBroken unless they ascend strictly, as far as that can be told.
        """
        places = list(map(self.place, rows))
        known = places if behind is None else [behind, *places]
        if not self._ascend_plainly(known):
            for one, other in pairwise(known):
                self._check(one, other)
        return places

    def _ascend_plainly(self, places: Sequence[Place]) -> bool:
        """The answer for nearly every page, at the speed of C; `False` if a closer look is due."""
        try:
            return (
                all(type_name in _PLAIN for type_name in self.types)
                and all(map(lt, places, places[1:]))
                and all(_alike(map(itemgetter(i), places)) for i in self._moments)
            )
        except TypeError:
            return False

    @property
    def _moments(self) -> list[int]:
        return [i for i, type_name in enumerate(self.types) if type_name == "Edm.DateTimeOffset"]

    def _check(self, one: Place, other: Place) -> None:
        for column, type_name, low, high in zip(self.columns, self.types, one, other, strict=True):
            if low == high:
                continue
            match _is_less(type_name, low, high):
                case None | True:
                    return
                case False if _is_less(type_name, high, low):
                    raise OrderBroken(
                        f"the server sorts {column} otherwise than by its plain values"
                    )
        raise KeyRepeated(f"several rows have the same {', '.join(self.columns)}")


def _alike(moments: Iterable[str]) -> bool:
    """Whether moments are written in one form and in UTC, so that they sort as they are."""
    texts = list(moments)
    return len(set(map(len, texts))) == 1 and set(map(itemgetter(-1), texts)) == {"Z"}


def _is_empty(value: object) -> bool:
    return value is None or value is UNSET


def _is_less(type_name: str, low: object, high: object) -> bool | None:
    """Whether `low` comes before `high`; `None` if nobody can tell."""
    plain = _PLAIN.get(type_name)
    if plain is None or _is_empty(low) or _is_empty(high):
        return None
    try:
        return bool(plain(low) < plain(high))
    except (ValueError, TypeError, ArithmeticError):
        return None


def without_circles(ask: Ask) -> Ask:
    """`ask` that follows no link twice. It raises PagingLoop."""
    seen: set[Link] = set()

    def once(address: Query | Link) -> Callable[[], Page]:
        if isinstance(address, Link):
            if address in seen:
                raise PagingLoop(
                    "the server leads back to a page that was read: set `paging: skip`"
                )
            seen.add(address)
        return ask(address)

    return once


def walk_by_key(ask: Ask, first: Query, cursor: Cursor) -> Iterator[Page]:
    """Each page strictly behind the last row seen, until there is an empty one; in parts.

    The server's links are a second choice, for a server that does not look at the filter: they
    often hide an offset, past which rows move when others are deleted.
    Raises OrderBroken; the rows that came until then are right, but others may be missing.
    Raises PagingLoop.
    """
    ask, start = without_circles(ask), replace(first, orderby=cursor.columns)
    coming, last, link = ask(start), None, None
    recent: deque[Place] = deque(maxlen=RECENT)
    boundary: Callable[[], str | None] | None = None
    gap: str | None = None
    while True:
        page = coming()
        try:
            cursor.check(page.rows[:1], behind=last)
        except OrderBroken:
            if link is None:
                raise
            yield from along(ask, link)
            return
        gap = gap or (boundary() if boundary is not None else None)
        if not page.rows:
            break
        rows, link, number = list(page.rows), page.next_link, page.number
        recent.extend(map(cursor.place, rows[-RECENT:]))
        coming = _behind(ask, start, cursor, rows[-1])
        boundary = None if cursor.is_sure or gap else _boundary(ask, start, cursor, recent)
        del page  # so that its rows can go one part after another
        while rows:
            part = rows[:PART]
            del rows[:PART]
            places = cursor.check(part, behind=last)
            last = places[-1]
            yield Page(part, places=places, number=number, gap=gap)
    if page.has_unfollowed_link:
        gap = gap or "the server says on an empty page that more follows"
    if gap is not None:
        yield Page((), gap=gap)
    for more in along(ask, page.next_link):
        yield more if more.rows else replace(more, gap=None)  # the end is known without it


def _boundary(
    ask: Ask, start: Query, cursor: Cursor, recent: Sequence[Place]
) -> Callable[[], str | None] | None:
    """Tells why not all rows that are not behind the last one need have been on a page.

    One that is sorted behind it would be on no page. The last of those rows is looked at: it should
    be the last one read, or, if that was deleted meanwhile, one before it.
    """
    read = tuple(recent)
    if any(map(_is_empty, read[-1])):
        return None
    condition = both(start.filter, cursor.not_behind(read[-1]))
    backwards = tuple(f"{column} desc" for column in cursor.columns)
    answer = ask(replace(start, filter=condition, orderby=backwards, top=1))

    def fault() -> str | None:
        try:
            rows = answer().rows
        except RunStopper:
            raise
        except IfsError as error:
            return f"the server does not answer how it sorts rows ({error})"
        if all(cursor.place(row) in read for row in rows):
            return None
        return "the server may sort rows otherwise than it compares them"

    return fault


def _behind(ask: Ask, start: Query, cursor: Cursor, last: Row) -> Callable[[], Page]:
    """The page behind a row; that there can be none is told when it is waited for."""
    try:
        return ask(replace(start, filter=both(start.filter, cursor.behind(last))))
    except OrderBroken as error:
        broken = error

    def fail() -> Page:
        raise broken

    return fail


def walk_by_link(ask: Ask, first: Query) -> Iterator[Page]:
    """Along the server's links only; a page without one is the end. Raises PagingLoop."""
    ask = without_circles(ask)
    page = ask(replace(first, top=None))()
    yield page
    yield from along(ask, page.next_link)


def along(ask: Ask, link: Link | None) -> Iterator[Page]:
    """The pages along the server's links. Where one begins is the server's secret.

    Raises PagingLoop where page after page holds nothing.
    """
    coming, idle = None if link is None else ask(link), 0
    while coming is not None:
        page = coming()
        idle = 0 if page.rows else idle + 1
        if idle > IDLE:
            raise PagingLoop(
                f"the server's links lead to more than {IDLE} empty pages in a row: "
                "set `paging: keyset` or `skip`"
            )
        coming = None if page.next_link is None else ask(page.next_link)
        yield replace(page, gap="the server's links may hide offsets, past which rows move")
