"""A full read tells at its end what is there, and only if it has read all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.tap import StreamsFailed, TapIfsCloud

from tests.tap.messages import bookmark, full, of, records, stamp, state

if TYPE_CHECKING:
    from tests.tap.messages import Run


def test_a_full_read_ends_with_activate_version(run: Run, ifs: Any, orders: Any) -> None:
    """After the last row, with the version that the rows carry."""
    ifs.sets["OrderSet"] = orders(3)

    messages = run(config=full())

    kinds = [message["type"] for message in messages]
    (activated,) = of(messages, "ACTIVATE_VERSION")
    assert kinds[:5] == ["SCHEMA", "RECORD", "RECORD", "RECORD", "ACTIVATE_VERSION"]
    assert {m["version"] for m in of(messages, "RECORD")} == {activated["version"]}


def test_a_full_read_that_breaks_off_activates_nothing(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """Otherwise a target would take the rows not read for vanished ones."""
    ifs.sets["OrderSet"] = orders(4)
    ifs.plan(failure(403, "X", "boom", part="gt%20'0001'"))

    messages = run(raises=StreamsFailed, config=full(page_size=2))

    assert len(records(messages)) == 2
    assert of(messages, "ACTIVATE_VERSION") == []


def test_the_first_read_of_an_incremental_stream_is_a_full_one(
    run: Run, ifs: Any, orders: Any
) -> None:
    """Without a bookmark the whole set is read, so a target may know what has vanished."""
    ifs.sets["OrderSet"] = orders(3, stamp)

    first = run()
    (activated,) = of(first, "ACTIVATE_VERSION")
    later = run(state=of(first, "STATE")[-1]["value"])
    started = run(config={"start_date": "2020-01-01"})

    assert {m["version"] for m in of(first, "RECORD")} == {activated["version"]}
    assert of(later, "ACTIVATE_VERSION") == of(started, "ACTIVATE_VERSION") == []


MODES = {
    "full": (full(), {}),
    "auto": ({}, {}),
    "attribute": (full(replication="attribute"), {}),
    "etag": (full(replication="etag"), {}),
    "auto-later": ({}, state(stamp(3))),
    "auto-from-a-date": ({"start_date": "2026-01-01"}, {}),
    "etag-later": (full(replication="etag"), state("20260102030405", "_ifs_row_version")),
    "next_link": (full(paging="next_link"), {}),
    "skip": (full(paging="skip"), {}),
    "warn": (full(completeness="warn"), {}),
}


@pytest.mark.parametrize(("settings", "left"), MODES.values(), ids=MODES.keys())
@pytest.mark.parametrize("counts", [True, False])
def test_an_empty_read_is_no_order_to_delete(
    run: Run,
    ifs: Any,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    left: dict[str, Any],
    counts: bool,  # noqa: FBT001
) -> None:
    """No rows is also what IFS answers without a grant on the company; each mode says so."""
    ifs.counts = counts

    messages = run(config=settings, state=left)

    assert of(messages, "ACTIVATE_VERSION") == []
    assert "stream.empty stream=order" in caplog.text
    assert "the service user lacks the company" in caplog.text
    if left:
        assert bookmark(messages) == left["bookmarks"]["order"]


def test_a_set_that_cannot_be_ordered_activates_nothing(
    run: Run, ifs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows may be missing between two pages, and a target must not take them for vanished ones."""
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="Line" Type="Edm.String"/>',
        b'<Property Name="Line" Type="Collection(Edm.String)"/>',
    )
    ifs.sets["ViewSet"] = [{"Line": ["a"]}, {"Line": []}]
    streams = [{"entity_set": "ViewSet", "projection": "Test"}]

    messages = run(config={"streams": streams})

    assert len(records(messages, "view")) == 2
    assert of(messages, "ACTIVATE_VERSION") == []
    (line,) = [line for line in caplog.messages if line.startswith("stream.incomplete")]
    assert "stream=view reason='the set has no column that rows can be ordered by'" in line


def test_a_catalog_can_choose_the_full_table(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """The Singer way: the method in the catalog wins."""
    ifs.sets["OrderSet"] = orders(2, stamp)
    catalog = TapIfsCloud(config=config).catalog_dict
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"

    messages = run(catalog=catalog, state=state("2899-01-01T00:00:00Z"))

    assert len(records(messages)) == 2
    assert of(messages, "ACTIVATE_VERSION")
