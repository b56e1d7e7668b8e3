"""Ends of a run that the connection to monday.com causes, each with a code and advice."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, ClassVar, Final

import requests

from target_monday.errors import RunFailed
from target_monday.monday.errors import NO_ANSWER, AccessDenied, BadRequest, MondayError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ConnectionFailed", "connection_failed"]


class ConnectionFailed(RunFailed):
    """The API cannot be used; what is settled is kept.

    Attributes:
        advice: What to do, one or more sentences.
    """

    advice: ClassVar[str] = ""


class TokenRefused(ConnectionFailed):
    """The API does not know the token."""

    code = "AUTH_MONDAY"
    advice = (
        "Copy `api_token` again: monday.com shows it under Developers, My access tokens. A new "
        "token takes the place of the old one."
    )


class Forbidden(ConnectionFailed):
    """The API knows the token, which may not do this."""

    code = "MONDAY_FORBIDDEN"
    advice = (
        "Check that the user of `api_token` may read and write these boards, and that the token "
        "has the scopes boards:read, boards:write, users:read and account:read."
    )


class AddressRestricted(ConnectionFailed):
    """The account takes requests from other addresses only."""

    code = "MONDAY_IP_RESTRICTED"
    advice = "Ask an administrator of the account to allow the IP address of this machine."


class HostUnknown(ConnectionFailed):
    """DNS does not know the host."""

    code = "MONDAY_HOST_UNKNOWN"
    advice = "Check the host of `api_url`, DNS, and whether a VPN or proxy is needed."


class CertificateRefused(ConnectionFailed):
    """The server's certificate is not trusted here."""

    code = "MONDAY_TLS"
    advice = (
        "A proxy that inspects TLS may be on the way: name its certificates by the variable "
        "`REQUESTS_CA_BUNDLE`. Check the clock of this machine, too."
    )


class ProxyFailed(ConnectionFailed):
    """The proxy that the environment names does not connect."""

    code = "MONDAY_PROXY"
    advice = "Check `HTTPS_PROXY` and `NO_PROXY`, and the proxy's user and password."


class Unavailable(ConnectionFailed):
    """The API answers with a fault of its own."""

    code = "MONDAY_UNAVAILABLE"
    advice = "Look at status.monday.com and run again later."


class Unreachable(ConnectionFailed):
    """No answer comes."""

    code = "MONDAY_UNREACHABLE"
    advice = "Check `api_url`, the network, and whether a firewall lets this machine reach it."


class VersionRetired(ConnectionFailed):
    """The API serves another version than the one that is asked for."""

    code = "MONDAY_VERSION"
    advice = "Set `api_version` to a current one, or leave it out."


class RequestRefused(ConnectionFailed):
    """The API does not understand a request."""

    code = "MONDAY_REQUEST_REFUSED"
    advice = "Check that `api_url` is the address of monday.com's API, and report it if it is."


_FORBIDDEN: Final = ("missingrequiredpermissions", "userunauthorized", "accessdenied", "403")
_CAUSES: Final[tuple[tuple[type[BaseException], type[ConnectionFailed]], ...]] = (
    (requests.exceptions.ProxyError, ProxyFailed),
    (ssl.SSLError, CertificateRefused),
    (requests.exceptions.SSLError, CertificateRefused),
    (socket.gaierror, HostUnknown),
)
_KEPT: Final = "What is settled is kept, the next run resumes there."


def connection_failed(error: MondayError, said: str) -> ConnectionFailed:
    """Return the end of a run for an error that no retry mends.

    Args:
        error: The last answer, or the lack of one.
        said: A sentence about it, without its full stop.
    """
    kind = _kind(error)
    return kind(f"{said}. {_KEPT} {kind.advice}")


def _kind(error: MondayError) -> type[ConnectionFailed]:
    if isinstance(error, AccessDenied):
        words = "".join(filter(str.isalnum, f"{error.code} {error.message}".lower()))
        if "iprestricted" in words or "ipisrestricted" in words:
            return AddressRestricted
        return Forbidden if any(each in words for each in _FORBIDDEN) else TokenRefused
    if isinstance(error, BadRequest):
        return VersionRetired if "version" in error.code.lower() else RequestRefused
    for cause, kind in _CAUSES:
        if any(isinstance(each, cause) for each in _causes(error)):
            return kind
    return Unreachable if error.code == NO_ANSWER else Unavailable


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; urllib3 keeps its own causes among the arguments."""
    ahead: list[object] = [error]
    seen: list[object] = []
    while ahead:
        one = ahead.pop()
        if isinstance(one, BaseException) and not any(one is each for each in seen):
            seen.append(one)
            yield one
            ahead += (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
