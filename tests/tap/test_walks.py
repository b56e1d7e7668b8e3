"""A set is walked by its key where that can be done, and no row is lost or comes twice."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.tap import StreamsFailed

from tests.tap.messages import along, full, of, parts, records

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


def test_the_walk_goes_on_behind_a_row_without_a_key(run: Run, ifs: Any, orders: Any) -> None:
    """It is skipped where the settings say so, and none of the others is."""
    ifs.sets["OrderSet"] = orders(5)
    ifs.sets["OrderSet"][0]["OrderNo"] = None

    messages = run(config=full(page_size=1, on_null_key="skip") | {"max_skipped": 1})

    assert {r["OrderNo"] for r in records(messages)} == {"0001", "0002", "0003", "0004"}


def replaced(ifs: Any, orders: Any, at: int) -> None:
    """After so many pages the first two rows go, and two come behind the last one."""
    pages = iter(range(1, 1000))

    def change(_: object) -> None:
        if next(pages) == at:
            ifs.sets["OrderSet"] = [*ifs.sets["OrderSet"][2:], *orders(302)[-2:]]

    ifs.sets["OrderSet"], ifs.meanwhile = orders(300), change


@pytest.mark.parametrize("at", [1, 2])
def test_rows_that_links_pass_over_are_read(run: Run, ifs: Any, orders: Any, at: int) -> None:
    """As many come as are counted, but that proves nothing."""
    replaced(ifs, orders, at)
    ifs.page_cap, ifs.next_link = 100, along

    messages = run(config=full(paging="next_link"))

    came = {record["OrderNo"] for record in records(messages)}
    assert came >= {f"{n:04d}" for n in range(2, 300)}
    assert of(messages, "ACTIVATE_VERSION")


def test_links_alone_do_not_prove_a_read(
    run: Run, ifs: Any, orders: Any, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the server does not serve `$skip`, nobody knows what they passed over."""
    replaced(ifs, orders, 1)
    ifs.page_cap, ifs.next_link = 100, along
    ifs.refusals["$top="] = failure(501, "ODP_NOT_IMPLEMENTED", "no")

    messages = run(config=full(paging="next_link"))

    assert of(messages, "ACTIVATE_VERSION") == []
    assert "stream.incomplete stream=order reason=\"the server's links may hide" in caplog.text


@pytest.mark.parametrize(
    "answered", [pytest.param(300, id="all-rows-first"), pytest.param(0, id="none-at-all")]
)
def test_links_without_an_end_are_left(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture, answered: int
) -> None:
    """Each page, be it empty, links one further; a walk by key needs none of them."""
    ifs.sets["OrderSet"], ifs.page_cap = orders(answered), 100
    ifs.links_always, ifs.next_link = True, along

    messages = run(config=full())
    asked = len(ifs.gets("OrderSet?"))
    run(raises=StreamsFailed, config=full(paging="next_link"))

    assert len(records(messages)) == answered
    assert bool(of(messages, "ACTIVATE_VERSION")) == (answered > 0)
    assert asked < 40
    assert len(ifs.gets("OrderSet?")) < 2 * asked
    assert "PAGING_LOOP: the server's links lead to more than 10 empty pages" in caplog.text


@pytest.mark.parametrize("paging", ["keyset", "skip"])
def test_a_set_that_grows_with_each_request_is_left(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture, paging: str
) -> None:
    """A log of requests does; it is said, and nothing is taken for vanished."""
    numbers = iter(range(120, 9999))
    ifs.sets["OrderSet"] = orders(120)
    ifs.meanwhile = lambda _: ifs.sets["OrderSet"].append(
        {**ifs.sets["OrderSet"][0], "OrderNo": f"{next(numbers):04d}"}
    )

    messages = run(config=full(page_size=50, paging=paging))

    assert {r["OrderNo"] for r in records(messages)} >= {f"{n:04d}" for n in range(120)}
    assert of(messages, "ACTIVATE_VERSION") == []
    assert "reason='rows come as fast as they are read" in caplog.text
    assert len(ifs.gets()) < 300


DESCENDING = "desc&$top=1"


@pytest.mark.parametrize("status", [400, 404, 500, 501, 504])
def test_a_check_that_fails_means_doubt(
    run: Run, ifs: Any, orders: Any, failure: Any, status: int
) -> None:
    """The set is swept then, which proves the read in another way."""
    ifs.sets["OrderSet"] = orders(30)
    code = "ODP_OPERATION_TIMEOUT" if status == 504 else "X"
    ifs.refusals[DESCENDING] = failure(status, code, "no")

    messages = run(config=full(page_size=10))

    assert len(records(messages)) == 30
    assert of(messages, "ACTIVATE_VERSION")


