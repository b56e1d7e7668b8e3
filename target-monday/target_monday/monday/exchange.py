"""One HTTP exchange: a whole answer within its time and size, or none. Knows no GraphQL.

A time-out of a socket only limits the silence between two bytes, and a small packed body may be
huge when it is unpacked. So head and body together have a deadline, and a body is unpacked no
further than `largest` bytes. Redirects are not followed, cookies and `.netrc` are not used.
"""

from __future__ import annotations

import socket
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from target_monday.monday.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Buffer

__all__ = ["ACCEPTED", "AddressRefused", "Exchange", "NoReply", "Reply"]

ACCEPTED: Final = "gzip"
_DEADLINE: Final = 2.0  # times the silence that is allowed
_BUFFER: Final = 1 << 16
_PIECE: Final = 1 << 18
_GIVEN: Final = 1 << 22  # bytes that are unpacked at a time
_WINDOW: Final = 16 + zlib.MAX_WBITS  # a gzip header and trailer are expected
_BROKEN: Final = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status. `content` is None where the body was cut, spoilt or too large."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in any case
    content: bytes | None = b""


class NoReply(Exception):
    """No answer came. `sent`: whether the request may have arrived all the same."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(reason)


class AddressRefused(NoReply):
    """The host's name resolves to an address that is not one of the internet: nothing was sent."""


class Exchange:
    """Sends requests, over connections that are kept, through proxies as the environment says.

    With `only_public` a host that is reached without a proxy must resolve to addresses of the
    internet, and it is those that are connected to.
    """

    def __init__(self, timeout: float, *, only_public: bool = False) -> None:
        self._timeout = timeout
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _TimedAdapter(only_public=only_public))
        self._routes: dict[str, Mapping[str, Any]] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def send(self, request: requests.PreparedRequest, largest: int) -> Reply:
        """The answer, with a body of at most `largest` bytes.

        It has the time-out for each silence, and twice that in all. Raises NoReply.
        """
        url = str(request.url)
        try:
            response = self._session.get_adapter(url).send(
                request, stream=True, timeout=self._timeout, **self._route(url)
            )
        except _BROKEN as error:
            if isinstance(_cause(error), _NotPublic):
                raise AddressRefused("the address leads to a local one", sent=False) from error
            raise NoReply(_reason(error), sent=not _is_unconnected(error)) from error
        try:
            content = _content(response, largest)
        finally:
            _give_back(response)
        return Reply(response.status_code, response.headers, content)

    def _route(self, url: str) -> Mapping[str, Any]:
        """How the environment has a server reached; asked for once, since that takes its time."""
        server = "/".join(url.split("/", 3)[:3])
        if server not in self._routes:
            found = self._session.merge_environment_settings(url, {}, None, None, None)
            self._routes[server] = {each: found[each] for each in ("verify", "cert", "proxies")}
        return self._routes[server]


def _reason(error: Exception) -> str:
    """The error's name; with its sentence where that is about a file of this machine."""
    name = type(error).__name__
    is_file = isinstance(error, OSError) and not isinstance(error, requests.RequestException)
    return f"{name}: {error}" if is_file else name


def _is_unconnected(error: Exception) -> bool:
    """Whether no connection could be made, so that nothing left."""
    return isinstance(_cause(error), ConnectTimeoutError | NewConnectionError)


def _cause(error: Exception) -> object:
    return getattr(error.args[0] if error.args else None, "reason", None)


def _content(response: requests.Response, largest: int) -> bytes | None:
    """The body, unpacked; None if it cannot be had whole, or not within `largest` bytes."""
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    kept = bytearray()
    try:
        for piece in _pieces(response.raw, packed):
            kept += piece
            if len(kept) > largest:
                return None
    except (*_BROKEN, zlib.error):
        return None
    return bytes(kept)


def _pieces(raw: Any, packed: str) -> Iterator[bytes]:
    if packed in {"", "identity"}:
        yield from _received(raw)
    elif packed in {"gzip", "x-gzip"}:
        yield from _unpacked(_received(raw))
    else:
        raise ValueError(packed)


def _received(raw: Any) -> Iterator[bytes]:
    """The body as it travels."""
    while piece := raw.read(_PIECE, decode_content=False):
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """One or more gzip members. Raises ValueError if the end is missing."""
    member, began = zlib.decompressobj(_WINDOW), False
    for piece in pieces:
        began, rest = True, piece
        while rest:
            if member.eof:
                member = zlib.decompressobj(_WINDOW)
            yield member.decompress(rest, _GIVEN)
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if began and not member.eof:
        raise ValueError("the end of the packed body is missing")


def _give_back(response: requests.Response) -> None:
    """A connection is free again once its answer is read; one with an unread rest is closed."""
    if not response.raw.isclosed():
        response.raw.close()
    response.raw.release_conn()


class _UntilThen(RawIOBase):
    """A socket's bytes until a moment; after it, a TimeoutError."""

    def __init__(self, raw: RawIOBase, connection: socket.socket, silence: float) -> None:
        self._raw, self._connection, self._silence = raw, connection, silence
        self._until = time.monotonic() + _DEADLINE * silence

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the answer was not complete after {_DEADLINE * self._silence:g} s")
        self._connection.settimeout(min(self._silence, left))
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        with suppress(OSError):  # the next request has all of its time again
            self._connection.settimeout(self._silence)
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer that has to be complete in twice the connection's time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        silence = sock.gettimeout()
        if silence is not None:
            self.fp = BufferedReader(_UntilThen(self.fp.detach(), sock, silence), _BUFFER)


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedTlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _NotPublic(NewConnectionError):
    """A name resolves to an address that is not one of the internet."""


class _PublicConnection(_TimedConnection):
    @override
    def _new_conn(self) -> socket.socket:
        return _connected(self, super()._new_conn)


class _PublicTlsConnection(_TimedTlsConnection):
    @override
    def _new_conn(self) -> socket.socket:
        return _connected(self, super()._new_conn)


def _connected(connection: HTTPConnection, connect: Callable[[], socket.socket]) -> socket.socket:
    """Connect to an address that was looked at; the certificate is still asked for the name."""
    name = connection._dns_host  # noqa: SLF001 - what urllib3 connects to
    try:
        found = socket.getaddrinfo(name, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, f"the name does not resolve: {error}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not all(is_public(ip_address(each)) for each in addresses):
        raise _NotPublic(connection, "a local address")
    failure: Exception | None = None
    try:
        for address in addresses:
            connection._dns_host = address  # noqa: SLF001 - as above
            try:
                return connect()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failure = error
    finally:
        connection._dns_host = name  # noqa: SLF001 - as above
    raise failure or NewConnectionError(connection, "the name has no address")


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTlsConnection


class _TimedAdapter(HTTPAdapter):
    """The adapter of `requests` with such connections."""

    def __init__(self, *, only_public: bool) -> None:
        self._only_public = only_public
        super().__init__()

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(only_public=self._only_public)

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those connect in classes of their own
            manager.pool_classes_by_scheme = _pools(only_public=False)  # a proxy may be a local one
        return manager


def _pools(*, only_public: bool) -> dict[str, type[HTTPConnectionPool]]:
    if only_public:
        return {"http": _PublicPool, "https": _PublicTlsPool}
    return {"http": _TimedPool, "https": _TimedTlsPool}
