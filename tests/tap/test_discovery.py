"""What a tap finds in the metadata of a tenant, and what it says where something is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import AuthFailed, IfsError
from tap_ifs_cloud.tap import NoStreams, TapIfsCloud

from tests.tap.messages import of, parts, records, stamp

if TYPE_CHECKING:
    from tests.tap.messages import Run


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


def test_the_schema_message_lists_enumeration_members(run: Run, ifs: Any, orders: Any) -> None:
    """As an open list, so that a new member breaks nothing."""
    ifs.sets["OrderSet"] = orders(1, stamp)

    column = of(run(), "SCHEMA")[0]["schema"]["properties"]["Objstate"]

    assert column["x-extensible-enum"] == ["Planned", "Released", "Closed"]
    assert column["type"] == ["string", "null"]
    assert "enum" not in column


def test_a_missing_modification_stamp_is_told(config: dict[str, Any]) -> None:
    """`replication: attribute` needs one."""
    entry = {"entity_set": "PartSet", "projection": "Test", "replication": "attribute"}

    with pytest.raises(IfsError, match=r"REPLICATION_KEY_INVALID: .*set `replication_key`"):
        TapIfsCloud(config=config | {"streams": [entry]})


def test_streams_keep_the_order_of_the_settings(run: Run, ifs: Any, orders: Any) -> None:
    """What others point at can be put first."""
    ifs.sets["OrderSet"], ifs.sets["PartSet"] = orders(1), parts(1)
    streams = [
        {"entity_set": "PartSet", "projection": "Test", "name": "z"},
        {"entity_set": "OrderSet", "projection": "Test", "name": "a"},
    ]

    messages = run(config={"streams": streams})

    assert [message["stream"] for message in of(messages, "SCHEMA")] == ["z", "a"]


def test_an_empty_setting_is_not_set(run: Run, ifs: Any, orders: Any) -> None:
    """An empty environment variable means the default."""
    ifs.sets["OrderSet"] = orders(2, stamp)

    messages = run(config={"page_size": None, "lookback": None, "start_date": "", "gateway": ""})

    assert len(records(messages)) == 2


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


def test_a_tenant_without_any_of_the_presets_is_an_error(config: dict[str, Any]) -> None:
    """An empty catalog would be taken for a success."""
    del config["streams"]

    with pytest.raises(NoStreams, match=r"^NO_STREAMS"):
        TapIfsCloud(config=config)


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
