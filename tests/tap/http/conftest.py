"""A session that talks to the double without real pauses, and servers that misbehave below HTTP."""

from __future__ import annotations

import json
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.auth import ClientCredentials
from tap_ifs_cloud.odata.errors import BrokenBody
from tap_ifs_cloud.odata.origin import Origin
from tap_ifs_cloud.odata.pacing import Pacer, Patience
from tap_ifs_cloud.odata.session import Session
from tap_ifs_cloud.odata.token import Client, ask_token

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator

SECRET = "s3cr3t-value"


@dataclass
class Clock:
    """A clock that only moves when somebody sleeps."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """The seconds now."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """One clock for a session and its pacer."""
    return Clock()


@pytest.fixture
def waits(clock: Clock) -> list[float]:
    """The pauses that were asked for; nobody sleeps."""
    return clock.waits


@pytest.fixture
def new_session(clock: Clock) -> Callable[..., Session]:
    """Makes sessions of four tries, without credentials."""

    def make(url: str, **given: Any) -> Session:
        return Session(
            Origin.of(url),
            patience=Patience(tries=4, jitter=lambda low, _: low),
            sleep=clock.sleep,
            pacer=Pacer(1000, clock=clock, sleep=clock.sleep),
            user_agent="tap-ifs-cloud/9",
            **{"timeout": 5, **given},
        )

    return make


@pytest.fixture
def session(ifs: Any, new_session: Callable[..., Session]) -> Session:
    """A session with the double that asks for tokens."""
    made = new_session(ifs.url)
    client = Client(f"{ifs.url}/auth/token", "ID", SECRET, "openid")
    made.credentials = ClientCredentials(lambda: ask_token(made, client), clock=lambda: 0.0)
    return made


@pytest.fixture
def read(ifs: Any, session: Session) -> Callable[..., list[str]]:
    """Reads the order numbers of one page."""

    def numbers(body: Any) -> list[str]:
        try:
            return [row["OrderNo"] for row in json.loads(body.content)["value"]]
        except ValueError as error:
            raise BrokenBody(str(error)) from error

    def get(**given: Any) -> list[str]:
        url = f"{ifs.url}/main/Test.svc/OrderSet?$orderby=OrderNo"
        return session.get(url, accept="application/json", read=numbers, **given)

    return get


@dataclass
class Wire:
    """A server below HTTP: what it does with a connection is a function of the test."""

    url: str
    ended: threading.Event
    connections: list[bytes] = field(default_factory=list)  # the first request of each


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    """Starts such servers, with TLS if a context is given; all of them end with the test."""
    servers: list[ThreadingTCPServer] = []
    ended = threading.Event()

    def start(
        act: Callable[[socket.socket, Wire], None], tls: ssl.SSLContext | None = None
    ) -> Wire:
        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the client goes when it has enough, or refuses
                    plain = self.request
                    with closing(tls.wrap_socket(plain, server_side=True) if tls else plain) as s:
                        made.connections.append(s.recv(65_536))
                        act(s, made)

        server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        scheme = "https" if tls else "http"
        made = Wire(f"{scheme}://localhost:{server.server_address[1]}", ended)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return made

    yield start
    ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page() -> bytes:
    """A whole HTTP answer with one empty page."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
        b'{"value":[]}'
    )
