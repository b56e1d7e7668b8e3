"""The IFS twin alone, over a real socket."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
import uvicorn
from ifs_monday_sandbox.business import Business
from ifs_monday_sandbox.ifs.app import create_app
from ifs_monday_sandbox.ifs.settings import IfsSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN_PATH = "auth/realms/sandbox/protocol/openid-connect/token"


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The seconds now."""
        return self.now


@dataclass
class Twin:
    """A running twin and a session that bears a token."""

    url: str
    business: Business
    tenant: Any
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> requests.Response:
        """Ask for a token and use it from now on."""
        form = {
            "grant_type": "client_credentials",
            "client_id": "sandbox",
            "client_secret": "s4ndb0x-1fs-cl0ud",
            "scope": "openid microprofile-jwt",
        }
        reply = requests.post(f"{self.url}/{TOKEN_PATH}", data=form, timeout=30)
        self.session.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
        return reply

    def get(
        self, path: str, /, *, gateway: str = "main", accept: str = "*/*", **options: object
    ) -> requests.Response:
        """GET on a projection; options are given without their dollar sign."""
        query = "&".join(
            f"${name}={quote(str(value), safe=',')}" for name, value in options.items()
        )
        url = f"{self.url}/{gateway}/ifsapplications/projection/v1/{path}?{query}"
        return self.session.get(url, headers={"Accept": accept}, timeout=30)

    def rows(self, path: str, /, **options: object) -> list[dict[str, Any]]:
        """The rows of one page."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])

    def why_not(self, path: str, /, **options: object) -> str:
        """The detail of a refusal, behind its status."""
        answer = self.get(path, **options)
        error = answer.json()["error"]
        return f"{answer.status_code} {error['details'][0]['message']}"


@pytest.fixture(scope="session")
def business() -> Business:
    """A business that no test changes."""
    return Business(seed=1, size=100)


@pytest.fixture(scope="session")
def start_twin() -> Iterator[Callable[..., Twin]]:
    """Starts twins on free ports; all are stopped at the end."""
    running: list[tuple[uvicorn.Server, threading.Thread, Twin]] = []

    def start(business: Business, settings: IfsSettings | None = None) -> Twin:
        app = create_app(business, settings)
        # With the protocol named, asyncio turns Nagle's delay off; a reply takes 1 ms, not 40.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        twin = Twin(f"http://127.0.0.1:{listening.getsockname()[1]}", business, app.state.tenant)
        running.append((server, thread, twin))
        twin.log_in()
        return twin

    yield start
    for server, thread, twin in running:
        twin.session.close()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def twin(start_twin: Callable[..., Twin], business: Business) -> Twin:
    """The twin as it is by default, with a business that no test changes."""
    return start_twin(business, IfsSettings(requests_per_minute=0))


@pytest.fixture
def moving_twin(start_twin: Callable[..., Twin]) -> Twin:
    """A small twin of its own, for tests that let days pass."""
    return start_twin(Business(seed=2, size=20), IfsSettings())


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()
