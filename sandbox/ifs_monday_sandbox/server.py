"""Both systems in one process: two ASGI applications on loopback ports, each in its own thread."""

from __future__ import annotations

import errno
import socket
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from ifs_monday_sandbox.business import Business
from ifs_monday_sandbox.faults import Faults, FaultyApp
from ifs_monday_sandbox.ifs.app import create_app as create_ifs_app
from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.monday.account import Account
from ifs_monday_sandbox.monday.app import create_app as create_monday_app
from ifs_monday_sandbox.monday.settings import MondaySettings

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    from starlette.types import ASGIApp, Scope

__all__ = ["PortTakenError", "Sandbox", "SandboxSettings"]

HOST = "127.0.0.1"


class PortTakenError(OSError):
    """A port that was asked for is in use."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"port {port} on {HOST} is in use: stop what listens there, or choose another"
        )


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How big the business is, which ports are used (0: any free one), both systems' limits."""

    seed: int = 1
    size: int = 100
    ifs_port: int = 0
    monday_port: int = 0
    ifs: IfsSettings = field(default_factory=IfsSettings)
    monday: MondaySettings = field(default_factory=MondaySettings)


class Sandbox:
    """IFS Cloud and monday.com, offline: `with Sandbox() as sandbox: ... sandbox.ifs_url`.

    `monday_account` takes the place of one by the settings: it may go by a clock of its own.
    """

    def __init__(
        self, settings: SandboxSettings | None = None, *, monday_account: Account | None = None
    ) -> None:
        settings = settings or SandboxSettings()
        self.business = Business(seed=settings.seed, size=settings.size)
        self.ifs_faults = Faults()
        self.monday_faults = Faults()
        ifs_socket = _listen(settings.ifs_port)
        monday_socket = _listen(settings.monday_port)
        self.ifs_url = _address(ifs_socket)
        self.boards_url = _address(monday_socket)
        self.monday_url = f"{self.boards_url}/v2"
        monday_settings = replace(settings.monday, base_url=self.boards_url)
        self.account = monday_account or Account(monday_settings)
        self._servers = [
            _Server(create_ifs_app(self.business, settings.ifs), self.ifs_faults, ifs_socket),
            _Server(
                create_monday_app(self.account, monday_settings), self.monday_faults, monday_socket
            ),
        ]

    def __enter__(self) -> Self:
        """Start both servers; they answer when this returns."""
        for server in self._servers:
            server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop both servers and close their sockets."""
        for server in self._servers:
            server.stop()


class _Server:
    """One application on one listening socket, in a thread of its own."""

    def __init__(self, app: ASGIApp, faults: Faults, listening: socket.socket) -> None:
        connections: dict[tuple[str, int], asyncio.Transport] = {}

        class Protocol(H11Protocol):
            """Remembers the connections, so that a fault can cut one."""

            @override
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                connections[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            @override
            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        def cut(scope: Scope) -> None:
            connections[scope["client"]].abort()

        self._listening = listening
        self._server = uvicorn.Server(
            uvicorn.Config(
                FaultyApp(app, faults, cut),
                http=Protocol,
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Serve; connections made before the loop runs wait in the socket's backlog."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way, at most a second, and close the socket."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listening])


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's delay off for what is accepted here.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port) from error
        raise
    listening.listen(128)
    return listening


def _address(listening: socket.socket) -> str:
    name: Any = listening.getsockname()
    return f"http://{HOST}:{name[1]}"
