"""A walk returns every row exactly once, whatever the server's habits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import KeyNull, PagingLoop
from tap_ifs_cloud.odata.paging import Cursor, Link, Page, keyset, linked, skipping, walk
from tap_ifs_cloud.odata.query import Query

Row = dict[str, Any]
Matching = Callable[..., list[Row]]

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
    cursor = Cursor(tuple(columns), tuple(KEY_TYPES[c][0] for c in columns))
    first, beyond = keyset(Query(top=data.draw(st.integers(1, 6))), cursor)

    read = [row for page in walk(server, first, beyond) for row in page.rows]

    assert len(read) == len(rows)
    assert all(row in read for row in rows)


@given(count=st.integers(0, 12), top=st.integers(1, 5), cap=st.integers(1, 5))
def test_skipping_returns_every_row_once(
    matching: Matching, count: int, top: int, cap: int
) -> None:
    """Also when the server sends fewer rows than asked."""
    rows = [{"RowNo": Decimal(n)} for n in range(count)]
    first, beyond = skipping(Query(top=top), ["RowNo"])

    read = [
        row
        for page in walk(Server(rows, matching, cap=cap, link_every=0), first, beyond)
        for row in page.rows
    ]

    assert read == rows


def test_rows_behind_a_changed_row_are_not_missed(matching: Matching) -> None:
    """A row deleted on a page already read moves no row past a keyset walk."""
    rows = [{"RowNo": Decimal(n)} for n in range(6)]
    server = Server(rows, matching, cap=9, link_every=0)
    first, beyond = keyset(Query(top=2), Cursor(("RowNo",), ("Edm.Decimal",)))

    read: list[Row] = []
    for page in walk(server, first, beyond):
        read.extend(page.rows)
        server.rows = [row for row in rows if row["RowNo"] != 0]

    assert read == rows


def test_an_empty_page_with_a_link_is_not_the_end() -> None:
    """Rows behind an empty page are still read."""
    start, second, row = Query(top=1), Link("/2"), {"A": 1}
    pages = {start: Page([], second), second: Page([row])}
    first, beyond = linked(start, ())

    walked = list(walk({**pages, first: pages[start]}.__getitem__, first, beyond))

    assert [list(page.rows) for page in walked] == [[], [row]]


@pytest.mark.parametrize("length", [1, 3])
def test_links_in_a_circle_are_found(length: int) -> None:
    """A link to an address already read ends the stream, not the patience."""
    links = [Link(f"/{n}") for n in range(length)]
    following = dict(zip(links, [*links[1:], links[0]], strict=True))

    def fetch(address: Query | Link) -> Page:
        link = following[address] if isinstance(address, Link) else links[0]
        return Page([{"A": str(address)}], link)

    with pytest.raises(PagingLoop, match="PAGING_LOOP"):
        list(islice(walk(fetch, *linked(Query(), ())), 50))


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(lambda q: keyset(q, Cursor(("A",), ("Edm.Int32",))), id="keyset"),
        pytest.param(lambda q: skipping(q, ("A",)), id="skip"),
    ],
)
def test_a_server_that_ignores_the_query_is_found(
    way: Callable[[Query], tuple[Query, Callable[[Page, int], Query | None]]],
) -> None:
    """The same page again and again ends in PAGING_LOOP."""
    with pytest.raises(PagingLoop):
        list(islice(walk(lambda _: Page([{"A": 1}, {"A": 2}]), *way(Query(top=2))), 50))


def test_a_row_without_a_key_is_named() -> None:
    """A walk cannot go on behind a row that has no identity."""
    first, beyond = keyset(Query(), Cursor(("A", "B"), ("Edm.Int32", "Edm.Int32")))

    with pytest.raises(KeyNull, match=r"^KEY_NULL: a row has no value in B"):
        list(walk(lambda _: Page([{"A": 1, "B": None}]), first, beyond))
