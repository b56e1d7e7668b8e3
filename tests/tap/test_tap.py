"""The tap as Meltano runs it: discovery, records, bookmarks, and streams that fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tap_ifs_cloud.odata.errors import AuthFailed, BookmarkInvalid, IfsError
from tap_ifs_cloud.tap import NoStreams, StreamsFailed, TapIfsCloud

Run = Callable[..., list[dict[str, Any]]]


def stamp(n: int) -> str:
    """A moment; five orders share each second."""
    return f"2026-03-01T10:00:{n // 5:02d}Z"


@pytest.fixture
def run(config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the tap without pauses and gives its messages; decimals stay exact."""

    def messages(raises: type[IfsError] | None = None, **options: Any) -> list[dict[str, Any]]:
        settings = config | options.pop("config", {})
        capfdbinary.readouterr()
        tap = TapIfsCloud(config=settings, **options)
        tap.session.sleep = lambda _: None
        if raises is None:
            tap.sync_all()
        else:
            with pytest.raises(raises):
                tap.sync_all()
        out = capfdbinary.readouterr().out
        return [json.loads(line, parse_float=Decimal) for line in out.splitlines()]

    return messages


def of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == kind]


def records(messages: list[dict[str, Any]], stream: str = "order") -> list[dict[str, Any]]:
    return [m["record"] for m in of(messages, "RECORD") if m["stream"] == stream]


