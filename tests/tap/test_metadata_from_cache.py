"""`$metadata` is asked for again only if it has changed, and one stream may ask for real UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.metadata_cache import MetadataCache
from tap_ifs_cloud.tap import TapIfsCloud

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cached(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Settings with a cache of their own."""
    return config | {"metadata_cache": str(tmp_path)}


@pytest.fixture
def versioned(ifs: Any, answer: Any) -> Any:
    """A double that gives its metadata an etag and answers 304 to who has it."""
    whole = ifs._declared

    def declared(service: str) -> Any:
        asked = ifs.seen[-1].headers.get("If-None-Match")
        if asked == '"v1"':
            return answer(304, b"", {"ETag": '"v1"'})
        found = whole(service)
        return answer(found.status, found.body, {**found.headers, "ETag": '"v1"'})

    ifs._declared = declared
    return ifs


def streams(config: dict[str, Any]) -> dict[str, Any]:
    return dict(TapIfsCloud(config=config).streams)


def conditions(ifs: Any) -> list[str | None]:
    return [seen.headers.get("If-None-Match") for seen in ifs.gets("$metadata")]


def test_metadata_that_has_not_changed_is_not_sent_again(
    cached: dict[str, Any], versioned: Any
) -> None:
    """The stored document stands for it."""
    first, second = streams(cached), streams(cached)

    assert first["order"].schema == second["order"].schema
    assert conditions(versioned) == [None, '"v1"']


def test_a_cache_can_be_switched_off(config: dict[str, Any], versioned: Any) -> None:
    """`off` keeps nothing."""
    for _ in range(2):
        streams(config | {"metadata_cache": "off"})

    assert conditions(versioned) == [None, None]


def test_a_stored_document_that_cannot_be_read_is_asked_for_anew(
    cached: dict[str, Any], versioned: Any, tmp_path: Path
) -> None:
    """A fault of the disk is no fault of the tenant."""
    url = f"{versioned.url}/main/ifsapplications/projection/v1/Test.svc/$metadata"
    MetadataCache(tmp_path).store(url, b"<edmx:Edmx", '"v1"', None)

    assert list(streams(cached)) == ["order"]
    assert conditions(versioned) == ['"v1"', None]


def test_only_the_stream_that_wants_it_asks_for_real_utc(
    config: dict[str, Any], ifs: Any, orders: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """With every request for its rows, also the one for the newest stamp."""
    ifs.sets["OrderSet"] = orders(2, lambda n: f"2026-01-0{n + 1}T00:00:00Z")
    aware = {"entity_set": "OrderSet", "projection": "Test", "time_zone_aware": True}
    config["streams"] = [aware, {"entity_set": "ViewSet", "projection": "Test"}]
    mark = {"replication_key": "Cf_Last_Modified", "replication_key_value": "2026-01-01T00:00:00Z"}

    TapIfsCloud(config=config, state={"bookmarks": {"order": mark}}).sync_all()

    def asked(part: str) -> set[str | None]:
        return {s.headers.get("X-Ifs-Time-Zone-Aware-Request") for s in ifs.gets(part)}

    assert asked("OrderSet") == {"true"}
    assert asked("ViewSet") == asked("$metadata") == {None}
    assert capfd.readouterr().out
