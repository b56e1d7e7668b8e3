"""HTTP to IFS: one origin, one pace, repeated tries, named errors. Knows no entity sets."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from tap_ifs_cloud.odata.auth import Credentials, GivenHeaders
from tap_ifs_cloud.odata.clock import ServerClock
from tap_ifs_cloud.odata.envelope import error_of, without_query
from tap_ifs_cloud.odata.errors import (
    AuthFailed,
    ForeignAddress,
    ForeignRedirect,
    IfsError,
    Outdated,
    RateLimited,
    Refused,
    Transient,
    Unavailable,
)
from tap_ifs_cloud.odata.metadata_cache import MetadataCache
from tap_ifs_cloud.odata.pacing import Pacer, Patience
from tap_ifs_cloud.odata.progress import LONG, Progress
from tap_ifs_cloud.odata.redaction import Redactor, proxy_secrets
from tap_ifs_cloud.odata.repeated import Repeated
from tap_ifs_cloud.odata.transport import LARGEST, OK, Body, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tap_ifs_cloud.odata.origin import Origin

__all__ = ["Body", "Session"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

REDIRECTS: Final = 5
LONGEST: Final = 2  # times its seconds of silence, an answer may take
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
THROTTLED: Final = 429
REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
# Keeps a service of OData 4.01 from writing `@nextLink` and `@etag`, without the prefix (OData 4.01
# JSON Format, 4.5).
MAX_VERSION: Final[Mapping[str, str]] = {"OData-MaxVersion": "4.0"}
CONDITIONS: Final = frozenset({"if-none-match", "if-modified-since"})


@dataclass(slots=True)
class Session:
    """What all reads share: connections, credentials, pace, patience. Safe between threads."""

    origin: Origin
    credentials: Credentials = field(default_factory=GivenHeaders)
    user_agent: str = "tap-ifs-cloud"
    timeout: float = 330.0  # seconds of silence; IFS gives up on a read after 300
    ca_bundle: str | None = None
    pacer: Pacer = field(default_factory=lambda: Pacer(1000))
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep
    largest: int = LARGEST  # bytes of one answer, unpacked
    clock: ServerClock = field(default_factory=ServerClock)
    documents: MetadataCache = field(default_factory=lambda: MetadataCache(None))
    given_secrets: tuple[str, ...] = field(default=(), repr=False)  # beside those of `credentials`
    _redact: Redactor = field(init=False, repr=False)
    progress: Progress = field(default_factory=Progress)
    _retries: Repeated = field(default_factory=lambda: Repeated(logger, "http.retry"), repr=False)
    _transport: Transport = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._redact = Redactor(self.secrets)
        self._transport = Transport(self.user_agent, self.ca_bundle, self.largest)

    def secrets(self) -> Iterator[str]:
        """What no error and no log may show, as far as it is known by now."""
        yield from self.given_secrets
        yield from self.credentials.secrets()
        yield from proxy_secrets()

    def sum_up(self) -> None:
        """At the end of a run: log how many warnings there were that were not logged each."""
        self._retries.close()

    def server_now(self) -> datetime | None:
        """The server's time in UTC, to about a second; `None` before its first answer."""
        return self.clock.now()

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
        them, `read` also gets a 304, which has no content. `timeout` replaces the session's: the
        seconds of silence; twice that is the longest that an answer may take.
        Raises TooMuchAtOnce where a smaller page may do, and other IfsErrors.
        """
        asked = {"Accept": accept, **MAX_VERSION, **(headers or {})}
        conditional = not CONDITIONS.isdisjoint(name.lower() for name in asked)
        seconds = self.timeout if timeout is None else timeout

        def once() -> T:
            body = self._authorized(url, asked, seconds)
            if body.status == OK or (conditional and body.status == NOT_MODIFIED):
                return read(body)
            raise error_of(body)

        return self._persist(url, once)

    def post_form(self, url: str, form: Mapping[str, str], *, read: Callable[[Body], T]) -> T:
        """Send a form without credentials; for the token endpoint only."""
        accept = {"Accept": "application/json"}

        def once() -> T:
            with self.progress.waiting(without_query(url), LONGEST * self.timeout):
                body = self._transport.exchange(
                    "POST", url, accept, timeout=self.timeout, form=form
                )
            if body.status == OK:
                return read(body)
            if body.status in REDIRECTED:
                target = without_query(body.headers.get("Location", ""))
                raise ForeignRedirect(without_query(url), target, "token_url")
            raise error_of(body)

        return self._persist(url, once)

    def _persist(self, url: str, attempt: Callable[[], T]) -> T:
        """Try until it works, the tries are used up, or a wait is asked that is too long."""
        failures = 0
        while True:
            try:
                return attempt()
            except IfsError as error:
                error.rewrite(self._redact)
                if not isinstance(error, Transient):
                    raise
                failures += 1
                if failures >= self.patience.tries:
                    if (last := error.spent()) is error:
                        raise
                    raise last from error
                self._pause(url, error, failures)

    def _pause(self, url: str, error: Transient, failures: int) -> None:
        asked = error.retry_after
        if asked is not None and asked > self.patience.longest_asked:
            raise RateLimited(self._too_long(url, asked)) from error
        wait = self.patience.wait(1 if isinstance(error, Outdated) else failures, asked)
        details = (
            f"failures={failures} of={self.patience.tries} wait_seconds={wait:.1f} {self.progress}"
        )
        self._retries.warn(str(error), details, always=wait > LONG)
        if isinstance(error, Unavailable) and not isinstance(error, Outdated) and asked:
            self.pacer.hold(wait)
        self.sleep(wait)

    def _too_long(self, url: str, asked: float) -> str:
        now = self.server_now()
        when = f" ({now + timedelta(seconds=asked):%Y-%m-%d %H:%M} UTC)" if now else ""
        return (
            f"{without_query(url)} asks to wait for {asked:.0f} s{when}, more than "
            f"{self.patience.longest_asked:.0f} s: run again later, or lower `requests_per_minute`"
        )

    def _authorized(self, url: str, asked: Mapping[str, str], timeout: float) -> Body:
        """One try; a token that is refused is replaced once and the same request repeated."""
        headers = self.credentials.headers()
        body = self._send(url, {**asked, **headers}, timeout)
        if body.status == UNAUTHORIZED and self.credentials.renew(headers):
            logger.info("auth.renew reason=401")
            body = self._send(url, {**asked, **self.credentials.headers()}, timeout)
        if body.status == UNAUTHORIZED:
            raise AuthFailed(
                f"{without_query(url)} refuses the credentials (401): check `client_id`, "
                "`client_secret`, `realm` and `scope`, and that the IAM client's service user is "
                "active"
            )
        return body

    def _send(self, url: str, headers: Mapping[str, str], timeout: float) -> Body:
        """One request, redirects within the origin included."""
        if not self.origin.has(url):
            raise ForeignAddress(without_query(url), str(self.origin))
        for _ in range(REDIRECTS + 1):
            left_at = self.pacer.wait(self.progress)
            started = self.clock.monotonic()
            with self.progress.waiting(without_query(url), LONGEST * timeout):
                body = self._transport.exchange("GET", url, headers, timeout=timeout)
            self.clock.hear(body.headers.get("Date"), started)
            logger.debug(
                "http.get status=%d bytes=%d seconds=%.3f url=%s",
                body.status,
                len(body.content),
                self.clock.monotonic() - started,
                url,
            )
            if body.status == THROTTLED:
                self.pacer.lower(left_at)
            if body.status not in REDIRECTED:
                return body
            url = self._redirected(url, body.headers.get("Location", ""))
        raise Refused(f"{without_query(url)} redirects more than {REDIRECTS} times")

    def _redirected(self, url: str, target: str) -> str:
        resolved = self.origin.resolve(target, url)
        if resolved is None:
            raise ForeignRedirect(without_query(url), without_query(target), "base_url")
        return resolved
