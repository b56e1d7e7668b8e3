"""An incremental run reads what changed and leaves its bookmark where the next can go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.tap import StreamsFailed, TapIfsCloud

if TYPE_CHECKING:
    from collections.abc import Callable

Run = Any
NOW = datetime.now(UTC)  # the double's `Date` header is that of this machine


@pytest.fixture
def run(config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Reads all streams and gives records and the last bookmark of `order`."""

    def read(
        state: str | None = None, *, raises: type[Exception] | None = None, **settings: Any
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        key = settings.pop("key", "Cf_Last_Modified")
        mark = {"replication_key": key, "replication_key_value": state}
        states = {"bookmarks": {"order": mark}} if state else None
        tap = TapIfsCloud(config=config | {"lookback": 0} | settings, state=states)
        if raises:
            with pytest.raises(raises):
                tap.sync_all()
        else:
            tap.sync_all()
        lines = capfdbinary.readouterr().out.splitlines()
        messages = [json.loads(line, parse_float=Decimal) for line in lines]
        marks = [m["value"]["bookmarks"]["order"] for m in messages if m["type"] == "STATE"]
        return [m["record"] for m in messages if m["type"] == "RECORD"], marks[-1]

    return read


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def stamped(orders: Callable[..., Any], *stamps: str) -> list[dict[str, Any]]:
    return list(orders(len(stamps), lambda n: stamps[n]))


def numbers(records: list[dict[str, Any]]) -> list[str]:
    return [record["OrderNo"] for record in records]


def test_rows_that_change_meanwhile_wait_for_the_next_run(run: Run, ifs: Any, orders: Any) -> None:
    """An incremental run ends at the newest stamp that the server had when it began."""
    ifs.sets["OrderSet"] = stamped(orders, *(f"2026-01-0{n + 1}T00:00:00Z" for n in range(4)))

    records, mark = run("2026-01-02T00:00:00Z", page_size=2)

    assert numbers(records) == ["0001", "0002", "0003"]
    conditions = {
        seen.options.get("$filter", "") for seen in ifs.gets("$orderby=Cf_Last_Modified,")
    }
    assert conditions
    assert all("Cf_Last_Modified le 2026-01-04T00:00:00Z" in one for one in conditions)
    assert mark["replication_key_value"] == "2026-01-04T00:00:00Z"


def test_a_first_read_has_no_end(run: Run, ifs: Any, orders: Any) -> None:
    """A row that changed meanwhile and was left out would be taken for vanished."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")

    run()

    assert not any(" le 2026" in s.path for s in ifs.gets("$orderby=Cf_Last_Modified,OrderNo&"))


@pytest.mark.parametrize("days", [2, 400])
def test_a_stamp_ahead_of_the_server_does_not_move_the_bookmark(
    run: Run, ifs: Any, orders: Any, days: int
) -> None:
    """It is a mistake or a placeholder; its row comes with each run."""
    ahead = at(NOW + timedelta(days=days))
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z", ahead)

    records, mark = run()
    again, _ = run(mark["replication_key_value"])

    assert numbers(records) == ["0000", "0001"]
    assert mark["replication_key_value"] == "2026-01-01T00:00:00Z"
    assert numbers(again) == ["0000", "0001"]


def test_a_stamp_in_another_clock_of_today_moves_the_bookmark(
    run: Run, ifs: Any, orders: Any
) -> None:
    """IFS writes a `Z` without meaning UTC: half a day ahead may be now."""
    today = at(NOW + timedelta(hours=12))
    ifs.sets["OrderSet"] = stamped(orders, today)

    assert run()[1]["replication_key_value"] == today


def test_a_bookmark_ahead_of_the_server_is_refused(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It would read nothing and succeed."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")

    run(at(NOW + timedelta(days=3)), raises=StreamsFailed)

    assert "BOOKMARK_INVALID" in caplog.text
    assert "lies so far ahead" in caplog.text


def test_a_start_date_ahead_of_the_server_is_refused(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """For the same reason."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")

    run(start_date=f"{NOW.year + 2}-01-01", raises=StreamsFailed)

    assert "BOOKMARK_INVALID: `start_date`" in caplog.text


def test_a_bookmark_behind_the_newest_row_is_told(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The newest row may have been deleted; it is no reason to stop."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")

    records, mark = run("2026-02-01T00:00:00Z")

    assert records == []
    assert mark["replication_key_value"] == "2026-02-01T00:00:00Z"
    assert "bookmark.ahead stream=order" in caplog.text


