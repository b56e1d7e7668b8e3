"""What a run waits for and how far it is, told in time and not too often."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import Unavailable
from tap_ifs_cloud.odata.pacing import Pacer
from tap_ifs_cloud.odata.progress import Progress
from tap_ifs_cloud.odata.repeated import Repeated
from tap_ifs_cloud.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is told at the usual level."""
    caplog.set_level(logging.INFO)
    return caplog


@pytest.fixture
def progress(clock: Any) -> Progress:
    """On the test's clock; the test looks on."""
    return Progress(clock, is_watched=False, status_line=None)


def look_on(progress: Progress, clock: Any, seconds: int) -> None:
    """As the watching thread does, once a second."""
    for _ in range(seconds):
        clock.now += 1
        progress.look()


def test_an_answer_that_takes_its_time_is_told(
    progress: Progress, clock: Any, told: pytest.LogCaptureFixture
) -> None:
    """After five seconds, and then about every thirty: what for, how long, how far."""
    with progress.waiting("https://ifs/XSet", 660):
        look_on(progress, clock, 70)
    look_on(progress, clock, 70)

    assert told.messages == [
        f"http.waiting seconds={seconds} timeout_seconds=660 url=https://ifs/XSet requests=1"
        for seconds in (6, 36, 66)
    ]


def test_a_short_wait_is_not_told(
    progress: Progress, clock: Any, told: pytest.LogCaptureFixture
) -> None:
    """Neither one nor a thousand."""
    for _ in range(1000):
        with progress.waiting("https://ifs/XSet", 660):
            look_on(progress, clock, 5)
    progress.pauses(5.0, "x")

    assert told.messages == []


def test_a_long_read_tells_how_far_it_is(
    progress: Progress, clock: Any, told: pytest.LogCaptureFixture
) -> None:
    """About every thirty seconds, as long as it lasts; of how many if the server counts."""
    with progress.reading("order"):
        progress.counted(1000)
        for _ in range(65):
            progress.came(10)
            look_on(progress, clock, 1)
    look_on(progress, clock, 65)

    assert told.messages == [
        "stream.progress stream=order rows=300 of=1000 requests=0 seconds=30",
        "stream.progress stream=order rows=600 of=1000 requests=0 seconds=60",
    ]


def test_a_pace_that_is_used_up_is_told(
    progress: Progress, clock: Any, told: pytest.LogCaptureFixture
) -> None:
    """When the wait begins, with its length; and so is a pause that the server asks for."""
    pacer = Pacer(2, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        pacer.wait(progress)
    pacer.hold(90)
    pacer.wait(progress)

    used_up, held = told.messages
    assert used_up.startswith("rate_limit.waiting seconds=60 reason='the pace (`requests_per_min")
    assert held == (
        "rate_limit.waiting seconds=90 reason='the server has asked for a pause' requests=0"
    )


def test_a_retry_tells_how_long_it_waits_and_how_far_the_run_is(
    ifs: Any, session: Session, read: Callable[..., list[str]], failure: Any, told: Any
) -> None:
    """Each wait of more than five seconds, however many there were before."""
    ifs.plan(*[failure(503, "X", "no", {"Retry-After": "7"}, part="Set")] * 2)
    session.progress.counted(9)
    with session.progress.reading("order"):
        read()

    [one, other] = [line for line in told.messages if line.startswith("http.retry ")]
    assert one.startswith("http.retry failures=1 of=4 wait_seconds=7.0 stream=order rows=0 req")
    assert other.startswith("http.retry failures=2 of=4 wait_seconds=7.0 stream=order rows=0 req")
    assert "reason='IFS_UNAVAILABLE: " in one


def test_short_retries_are_summed_up(
    ifs: Any, session: Session, read: Callable[..., list[str]], failure: Any, told: Any
) -> None:
    """After the first ten, with their reasons."""
    for status in (503, 502, 503, 503, 503):
        ifs.plan(*[failure(status, "X", "no", part="Set")] * 4)
        with pytest.raises(Unavailable):
            read()
    session.sum_up()

    lines = [line for line in told.messages if line.startswith("http.retry ")]
    assert len(lines) == 11
    assert "total=15 logged=10 reasons='IFS_UNAVAILABLE: " in lines[-1]
    assert "HTTP 503, X no: 12; " in lines[-1]
    assert lines[-1].endswith("HTTP 502, X no: 3'")


def test_a_few_warnings_are_not_summed_up(told: pytest.LogCaptureFixture) -> None:
    """Each was logged; and what is important is logged beyond ten."""
    repeated = Repeated(logging.getLogger("tap_ifs_cloud"), "x.y")
    for _ in range(10):
        repeated.warn("cause", "n=1")
    repeated.warn("cause", "n=2", always=True)
    repeated.close()

    assert told.messages == ["x.y n=1 reason='cause'"] * 10 + ["x.y n=2 reason='cause'"]


def test_the_watching_thread_ends_with_what_it_watches() -> None:
    """And another begins when there is something again."""
    progress = Progress()
    with progress.waiting("u", 1):
        first = progress._watcher  # a thread is seen nowhere else
        assert first is not None
    first.join(timeout=30)
    with progress.reading("order"):
        assert progress._watcher not in (None, first)


def test_a_terminal_shows_a_bar_in_place_of_lines(
    clock: Any, told: pytest.LogCaptureFixture
) -> None:
    """It goes when the stream is read."""
    terminal = io.StringIO()
    progress = Progress(clock, is_watched=False, status_line=StatusLine(terminal))

    with progress.reading("order"):
        progress.counted(40)
        progress.came(10)
        look_on(progress, clock, 60)

    *states, end = terminal.getvalue().split("\r\x1b[K")
    assert states[-1] == "[#####---------------] stream=order rows=10 of=40 requests=0 seconds=60"
    assert (end, told.messages) == ("", [])
