"""Addresses that a server gives: only those that lead into the internet are used. Pure.

A name is judged twice: by itself, and where the connection is made by what it resolves to.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["address_fault", "is_confidential", "is_public", "origin"]

_LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# Its last label is no number: resolvers read `127.1`, `0x7f.1` and `2130706433` as 127.0.0.1.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+(?!0x)(?![0-9]+\.?\Z){_LABEL}\.?", re.IGNORECASE)
_LOCAL: Final = ("local", "internal", "localhost", "localdomain", "lan", "home.arpa", "onion")
# What holds an IPv4 address in its last four bytes: translated by NAT64, or as of old.
_HOLDING: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
# Microsoft Azure's own service for its machines, in the midst of public addresses.
# Source: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
_OF_CLOUDS: Final = frozenset({IPv4Address("168.63.129.16")})
_PORTS: Final = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address; None if it cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def is_confidential(url: str) -> bool:
    """Whether nobody on the way can read along: by TLS, or since it ends on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def address_fault(url: str) -> str:
    """Return why an address of a server is not used, as far as it tells itself; empty if it is."""
    if not url.isascii() or not url.isprintable() or any(each in url for each in " \\"):
        return "the address is malformed"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "the address is malformed"
    if parts.scheme != "https":
        return "the address is not https"
    return _authority_fault(parts, host)


def _authority_fault(parts: SplitResult, host: str) -> str:
    if "@" in parts.netloc:
        return "the address holds a user"
    try:
        return "" if is_public(ip_address(host)) else "the address is a local one"
    except ValueError:
        pass
    name = host.rstrip(".").lower()
    if not _NAME.fullmatch(host) or name.endswith(tuple(f".{each}" for each in _LOCAL)):
        return "the address is a local one"
    return ""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address, and each that it stands for, is one of the internet."""
    return all(
        each.is_global and not each.is_multicast and each not in _OF_CLOUDS
        for each in _meant(address)
    )


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, or those that are packed into it."""
    packed: tuple[IPv4Address | None, ...] = ()
    if isinstance(address, IPv6Address):
        held = any(address in network for network in _HOLDING)
        last = IPv4Address(address.packed[-4:]) if held else None
        packed = (address.ipv4_mapped, address.sixtofour, last, *(address.teredo or ()))
    found = [each for each in packed if each is not None]
    if not isinstance(address, IPv6Address) or address.ipv4_mapped is None:
        yield address
    yield from found
