"""An incremental run begins at the bookmark of the last one and moves it on, never back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import BookmarkInvalid
from tap_ifs_cloud.tap import StreamsFailed

from tests.tap.messages import bookmark, of, records, stamp, state

if TYPE_CHECKING:
    from tests.tap.messages import Run


def test_a_first_load_reads_rows_without_a_stamp_too(run: Run, ifs: Any, orders: Any) -> None:
    """Rows never modified come first, the others in the order of their stamp."""
    ifs.sets["OrderSet"] = orders(12, lambda n: None if n % 4 == 0 else stamp(n))

    numbers = [record["OrderNo"] for record in records(run(config={"page_size": 2}))]

    assert numbers[:3] == ["0000", "0004", "0008"]
    assert sorted(numbers) == [f"{n:04d}" for n in range(12)]


def test_rows_of_the_bookmarks_second_are_read_again(run: Run, ifs: Any, orders: Any) -> None:
    """Ties that straddle two runs are not lost: the bookmark is inclusive."""
    ifs.sets["OrderSet"] = orders(12, stamp)

    messages = run(state=state(stamp(10)), config={"lookback": 0, "page_size": 1})

    assert [r["OrderNo"] for r in records(messages)] == ["0010", "0011"]


def test_a_look_back_never_moves_the_bookmark_back(run: Run, ifs: Any, orders: Any) -> None:
    """Rows older than the bookmark are emitted; each STATE keeps what was reached before."""
    ifs.sets["OrderSet"] = orders(10, stamp)
    reached = "2026-03-01T10:30:00Z"

    messages = run(state=state(reached))

    assert len(records(messages)) == 10
    assert bookmark(messages)["replication_key_value"] == reached


def test_the_bookmark_is_verbatim(run: Run, ifs: Any, orders: Any) -> None:
    """It is the newest stamp as the server wrote it."""
    ifs.sets["OrderSet"] = orders(7, stamp)

    assert bookmark(run()) == {
        "replication_key": "Cf_Last_Modified",
        "replication_key_value": stamp(6),
    }


def test_a_state_in_the_middle_can_be_resumed_from(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """A run that breaks off and one that goes on read everything between them."""
    ifs.sets["OrderSet"] = orders(20, stamp)
    ifs.plan(failure(403, "X", "boom", part="0014"))

    broken = run(raises=StreamsFailed, config={"page_size": 5, "lookback": 0})
    resumed = run(state=of(broken, "STATE")[-1]["value"], config={"lookback": 0})

    assert len(records(broken)) == 15
    assert bookmark(broken)["replication_key_value"] == stamp(14)
    assert {r["OrderNo"] for r in records(broken) + records(resumed)} == {
        f"{n:04d}" for n in range(20)
    }


def test_a_placeholder_far_ahead_does_not_move_the_bookmark(
    run: Run, ifs: Any, orders: Any
) -> None:
    """A row stamped 9999 is emitted, but does not hide all later changes."""
    ifs.sets["OrderSet"] = orders(6, lambda n: "9999-12-31T00:00:00Z" if n == 5 else stamp(n))

    messages = run()

    assert len(records(messages)) == 6
    assert bookmark(messages)["replication_key_value"] == stamp(4)


@pytest.mark.parametrize("value", ["", "soon", "2026-99-01T00:00:00Z", "2999-01-01T00:00:00Z", 5])
def test_a_malformed_bookmark_is_refused(run: Run, ifs: Any, orders: Any, value: object) -> None:
    """The stream fails by name; it does not read nothing and succeed."""
    ifs.sets["OrderSet"] = orders(3, stamp)

    assert records(run(raises=StreamsFailed, state=state(value))) == []


def test_a_look_back_ends_at_the_first_day(run: Run, ifs: Any, orders: Any) -> None:
    """A bookmark cannot be moved back beyond what a date can be."""
    ifs.sets["OrderSet"] = orders(3, stamp)

    assert len(records(run(state=state("0001-01-01T00:00:00Z")))) == 3


@pytest.mark.parametrize("form", [{"bookmarks": []}, {"bookmarks": {"order": None}}])
def test_a_state_of_another_form_is_refused(run: Run, form: object) -> None:
    """By a code; it is not taken for an empty one."""
    with pytest.raises(BookmarkInvalid, match=r"^BOOKMARK_INVALID: the state"):
        run(state=form)


def test_a_bookmark_of_another_column_is_ignored(run: Run, ifs: Any, orders: Any) -> None:
    """After a change of the replication key everything is read."""
    ifs.sets["OrderSet"] = orders(3, stamp)

    assert len(records(run(state=state("2999-01-01T00:00:00Z", "Other")))) == 3


def test_a_start_date_leaves_out_what_is_older(run: Run, ifs: Any, orders: Any) -> None:
    """But not rows without a stamp."""
    ifs.sets["OrderSet"] = orders(10, lambda n: None if n == 0 else stamp(n))

    messages = run(config={"start_date": "2026-03-01T10:00:01Z"})

    assert [r["OrderNo"] for r in records(messages)] == [
        "0000",
        *(f"{n:04d}" for n in range(5, 10)),
    ]


def test_etag_mode_emits_only_newer_versions(run: Run, ifs: Any, orders: Any) -> None:
    """Older rows are read and dropped; rows without a stamp in their etag always come."""

    def etag(version: str) -> str:
        inner = base64.b64encode(f'W/"R:{version}"'.encode()).decode()
        return f'W/"{inner}"'

    rows = orders(4)
    versions = ["20260101000000", "20260301000000", "7", "20260201000000"]
    for row, version in zip(rows, versions, strict=True):
        row["@odata.etag"] = etag(version)
    ifs.sets["OrderSet"] = rows
    mode = {"streams": [{"entity_set": "OrderSet", "projection": "Test", "replication": "etag"}]}

    first = run(config=mode)
    second = run(config={**mode, "lookback": 0}, state=of(first, "STATE")[-1]["value"])

    assert len(records(first)) == 4
    assert bookmark(first)["replication_key_value"] == "20260301000000"
    assert [r["OrderNo"] for r in records(second)] == ["0001", "0002"]


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        (20260301, "2026-03-01T00:00:00Z"),
        ("2026-03-01T02:00:00+0200", "2026-03-01T02:00:00+02:00"),
        ("2026-03-01 02:00", "2026-03-01T02:00Z"),
    ],
)
def test_a_start_date_is_sent_as_odata_has_it(run: Run, ifs: Any, start: object, sent: str) -> None:
    """However it is written in the settings."""
    run(config={"start_date": start})

    asked = [seen.options.get("$filter", "") for seen in ifs.gets("OrderSet")]
    assert any(f"Cf_Last_Modified ge {sent}" in each for each in asked)
    assert not any("20260301" in each or "+0200" in each for each in asked)


def test_a_stamp_without_seconds_is_a_bookmark(run: Run, ifs: Any, orders: Any) -> None:
    """What the tap has written into the state it reads again."""
    ifs.sets["OrderSet"] = orders(2)
    for row in ifs.sets["OrderSet"]:
        row["Cf_Last_Modified"] = f"2026-01-01T00:0{row['OrderNo'][-1]}Z"
    left = bookmark(run())

    again = run(state={"bookmarks": {"order": left}}, config={"lookback": 0})

    assert left["replication_key_value"] == "2026-01-01T00:01Z"
    assert bookmark(again) == left
    assert [row["OrderNo"] for row in records(again)] == ["0001"]


def test_a_filter_of_several_lines_is_sent_as_one(run: Run, ifs: Any, orders: Any) -> None:
    """A block of YAML ends in a line break, which IFS does not take between tokens."""
    ifs.sets["OrderSet"] = orders(3)
    written = "OrderNo ne 'a\nb'\n  and\tOrderNo gt '0000'\r\n"
    streams = [{"entity_set": "OrderSet", "projection": "Test", "filter": written}]

    assert len(records(run(config={"streams": streams}))) == 2
    sent = {seen.options["$filter"] for seen in ifs.gets("OrderSet")}
    assert all("OrderNo ne 'a\nb' and OrderNo gt '0000'" in each for each in sent)
