"""Connections whose answers end: head and body together have a time, however they drip in.

A time-out of a socket only limits the silence between two bytes.
"""

from __future__ import annotations

import time
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, ClassVar, Final

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from typing_extensions import Buffer

__all__ = ["TimedAdapter"]

DEADLINE: Final = 2.0  # times the silence that is allowed
BUFFER: Final = 65_536
CONNECTIONS: Final = 32  # kept open at most; more threads than that do not read from IFS


class _UntilThen(RawIOBase):
    """A socket's bytes until a moment; after it, a TimeoutError."""

    def __init__(self, raw: RawIOBase, connection: socket.socket, silence: float) -> None:
        self._raw, self._connection, self._silence = raw, connection, silence
        self._until = time.monotonic() + DEADLINE * silence

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the answer was not complete after {DEADLINE * self._silence:g} s")
        self._connection.settimeout(min(self._silence, left))
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer that has to be complete in twice the connection's time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        silence = sock.gettimeout()
        if silence is not None:
            self.fp = BufferedReader(_UntilThen(self.fp.detach(), sock, silence), BUFFER)


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedTlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


class TimedAdapter(HTTPAdapter):
    """The adapter of `requests` with such connections. Its pools are safe between threads."""

    pools: ClassVar[Mapping[str, type[HTTPConnectionPool]]] = {
        "http": _TimedPool,
        "https": _TimedTlsPool,
    }

    def __init__(self) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(self.pools)

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those connect in classes of their own
            manager.pool_classes_by_scheme = dict(self.pools)
        return manager
