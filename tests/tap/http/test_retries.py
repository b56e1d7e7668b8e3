"""What is tried again, how long is waited, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import (
    BrokenBody,
    ConnectionFailed,
    OperationTimeout,
    RateLimited,
    TooMuchAtOnce,
    Unavailable,
)
from tap_ifs_cloud.odata.pacing import Patience, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

    Read = Callable[[], list[str]]


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="seconds"),
        pytest.param({"Retry-After": "-1"}, 0, id="negative"),
        pytest.param({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0, id="past-date"),
        pytest.param({"Retry-After": "soon"}, 0.5, id="unreadable"),
        pytest.param({"Retry-After": "\u00b2"}, 0.5, id="no-ascii-digit"),
        pytest.param({}, 0.5, id="none"),
    ],
)
def test_the_server_says_how_long_to_wait(
    ifs: Any,
    read: Read,
    failure: Any,
    waits: list[float],
    header: dict[str, str],
    pause: float,
) -> None:
    """`Retry-After` is obeyed in both its forms, on 429 and on 503."""
    for status in (429, 503):
        ifs.plan(failure(status, "LIMIT", "slow down", header, part="OrderSet"))

        read()

    assert waits == [pause, pause]


def test_a_date_to_wait_for_is_the_servers(
    wire: Any, new_session: Callable[..., Session], page: bytes, waits: list[float]
) -> None:
    """It is compared with the server's own `Date`: this machine's clock may be wrong."""
    refusal = (
        b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nDate: Thu, 01 Jan 2099 00:00:00 GMT\r\n"
        b"Retry-After: Thu, 01 Jan 2099 00:00:07 GMT\r\nConnection: close\r\n\r\n"
    )
    server = wire(lambda s, made: s.sendall(page if made.connections[1:] else refusal))

    new_session(server.url).get(server.url, accept="*/*", read=str)

    assert waits == [7]


def test_a_date_is_a_time_to_wait() -> None:
    """An HTTP date counts from now."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90