def bookmark(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return dict(of(messages, "STATE")[-1]["value"]["bookmarks"]["order"])


def state(value: object, key: str = "Cf_Last_Modified") -> dict[str, Any]:
    mark = {"replication_key": key, "replication_key_value": value}
    return {"bookmarks": {"order": mark}}


def test_discovery_tells_key_method_and_plumbing(config: dict[str, Any], ifs: Any) -> None:
    """The modification stamp makes the stream incremental; plumbing is there but not selected."""
    entry = TapIfsCloud(config=config).catalog_dict["streams"][0]

    meta = {tuple(m["breadcrumb"]): m["metadata"] for m in entry["metadata"]}
    assert entry["tap_stream_id"] == "order"
    assert entry["key_properties"] == ["OrderNo"]
    assert (entry["replication_method"], entry["replication_key"]) == (
        "INCREMENTAL",
        "Cf_Last_Modified",
    )
    assert meta["properties", "luname"]["selected-by-default"] is False
    assert meta["properties", "OrderNo"]["inclusion"] == "automatic"
    assert "Picture" not in entry["schema"]["properties"]
    assert len(ifs.gets()) == 2  # the metadata, and whether rows can be filtered by the stamp


def test_records_are_exact_and_clean(run: Run, ifs: Any, orders: Any) -> None:
    """Decimals keep their digits, plumbing stays away, etag and row version are there."""
    ifs.sets["OrderSet"] = orders(1, stamp)
    ifs.sets["OrderSet"][0]["Amount"] = Decimal("12345678901234567890.120")

    (record,) = records(run())

    assert str(record["Amount"]) == "12345678901234567890.120"
    assert record["_ifs_row_version"] == "20260102030405"
    assert set(record) == {
        "OrderNo",
        "Objstate",
        "Amount",
        "DateEntered",
        "Cf_Last_Modified",
        "_ifs_etag",
        "_ifs_row_version",
    }


def test_the_schema_message_lists_enumeration_members(run: Run, ifs: Any, orders: Any) -> None:
    """As an open list, so that a new member breaks nothing."""
    ifs.sets["OrderSet"] = orders(1, stamp)

    column = of(run(), "SCHEMA")[0]["schema"]["properties"]["Objstate"]

    assert column["x-extensible-enum"] == ["Planned", "Released", "Closed"]
    assert column["type"] == ["string", "null"]
    assert "enum" not in column


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


def test_a_missing_modification_stamp_is_told(config: dict[str, Any]) -> None:
    """`replication: attribute` needs one."""
    entry = {"entity_set": "PartSet", "projection": "Test", "replication": "attribute"}

    with pytest.raises(IfsError, match=r"REPLICATION_KEY_INVALID: .*set `replication_key`"):
        TapIfsCloud(config=config | {"streams": [entry]})


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


def full(**more: Any) -> dict[str, Any]:
    return {
        "streams": [{"entity_set": "OrderSet", "projection": "Test", "replication": "full", **more}]
    }


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
    ifs.plan(failure(403, "X", "boom", part="0001"))

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


def test_an_empty_full_read_is_told(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """No rows is also what IFS answers without a grant on the company."""
    run(config=full())

    assert "stream.empty stream=order" in caplog.text


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


def test_only_selected_columns_are_asked_for(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """Key and replication key always are."""
    ifs.sets["OrderSet"] = orders(1, stamp)
    catalog = TapIfsCloud(config=config).catalog_dict
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = entry["breadcrumb"][-1] == "Amount"

    (record,) = records(run(catalog=catalog))

    assert set(record) == {"OrderNo", "Amount", "Cf_Last_Modified"}
    assert ifs.gets("OrderSet?")[-1].options["$select"] == "OrderNo,Amount,Cf_Last_Modified"


def test_a_column_that_is_gone_is_not_asked_for(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A catalog may be older than the tenant: the column is told and left out."""
    catalog = TapIfsCloud(config=config).catalog_dict
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="DateEntered" Type="Edm.DateTimeOffset"/>', b""
    )
    ifs.sets["OrderSet"] = [
        {name: value for name, value in row.items() if name != "DateEntered"}
        for row in orders(1, stamp)
    ]

    (record,) = records(run(catalog=catalog))

    assert "DateEntered" not in record
    assert "column.gone stream=order columns=['DateEntered']" in caplog.text


def parts(count: int) -> list[dict[str, Any]]:
    states = ["Planned", "Released", "Closed"]
    return [
        {"Company": f"O'{n % 3}", "State": states[n % 2], "RowNo": Decimal(n) / 4, "Text": "x"}
        for n in range(count)
    ]


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


def test_a_set_that_cannot_be_ordered_activates_nothing(
    run: Run, ifs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows may be missing then, and a target must not take them for vanished ones."""
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="Line" Type="Edm.String"/>',
        b'<Property Name="Line" Type="Collection(Edm.String)"/>',
    )
    ifs.sets["ViewSet"] = [{"Line": ["a"]}, {"Line": []}]
    streams = [{"entity_set": "ViewSet", "projection": "Test"}]

    messages = run(config={"streams": streams})

    assert len(records(messages, "view")) == 2
    assert of(messages, "ACTIVATE_VERSION") == []
    assert "walk.arbitrary stream=view" in caplog.text


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


@pytest.mark.parametrize("paging", ["keyset", "skip"])
def test_links_are_not_looked_at_where_another_way_was_chosen(
    run: Run, ifs: Any, orders: Any, paging: str
) -> None:
    """A link to a foreign host is then no reason to stop."""
    ifs.sets["OrderSet"] = orders(5)
    ifs.next_link = lambda _path, _end: "http://internal.example/next"

    messages = run(config=full(page_size=2, paging=paging))

    assert len(records(messages)) == 5


def test_select_can_be_left_out(run: Run, ifs: Any, orders: Any) -> None:
    """Some projections fail on it; columns that are not selected are dropped here."""
    ifs.sets["OrderSet"] = orders(2)

    messages = run(config=full(send_select=False))

    assert all("$select" not in seen.options for seen in ifs.gets("OrderSet"))
    assert all("luname" not in record for record in records(messages))
    assert len(records(messages)) == 2


def test_rows_without_a_key_are_counted(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are emitted, and the walk goes on behind them."""
    ifs.sets["OrderSet"] = orders(5)
    ifs.sets["OrderSet"][0]["OrderNo"] = None

    messages = run(config=full(page_size=1))

    assert {r["OrderNo"] for r in records(messages)} == {None, "0001", "0002", "0003", "0004"}
    assert "row.key_null stream=order rows=1" in caplog.text


def test_an_empty_setting_is_not_set(run: Run, ifs: Any, orders: Any) -> None:
    """An empty environment variable means the default."""
    ifs.sets["OrderSet"] = orders(2, stamp)

    messages = run(config={"page_size": None, "lookback": None, "start_date": "", "gateway": ""})

    assert len(records(messages)) == 2


def test_a_users_filter_holds_on_every_page(run: Run, ifs: Any, orders: Any) -> None:
    """Also if it is an `or`."""
    ifs.sets["OrderSet"] = orders(9)

    messages = run(config=full(page_size=1, filter="OrderNo lt '0002' or OrderNo gt '0006'"))

    assert [r["OrderNo"] for r in records(messages)] == ["0000", "0001", "0007", "0008"]


def test_streams_keep_the_order_of_the_settings(run: Run, ifs: Any, orders: Any) -> None:
    """What others point at can be put first."""
    ifs.sets["OrderSet"], ifs.sets["PartSet"] = orders(1), parts(1)
    streams = [
        {"entity_set": "PartSet", "projection": "Test", "name": "z"},
        {"entity_set": "OrderSet", "projection": "Test", "name": "a"},
    ]

    messages = run(config={"streams": streams})

    assert [message["stream"] for message in of(messages, "SCHEMA")] == ["z", "a"]


def test_one_failing_stream_does_not_stop_the_others(
    run: Run, ifs: Any, orders: Any, failure: Any
) -> None:
    """The others are read, and the run ends with an error that names the one."""
    ifs.sets["OrderSet"] = orders(2)
    ifs.plan(failure(403, "SE_UNAUTHORIZED", "Insufficient privileges.", part="PartSet?"))
    streams = [
        {"entity_set": "PartSet", "projection": "Test"},
        {"entity_set": "OrderSet", "projection": "Test"},
    ]

    messages = run(raises=StreamsFailed, config={"streams": streams})

    assert len(records(messages)) == 2


def test_a_bad_value_fails_its_stream(run: Run, ifs: Any, orders: Any) -> None:
    """Pages before it are out; the stream is named."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.sets["OrderSet"][2]["Amount"] = "REDACTED"

    assert len(records(run(raises=StreamsFailed, config=full(page_size=2)))) == 2


def test_lost_credentials_stop_the_run(run: Run, ifs: Any, failure: Any) -> None:
    """No other stream would fare better."""
    ifs.plan(*[failure(401, "U", "no", part="PartSet")] * 2)
    streams = [
        {"entity_set": "PartSet", "projection": "Test"},
        {"entity_set": "OrderSet", "projection": "Test", "replication": "full"},
    ]

    run(raises=AuthFailed, config={"streams": streams})

    assert ifs.gets("OrderSet") == []


def test_what_a_tenant_lacks_is_told_and_left_out(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The message lists the sets that the service does offer."""
    streams = [
        {"entity_set": "NopeSet", "projection": "Test"},
        {"entity_set": "OrderSet", "projection": "Other"},
        {"entity_set": "PartSet", "projection": "Test"},
    ]

    tap = TapIfsCloud(config=config | {"streams": streams})

    assert list(tap.streams) == ["part"]
    assert "it offers: OrderSet, PartSet, ViewSet" in caplog.text
    assert "stream.missing stream=order PROJECTION_UNREACHABLE" in caplog.text


def test_a_listed_stream_that_is_missing_fails_the_run(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """The others are read; discovery alone only warns, also of what a catalog never knew."""
    ifs.sets["OrderSet"] = orders(2)
    there = {"entity_set": "OrderSet", "projection": "Test"}
    streams = [{"entity_set": "NoSuchSet", "projection": "Test"}, there]
    catalog = TapIfsCloud(config=config | {"streams": streams}).catalog_dict

    for options in ({}, {"catalog": catalog}):
        messages = run(raises=StreamsFailed, config={"streams": streams}, **options)
        assert len(records(messages)) == 2
    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == ["order"]


def test_a_tenant_without_any_of_the_presets_is_an_error(config: dict[str, Any]) -> None:
    """An empty catalog would be taken for a success."""
    del config["streams"]

    with pytest.raises(NoStreams, match=r"^NO_STREAMS"):
        TapIfsCloud(config=config)


def test_a_selected_stream_that_is_gone_fails_the_run(
    run: Run, config: dict[str, Any], ifs: Any
) -> None:
    """A run by catalog does not lose a stream silently."""
    catalog = TapIfsCloud(config=config).catalog_dict
    ifs.metadata = ifs.metadata.replace(b'EntitySet Name="OrderSet"', b'EntitySet Name="NewSet"')

    assert records(run(raises=StreamsFailed, catalog=catalog)) == []


def test_metadata_that_cannot_be_read_ends_discovery(
    config: dict[str, Any], ifs: Any, answer: Any
) -> None:
    """A fault is no reason to offer fewer streams."""
    ifs.plan(answer(200, b"<oops", part="$metadata"))

    with pytest.raises(IfsError, match=r"^METADATA_INVALID"):
        TapIfsCloud(config=config)


def test_a_refused_client_is_asked_about_once(
    config: dict[str, Any], ifs: Any, answer: Any
) -> None:
    """However many services are to be discovered."""
    ifs.plan(*[answer(404, b'{"error":"Realm does not exist"}', part="token")] * 9)
    del config["streams"]

    with pytest.raises(AuthFailed, match="Realm does not exist") as caught:
        TapIfsCloud(config=config)

    assert len(ifs.seen) == 1
    assert "API Explorer" not in str(caught.value)


def test_any_odata_service_can_be_read_without_credentials(ifs: Any, run: Run) -> None:
    """By its address below `base_url`, with headers if it wants some."""
    ifs.tokens = "given"  # the double takes `Bearer tgiven`
    ifs.sets["ViewSet"] = [{"Line": "1"}]
    settings = {
        "realm": "",
        "client_id": "",
        "client_secret": "",
        "headers": {"Authorization": "Bearer tgiven"},
        "streams": [{"entity_set": "ViewSet", "service_url": "/odata/Test.svc"}],
    }

    assert records(run(config=settings), "view") == [
        {"Line": "1", "_ifs_etag": None, "_ifs_row_version": None}
    ]
    assert ifs.seen[0].path == "/odata/Test.svc/$metadata"