def test_a_stamp_that_cannot_be_filtered_by_is_none(
    run: Run, ifs: Any, orders: Any, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """`auto` tries it once and reads the set in full then."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")
    ifs.plan(failure(400, "X", "The property cannot be filtered by", part="Cf_Last_Modified%20ne"))

    records, mark = run()

    assert len(records) == 1
    assert mark == {}
    assert (
        "stamp.refused stream=order stamp=Cf_Last_Modified reason='IFS_BAD_REQUEST" in caplog.text
    )


def with_version(ifs: Any, type_name: str) -> None:
    """The stamp of orders is a row version of this type."""
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="Cf_Last_Modified" Type="Edm.DateTimeOffset"/>',
        f'<Property Name="Objversion" Type="{type_name}"/>'.encode(),
    )
    for row in ifs.sets["OrderSet"]:
        row["Objversion"] = row.pop("Cf_Last_Modified")


@pytest.mark.parametrize(
    ("type_name", "form"), [("Edm.String", str), ("Edm.Decimal", Decimal), ("Edm.Int64", int)]
)
def test_a_row_version_that_tells_a_time_is_a_stamp(
    run: Run, ifs: Any, orders: Any, type_name: str, form: Callable[[str], Any]
) -> None:
    """As text or number; a look-back goes by its time."""
    ifs.sets["OrderSet"] = orders(3, lambda n: form(f"202601010000{n}0"))
    with_version(ifs, type_name)

    records, mark = run()
    later, _ = run("20260101000020", key="Objversion", lookback=15)

    assert numbers(records) == ["0000", "0001", "0002"]
    assert mark["replication_key_value"] == "20260101000020"
    assert numbers(later) == ["0001", "0002"]


def test_a_row_version_that_counts_changes_is_none(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Counters of two rows cannot be compared, so `auto` reads the set in full."""
    ifs.sets["OrderSet"] = orders(3, lambda n: str(n + 1))
    with_version(ifs, "Edm.String")

    records, mark = run()

    assert len(records) == 3
    assert mark == {}
    assert "stamp.refused stream=order stamp=Objversion reason=\"'3' counts" in caplog.text


LARGE = 2**53 + 1  # a binary float makes an even number of it


@pytest.mark.parametrize("type_name", ["Edm.Int64", "Edm.Decimal"])
@pytest.mark.parametrize("knows_parameter", [True, False])
def test_the_newest_row_is_read_at_a_server_that_rounds(
    run: Run,
    ifs: Any,
    orders: Any,
    type_name: str,
    knows_parameter: bool,  # noqa: FBT001
) -> None:
    """It writes large numbers through a binary float unless it is asked for all their digits."""
    ifs.sets["OrderSet"] = orders(3, lambda n: LARGE - 2 + n)
    with_version(ifs, type_name)
    ifs.rounds, ifs.knows_ieee754 = True, knows_parameter

    records, _ = run(str(LARGE - 2), key="Objversion")

    assert "0002" in numbers(records)


def test_every_request_for_values_asks_for_all_their_digits(
    run: Run, ifs: Any, orders: Any
) -> None:
    """And for the version of OData that the tap reads."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")

    run("2026-01-01T00:00:00Z")

    asked = {seen.headers["Accept"] for seen in ifs.gets("OrderSet?")}
    assert asked == {"application/json;IEEE754Compatible=true"}
    assert {seen.headers["OData-MaxVersion"] for seen in ifs.gets()} == {"4.0"}


@pytest.mark.parametrize("status", [400, 404, 414, 501])
def test_a_stamp_is_none_however_its_filter_is_refused(
    run: Run, ifs: Any, orders: Any, failure: Any, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Servers have several words for what they do not do."""
    ifs.sets["OrderSet"] = stamped(orders, "2026-01-01T00:00:00Z")
    ifs.plan(failure(status, "X", "no", part="Cf_Last_Modified%20ne"))

    records, mark = run()

    assert len(records) == 1
    assert mark == {}
    assert "stamp.refused stream=order" in caplog.text


def test_a_row_version_ahead_of_the_server_is_refused(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it is that of the ETag."""
    config["streams"][0]["replication"] = "etag"
    ifs.sets["OrderSet"] = orders(1)

    run("20990101000000", key="_ifs_row_version", raises=StreamsFailed)

    assert "BOOKMARK_INVALID: '20990101000000' lies so far ahead" in caplog.text
