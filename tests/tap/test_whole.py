"""A set is read whole and each row once, whatever the server's habits and whoever writes to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import count as counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import Incomplete, PagingLoop
from tap_ifs_cloud.odata.paging import Cursor, Link, Page, walk_by_key, walk_by_link
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.skipping import walk_by_skip
from tap_ifs_cloud.odata.whole import Whole, whole_row

Row = dict[str, Any]
Matching = Callable[..., list[Row]]
Change = Callable[["Table"], None]

KEY = ("Company", "No")
ORDER = Cursor(KEY, ("Edm.String", "Edm.Decimal"), lambda row: (row["Company"], row["No"]))


def linguistic(text: str) -> str:
    return text.lower() + text


@dataclass
class Table:
    """A set of a server that others write to between any two requests."""

    rows: dict[tuple[str, int], int]  # key -> content
    matching: Matching
    cap: int = 100
    sort_text: Callable[[str], str] = str
    counts: bool = True
    lie: int = 0  # what it counts more than there is
    tells: bool = True  # whether it answers whether more rows follow
    links: bool = False  # offsets, as many servers hide in them
    changes: Iterator[Change] = field(default_factory=lambda: iter(()))
    changed: set[tuple[str, int]] = field(default_factory=set)
    asked: int = 0

    def _others_write(self) -> None:
        self.asked += 1
        next(self.changes, lambda _: None)(self)

    def _found(self, condition: str | None, order: tuple[str, ...] = ()) -> list[Row]:
        rows = [
            {"Company": company, "No": Decimal(no), "Text": text}
            for (company, no), text in self.rows.items()
        ]
        return self.matching(rows, condition, order, self.sort_text)

    def page(self, address: Query | Link) -> Page:
        """One page."""
        if isinstance(address, Link):
            top, _, skip = address.url.partition("/")
            address = Query(orderby=KEY, top=int(top), skip=int(skip))
        start = address.skip or 0
        end = start + min(self.cap, address.top or self.cap)
        found = self._found(address.filter, address.orderby)
        link = Link(f"{address.top or self.cap}/{end}") if self.links and end < len(found) else None
        self._others_write()
        return Page(found[start:end], link)

    def count(self) -> int | None:
        """What `$count` says."""
        self._others_write()
        return max(0, len(self.rows) + self.lie) if self.counts else None

    def has_more(self, rows: int) -> bool | None:
        """Whether a row stands behind so many."""
        self._others_write()
        return len(self.rows) > rows if self.tells else None

    def insert(self, key: tuple[str, int]) -> None:
        """A new row, or another content."""
        self.changed.add(key)
        self.rows[key] = self.rows.get(key, 0) + 1

    def delete(self, key: tuple[str, int]) -> None:
        """A row goes."""
        self.changed.add(key)
        self.rows.pop(key, None)

    def whole(self, way: str, top: int, *, strict: bool = True) -> Whole:
        """A reading of it."""

        def ask(address: Query | Link) -> Callable[[], Page]:
            return partial(self.page, address)

        first = Query(top=top)
        sweep = partial(walk_by_skip, ask, first, KEY, ORDER.place, unique=True)
        walks: dict[str, Callable[[], Iterator[Page]]] = {
            "keyset": partial(walk_by_key, ask, first, ORDER),
            "skip": sweep,
            "next_link": partial(walk_by_link, ask, Query(orderby=KEY)),
        }
        walk = walks[way]
        return Whole(
            "order",
            "OrderSet",
            walk,
            sweep,
            self.count,
            self.has_more,
            ORDER.place if way == "keyset" else whole_row,
            ascends=way == "keyset",
            strict=strict,
        )


def read(table: Table, way: str, top: int) -> Counter[tuple[str, int]]:
    """How often the row of each key came."""
    rows = [row for page in table.whole(way, top).pages() for row in page.rows]
    return Counter((row["Company"], int(row["No"])) for row in rows)


KEYS = st.tuples(st.sampled_from(["a", "A", "b", "B", "'"]), st.integers(-2, 2))
CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from([Table.insert, Table.delete]), KEYS), max_size=3),
    max_size=12,
).map(
    lambda steps: [
        lambda table, step=step: [change(table, key) for change, key in step] for step in steps
    ]
)


@settings(max_examples=1000)
@given(
    keys=st.sets(KEYS, max_size=14),
    changes=CHANGES,
    way=st.sampled_from(["keyset", "skip"]),
    top=st.integers(1, 5),
    cap=st.integers(1, 5),
    sort_text=st.sampled_from([str, linguistic]),
)
def test_a_row_that_stays_as_it_is_comes_exactly_once(
    matching: Matching,
    keys: set[tuple[str, int]],
    changes: list[Change],
    way: str,
    top: int,
    cap: int,
    sort_text: Callable[[str], str],
) -> None:
    """Others insert, change and delete between any two requests; text may sort as it likes.

    A walk by offset needs two rows a page, to see by the first whether rows have moved.
    """
    if way == "skip" or sort_text is linguistic:
        top, cap = top + 1, cap + 1
    table = Table(dict.fromkeys(keys, 0), matching, cap, sort_text, changes=iter(changes))
    table.links = way == "keyset"

    came = read(table, way, top)

    stayed = keys - table.changed
    assert {key: came[key] for key in stayed} == dict.fromkeys(stayed, 1)


@settings(max_examples=1000)
@given(
    keys=st.sets(KEYS, max_size=14),
    changes=CHANGES,
    way=st.sampled_from(["keyset", "skip", "next_link"]),
    top=st.integers(1, 5),
    habits=st.fixed_dictionaries(
        {
            "cap": st.integers(2, 5),
            "sort_text": st.sampled_from([str, linguistic]),
            "lie": st.integers(-3, 3),
            "counts": st.booleans(),
            "tells": st.booleans(),
        }
    ),
)
def test_a_read_that_counts_as_whole_is_whole(
    matching: Matching,
    keys: set[tuple[str, int]],
    changes: list[Change],
    way: str,
    top: int,
    habits: dict[str, Any],
) -> None:
    """Whatever others write meanwhile, however pages are capped, and whatever the server counts.

    A server that gives one row a page cannot be told from one whose set has one row.
    """
    changes = [lambda _: None, *changes]  # a count comes before the first page
    table = Table(dict.fromkeys(keys, 0), matching, changes=iter(changes), **habits)
    table.links = way == "next_link"
    whole = table.whole(way, top, strict=False)

    rows = [row for page in whole.pages() for row in page.rows]

    came = {(row["Company"], int(row["No"])) for row in rows}
    assert came >= keys - table.changed or not whole.completeness.is_whole


@settings(max_examples=1000)
@given(
    keys=st.sets(KEYS, max_size=14),
    changes=CHANGES,
    way=st.sampled_from(["keyset", "skip", "next_link"]),
    top=st.integers(1, 5),
    cap=st.integers(1, 5),
)
def test_a_page_without_a_gap_has_all_rows_before_it(
    matching: Matching,
    keys: set[tuple[str, int]],
    changes: list[Change],
    way: str,
    top: int,
    cap: int,
) -> None:
    """So a bookmark may stand behind it."""
    table = Table(dict.fromkeys(keys, 0), matching, cap, changes=iter(changes))
    table.links = way == "next_link"
    came: set[tuple[str, int]] = set()

    for page in table.whole(way, top, strict=False).pages():
        came |= {(row["Company"], int(row["No"])) for row in page.rows}
        if page.gap is None:
            stayed = keys - table.changed
            assert came >= {key for key in stayed if key <= max(came)}


@pytest.mark.parametrize("way", ["keyset", "skip", "next_link"])
def test_a_quiet_set_is_known_to_be_whole(matching: Matching, way: str) -> None:
    """Along the server's links it is read once more by offset, as they prove nothing."""
    table = Table({("a", n): 0 for n in range(23)}, matching, cap=5, links=way == "next_link")
    whole = table.whole(way, 5)

    assert sum(len(page.rows) for page in whole.pages()) == 23
    assert whole.completeness.is_whole


