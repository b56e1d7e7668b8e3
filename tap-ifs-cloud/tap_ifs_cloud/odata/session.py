"""HTTP to IFS: one origin, one pace, repeated tries, named errors. Knows no entity sets.

The only place where exceptions of `requests` are caught.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import requests
from requests import exceptions as _requests
from requests.auth import AuthBase
from typing_extensions import override

from tap_ifs_cloud.odata.auth import Credentials, GivenHeaders
from tap_ifs_cloud.odata.envelope import error_of, media_type, without_query
from tap_ifs_cloud.odata.errors import (
    AuthFailed,
    BrokenBody,
    ConnectionFailed,
    ForeignRedirect,
    RateLimited,
    Refused,
    TlsFailed,
    Transient,
)
from tap_ifs_cloud.odata.pacing import Pacer, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_ifs_cloud.odata.origin import Origin

__all__ = ["Body", "Session"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_SECONDS: Final = 30.0
REDIRECTS: Final = 5
OK: Final = 200
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
CONDITIONS: Final = frozenset({"if-none-match", "if-modified-since"})
REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Body:
    """A good answer: 200, or 304 to a request with a condition."""

    url: str
    content: bytes
    media_type: str
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


@dataclass(slots=True)
class Session:
    """What all reads share: connection, credentials, pace, patience. Safe between threads."""

    origin: Origin
    credentials: Credentials = field(default_factory=GivenHeaders)
    user_agent: str = "tap-ifs-cloud"
    timeout: float = 330.0  # seconds of silence; IFS gives up on a read after 300
    ca_bundle: str | None = None
    pacer: Pacer = field(default_factory=lambda: Pacer(1000))
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep
    _http: requests.Session = field(default_factory=requests.Session, repr=False)

    def get(
        self,
        url: str,
        *,
        accept: str,
        read: Callable[[Body], T],
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> T:
        """What `read` makes of the answer. A BrokenBody that it raises counts as a failed try.

        `headers` are for this request alone. With `If-None-Match` or `If-Modified-Since` among
        them, `read` also gets a 304, which has no content. `timeout` replaces the session's.
        """
        asked = {"Accept": accept, **(headers or {})}
        conditional = not CONDITIONS.isdisjoint(name.lower() for name in asked)
        seconds = self.timeout if timeout is None else timeout

        def once() -> T:
            response = self._authorized(url, asked, seconds)
            if conditional and response.status_code == NOT_MODIFIED:
                return read(_as_body(response))
            return read(_body(response))

        return self._persist(url, once)

    def post_form(self, url: str, form: Mapping[str, str], *, read: Callable[[Body], T]) -> T:
        """Send a form without credentials; for the token endpoint only."""

        def once() -> T:
            accept = {"Accept": "application/json"}
            return read(_body(self._request("POST", url, accept, self.timeout, form)))

        return self._persist(url, once)

    def _persist(self, url: str, attempt: Callable[[], T]) -> T:
        """Try until it works, the tries are used up, or a wait is asked that is too long."""
        failures = 0
        while True:
            try:
                return attempt()
            except Transient as error:
                failures += 1
                if failures >= self.patience.tries:
                    raise
                self._pause(url, error, failures)

    def _pause(self, url: str, error: Transient, failures: int) -> None:
        asked = error.retry_after
        if asked is not None and asked > self.patience.longest_asked:
            raise RateLimited(
                f"{without_query(url)} asks to wait for {asked:.0f} s, more than "
                f"{self.patience.longest_asked:.0f} s: run again later, or lower "
                "`requests_per_minute`"
            ) from error
        wait = self.patience.pause(failures) if asked is None else asked
        logger.warning(
            "http.retry failures=%d wait_seconds=%.1f reason=%r", failures, wait, str(error)
        )
        self.sleep(wait)

    def _authorized(self, url: str, asked: Mapping[str, str], timeout: float) -> requests.Response:
        """One try; a token that is refused is replaced once and the same request repeated."""
        headers = self.credentials.headers()
        response = self._send(url, {**asked, **headers}, timeout)
        if response.status_code == UNAUTHORIZED and self.credentials.renew(headers):
            logger.info("auth.renew reason=401")
            response = self._send(url, {**asked, **self.credentials.headers()}, timeout)
        if response.status_code == UNAUTHORIZED:
            raise AuthFailed(
                f"{without_query(url)} refuses the credentials (401): check `client_id`, "
                "`client_secret`, `realm` and `scope`, and that the IAM client's service user is "
                "active"
            )
        return response

    def _send(self, url: str, headers: Mapping[str, str], timeout: float) -> requests.Response:
        """One request, redirects within the origin included."""
        for _ in range(REDIRECTS + 1):
            self.pacer.wait()
            started = time.monotonic()
            response = self._request("GET", url, headers, timeout)
            logger.debug(
                "http.get status=%d bytes=%d seconds=%.3f url=%s",
                response.status_code,
                len(response.content),
                time.monotonic() - started,
                url,
            )
            if response.status_code not in REDIRECTED:
                return response
            url = self._redirected(url, response.headers.get("Location", ""))
        raise Refused(f"{without_query(url)} redirects more than {REDIRECTS} times")

    def _redirected(self, url: str, target: str) -> str:
        resolved = self.origin.resolve(target, url)
        if resolved is None:
            raise ForeignRedirect(without_query(url), without_query(target))
        return resolved

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: float,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        with _ifs_errors(url):
            return self._http.request(
                method,
                url,
                data=form,
                auth=_Headers({"User-Agent": self.user_agent, **headers}),
                allow_redirects=False,
                timeout=(min(CONNECT_SECONDS, timeout), timeout),
                verify=self.ca_bundle or True,
            )


def _body(response: requests.Response) -> Body:
    if response.status_code != OK:
        raise error_of(response)
    return _as_body(response)


def _as_body(response: requests.Response) -> Body:
    return Body(
        response.url,
        response.content,
        media_type(response),
        response.status_code,
        response.headers,
    )


@contextmanager
def _ifs_errors(url: str) -> Iterator[None]:
    """Turn what `requests` raises into our errors. `InvalidURL` and the like are ours to avoid."""
    url = without_query(url)
    try:
        yield
    except (
        _requests.ChunkedEncodingError,
        _requests.ContentDecodingError,
    ) as e:
        raise BrokenBody(f"{url}: the body was cut or cannot be unpacked") from e
    except _requests.SSLError as e:
        raise TlsFailed(
            f"{url}: the server's certificate is not trusted ({_reason(e)}). Set `ca_bundle` to "
            "the file with your company's certificates"
        ) from e
    except _requests.RequestException as e:
        raise ConnectionFailed(f"{url}: no answer ({_reason(e)})") from e


def _reason(error: _requests.RequestException) -> str:
    """The innermost sentence: the outer ones repeat the address."""
    inner: BaseException = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return f"{type(inner).__name__}: {inner}"[:200]
