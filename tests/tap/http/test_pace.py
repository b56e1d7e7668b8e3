"""How fast requests leave, for all threads together; slower after a 429."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session


def sent(pacer: Pacer, count: int) -> list[float]:
    """When the next requests leave."""
    return [pacer.wait() for _ in range(count)]


@pytest.fixture
def new_pacer(clock: Any) -> Callable[[int], Pacer]:
    """Makes pacers on the test's clock."""
    return lambda per_minute: Pacer(per_minute, clock=clock, sleep=clock.sleep)


def test_the_pace_is_kept(new_pacer: Callable[[int], Pacer], clock: Any) -> None:
    """No more requests leave in any 60 seconds than are allowed."""
    pacer, left = new_pacer(3), []
    for _ in range(8):
        left += sent(pacer, 1)
        clock.now += 1

    assert left == [0, 1, 2, 60, 61, 62, 120, 121]


def test_a_429_halves_what_was_sent(new_pacer: Callable[[int], Pacer], clock: Any) -> None:
    """Not what was allowed: 400 in a minute were too many, so 200 are tried."""
    pacer = new_pacer(1000)
    for _ in range(40):
        sent(pacer, 10)
        clock.now += 1.5
    pacer.lower(clock.now - 1)
    clock.now = 119.0

    assert sent(pacer, 201) == [119] * 200 + [179]


def test_a_429_in_the_first_seconds_stops_nobody_for_a_minute(
    new_pacer: Callable[[int], Pacer], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """100 in six seconds come to 1000 a minute, so 500 are tried, and at once."""
    pacer = new_pacer(1000)
    left = sent(pacer, 100)[-1]
    clock.now = 6.0
    pacer.lower(left)

    assert sent(pacer, 100)[-1] == 6
    assert caplog.messages == ["pace.lowered per_minute=500"]


def test_a_429_on_the_first_request_does_not_stop_the_tap(
    new_pacer: Callable[[int], Pacer], caplog: pytest.LogCaptureFixture
) -> None:
    """Others may use the tenant: one a second is the least that a first 429 leaves."""
    pacer = new_pacer(1000)
    pacer.lower(sent(pacer, 1)[0])

    assert sent(pacer, 59) == [0] * 59
    assert sent(pacer, 1) == [60]
    assert caplog.messages == ["pace.lowered per_minute=60"]


def test_each_429_halves_again_down_to_one(
    new_pacer: Callable[[int], Pacer], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A pace of nothing would end no run."""
    pacer = new_pacer(100)
    for _ in range(9):
        clock.now += 0.1
        pacer.lower(clock.now)

    paces = [int(message.rpartition("=")[2]) for message in caplog.messages]
    assert paces == [50, 1, 1, 1, 1, 1, 1, 1, 1]


def test_requests_under_way_together_are_one_reason(
    new_pacer: Callable[[int], Pacer], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Eight threads that are refused at once halve the pace once."""
    pacer = new_pacer(1000)
    left = sent(pacer, 8)
    clock.now = 1.0
    for at in left:
        pacer.lower(at)

    assert len(caplog.messages) == 1


def test_the_pace_grows_back(
    new_pacer: Callable[[int], Pacer], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A twentieth of the setting a minute; then it is told once."""
    caplog.set_level("INFO")
    pacer = new_pacer(100)
    pacer.lower(sent(pacer, 100)[0])
    clock.now = 60.0 * 3
    assert [sent(pacer, 66)[n] for n in (64, 65)] == [180, 240]

    clock.now = 60.0 * 11
    sent(pacer, 100)

    assert clock.now == 660
    assert caplog.messages == ["pace.lowered per_minute=50", "pace.restored per_minute=100"]


def test_a_wait_that_is_asked_for_holds_all_threads(
    new_pacer: Callable[[int], Pacer], clock: Any
) -> None:
    """Nobody asks on while one is told to wait; the longest wait counts."""
    pacer = new_pacer(1000)
    pacer.hold(30)
    pacer.hold(7)

    threads = [threading.Thread(target=pacer.wait, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert clock.now >= 30
    assert pacer.wait() >= 30


def test_a_429_lowers_the_sessions_pace(
    ifs: Any,
    read: Callable[[], list[str]],
    session: Session,
    failure: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And its `Retry-After` holds back whoever comes next."""
    held: list[float] = []
    session.sleep = held.append  # this thread does not wait; the clock stands still
    ifs.plan(failure(429, "LIMIT", "slow down", {"Retry-After": "7"}, part="OrderSet"))

    read()

    assert held == [7]
    assert session.pacer.clock() == 7
    assert "pace.lowered per_minute=60" in caplog.messages


def test_changed_metadata_holds_nobody_else(
    ifs: Any, read: Callable[[], list[str]], session: Session, failure: Any
) -> None:
    """MI_MODIFIED_ERROR is about one service."""
    session.sleep = lambda _: None
    modified = failure(503, "MI_MODIFIED_ERROR", "x", {"Retry-After": "7"}, part="OrderSet")
    ifs.plan(modified)

    read()

    assert session.pacer.clock() == 0
