"""A walk returns every row exactly once, whatever the server's habits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from itertools import count as counter
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import PagingLoop
from tap_ifs_cloud.odata.paging import (
    Cursor,
    KeyRepeated,
    Link,
    OrderBroken,
    Page,
    walk_by_key,
    walk_by_link,
)
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.skipping import walk_by_skip

Row = dict[str, Any]
Matching = Callable[..., list[Row]]


def at_once(fetch: Callable[[Any], Page]) -> Callable[[Any], Callable[[], Page]]:
    """What walks ask: here a page is fetched when it is waited for."""
    return lambda address: partial(fetch, address)


def cursor(*columns: tuple[str, str]) -> Cursor:
    """A cursor over rows that are dicts, of column and type."""
    names = tuple(name for name, _ in columns)
    return Cursor(names, tuple(type_name for _, type_name in columns), place(*names))


def place(*names: str) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: tuple(row.get(name) for name in names)


STATE = "IfsApp.Test.State"
KEY_TYPES = {
    "Company": ("Edm.String", st.text("ab'A0 ", max_size=3)),
    "State": (STATE, st.sampled_from(["Planned", "Released", "Closed"])),
    "RowNo": ("Edm.Decimal", st.decimals(-99, 99, places=2)),
    "Day": ("Edm.Date", st.dates().map(lambda day: day.isoformat())),
}


class Server:
    """Answers queries over rows in memory as the double does over sockets."""

    def __init__(self, rows: list[Row], matching: Matching, *, cap: int, link_every: int) -> None:
        self.rows, self.matching, self.cap, self.link_every = rows, matching, cap, link_every
        self.asked = 0
        self.links: dict[Link, tuple[Query, int]] = {}

    def __call__(self, address: Query | Link) -> Page:
        """Answer, and count."""
        self.asked += 1
        query, start = (
            self.links[address] if isinstance(address, Link) else (address, address.skip or 0)
        )
        rows = self.matching(self.rows, query.filter, query.orderby)
        end = start + min(self.cap, query.top or self.cap)
        if end >= len(rows) or not self.link_every or self.asked % self.link_every:
            return Page(rows[start:end])
        link = Link(f"{query.encoded()}&$skiptoken={end}")
        self.links[link] = (query, end)
        return Page(rows[start:end], link)


@given(data=st.data())
def test_keyset_returns_every_row_once(matching: Matching, data: st.DataObject) -> None:
    """For any key types, rows, page sizes, silent caps and links between."""
    columns = data.draw(
        st.lists(st.sampled_from(sorted(KEY_TYPES)), min_size=1, max_size=3, unique=True)
    )
    keys = data.draw(st.sets(st.tuples(*(KEY_TYPES[c][1] for c in columns)), max_size=12))
    rows = [dict(zip(columns, key, strict=True)) for key in keys]
    server = Server(
        rows, matching, cap=data.draw(st.integers(1, 5)), link_every=data.draw(st.integers(0, 3))
    )
    by = cursor(*((column, KEY_TYPES[column][0]) for column in columns))

    read = rows_of(walk_by_key(at_once(server), Query(top=data.draw(st.integers(1, 6))), by))

    assert len(read) == len(rows)
    assert all(row in read for row in rows)


def rows_of(pages: Iterator[Page]) -> list[Row]:
    return [row for page in pages for row in page.rows]


def binary(text: str) -> Any:
    return text


def linguistic(text: str) -> Any:
    return (text.lower(), text)


class TextServer:
    """Sorts a text key in one way, and compares it in `gt` in another."""

    def __init__(self, keys: set[str], *, sort: Any, compare: Any, cap: int) -> None:
        self.keys = sorted(keys, key=sort)
        self.compare, self.cap = compare, cap
        self.asked = 0

    def __call__(self, address: Any) -> Page:
        """Answer, and count."""
        self.asked += 1
        keys = self.keys
        if address.filter:
            way, last = re.fullmatch(r"\(A (gt|le) '(.*)'\)", address.filter).groups()
            last = self.compare(last.replace("''", "'"))
            keys = [key for key in keys if (self.compare(key) > last) == (way == "gt")]
        if address.orderby == ("A desc",):
            keys = keys[::-1]
        start = address.skip or 0
        return Page([{"A": key} for key in keys[start : start + min(address.top, self.cap)]])


TEXT = cursor(("A", "Edm.String"))


def test_a_walk_asks_once_a_page_and_once_for_the_end(matching: Matching) -> None:
    """The check of the order costs no request where nobody can sort otherwise than compare."""
    server = Server([{"RowNo": Decimal(n)} for n in range(5)], matching, cap=9, link_every=0)

    rows_of(walk_by_key(at_once(server), Query(top=2), cursor(("RowNo", "Edm.Decimal"))))

    assert server.asked == 4


def test_text_that_is_sorted_otherwise_than_compared_is_noticed_at_the_boundary() -> None:
    """Each page is in order, but `B` is not behind `a` for a server that compares by code point."""
    server = TextServer({"a", "B", "c"}, sort=linguistic, compare=binary, cap=9)

    pages = list(walk_by_key(at_once(server), Query(top=1), TEXT))

    assert pages[0].gap is None
    assert pages[-1].gap == "the server may sort rows otherwise than it compares them"


def test_the_next_page_is_asked_for_before_this_one_is_given_away() -> None:
    """So that it can be fetched while this one is written."""
    server = TextServer(set("abcd"), sort=binary, compare=binary, cap=2)
    asked: list[Any] = []

    def ask(address: Any) -> Callable[[], Page]:
        asked.append(address)
        return partial(server, address)

    next(walk_by_key(ask, Query(top=2), TEXT))

    assert [address.filter for address in asked] == [None, "(A gt 'b')", "(A le 'b')"]


@pytest.mark.parametrize(
    ("type_name", "low", "high"),
    [
        pytest.param("Edm.Decimal", Decimal(9), Decimal(10), id="decimal"),
        pytest.param(
            "Edm.DateTimeOffset",
            "2026-01-01T02:00:00+02:00",
            "2026-01-01T01:00:00Z",
            id="moment-elsewhere",
        ),
        pytest.param(
            "Edm.DateTimeOffset", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", id="moment"
        ),
        pytest.param(
            "Edm.DateTimeOffset",
            "2026-01-01T00:00:00.1234567Z",
            "2026-01-01T00:00:00.12345671Z",
            id="moment-to-the-last-digit",
        ),
        pytest.param(
            "Edm.DateTimeOffset",
            "2026-01-01T02:00:00.999999999999+02:00",
            "2026-01-01T00:00:01Z",
            id="moment-elsewhere-to-the-last-digit",
        ),
        pytest.param("Edm.Date", "2026-01-31", "2026-02-01", id="date"),
    ],
)
def test_values_are_compared_by_their_type(type_name: str, low: object, high: object) -> None:
    """Numbers by size, moments by time: what looks like another order as text is none."""
    by = cursor(("A", type_name))

    by.check([{"A": low}, {"A": high}])
    with pytest.raises(OrderBroken, match="sorts A otherwise"):
        by.check([{"A": high}, {"A": low}])


@pytest.mark.parametrize(
    "same",
    ["2026-01-01T00:00:00.5000000Z", "2026-01-01T02:00:00.5+02:00", "2026-01-01T00:00:00.50+00:00"],
)
def test_a_moment_written_in_two_ways_is_one(same: str) -> None:
    """The columns behind it decide."""
    by = cursor(("At", "Edm.DateTimeOffset"), ("No", "Edm.Int32"))
    moment = "2026-01-01T00:00:00.5Z"

    by.check([{"At": moment, "No": 1}, {"At": same, "No": 2}])
    with pytest.raises(OrderBroken, match="sorts No otherwise"):
        by.check([{"At": moment, "No": 2}, {"At": same, "No": 1}])


def test_the_order_of_enumerations_is_the_servers() -> None:
    """Only equal rows are a fault there."""
    by = cursor(("State", STATE))

    by.check([{"State": "Released"}, {"State": "Closed"}, {"State": "Planned"}])
    with pytest.raises(KeyRepeated, match="several rows have the same State"):
        by.check([{"State": "Closed"}, {"State": "Closed"}])


@given(count=st.integers(0, 12), top=st.integers(1, 5), cap=st.integers(1, 5))
def test_skipping_returns_every_row_once(
    matching: Matching, count: int, top: int, cap: int
) -> None:
    """Also when the server sends fewer rows than asked."""
    rows = [{"RowNo": Decimal(n)} for n in range(count)]
    server = Server(rows, matching, cap=cap, link_every=0)

    assert rows_of(walk_by_skip(at_once(server), Query(top=top), ["RowNo"], place("RowNo"))) == rows


@given(count=st.integers(1, 12), top=st.integers(2, 5))
def test_rows_that_are_all_alike_are_counted(matching: Matching, count: int, top: int) -> None:
    """A view without a key may hold a row twice; that is no circle."""
    rows = [{"Company": "1"} for _ in range(count)]
    server = Server(rows, matching, cap=9, link_every=0)

    assert (
        rows_of(walk_by_skip(at_once(server), Query(top=top), ["Company"], place("Company")))
        == rows
    )


@given(
    count=st.integers(0, 20),
    goes=st.lists(st.sets(st.integers(0, 20), max_size=6), max_size=6),
    top=st.integers(2, 6),
)
def test_skipping_loses_no_row_that_stays(
    matching: Matching, count: int, goes: list[set[int]], top: int
) -> None:
    """Rows that are deleted between two pages move none past the reader."""
    server, left = Server([], matching, cap=9, link_every=0), set(range(count))
    deletions = iter(goes)

    def fetch(address: Query | Link) -> Page:
        server.rows = [{"RowNo": Decimal(n)} for n in left]
        page = server(address)
        left.difference_update(next(deletions, ()))
        return page

    read = rows_of(
        islice(walk_by_skip(at_once(fetch), Query(top=top), ["RowNo"], place("RowNo")), 100)
    )

    assert {int(row["RowNo"]) for row in read} >= left


def test_rows_behind_a_changed_row_are_not_missed(matching: Matching) -> None:
    """A row deleted on a page already read moves no row past a keyset walk."""
    rows = [{"RowNo": Decimal(n)} for n in range(6)]
    server = Server(rows, matching, cap=9, link_every=0)

    by_number = cursor(("RowNo", "Edm.Decimal"))
    read: list[Row] = []
    for page in walk_by_key(at_once(server), Query(top=2), by_number):
        read.extend(page.rows)
        server.rows = [row for row in rows if row["RowNo"] != 0]

    assert read == rows


def test_an_empty_page_with_a_link_is_not_the_end() -> None:
    """Rows behind an empty page are still read."""
    start, second, row = Query(), Link("/2"), {"A": 1}
    pages = {start: Page([], second), second: Page([row])}

    assert [list(page.rows) for page in walk_by_link(at_once(pages.__getitem__), start)] == [
        [],
        [row],
    ]


@pytest.mark.parametrize("length", [1, 3])
def test_links_in_a_circle_are_found(length: int) -> None:
    """A link to an address already read ends the stream, not the patience."""
    links = [Link(f"/{n}") for n in range(length)]
    following = dict(zip(links, [*links[1:], links[0]], strict=True))

    def fetch(address: Query | Link) -> Page:
        link = following[address] if isinstance(address, Link) else links[0]
        return Page([{"A": str(address)}], link)

    with pytest.raises(PagingLoop, match="PAGING_LOOP"):
        list(islice(walk_by_link(at_once(fetch), Query()), 50))


@pytest.mark.parametrize("ordered_by", [(), ("A",)])
def test_a_server_that_ignores_the_query_is_found(ordered_by: tuple[str, ...]) -> None:
    """The same page again and again ends in PAGING_LOOP."""
    same = at_once(lambda _: Page([{"A": 1}, {"A": 2}]))
    pages = walk_by_skip(same, Query(top=2), ordered_by, place(*ordered_by))

    with pytest.raises(PagingLoop):
        list(islice(pages, 50))


def test_a_server_that_sorts_otherwise_each_time_is_found() -> None:
    """The walk steps back a number of times, then it ends in PAGING_LOOP."""
    numbers = counter()

    def fetch(_: Query | Link) -> Page:
        return Page([{"A": next(numbers)} for _ in range(4)])

    with pytest.raises(PagingLoop, match="in another order in each answer"):
        list(islice(walk_by_skip(at_once(fetch), Query(top=4), ["A"], place("A")), 500))


def test_a_filter_that_is_ignored_breaks_the_order() -> None:
    """The same page again is not taken for new rows."""
    with pytest.raises(OrderBroken):
        rows_of(walk_by_key(at_once(lambda _: Page([{"A": "1"}, {"A": "2"}])), Query(top=2), TEXT))


def test_a_filter_that_is_ignored_is_made_up_for_by_links() -> None:
    """A server that knows only its own links is read along them."""
    link = Link("/2")
    pages = {link: Page([{"A": "3"}])}

    def fetch(address: Query | Link) -> Page:
        return pages[address] if address == link else Page([{"A": "1"}, {"A": "2"}], link)

    read = rows_of(walk_by_key(at_once(fetch), Query(top=2), TEXT))

    assert [row["A"] for row in read] == ["1", "2", "3"]


def test_links_are_a_second_choice() -> None:
    """They may hide an offset, past which rows move when others are deleted."""
    page = Page([{"A": "1"}], Link("/offset"))
    pages = {None: page, "(A le '1')": page, "(A gt '1')": Page([])}

    read = rows_of(walk_by_key(at_once(lambda a: pages[a.filter]), Query(top=1), TEXT))

    assert [row["A"] for row in read] == ["1"]


def test_a_row_without_a_key_at_the_end_of_a_page_ends_the_walk_by_key() -> None:
    """Nothing lies behind a row that has no place."""
    by = cursor(("A", "Edm.Int32"), ("B", "Edm.Int32"))
    walk = walk_by_key(at_once(lambda _: Page([{"A": 1, "B": None}])), Query(top=1), by)

    assert next(walk).rows == [{"A": 1, "B": None}]
    with pytest.raises(OrderBroken, match=r"^a row has no value in B"):
        next(walk)
