"""Bodies from outside have a size and a deadline, wherever they come from."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import tracemalloc
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from target_monday import batches, reader
from target_monday.batches import BatchFault, batch_records
from target_monday.errors import InputFault
from target_monday.foreign_json import ANYTHING, DEEPEST, NotJson, decode, decode_around
from target_monday.monday.client import Client
from target_monday.monday.errors import AnswerLost, MondayError
from target_monday.monday.exchange import Exchange, NoReply
from target_monday.monday.uploads import Files
from target_monday.reader import decode_record, parse_line
from target_monday.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LARGEST: Final = 1 << 20
TEXT_: Final = st.text(st.characters(codec="utf-8"), max_size=8)
FIGURES: Final = st.decimals(allow_nan=False, allow_infinity=False, places=4)


class Server:
    """Answers each request with bytes that are none of HTTP's business; then it goes on or ends."""

    def __init__(self, answer: bytes, drip: bytes = b"") -> None:
        self._answer, self._drip = answer, drip
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v2"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self._answer_on(connection)

    def _answer_on(self, connection: socket.socket) -> None:
        try:
            connection.recv(1 << 16)
            connection.sendall(self._answer)
            while self._drip and not self._ended.wait(0.05):
                connection.sendall(self._drip)
        except OSError:
            return


def whole(body: bytes, *headers: str) -> bytes:
    lines = [f"{each}\r\n".encode() for each in (*headers, f"Content-Length: {len(body)}")]
    return b"".join([HEAD, *lines, b"\r\n", body])


def get(url: str) -> Any:
    return Exchange(1.0).send(requests.Request("GET", url).prepare(), LARGEST)


BOMB: Final = gzip.compress(bytes(2 << 20)) * 100
TEXT: Final = b'{"data": {"m0": {"id": "1"}}}'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(BOMB, "Content-Encoding: gzip"), id="a bomb"),
        pytest.param(whole(bytes(LARGEST + 1)), id="large"),
        pytest.param(whole(gzip.compress(TEXT)[:-9], "Content-Encoding: gzip"), id="cut gzip"),
        pytest.param(whole(TEXT, "Content-Encoding: gzip"), id="no gzip"),
        pytest.param(whole(zlib.compress(TEXT), "Content-Encoding: br"), id="not asked for"),
        pytest.param(HEAD + b"Content-Length: 99\r\n\r\n" + TEXT, id="cut"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nab", id="no chunks"),
    ],
)
def test_a_body_that_cannot_be_had_whole_is_none(answer: bytes) -> None:
    """The status stands; memory does not grow with what a body becomes."""
    with Server(answer) as server:
        tracemalloc.start()
        reply = get(server.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (reply.status, reply.content) == (200, None)
    assert peak < 40 << 20


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        pytest.param(HEAD + b"Content-Length: 1000000\r\n\r\n", b"a", id="body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", id="chunks"),
        pytest.param(HEAD, b"X-More: a\r\n", id="headers"),
        pytest.param(b"HTTP/1.1 200 OK", b"K", id="first line"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", id="100s"),
    ],
)
def test_an_answer_that_drips_ends(answer: bytes, drip: bytes) -> None:
    """A byte now and then is no silence; the answer as a whole has a deadline."""
    with Server(answer, drip) as server:
        try:
            content = get(server.url).content
        except NoReply:
            content = None

    assert content is None


@contextmanager
def opened(url: str) -> Iterator[Client]:
    client = Client(url=url, token="t0ken-of-a-test", version="2026-10", timeout=1.0)
    try:
        yield client
    finally:
        client.close()


def test_a_small_body_is_unpacked() -> None:
    """In one gzip member or several."""
    packed = gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])
    with Server(whole(packed, "Content-Encoding: gzip")) as server, opened(server.url) as client:
        answer = client.send(b"{}", idempotency_key="k")

    assert answer.data == {"m0": {"id": "1"}}


@pytest.mark.parametrize("key", ["k", None])
def test_a_bomb_is_a_lost_answer(key: str | None) -> None:
    answer = whole(BOMB, "Content-Encoding: gzip")
    with (
        Server(answer) as server,
        opened(server.url) as client,
        pytest.raises(AnswerLost),
    ):
        client.send(b"{}", idempotency_key=key)


def test_a_redirect_is_not_followed_and_its_body_not_read() -> None:
    """It says nothing about what ran."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"
    with (
        Server(answer, b"a" * 1000) as server,
        opened(server.url) as client,
        pytest.raises(AnswerLost),
    ):
        client.send(b"{}", idempotency_key="k")


def test_files_go_and_come_within_the_same_bounds() -> None:
    """A store's word about a file may be long; a report that is a bomb is none."""
    with Server(whole(BOMB, "Content-Encoding: gzip")) as server:
        files = Files(api_url=server.url, timeout=1.0)
        assert files.put(server.url, b"name\n").taken
        assert files.get(server.url) is None
        files.close()


