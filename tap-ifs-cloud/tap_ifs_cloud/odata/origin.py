"""The one origin that may see the token: links are compared with it before they are followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from typing_extensions import override

__all__ = ["Origin"]

_PORTS = {"http": 80, "https": 443}
# Browsers, urllib and urllib3 read these differently; no link of a server needs them.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")
# Left as it is in a link's query: all but blanks, controls and what is not ASCII.
_QUERY = "!$%&'()*+,/:;=?@[]~-._"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host, port and path prefix of `base_url`."""

    scheme: str
    host: str
    port: int
    prefix: str  # ends in "/"

    @classmethod
    def of(cls, base_url: str) -> Self:
        """The origin of an absolute http(s) address; ValueError on anything else."""
        if "@" in base_url:
            raise ValueError("it holds a user or a password: leave them out")
        parts = urlsplit(base_url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{base_url!r} is no http or https address")
        if parts.query or parts.fragment:
            raise ValueError(f"{base_url!r} has a query or fragment")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/") + "/")

    @override
    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def resolve(self, link: str, current: str) -> str | None:
        """The address that `link` on the page `current` means, or `None` if it leads away.

        The result is put together from this origin and the link's path and query, so that no
        other host can be reached by it however a library reads the link.
        """
        if _AMBIGUOUS.search(link.partition("?")[0]):
            return None
        try:
            parts = urlsplit(urljoin(current, link))
        except ValueError:  # half an IPv6 address, for one
            return None
        if not self._owns(parts):
            return None
        query = quote(parts.query, safe=_QUERY)
        return f"{self}{parts.path}" + (f"?{query}" if query else "")

    def _owns(self, parts: SplitResult) -> bool:
        try:
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        return (
            (parts.scheme, parts.hostname, port) == (self.scheme, self.host, self.port)
            and not _has_user(parts)
            and _is_plain(parts.path)
            and parts.path.startswith(self.prefix)
        )


def _has_user(parts: SplitResult) -> bool:
    return "@" in parts.netloc


def _is_plain(path: str) -> bool:
    """Whether no segment climbs up, written plainly or percent-encoded."""
    return not {".", ".."} & set(unquote(path).split("/"))