def test_a_read_that_cannot_be_checked_at_all_is_no_failure(
    run: Run, ifs: Any, orders: Any, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """All rows have come, but nobody knows."""
    ifs.sets["OrderSet"], ifs.counts = orders(30), False
    refusal = failure(504, "ODP_OPERATION_TIMEOUT", "no")
    ifs.refusals |= {DESCENDING: refusal, "$skip": refusal}

    messages = run(config=full(page_size=10))

    assert len(records(messages)) == 30
    assert of(messages, "ACTIVATE_VERSION") == []
    assert "stream.incomplete stream=order reason='the server does not answer how" in caplog.text


REFUSALS = {
    "not-implemented": (501, "ODP_NOT_IMPLEMENTED"),
    "too-long": (414, "X"),
    "header-too-large": (431, "X"),
    "not-found": (404, "X"),
    "method": (405, "X"),
    "failed": (500, "ODP_SERVER_ERROR"),
    "failed-for-good": (500, "ODP_NOT_IMPLEMENTED"),
    "unnamed": (418, "X"),
}


@pytest.mark.parametrize(("status", "code"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_question_by_key_that_is_refused_is_put_by_offset(
    run: Run, ifs: Any, orders: Any, failure: Any, status: int, code: str
) -> None:
    """In whatever way it is refused."""
    ifs.sets["OrderSet"] = orders(30)
    ifs.refusals["OrderNo%20gt"] = failure(status, code, "no")

    messages = run(config=full(page_size=10))

    assert [r["OrderNo"] for r in records(messages)] == [f"{n:04d}" for n in range(30)]
    assert of(messages, "ACTIVATE_VERSION")


def test_a_web_page_instead_of_an_answer_by_key_is_a_refusal(
    run: Run, ifs: Any, orders: Any, answer: Any
) -> None:
    """A firewall may take a filter for an attack."""
    ifs.sets["OrderSet"] = orders(30)
    ifs.refusals["OrderNo%20gt"] = answer(200, b"<html>blocked</html>")

    assert len(records(run(config=full(page_size=10)))) == 30


def test_a_missing_grant_is_not_asked_for_otherwise(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """Another question would not be answered either."""
    ifs.sets["OrderSet"] = orders(30)
    ifs.refusals["OrderNo%20gt"] = failure(403, "SE_UNAUTHORIZED", "no")

    assert len(records(run(raises=StreamsFailed, config=full(page_size=10)))) == 10


@pytest.mark.parametrize("own", [True, False])
def test_a_wrong_count_can_be_lived_with(
    run: Run,
    ifs: Any,
    orders: Any,
    caplog: pytest.LogCaptureFixture,
    own: bool,  # noqa: FBT001
) -> None:
    """The read goes on, but it is not whole."""
    ifs.sets["OrderSet"], ifs.lie = orders(30), 7
    warn = {"completeness": "warn"}

    run(raises=StreamsFailed, config=full())
    messages = run(config=full(**warn) if own else full() | warn)

    assert len(records(messages)) == 30
    assert of(messages, "ACTIVATE_VERSION") == []
    assert "stream.incomplete stream=order reason='COMPLETENESS: " in caplog.text


@pytest.mark.parametrize("paging", ["auto", "keyset", "skip"])
@pytest.mark.parametrize("after", [10, 20, 29])
def test_an_empty_page_with_a_link_is_not_the_end(
    run: Run, ifs: Any, orders: Any, answer: Any, paging: str, after: int
) -> None:
    """Whether or not links are followed."""
    ifs.sets["OrderSet"], ifs.next_link = orders(30), along
    part = f"$skip={after}" if paging == "skip" else f"gt%20'{after - 1:04d}'"
    empty = b'{"value":[],"@odata.nextLink":"OrderSet?$orderby=OrderNo&$skiptoken=%d"}' % after
    ifs.plan(answer(200, empty, part=part))

    messages = run(config=full(page_size=1 if after == 29 else 10, paging=paging))

    assert {r["OrderNo"] for r in records(messages)} == {f"{n:04d}" for n in range(30)}
    assert of(messages, "ACTIVATE_VERSION")
