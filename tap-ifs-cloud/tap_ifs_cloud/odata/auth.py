"""Who the tap is to IFS: client credentials (OAuth 2.0, Keycloak), or headers given by the user.

IFS tokens live for 180 seconds unless the IAM client says otherwise, so a walk uses several.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tap_ifs_cloud.odata.redaction import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["ClientCredentials", "Credentials", "GivenHeaders", "Token"]

logger = logging.getLogger(__name__)

MARGIN = 30.0  # a token is renewed this long before it dies, so that none dies on the way


class Credentials(Protocol):
    """What a session asks for the headers that let it in."""

    def headers(self) -> Mapping[str, str]:
        """The headers of the next request."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether other headers than the refused ones can be had now."""

    def secrets(self) -> Iterator[str]:
        """What no error and no log may show; nothing is asked for."""


@dataclass(frozen=True, slots=True)
class GivenHeaders:
    """Headers that the user has set; nothing can be renewed."""

    given: dict[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> Mapping[str, str]:
        """The given headers."""
        return self.given

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 # the protocol's name
        """There are no others."""
        return False

    def secrets(self) -> Iterator[str]:
        """The values, and what stands behind a scheme."""
        return texts(self.given)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when to stop using it, in seconds on the clock of its owner."""

    text: str = field(repr=False)
    until: float


@dataclass(slots=True)
class ClientCredentials:
    """A token by client credentials, shared by all streams and threads.

    `ask` performs the token request and gives the token and the seconds that it lives.
    """

    ask: Callable[[], tuple[str, float]] = field(repr=False)
    extra: dict[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic
    _token: Token | None = field(default=None, repr=False)
    _shown: tuple[str, ...] = field(default=(), repr=False)  # tokens that IFS has seen lately
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def headers(self) -> Mapping[str, str]:
        """The Authorization header, with a token that lives for a while yet."""
        with self._lock:
            if self._token is None or self.clock() >= self._token.until:
                self._token = self._new()
            return self._written(self._token)

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace the refused token, unless another thread has done so already."""
        with self._lock:
            if self._token is not None and self._written(self._token) == refused:
                self._token = self._new()
        return True

    def secrets(self) -> Iterator[str]:
        """The token in use, the one before it, and the values of the other headers."""
        yield from texts(self.extra)
        yield from self._shown

    def _written(self, token: Token) -> Mapping[str, str]:
        return {**self.extra, "Authorization": f"Bearer {token.text}"}

    def _new(self) -> Token:
        asked_at = self.clock()
        text, life = self.ask()
        self._shown = (text, *self._shown[:1])
        logger.debug("auth.token lifetime_seconds=%s", life)
        return Token(text, asked_at + life - min(MARGIN, life / 2))
