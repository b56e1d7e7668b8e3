"""Answers are read whole, within a size and a time; connections are used again."""

from __future__ import annotations

import gzip
import os
import random
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import ConnectionFailed, Forbidden, PageTooLarge, TooMuchAtOnce
from tap_ifs_cloud.odata.unpacking import CannotUnpack, gathered, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Body, Session

    NewSession = Callable[..., Session]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def get(session: Session, url: str, **given: Any) -> bytes:
    """The content of a good answer."""
    return session.get(url, accept="*/*", read=lambda body: body.content, **given)


def chunked(content: bytes, size: int) -> bytes:
    """An answer in chunks."""
    parts = [content[n : n + size] for n in range(0, len(content), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


CONTENT = random.Random(7).randbytes(3_000_000)  # noqa: S311 # no secret


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HEAD + b"Content-Length: 3000000\r\n\r\n" + CONTENT, id="with-a-length"),
        pytest.param(HEAD + b"\r\n" + CONTENT, id="until-the-end"),
        pytest.param(chunked(CONTENT, 8192), id="in-chunks"),
        pytest.param(
            chunked(gzip.compress(CONTENT, 1), 9999).replace(
                b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1
            ),
            id="packed-in-chunks",
        ),
    ],
)
def test_a_body_is_read_whole(wire: Any, new_session: NewSession, answer: bytes) -> None:
    """However it is sent."""
    server = wire(lambda connection, _: connection.sendall(answer))

    assert get(new_session(server.url), server.url) == CONTENT


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HEAD + b"Content-Length: 2000001\r\n\r\n", id="by-its-length"),
        pytest.param(chunked(CONTENT, 100_000), id="by-what-came"),
        pytest.param(
            HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000)),
            id="when-unpacked",
        ),
    ],
)
def test_an_answer_too_large_ends_at_once(
    wire: Any, new_session: NewSession, waits: list[float], answer: bytes
) -> None:
    """A smaller page may do; the same one would not."""
    server = wire(lambda connection, _: connection.sendall(answer))

    with pytest.raises(PageTooLarge, match=r"^PAGE_TOO_LARGE: .*more than 2 MiB") as caught:
        get(new_session(server.url, largest=2_000_000), server.url)

    assert isinstance(caught.value, TooMuchAtOnce)
    assert (len(server.connections), waits) == (1, [])


def test_a_gzip_bomb_is_not_unpacked() -> None:
    """2 GB out of 2 MB: memory stays near the limit."""
    bomb = gzip.compress(bytes(100_000_000)) * 20
    tracemalloc.start()
    try:
        assert gathered(unpacked(bomb, "gzip"), 10_000_000) is None
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=200), min_size=1), st.sampled_from([1, 6, 9]))
def test_gzip_is_unpacked_exactly(members: list[bytes], level: int) -> None:
    """All members of it; what follows and is none is left out."""
    packed = b"".join(gzip.compress(member, level) for member in members)
    whole = b"".join(members)

    assert gathered(unpacked(packed, "GZIP"), 10**6) == whole
    assert gathered(unpacked(packed + bytes(7), "x-gzip"), 10**6) == whole


@pytest.mark.parametrize("lost", [1, 8, 9, 500])
def test_gzip_without_its_end_is_broken(lost: int) -> None:
    """Its checksum was not seen."""
    packed = gzip.compress(os.urandom(1000))

    with pytest.raises(CannotUnpack, match="end"):
        gathered(unpacked(packed[:-lost], "gzip"), 10**6)


def drip(connection: Any, server: Any, beginning: bytes) -> None:
    """Send a byte now and then until the client has gone or the test is over."""
    connection.sendall(beginning)
    while not server.ended.wait(0.02):
        connection.sendall(b"x")


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(HEAD + b"Content-Length: 99999\r\n\r\n", id="in-the-body"),
        pytest.param(
            HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(CONTENT)[:100],
            id="in-a-packed-body",
        ),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", id="in-the-size-of-a-chunk"),
        pytest.param(HEAD + b"X-Head: ", id="in-the-head"),
    ],
)
def test_an_answer_that_drips_ends(
    wire: Any, new_session: NewSession, waits: list[float], beginning: bytes
) -> None:
    """There is never silence, yet it takes too long: as if there were no answer."""
    server = wire(lambda connection, made: drip(connection, made, beginning))

    with pytest.raises(ConnectionFailed, match=r"not complete after 0\.2 s|timed out"):
        get(new_session(server.url), server.url, timeout=0.1)

    assert waits == [0.5, 1, 2]


def test_silence_ends(wire: Any, new_session: NewSession, waits: list[float]) -> None:
    """After the head; the time-out is the session's if none is given."""
    server = wire(lambda connection, made: (connection.sendall(HEAD), made.ended.wait()))

    with pytest.raises(ConnectionFailed, match="no answer"):
        get(new_session(server.url, timeout=0.1), server.url)

    assert waits == [0.5, 1, 2]


def test_a_connection_is_used_again(wire: Any, new_session: NewSession) -> None:
    """Also after refusals, redirects and a 304: each is read to its end."""
    refusal = b'{"error":{"code":"X","message":"no"}}'
    answers = [
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%s" % (len(refusal), refusal),
        b"HTTP/1.1 302 Go\r\nLocation: /b\r\nContent-Length: 4\r\n\r\ngone",
        chunked(b"{}", 1),
        b'HTTP/1.1 304 Same\r\nETag: "1"\r\n\r\n',
        HEAD + b"Content-Length: 2\r\n\r\n{}",
    ]

    def act(connection: Any, _: Any) -> None:
        for answer in answers:
            connection.sendall(answer)
            connection.recv(65_536)

    server = wire(act)
    session = new_session(server.url)
    get(session, server.url)
    with pytest.raises(Forbidden):
        get(session, server.url)
    get(session, server.url)
    get(session, server.url, headers={"If-None-Match": '"1"'})
    get(session, server.url)

    assert len(server.connections) == 1


def test_a_long_refusal_is_read_in_part(wire: Any, new_session: NewSession) -> None:
    """Its beginning tells enough; the connection is given up."""
    long = b"HTTP/1.1 403 No\r\nContent-Length: 99000000\r\n\r\nno entry" + bytes(5_000_000)
    server = wire(lambda connection, _: connection.sendall(long))

    with pytest.raises(Forbidden, match="HTTP 403, no entry"):
        get(new_session(server.url), server.url)


def test_what_has_not_changed_is_told_to_who_asked(ifs: Any, session: Session, answer: Any) -> None:
    """A reader that sets a condition gets the 304 and sees status and headers."""
    ifs.plan(
        answer(200, b"<a/>", {"ETag": '"1"', "Last-Modified": "x"}, part="metadata"),
        answer(304, headers={"ETag": '"1"'}, part="metadata"),
    )
    url = f"{ifs.url}/main/Test.svc/$metadata"
    bodies: list[Body] = []

    session.get(url, accept="application/xml", read=bodies.append)
    session.get(url, accept="*/*", read=bodies.append, headers={"if-none-match": '"1"'})

    first, second = bodies
    assert (first.status, first.headers["etag"], first.content) == (200, '"1"', b"<a/>")
    assert first.headers["Last-Modified"] == "x"
    assert (second.status, second.content) == (304, b"")
    assert ifs.gets("metadata")[1].headers["if-none-match"] == '"1"'