def test_rows_that_links_have_passed_over_are_fetched(matching: Matching) -> None:
    """As many rows come as were counted, but not the same."""
    steps: list[Change] = [
        lambda _: None,
        lambda table: [
            *map(table.delete, [("a", 0), ("a", 1)]),
            *map(table.insert, [("z", 0), ("z", 1)]),
        ],
    ]
    table = Table(
        {("a", n): 0 for n in range(30)}, matching, cap=10, links=True, changes=iter(steps)
    )

    came = read(table, "next_link", 10)

    assert {key: came[key] for key in table.rows} == dict.fromkeys(table.rows, 1)


@pytest.mark.parametrize("way", ["keyset", "skip"])
@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("rows", [1, 10])
def test_a_set_that_grows_as_it_is_read_is_given_up(
    matching: Matching,
    way: str,
    rows: int,
    counts: bool,  # noqa: FBT001
) -> None:
    """It is read as far as it was there, and not known to be whole."""
    numbers = iter(range(120, 100_000))
    table = Table({("a", n): 0 for n in range(120)}, matching, counts=counts)
    table.changes = iter(
        lambda: lambda table: [table.insert(("a", next(numbers))) for _ in range(rows)], None
    )
    whole = table.whole(way, 20)

    came = {int(row["No"]) for page in whole.pages() for row in page.rows}

    assert came >= set(range(120))
    assert whole.completeness.reasons == ["rows come as fast as they are read, or again and again"]
    assert table.asked < 500


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("lie", [0, -590])
def test_a_long_walk_is_not_given_up(
    matching: Matching,
    lie: int,
    counts: bool,  # noqa: FBT001
) -> None:
    """However many pages it takes, and however few rows the server counts; it asks a few times."""
    table = Table({("a", n): 0 for n in range(600)}, matching, cap=5, counts=counts, lie=lie)
    whole = table.whole("keyset", 5)

    assert sum(len(page.rows) for page in whole.pages()) == 600
    assert whole.completeness.is_whole
    assert table.asked < 350


