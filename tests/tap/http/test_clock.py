"""The server's time by its `Date`, and a warning if this machine's clock is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.clock import ServerClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DATE = "Thu, 01 Jan 2026 12:00:00 GMT"


def test_the_servers_time_goes_on(clock: Any) -> None:
    """By a clock that nobody sets, from the last `Date` on."""
    servers = ServerClock(clock, wall=lambda: NOON)
    assert servers.now() is None

    servers.hear(DATE, 0)
    clock.now = 90.0

    assert servers.now() == NOON + timedelta(seconds=90)


@pytest.mark.parametrize(
    "date",
    [
        *(None, "", "noon", "Thu, 99 Foo 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"),
        *("Mon, 01 Jan 1950 00:00:00 GMT", "Mon, 01 Jan 99999 00:00:00 GMT", "\ud800" * 99),
    ],
)
def test_a_date_that_is_none_is_passed_over(clock: Any, date: str | None) -> None:
    """The server is not obliged to have a clock."""
    servers = ServerClock(clock, wall=lambda: NOON)
    servers.hear(date, 0)

    assert servers.now() is None


@pytest.mark.parametrize(
    ("wall", "took", "warnings"),
    [
        pytest.param(0, 0, 0, id="the-same"),
        pytest.param(-119, 0, 0, id="a-little-behind"),
        pytest.param(600, 0, 1, id="ahead"),
        pytest.param(-600, 0, 1, id="behind"),
        pytest.param(300, 290, 0, id="a-long-answer-dated-at-its-beginning"),
        pytest.param(0, 290, 0, id="a-long-answer-dated-at-its-end"),
    ],
)
def test_a_wrong_clock_is_told_once(
    clock: Any, caplog: pytest.LogCaptureFixture, wall: int, took: float, warnings: int
) -> None:
    """The seconds by which this machine is ahead; how long the answer took is no skew."""
    servers = ServerClock(clock, wall=lambda: NOON + timedelta(seconds=wall))
    clock.now = took
    for _ in range(3):
        servers.hear(DATE, 0)

    assert len(caplog.messages) == warnings
    assert all(message.startswith(f"clock.skew seconds={wall} ") for message in caplog.messages)


def test_a_session_knows_the_servers_time(session: Session, read: Callable[[], list[str]]) -> None:
    """None before the first answer, then within seconds of it."""
    assert session.server_now() is None

    read()

    now = session.server_now()
    assert now is not None
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