@pytest.mark.parametrize("asked", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_too_long_is_told_not_waited(
    ifs: Any, read: Read, failure: Any, waits: list[float], asked: str
) -> None:
    """A day of `Retry-After` ends the stream with a code and the time at which it may go on."""
    ifs.plan(failure(429, "LIMIT", "slow down", {"Retry-After": asked}, part="OrderSet"))

    with pytest.raises(RateLimited, match=r"^IFS_RATE_LIMITED: .* asks to wait for \d+ s \("):
        read()

    assert waits == []


def test_a_server_that_asks_for_no_wait_again_and_again_is_spared(
    ifs: Any, read: Read, failure: Any, waits: list[float]
) -> None:
    """It is believed the first time."""
    ifs.plan(*[failure(503, "DOWN", "again", {"Retry-After": "0"}, part="OrderSet")] * 3)

    read()

    assert waits == [0, 0.5, 1]


@pytest.mark.parametrize("status", [408, 423, 425, 500, 502, 503, 504])
def test_a_burst_of_refusals_changes_nothing(
    ifs: Any, read: Read, orders: Any, failure: Any, waits: list[float], status: int
) -> None:
    """The result is that of a quiet run; the pauses double."""
    ifs.sets["OrderSet"] = orders(2)
    ifs.plan(*[failure(status, "DOWN", "again", part="OrderSet")] * 3)

    assert read() == ["0000", "0001"]
    assert waits == [0.5, 1, 2]


@pytest.mark.parametrize("status", [500, 503])
def test_changed_metadata_is_asked_again_at_once(
    ifs: Any, read: Read, failure: Any, waits: list[float], status: int
) -> None:
    """MI_MODIFIED_ERROR: IFS expects the same request again; 22R1 says 500, 24R1 503."""
    modified = failure(status, "MI_MODIFIED_ERROR", "Service metadata already modified.")
    ifs.plan(*[modified] * 3)

    read()

    assert waits == [0.5, 0.5, 0.5]


def test_tries_end(ifs: Any, read: Read, failure: Any, waits: list[float]) -> None:
    """After the last try the server's own words are told."""
    ifs.plan(*[failure(503, "DOWN", "ORA-01034: ORACLE not available", part="OrderSet")] * 9)

    with pytest.raises(Unavailable, match=r"^IFS_UNAVAILABLE: .*HTTP 503, DOWN ORA-01034"):
        read()

    assert waits == [0.5, 1, 2]


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_timed_out_query_is_not_repeated(ifs: Any, read: Read, failure: Any, status: int) -> None:
    """ODP_OPERATION_TIMEOUT would time out again: the setting to change is named."""
    ifs.plan(failure(status, "ODP_OPERATION_TIMEOUT", "too slow", part="OrderSet"))

    with pytest.raises(OperationTimeout, match="Lower `page_size`") as caught:
        read()

    assert isinstance(caught.value, TooMuchAtOnce)
    assert len(ifs.gets()) == 1


def test_a_gateway_that_never_waits_long_enough_asks_for_smaller_pages(
    ifs: Any, read: Read, answer: Any
) -> None:
    """A 504 without IFS's code may pass; one that stays is as if IFS had timed out."""
    ifs.plan(*[answer(504, b"<html><body>Gateway Time-out</body></html>", part="OrderSet")] * 4)

    with pytest.raises(OperationTimeout, match=r"^IFS_OPERATION_TIMEOUT: .*a web page: Gateway"):
        read()

    assert len(ifs.gets()) == 4


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"body": b'{"value":[{"OrderNo":"9', "cut": True}, id="cut"),
        pytest.param({"body": b'{"value":[{"OrderNo":"9"}'}, id="half-a-json"),
        pytest.param(
            {"body": b"\x1f\x8b\x08\x00bad", "headers": {"Content-Encoding": "gzip"}}, id="bad-gzip"
        ),
        pytest.param({"body": b"{}", "headers": {"Content-Encoding": "br"}}, id="not-asked-for"),
    ],
)
def test_a_broken_body_is_read_again(
    ifs: Any, read: Read, orders: Any, answer: Any, spoilt: dict[str, Any]
) -> None:
    """It is never taken for a short page."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.plan(answer(200, part="OrderSet", **spoilt))

    assert read() == ["0000", "0001", "0002"]


def test_a_body_that_stays_broken_is_named(ifs: Any, read: Read, answer: Any) -> None:
    """After the last try it is IFS_BROKEN_BODY, not an empty set."""
    ifs.plan(*[answer(200, b'{"value":[', part="OrderSet", cut=True)] * 4)

    with pytest.raises(BrokenBody, match=r"^IFS_BROKEN_BODY"):
        read()


def test_no_answer_is_tried_again_and_named(
    new_session: Callable[..., Session], waits: list[float]
) -> None:
    """A refused connection is IFS_CONNECTION after the last try."""
    with pytest.raises(ConnectionFailed, match=r"^IFS_CONNECTION: .*no answer"):
        new_session("http://127.0.0.1:1").get("http://127.0.0.1:1/", accept="*/*", read=str)

    assert waits == [0.5, 1, 2]


def test_a_server_that_hangs_up_is_asked_again(
    wire: Any, new_session: Callable[..., Session], page: bytes
) -> None:
    """Before a word, or in the middle of the body."""

    def act(connection: Any, server: Any) -> None:
        connection.sendall([b"", page[:-3], page][len(server.connections) - 1])

    server = wire(act)
    content = new_session(server.url).get(server.url, accept="*/*", read=lambda b: b.content)

    assert content == b'{"value":[]}'
    assert len(server.connections) == 3


def test_pauses_double_up_to_the_longest() -> None:
    """And are spread, so that clients do not come back together."""
    patience = Patience(first=1, longest=10, jitter=lambda low, high: (low + high) / 2)

    assert [patience.pause(n) for n in range(1, 7)] == [0.75, 1.5, 3, 6, 7.5, 7.5]
