"""What a failed answer says: the error envelope of IFS, and pages that are no envelope."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tap_ifs_cloud.odata.errors import (
    BadRequest,
    Forbidden,
    IfsError,
    NotFound,
    OperationTimeout,
    Refused,
    Unavailable,
)
from tap_ifs_cloud.odata.pacing import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

__all__ = ["Envelope", "ErrorInfo", "error_of", "excerpt", "media_type", "without_query"]

LONGEST = 300  # characters of a foreign text that an error shows
_TIMED_OUT: Final = "ODP_OPERATION_TIMEOUT"
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class ErrorDetail(msgspec.Struct, frozen=True):
    """One of the details, which hold the useful text."""

    code: str | None = None
    message: str | None = None


class ErrorInfo(msgspec.Struct, frozen=True):
    """`{"code": ..., "message": ..., "details": [...]}`, where all but one may be missing."""

    code: str | None = None
    message: str | None = None
    details: list[ErrorDetail] | None = None

    def sentence(self) -> str:
        """Codes and messages, the general one first."""
        parts = (self, *(self.details or ()))
        texts = (" ".join(filter(None, (part.code, part.message))) for part in parts)
        return excerpt("; ".join(filter(None, texts))) or "no reason given"


class Envelope(msgspec.Struct, frozen=True):
    """The error envelope of OData (OData JSON 4.01, 21.1)."""

    error: ErrorInfo


_ENVELOPE = msgspec.json.Decoder(Envelope)

_BY_STATUS: Final[Mapping[int, Callable[[str, str], IfsError]]] = {
    400: lambda url, said: BadRequest(f"{url}: {said}"),
    403: Forbidden,
    404: NotFound,
}


def error_of(response: requests.Response) -> IfsError:
    """The error that an answer other than 200 stands for."""
    status, url = response.status_code, without_query(response.url)
    said = f"HTTP {status}, {_said(response.content)}"
    if status in _BY_STATUS:
        return _BY_STATUS[status](url, said)
    if _TIMED_OUT in said:
        return OperationTimeout(url, said)
    if status in _TRANSIENT:
        wait = retry_after(response.headers.get("Retry-After"))
        return Unavailable(f"{url}: {said}", retry_after=wait)
    return Refused(f"{url}: {said}")


def _said(content: bytes) -> str:
    try:
        return _ENVELOPE.decode(content).error.sentence()
    except (msgspec.DecodeError, msgspec.ValidationError):
        return excerpt(content.decode(errors="replace")) or "no reason given"


def excerpt(text: str) -> str:
    """The beginning of a text on one line, without markup."""
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def without_query(url: str) -> str:
    """The address as logs and errors may show it: a query holds keys of rows."""
    return url.partition("?")[0]


def media_type(response: requests.Response) -> str:
    """The media type without parameters, in lower case."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
