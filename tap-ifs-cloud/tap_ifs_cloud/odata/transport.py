"""One HTTP request, one whole answer. Knows no OData, no tries, no credentials of its own.

The only place where exceptions of `requests` and `urllib3` are caught.
"""

from __future__ import annotations

import re
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import requests
from requests import exceptions as _requests
from requests.auth import AuthBase
from typing_extensions import override
from urllib3 import exceptions as _urllib3

from tap_ifs_cloud.odata.connections import TimedAdapter
from tap_ifs_cloud.odata.envelope import without_query
from tap_ifs_cloud.odata.errors import (
    BrokenBody,
    ConnectionFailed,
    HeaderInvalid,
    IfsError,
    PageTooLarge,
    TlsFailed,
)
from tap_ifs_cloud.odata.unpacking import ACCEPTED, CannotUnpack, beginning, gathered, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

__all__ = ["OK", "Body", "Transport"]

OK: Final = 200
CONNECT_SECONDS: Final = 30.0
LARGEST: Final = 256 * 2**20
LARGEST_REFUSAL: Final = 2**20  # of an answer that is no 200, only the beginning is read
PIECE: Final = 2**18

_OTHER_HOST: Final = (
    "is for another host",
    "Set the address to a name that the certificate holds; `ca_bundle` does not help",
)
# By OpenSSL's verification codes (x509_vfy.h).
_CERTIFICATES: Final[Mapping[int, tuple[str, str]]] = {
    9: ("is not valid yet", "Set the clock of this machine right, or ask the server's operator"),
    10: ("has expired", "Ask the server's operator to renew it"),
    23: ("was revoked", "Ask the server's operator for a new one"),
    62: _OTHER_HOST,
    64: _OTHER_HOST,  # an IP address
}
_UNTRUSTED: Final = (
    "is not trusted",
    "Set `ca_bundle` to the file with your company's certificates",
)
_BROKEN_OFF: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.1
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Body:
    """An answer; what readers get is a 200, or a 304 to a request with a condition."""

    url: str
    content: bytes
    media_type: str  # without parameters, in lower case
    status: int = OK
    headers: Mapping[str, str] = field(default_factory=dict)  # names in any case


class _Headers(AuthBase):
    """Sets the headers last; with `auth` given, requests does not look for a `.netrc`."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self.headers)
        return r


class _Route(NamedTuple):
    """How a host is reached."""

    verify: bool | str  # a file of certificates, or True; never False
    proxies: MutableMapping[str, str]


def _shared() -> requests.Session:
    """What prepares requests and keeps connections, for all threads.

    A session's own `send` is never called: it would keep cookies, by which threads get into each
    other's way, and read the whole body of a redirect.
    """
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, TimedAdapter())
    return session


@dataclass(frozen=True, slots=True)
class Transport:
    """Connections that are kept and shared by all threads; proxies as the environment says."""

    user_agent: str
    ca_bundle: str | None = None
    largest: int = LARGEST  # bytes of an answer, unpacked
    _http: requests.Session = field(default_factory=_shared, repr=False)
    _routes: dict[str, _Route] = field(default_factory=dict, repr=False)

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        form: Mapping[str, str] | None = None,
    ) -> Body:
        """The answer of any status. No redirect is followed.

        `timeout` is in seconds of silence; twice that is the longest that an answer may take.
        Raises ConnectionFailed, BrokenBody, TlsFailed, HeaderInvalid, and PageTooLarge for a 200.
        """
        sent = {"User-Agent": self.user_agent, "Accept-Encoding": ACCEPTED, **headers}
        _check(sent)
        with _ifs_errors(without_query(url)):
            request = requests.Request(method, url, data=form, auth=_Headers(sent))
            route = self._route(url)
            response = self._http.get_adapter(url).send(
                self._http.prepare_request(request),
                stream=True,
                timeout=(min(CONNECT_SECONDS, timeout), timeout),
                verify=route.verify,
                proxies=route.proxies,
            )
            try:
                content = self._content(response)
            finally:
                _give_back(response)
        return Body(url, content, _media_type(response), response.status_code, response.headers)

    def _route(self, url: str) -> _Route:
        """What the environment says about a host, looked up once: that takes as long as a page."""
        host = "//".join(urlsplit(url)[:2])
        if host not in self._routes:
            found = self._http.merge_environment_settings(
                url, {}, stream=True, verify=self.ca_bundle or True, cert=None
            )
            self._routes[host] = _Route(found["verify"] or True, found["proxies"])
        return self._routes[host]

    def _content(self, response: requests.Response) -> bytes:
        encoding = response.headers.get("Content-Encoding", "")
        if response.status_code != OK:
            refusal = beginning(_received(response, PIECE), LARGEST_REFUSAL)
            return beginning(unpacked(refusal, encoding), LARGEST_REFUSAL)
        body: bytes | None = None
        if (response.raw.length_remaining or 0) <= self.largest:
            body = gathered(_received(response, self.largest + 1), self.largest)
        content = None if body is None else gathered(unpacked(body, encoding), self.largest)
        if content is None:
            raise PageTooLarge(without_query(response.url), self.largest)
        return content


def _received(response: requests.Response, most: int) -> Iterator[bytes]:
    """The body as it travels, in pieces: one up to `most` if its length is told or in chunks."""
    told = response.raw.length_remaining or (response.raw.chunked and most) or PIECE
    while piece := response.raw.read(min(told, most), decode_content=False):
        yield piece


def _give_back(response: requests.Response) -> None:
    """A connection is free again once its answer is read; one with an unread rest is closed."""
    if not response.raw.isclosed():
        response.raw.close()
    response.raw.release_conn()


def _media_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _check(headers: Mapping[str, str]) -> None:
    """Raise HeaderInvalid before a library does: it would show the value."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HeaderInvalid(name)


@contextmanager
def _ifs_errors(url: str) -> Iterator[None]:
    """Turn what the libraries raise into our errors."""
    try:
        yield
    except IfsError:
        raise
    except (_requests.SSLError, _urllib3.SSLError) as e:
        raise _of_tls(url, e) from e
    except (_requests.RequestException, _urllib3.TimeoutError) as e:
        raise ConnectionFailed(f"{url}: no answer ({_reason(e)})") from e
    except (CannotUnpack, _urllib3.HTTPError) as e:
        raise BrokenBody(f"{url}: the body was cut or cannot be unpacked ({_reason(e)})") from e
    except OSError as e:  # requests looks for the file of `verify` itself
        raise TlsFailed(
            f"{url}: no certificates to trust ({_reason(e)}). Set `ca_bundle` to a file that exists"
        ) from e


def _of_tls(url: str, error: Exception) -> IfsError:
    """A certificate that is refused stays refused; a connection that breaks off need not."""
    inner = _innermost(error)
    if not isinstance(inner, ssl.SSLError) or isinstance(inner, _BROKEN_OFF):
        return ConnectionFailed(f"{url}: no answer ({_reason(error)})")
    if isinstance(inner, ssl.SSLCertVerificationError):
        problem, action = _CERTIFICATES.get(inner.verify_code, _UNTRUSTED)
        return TlsFailed(f"{url}: the server's certificate {problem} ({_reason(error)}). {action}")
    return TlsFailed(
        f"{url}: no TLS connection ({_reason(error)}). Check scheme and port of the address, and "
        "the file of `ca_bundle`"
    )


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _reason(error: BaseException) -> str:
    """The innermost sentence: the outer ones repeat the address."""
    inner = _innermost(error)
    said = inner.strerror if isinstance(inner, OSError) else None
    return (said or str(inner) or type(inner).__name__)[:200]
