"""A stream that fails is named and does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_ifs_cloud.odata.errors import AuthFailed
from tap_ifs_cloud.tap import StreamsFailed, TapIfsCloud

from tests.tap.messages import full, records

if TYPE_CHECKING:
    from tests.tap.messages import Run


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


def test_a_selected_stream_that_is_gone_fails_the_run(
    run: Run, config: dict[str, Any], ifs: Any
) -> None:
    """A run by catalog does not lose a stream silently."""
    catalog = TapIfsCloud(config=config).catalog_dict
    ifs.metadata = ifs.metadata.replace(b'EntitySet Name="OrderSet"', b'EntitySet Name="NewSet"')

    assert records(run(raises=StreamsFailed, catalog=catalog)) == []
