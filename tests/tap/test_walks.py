"""A set is walked by its key where that can be done, and no row is lost or comes twice."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.messages import full, of, parts, records

if TYPE_CHECKING:
    from tests.tap.messages import Run


def test_composite_keys_with_quotes_and_enumerations_are_walked(run: Run, ifs: Any) -> None:
    """Every row of a key of text, enumeration and decimal comes exactly once."""
    ifs.sets["PartSet"] = parts(23)
    streams = [{"entity_set": "PartSet", "projection": "Test", "name": "parts"}]

    read = records(run(config={"streams": streams, "page_size": 3}), "parts")

    assert len(read) == 23
    assert {(r["Company"], r["State"], Decimal(r["RowNo"])) for r in read} == {
        (r["Company"], r["State"], r["RowNo"]) for r in parts(23)
    }


def test_rows_that_share_a_chosen_key_are_not_lost(run: Run, ifs: Any) -> None:
    """Pages are walked by the declared key, whatever `key_properties` says."""
    ifs.sets["PartSet"] = parts(9)
    streams = [{"entity_set": "PartSet", "projection": "Test", "key_properties": ["Text"]}]

    messages = run(config={"streams": streams, "page_size": 2})

    assert len(records(messages, "part")) == 9
    assert of(messages, "SCHEMA")[0]["key_properties"] == ["Text"]


def test_a_set_without_a_key_is_read_by_skip(run: Run, ifs: Any) -> None:
    """There is nothing that a next page could lie behind."""
    ifs.sets["ViewSet"] = [{"Line": str(n)} for n in range(5)]
    streams = [{"entity_set": "ViewSet", "projection": "Test"}]

    messages = run(config={"streams": streams, "page_size": 2})

    assert [r["Line"] for r in records(messages, "view")] == list("01234")
    assert of(messages, "SCHEMA")[0]["key_properties"] == []


@pytest.mark.parametrize(
    ("more", "order"),
    [
        pytest.param({}, "Line", id="all-columns"),
        pytest.param({"key_properties": ["Line"]}, "Line", id="a-chosen-key"),
    ],
)
def test_a_set_without_a_key_is_read_in_an_order(
    run: Run, ifs: Any, more: dict[str, Any], order: str
) -> None:
    """A server may answer each request in another order unless it is asked for one."""
    ifs.sets["ViewSet"] = [{"Line": str(n)} for n in range(5)]
    streams = [{"entity_set": "ViewSet", "projection": "Test", **more}]

    messages = run(config={"streams": streams, "page_size": 2})

    assert {seen.options["$orderby"] for seen in ifs.gets("ViewSet?")} == {order}
    assert of(messages, "ACTIVATE_VERSION")


def test_rows_out_of_order_are_read_again_by_offset(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that sorts text in its own way loses none of it, and the change is told."""
    rows = orders(6)
    for row, number in zip(rows, ["a", "B", "c", "D", "e", "F"], strict=True):
        row["OrderNo"] = number
    ifs.sets["OrderSet"], ifs.sort_text = rows, str.lower

    messages = run(config=full(page_size=2))

    assert sorted(r["OrderNo"] for r in records(messages)) == sorted("aBcDeF")
    assert "walk.skip stream=order reason='the server sorts OrderNo otherwise" in caplog.text
    assert of(messages, "ACTIVATE_VERSION")


def test_an_enumeration_that_is_not_compared_is_read_by_offset(
    run: Run, ifs: Any, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Not every service takes `gt` on one; no row is lost or comes twice by that."""
    ifs.sets["PartSet"] = parts(9)
    ifs.plan(failure(400, "X", "The operator gt is not supported", part="gt"))
    streams = [{"entity_set": "PartSet", "projection": "Test"}]

    messages = run(config={"streams": streams, "page_size": 2})

    assert sorted(record["RowNo"] for record in records(messages, "part")) == [
        Decimal(n) / 4 for n in range(9)
    ]
    assert "walk.skip stream=part reason='IFS_BAD_REQUEST" in caplog.text


@pytest.mark.parametrize("paging", ["keyset", "skip"])
def test_links_are_not_looked_at_where_another_way_was_chosen(
    run: Run, ifs: Any, orders: Any, paging: str
) -> None:
    """A link to a foreign host is then no reason to stop."""
    ifs.sets["OrderSet"] = orders(5)
    ifs.next_link = lambda _path, _end: "http://internal.example/next"

    messages = run(config=full(page_size=2, paging=paging))

    assert len(records(messages)) == 5


def test_rows_without_a_key_are_counted(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are emitted, and the walk goes on behind them."""
    ifs.sets["OrderSet"] = orders(5)
    ifs.sets["OrderSet"][0]["OrderNo"] = None

    messages = run(config=full(page_size=1))

    assert {r["OrderNo"] for r in records(messages)} == {None, "0001", "0002", "0003", "0004"}
    assert "row.key_null stream=order rows=1" in caplog.text
