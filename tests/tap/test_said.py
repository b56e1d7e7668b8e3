"""Settings that a tenant does not bear out are said: shared keys, stamps that do not move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.tap import SettingUnknown, TapIfsCloud
from tap_ifs_cloud.uniqueness import Uniqueness

from .messages import of

if TYPE_CHECKING:
    from collections.abc import Callable


def stream(**settings: Any) -> dict[str, Any]:
    return {"streams": [{"entity_set": "OrderSet", "projection": "Test", **settings}]}


@pytest.mark.parametrize(
    ("key", "shared"),
    [(["Objstate"], 3), (["DateEntered"], 3), (["keyref"], 0), (["OrderNo", "Objstate"], 0)],
)
def test_key_properties_that_rows_share_are_said(
    run: Any,
    ifs: Any,
    orders: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    key: list[str],
    shared: int,
) -> None:
    """With how many rows share a key; such a read is not whole, so nothing vanishes by it."""
    ifs.sets["OrderSet"] = orders(4)

    messages = run(config=stream(key_properties=key, replication="full"))

    said = f"key.duplicate stream=order rows={shared} key={','.join(key)}"
    assert (said in caplog.text) is bool(shared)
    assert len(of(messages, "RECORD")) == 4
    assert bool(of(messages, "ACTIVATE_VERSION")) is not bool(shared)


@pytest.mark.parametrize(
    ("column", "is_said"), [("DateEntered", True), ("Cf_Last_Modified", False)]
)
def test_a_replication_key_that_is_no_stamp_is_said(
    run: Any,
    ifs: Any,
    orders: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    column: str,
    *,
    is_said: bool,
) -> None:
    """It is the user's choice, and rows come; changes may not."""
    ifs.sets["OrderSet"] = orders(2, lambda n: f"2026-01-0{n + 1}T00:00:00Z")

    messages = run(config=stream(replication_key=column))

    assert (f"replication_key.doubtful stream=order column={column}" in caplog.text) is is_said
    assert len(of(messages, "RECORD")) == 2


def test_a_misspelt_removal_by_a_stream_map_ends_the_run(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The property would go on to the target. A map without a stream is a warning."""
    maps = {"order": {"Objstat": "__NULL__"}, "ordre": {"Objstate": "__NULL__"}}
    tap = TapIfsCloud(config=config | {"stream_maps": maps}, setup_mapper=False)

    with pytest.raises(SettingUnknown, match="'Objstate'"):
        tap.discover_streams()
    assert "stream_map.unused stream=ordre" in caplog.text


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9))))
def test_shared_keys_are_counted_whatever_comes_twice(rows: list[tuple[int, int]]) -> None:
    """A row that comes again is the same row."""
    check = Uniqueness(key=lambda row: row[0], identity=lambda row: row)  # type: ignore[index, misc]

    check.note(rows)  # type: ignore[arg-type]
    check.note(rows[:3])  # type: ignore[arg-type]

    assert check.shared == len(set(rows)) - len({key for key, _ in rows})
