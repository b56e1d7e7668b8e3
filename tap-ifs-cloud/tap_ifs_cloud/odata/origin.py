"""The one origin that may see the token: links are compared with it before they are followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
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
        if "@" in unquote(base_url):
            raise ValueError("it holds a user or a password: leave them out")
        if _AMBIGUOUS.search(base_url):
            raise ValueError(
                "it holds a blank, a line break or another character that is not ASCII"
            )
        shown, *further = re.split(r"[?#]", base_url)
        try:
            parts = urlsplit(base_url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:  # half an IPv6 address, a port that is no number
            port = None
        if port is None or parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{shown!r} is not an http or https address")
        if further:
            raise ValueError(f"{shown!r} is followed by a query or fragment: leave it out")
        if not _is_plain(parts.path):
            raise ValueError(f"{shown!r} climbs up its own path")
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/") + "/")

    @property
    def is_confidential(self) -> bool:
        """Whether nobody between here and there can read along: by TLS, or on this machine."""
        return self.scheme == "https" or _is_loopback(self.host)

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

    def has(self, url: str) -> bool:
        """Whether an address that was put together here lies below this one."""
        return self.resolve(url, url) is not None

    def _owns(self, parts: SplitResult) -> bool:
        try:
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        return (
            (parts.scheme, parts.hostname, port) == (self.scheme, self.host, self.port)
            and not _has_user(parts)
            and _is_plain(parts.path)
            and (parts.path or "/").startswith(self.prefix)
        )


def _has_user(parts: SplitResult) -> bool:
    return "@" in parts.netloc


def _is_plain(path: str) -> bool:
    """Whether no segment climbs up, whatever a server or proxy on the way makes of it.

    Some decode a path more than once, take a backslash for a slash, or cut a segment at `;`.
    """
    decoded = unquote(path)
    while decoded != path:
        path, decoded = decoded, unquote(decoded)
    return not {".", ".."} & {each.partition(";")[0] for each in re.split(r"[/\\]", decoded)}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return False