@pytest.mark.parametrize("last", ["z", "a"])
def test_a_set_that_grows_before_its_last_rows_is_given_up(matching: Matching, last: str) -> None:
    """Rows that come before the place reached move it back as fast as a walk by offset goes on."""
    numbers = iter(range(120, 100_000))
    table = Table({("a", n): 0 for n in range(120)} | {(last, 10**6): 0}, matching, cap=2)
    table.changes = iter(lambda: lambda table: table.insert(("a", next(numbers))), None)
    whole = table.whole("skip", 20, strict=False)

    with suppress(PagingLoop):
        list(whole.pages())

    assert table.asked < 3000


def test_links_that_lead_to_the_same_rows_again_end(matching: Matching) -> None:
    """Each under an address of its own."""
    table = Table({("a", n): 0 for n in range(30)}, matching, cap=10)
    asked = counter()

    def page(address: Query | Link) -> Page:
        found = table.page(address if isinstance(address, Query) else Query(orderby=KEY))
        return Page(found.rows, Link(f"10/{next(asked)}"))

    whole = table.whole("next_link", 10)
    whole.walk = partial(walk_by_link, lambda address: partial(page, address), Query(orderby=KEY))

    assert sum(len(page.rows) for page in whole.pages()) == 30
    assert whole.completeness.is_whole  # the sweep by offset proves it
    assert next(asked) < 50


@given(
    keys=st.sets(KEYS, max_size=14),
    way=st.sampled_from(["keyset", "skip", "next_link"]),
    top=st.integers(1, 5),
    cap=st.integers(1, 5),
    sort_text=st.sampled_from([str, linguistic]),
    counts=st.booleans(),
)
def test_every_row_comes_once_with_every_way_and_cap(
    matching: Matching,
    keys: set[tuple[str, int]],
    way: str,
    top: int,
    cap: int,
    sort_text: Callable[[str], str],
    counts: bool,  # noqa: FBT001
) -> None:
    """Also from a server that does not count."""
    table = Table(
        dict.fromkeys(keys, 0), matching, cap, sort_text, counts, links=way == "next_link"
    )

    assert read(table, way, top) == Counter(keys)


def test_a_server_that_counts_more_than_it_gives_is_told(matching: Matching) -> None:
    """The set is swept again before it is given up."""
    table = Table({("a", n): 0 for n in range(5)}, matching)
    table.count = lambda: 7  # type: ignore[method-assign]

    with pytest.raises(Incomplete, match=r"^COMPLETENESS: OrderSet: the server counts 7 rows, but"):
        read(table, "keyset", 2)


def test_rows_deleted_meanwhile_are_no_fault(matching: Matching) -> None:
    """A second count explains them, and nothing is read again."""
    gone = iter([lambda _: None, lambda table: table.delete(("a", 4))])
    table = Table({("a", n): 0 for n in range(5)}, matching, changes=gone)

    assert len(read(table, "keyset", 2)) == 4
    assert table.asked == 7  # counts, pages with the empty one, a boundary after each of the others


def test_rows_of_one_key_are_all_read(matching: Matching) -> None:
    """They are told apart by all that they hold; some may come twice then."""
    rows = [{"Company": "a", "No": Decimal(n // 2), "Text": n} for n in range(7)]

    def page(address: Query) -> Page:
        found = matching(rows, address.filter, address.orderby)
        start = address.skip or 0
        return Page(found[start : start + (address.top or 9)])

    def ask(address: Any) -> Callable[[], Page]:
        return partial(page, address)

    first = Query(top=3)
    whole = Whole(
        "order",
        "OrderSet",
        partial(walk_by_key, ask, first, ORDER),
        partial(walk_by_skip, ask, first, KEY, ORDER.place, unique=True),
        lambda: 7,
        lambda _: False,
        ORDER.place,
        ascends=True,
    )

    assert {row["Text"] for page in whole.pages() for row in page.rows} == set(range(7))


def test_a_full_page_of_rows_known_is_not_the_end(matching: Matching) -> None:
    """Rows that came before it may have filled it; others follow."""
    keys = [("A", 0), ("A", 2), ("a", -2), ("a", 0), ("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    steps: list[Change] = [
        lambda _: None,
        lambda table: table.insert(("b", -1)),
        lambda _: None,
        lambda table: [table.insert(key) for key in [("'", 2), ("b", 0)]],
        lambda table: table.delete(("a", 1)),
    ]
    table = Table(dict.fromkeys(keys, 0), matching, cap=4, changes=iter(steps))

    assert read(table, "skip", 2)["b", 2] == 1
