"""Whichever lane is taken, the boards are the same, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "<NULL>",
            " x",
            'a,"b"',
            "=1+1",
            "two\nlines",
            "ÅÄÖ",
            "a; b",
            "[x](y)",
            "\u0001",
            "<b>",
            "é",
        ]
    ),
    st.text(max_size=8),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "long_text": TEXTS,
    "numbers": st.one_of(st.integers(-(10**20), 10**20), st.decimals(-99, 99, places=3).map(str)),
    "status": st.sampled_from(["Open", "open", " Open ", "Paid", "1", "x,y", "Late"]),
    "dropdown": st.lists(st.sampled_from(["A", "B", "a,b", "C", "7"]), max_size=3),
    "date": st.sampled_from(["2026-02-28", "2026-02-28T10:11:12Z", "1999-12-31", "2026-12-24"]),
    "checkbox": st.booleans(),
    "email": st.sampled_from(["a@example.com", "b.c@example.org"]),
    "link": st.sampled_from(["https://a.example", "https://a.example/x(1)"]),
    "phone": st.sampled_from(["+12025550169", "+46 8 123 456 78"]),
    "rating": st.integers(1, 6),
    "people": st.sampled_from(["anna.lindqvist@example.com"]),
    "country": st.sampled_from(["US", "SE"]),
    "world_clock": st.sampled_from(["Europe/London"]),
    "hour": st.sampled_from(["16:42"]),
    "board_relation": st.lists(st.sampled_from(["t1", "t2", "late", "never"]), max_size=3),
}
LINK = {"title": "board_relation", "type": "board_relation", "stream": "t"}
MAPPING: dict[str, Any] = {
    "t": {"item_name": "{Id}"},
    "s": {
        "item_name": "{Name}",
        "columns": {
            **{kind: {"title": kind, "type": kind} for kind in VALUES},
            "board_relation": LINK,
        },
    },
}
KEYS = st.sampled_from(["a", "A", "b", "ß", "ss", " c ", "d|e", "f", "g", "h"])
RECORDS = st.fixed_dictionaries(
    {"Id": KEYS, "Name": st.sampled_from(["n", "m", " o", "<NULL>", "p\tq"])},
    optional={kind: st.one_of(st.none(), values) for kind, values in VALUES.items()},
)


def board(twin: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Key -> name and cells by column title, as the account holds them."""
    columns = twin.account.board("S").columns
    found = {}
    for item in twin.account.items("S"):
        cells = {columns[each].title: cell.stored for each, cell in item.cells.items()}
        key = str(cells.pop("Record key"))
        assert key not in found
        links = cells.get("board_relation", {}).get("linked_item_ids", ())
        if "board_relation" in cells:
            cells["board_relation"] = sorted(twin.account.find_item(each).name for each in links)
        found[key] = (item.name, named(columns, cells))
    return found


def named(columns: Any, cells: dict[str, Any]) -> dict[str, Any]:
    """Labels by their texts: their ids depend on the order in which they were made."""
    labels = {
        column.title: {each.id: each.label for each in column.labels} for column in columns.values()
    }
    for title, cell in cells.items():
        if title == "status":
            cells[title] = labels[title][cell["index"]]
        elif title == "dropdown":
            cells[title] = sorted(labels[title][each] for each in cell["ids"])
    return cells


@pytest.fixture
def twins(simulate: Callable[..., Any]) -> dict[str, Any]:
    """An account for each lane."""
    return {"alias": simulate(), "ingest": simulate()}


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(RECORDS, max_size=12), st.lists(RECORDS, max_size=12))
def test_boards_are_the_same_whichever_lane_is_taken(
    twins: dict[str, Any], messages: Any, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    """New rows and changed ones, of any type, with values that files find hard."""
    schema = messages.schema(
        "s", {"Id": "string", "Name": "string", **{kind: {} for kind in VALUES}}
    )
    held = []
    for lane, twin in twins.items():
        twin.account.reset()
        (twin.folder / "ledger.db").unlink(missing_ok=True)
        counts = []
        for records, targets in ((first, ("t1", "t2")), (second, ("late",))):
            rows = [messages.record("s", **record) for record in records]
            there = [messages.record("t", Id=each) for each in targets]
            lines = messages.lines([messages.schema("t", {"Id": "string"}), *there, schema, *rows])
            ended = twin.run(lines, boards=MAPPING, lane=lane, max_rejects=99)
            books = ended.books.of("s")
            counts.append((ended.code, books.created, books.updated, books.rejected))
        held.append((board(twin), counts))
    assert held[0] == held[1]
    event(f"uploads: {'ingest_items' in twins['ingest'].account.usage.mutations_by_name}")