def batch(path: Path, compression: str | None = None, **more: Any) -> dict[str, Any]:
    encoding = {"format": "jsonl", "compression": compression}
    return {"stream": "s", "encoding": encoding, "manifest": [f"file://{path}"], **more}


def test_a_batch_line_without_an_end_is_refused(tmp_path: Path) -> None:
    """It is not read further than a line may be long."""
    path = tmp_path / "b.gz"
    with gzip.open(path, "wb", 9) as file:
        file.write(b'{"Id": "1"}\n')
        for _ in range(300):
            file.write(bytes(1 << 20))
    records = batch_records(batch(path, "gzip"))
    assert next(records) == {"Id": "1"}
    tracemalloc.start()

    with pytest.raises(BatchFault, match=r"line 2 is longer than 64 MiB"):
        next(records)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * batches.LONGEST_LINE


@pytest.mark.parametrize(
    "spoilt",
    [b"\x1f\x8b\x08\x00junk", gzip.compress(b"{}\n")[:-5], b"{}"],
    ids=["no stream", "cut", "no gzip"],
)
def test_a_batch_that_is_no_gzip_is_refused(tmp_path: Path, spoilt: bytes) -> None:
    path = tmp_path / "b.gz"
    path.write_bytes(spoilt)

    with pytest.raises(BatchFault, match="cannot be read"):
        list(batch_records(batch(path, "gzip")))


def test_a_batch_of_another_shape_is_refused(tmp_path: Path) -> None:
    for message in (
        batch(tmp_path),
        batch(tmp_path, manifest="b"),
        batch(tmp_path, manifest=["a\0b"]),
        batch(tmp_path, encoding=[]),
        batch(tmp_path, encoding={"format": [], "compression": {}}),
    ):
        with pytest.raises(BatchFault):
            list(batch_records(message))


def test_an_input_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST_LINE", 10)
    pieces = iter([b"12345\n123456", b"123456"])

    with pytest.raises(InputFault, match="longer"):
        list(reader._whole_lines(pieces))


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


ODD: Final = {
    "deep": nested(100_000),
    "a little too deep": nested(DEEPEST + 1),
    "deep list": "[" * 5_000 + "]" * 5_000,
    "whole number": "9" * 10_000,
    "negative": "-" + "9" * 10_000,
    "exponent": "1e" + "9" * 30,
    "nan": "NaN",
    "half a pair": r'"\ud800"',
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_value_that_cannot_be_read_is_one_of_its_record(odd: str) -> None:
    """It is marked where it stands, and the rest of the line is read."""
    line = f'{{"type": "RECORD", "stream": "s", "record": {{"Id": "a", "V": {odd}, "W": 2}}}}'

    record = parse_line(line.encode(), 1)["record"]

    assert (record["Id"], record["W"]) == ("a", 2)
    text = json.dumps(record["V"], default=lambda each: f"!{each}")
    assert "!" in text
    assert decode_record(f'{{"V": {odd}}}'.encode()) is None


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_bookmark_is_read_whole_or_not_at_all(odd: str) -> None:
    """It goes out as it came."""
    with pytest.raises(InputFault, match="Input line 7 is a STATE"):
        parse_line(f'{{"type": "STATE", "value": {{"bookmarks": {odd}}}}}', 7)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | FIGURES | TEXT_,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT_, inner),
        max_leaves=20,
    )
)
def test_both_ways_to_read_come_to_the_same(value: Any) -> None:
    """Where nothing has to be read around."""
    content = msgspec.json.Encoder(decimal_format="number").encode(value)

    assert decode_around(content, Unreadable) == decode(content, ANYTHING) == value


@pytest.mark.parametrize("odd", [*ODD.values(), "[", '"\xe9', "{}}", "", '{"a": 1e9999}'])
def test_foreign_json_is_read_or_refused(odd: str) -> None:
    """No decoder raises anything of its own."""
    for content in (odd, odd.encode("latin-1"), f'{{"a": {odd}}}'):
        for read in (lambda one: decode(one, ANYTHING), lambda one: decode_around(one, Unreadable)):
            with suppress(NotJson):
                read(content)


def test_errors_of_answers_nested_deep_are_read() -> None:
    answer = whole(f'{{"errors": [{nested(100_000)}]}}'.encode())
    with Server(answer) as server, opened(server.url) as client, pytest.raises(MondayError):
        client.send(b"{}")
