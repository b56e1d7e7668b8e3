"""What a failed answer says: the error envelope of IFS, and pages that are no envelope."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Final

import msgspec

from tap_ifs_cloud.odata.clock import http_date
from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.errors import (
    BadRequest,
    Forbidden,
    GatewayTimeout,
    IfsError,
    NotFound,
    NotJson,
    OperationTimeout,
    Outdated,
    Refused,
    ServerFailed,
    Throttled,
    Transient,
    Unavailable,
)
from tap_ifs_cloud.odata.pacing import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_ifs_cloud.odata.transport import Body

__all__ = ["Envelope", "ErrorInfo", "error_of", "excerpt", "no_page"]
__all__ += ["refuse_web_page", "without_query"]

LONGEST = 300  # characters of a foreign text that an error shows
EXAMINED = 16_384  # of which so many are looked at
_HTML: Final = re.compile(r"<(!doctype\s+html|html|body)\b", re.IGNORECASE)


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

# What IFS means, whatever the status: 22R1 says 500 where 24R1 says 503. The first that is there.
_BY_CODE: Final[Mapping[str, Callable[[str, str], IfsError]]] = {
    "ODP_OPERATION_TIMEOUT": OperationTimeout,
    "MI_MODIFIED_ERROR": lambda url, said: Outdated(f"{url}: {said}"),
    "ODP_NOT_IMPLEMENTED": lambda url, said: Refused(f"{url}: {said}"),
    "ODP_DESERIALIZATION_ERROR": lambda url, said: BadRequest(f"{url}: {said}"),
    "ODP_MISSING_PRECONDITION": lambda url, said: Refused(f"{url}: {said}"),
    "ODP_RESOURCE_NOTFOUND": NotFound,
    "SE_UNAUTHORIZED": Forbidden,
}
_BY_STATUS: Final[Mapping[int, Callable[[str, str], IfsError]]] = {
    400: lambda url, said: BadRequest(f"{url}: {said}"),
    403: Forbidden,
    404: NotFound,
    500: lambda url, said: ServerFailed(f"{url}: {said}"),
    429: lambda url, said: Throttled(f"{url}: {said}"),
    504: GatewayTimeout,
}
_REFUSALS: Final = frozenset({400, 403, 404})  # whatever code comes with them
# 423: the resource is locked.
_TRANSIENT: Final = frozenset({408, 423, 425, 502, 503})


def error_of(body: Body) -> IfsError:
    """The error that an answer other than 200 stands for: by IFS's code, else by its status."""
    status, url = body.status, without_query(body.url)
    text = body.content.decode(errors="replace").removeprefix("\ufeff")
    said = f"HTTP {status}, {_said(text)}"
    by_code = (make for code, make in _BY_CODE.items() if code in text)
    make = None if status in _REFUSALS else next(by_code, None)
    make = make or _BY_STATUS.get(status)
    if make is None:
        error: IfsError = (Unavailable if status in _TRANSIENT else Refused)(f"{url}: {said}")
    else:
        error = make(url, said)
    if isinstance(error, Transient):
        error.retry_after = retry_after(
            body.headers.get("Retry-After"), http_date(body.headers.get("Date"))
        )
    return error


def _said(text: str) -> str:
    try:
        return decoded(_ENVELOPE, text).error.sentence()
    except Undecodable:
        shown = excerpt(text) or "no reason given"
        return f"a web page: {shown}" if _HTML.search(text) else shown


def refuse_web_page(body: Body, instead_of: str, *, is_xml: bool = False) -> None:
    """Raise NotJson for a page of HTML, and where no XML is expected, for any other markup."""
    start = body.content.removeprefix(BOM_UTF8)[:99].lstrip()[:14].lower()
    marks = (b"<html", b"<!doctype html") if is_xml else (b"<",)
    if body.media_type == "text/html" or start.startswith(marks):
        shown = excerpt(body.content.decode(errors="replace"))[:80]
        raise NotJson(
            f"{without_query(body.url)} answered with a web page instead of {instead_of} "
            f"({shown}): is a login or proxy before IFS?"
        )


def no_page(body: Body) -> NotJson:
    """The error of an answer that is JSON, but not rows."""
    return NotJson(f"{without_query(body.url)} answered with JSON that is no page of rows")


def excerpt(text: str) -> str:
    """The beginning of a text on one line, without markup."""
    text = text[:EXAMINED]  # a page of tags without an end would take minutes
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def without_query(url: str) -> str:
    """The address as logs and errors may show it: a query holds keys of rows, or a token."""
    return url.partition("?")[0].partition("#")[0]
