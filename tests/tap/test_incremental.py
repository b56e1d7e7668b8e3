"""An incremental run begins at the bookmark of the last one and moves it on, never back."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import BookmarkInvalid
from tap_ifs_cloud.tap import StreamsFailed

from tests.tap.messages import along, bookmark, of, records, stamp, state

if TYPE_CHECKING:
    from collections.abc import Callable

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
    ifs.plan(failure(403, "X", "boom", part="gt%20'0014'"))

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
    rows = orders(4)
    versions = ["20260101000000", "20260301000000", "7", "20260201000000"]
    for row, version in zip(rows, versions, strict=True):
        inner = base64.b64encode(f'W/"R:{version}"'.encode()).decode()
        row["@odata.etag"] = f'W/"{inner}"'
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


def etag(moment: int) -> str:
    """The ETag of a row last changed so many seconds after midnight."""
    at = datetime(2026, 3, 1) + timedelta(seconds=moment)  # noqa: DTZ001 # the database's own zone
    inner = base64.b64encode(f'W/"R:{at:%Y%m%d%H%M%S}"'.encode()).decode()
    return f'W/"{inner}"'


class Changes:
    """Changes of rows, each after a page of a walk, with a clock that only they move on."""

    def __init__(self, ifs: Any, after: dict[int, int], **columns: Callable[[int], Any]) -> None:
        self.rows, self.after = ifs.sets["OrderSet"], after
        self.columns = {n.replace("etag", "@odata.etag"): of_ for n, of_ in columns.items()}
        self.pages, self.clock = 0, len(self.rows)
        for n, row in enumerate(self.rows):
            row.update({name: of_(n) for name, of_ in self.columns.items()})
        ifs.meanwhile = self

    def __call__(self, seen: Any) -> None:
        """Change the row that is due after this page."""
        if "desc" in seen.path:
            return
        self.pages += 1
        if self.pages in self.after:
            self.clock += 1
            row = self.rows[self.after[self.pages]]
            row["Objstate"] = "Closed"
            for name, of_ in self.columns.items():
                row[name] = of_(self.clock)


ETAGS: dict[str, Any] = {
    "streams": [{"entity_set": "OrderSet", "projection": "Test", "replication": "etag"}],
    "page_size": 5,
    "lookback": 0,
}


@pytest.mark.parametrize("paging", ["keyset", "skip"])
def test_changes_that_a_scan_has_missed_come_with_the_next(
    run: Run, ifs: Any, orders: Any, paging: str
) -> None:
    """The first row changes when its page is read, later the last one, which the scan sees."""
    ifs.sets["OrderSet"] = orders(40)
    Changes(ifs, {1: 0, 2: 39}, etag=etag)
    mode = ETAGS | {"streams": [ETAGS["streams"][0] | {"paging": paging}]}

    first = run(config=mode)
    second = run(config=mode, state=of(first, "STATE")[-1]["value"])
    third = run(config=mode, state=of(second, "STATE")[-1]["value"])

    assert {r["OrderNo"] for r in records(first) if r["Objstate"] == "Closed"} == {"0039"}
    assert "0000" in {r["OrderNo"] for r in records(second)}
    assert {r["OrderNo"] for r in records(third)} == {"0039"}  # the bookmark has caught up
    assert set(bookmark(third)) == {"replication_key", "replication_key_value"}


def test_a_scan_that_sees_no_version_at_its_start_leaves_no_bookmark(
    run: Run, ifs: Any, orders: Any
) -> None:
    """What it misses could be older than any version that it sees later."""
    ifs.sets["OrderSet"] = orders(40)
    Changes(ifs, {3: 0, 5: 39}, etag=lambda n: etag(n) if n > 4 else None)

    first = run(config=ETAGS)
    second = run(config=ETAGS, state=of(first, "STATE")[-1]["value"])

    assert "replication_key_value" not in bookmark(first)
    assert len(records(second)) == 40
    assert "replication_key_value" in bookmark(second)


def test_the_bookmark_of_a_first_read_stays_at_its_start(run: Run, ifs: Any, orders: Any) -> None:
    """Rows that change meanwhile come with the first read and once more with the next."""
    ifs.sets["OrderSet"] = orders(40)
    Changes(ifs, {3: 0, 5: 39}, Cf_Last_Modified=lambda n: f"2026-03-01T10:00:{n:02d}Z")

    first = run(config={"page_size": 5})

    assert {r["OrderNo"] for r in records(first) if r["Objstate"] == "Closed"} == {"0000", "0039"}
    assert bookmark(first)["replication_key_value"] == "2026-03-01T10:00:39Z"


def test_a_bookmark_does_not_pass_rows_that_may_be_missing(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """Along links that may hide offsets, it moves when the read is proven, or not at all."""
    ifs.sets["OrderSet"], ifs.page_cap, ifs.next_link = orders(40, stamp), 5, along
    mode = {"streams": [{"entity_set": "OrderSet", "projection": "Test", "paging": "next_link"}]}

    proven = run(config=mode)
    ifs.refusals["$skip="] = failure(501, "X", "no")
    open_ = run(config=mode)
    later = run(config=mode, state=state(stamp(0)))

    first = of(proven, "STATE")[0]["value"]["bookmarks"]["order"]
    assert first["replication_key_value"] == stamp(4)
    assert bookmark(proven)["replication_key_value"] == stamp(39)
    assert bookmark(open_)["replication_key_value"] == stamp(4)
    assert bookmark(later)["replication_key_value"] == stamp(4)


@pytest.mark.parametrize("before", [None, stamp(5)])
def test_a_bookmark_is_taken_back_where_rows_are_missing(
    run: Run, ifs: Any, orders: Any, before: str | None
) -> None:
    """Otherwise the next run would begin behind them."""
    ifs.sets["OrderSet"], ifs.lie = orders(20, stamp), 2

    messages = run(raises=StreamsFailed, state=state(before) if before else {})

    assert bookmark(messages).get("replication_key_value") == before


def test_a_bookmark_does_not_move_where_the_server_does_not_filter(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """Asked for rows without a stamp, it gives all of them in the order of the key."""
    ifs.sets["OrderSet"], ifs.ignores = orders(20, lambda n: stamp(19 - n)), "%20eq%20null"
    ifs.refusals["$orderby=Cf_Last_Modified,"] = failure(403, "X", "no")

    messages = run(raises=StreamsFailed, config={"page_size": 5})

    assert len(records(messages)) == 20
    assert "replication_key_value" not in bookmark(messages)
