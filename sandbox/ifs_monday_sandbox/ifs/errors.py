"""What the twin refuses, in the envelope that IFS uses.

`{"error": {"code": ..., "message": ..., "details": [{"code": ..., "message": ...}]}}`; the useful
text of a 400 stands in `details`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ODataError",
    "insufficient_privileges",
    "malformed",
    "metadata_not_found",
    "method_not_allowed",
    "modified",
    "not_implemented",
    "operation_timeout",
    "resource_not_found",
    "too_many_requests",
    "unauthorized",
]


@dataclass(eq=False)
class ODataError(Exception):
    """An answer other than 200."""

    status: int
    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """The JSON body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"code": code, "message": text} for code, text in self.details]
        return {"error": error}


def malformed(detail: str, code: str = "ODP_INVALID_EXPRESSION") -> ODataError:
    """400: the request cannot be understood; `detail` says why."""
    return ODataError(400, "ODP_MALFORMED_REQUEST", "Malformed Request.", ((code, detail),))


def unauthorized(detail: str) -> ODataError:
    """401: no token, or one that is not (or no longer) valid."""
    return ODataError(
        401,
        "SE_UNAUTHENTICATED",
        "Unauthorized.",
        (("SE_UNAUTHENTICATED", detail),),
        {"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def insufficient_privileges() -> ODataError:
    """403: the service user has no grant on the set."""
    return ODataError(403, "SE_UNAUTHORIZED", "Insufficient privileges.")


def modified() -> ODataError:
    """503: the server's cached metadata is outdated; the same request works when repeated."""
    return ODataError(
        503, "MI_MODIFIED_ERROR", "The metadata has been modified.", (), {"Retry-After": "1"}
    )


def metadata_not_found() -> ODataError:
    """404: an unknown, inactive or not granted service, or the wrong gateway; all look the same."""
    return ODataError(404, "MI_METADATA_NOTFOUND", "Metadata not found.")


def resource_not_found(detail: str) -> ODataError:
    """404: an unknown set, or no row of that key."""
    return ODataError(
        404, "ODP_RESOURCE_NOTFOUND", "Resource not found.", (("ODP_RESOURCE_NOTFOUND", detail),)
    )


def method_not_allowed(method: str) -> ODataError:
    """405: the twin is read-only."""
    return ODataError(
        405,
        "ODP_METHOD_NOT_ALLOWED",
        "Method not allowed.",
        (("ODP_METHOD_NOT_ALLOWED", f"{method} is not allowed here."),),
        {"Allow": "GET"},
    )


def too_many_requests(seconds: int) -> ODataError:
    """429: the minute's requests are used up; `seconds` until one is free again."""
    return ODataError(
        429, "TOO_MANY_REQUESTS", "Too many requests.", (), {"Retry-After": str(seconds)}
    )


def operation_timeout() -> ODataError:
    """504: the query took longer than the server allows; repeating it unchanged is no use."""
    return ODataError(504, "ODP_OPERATION_TIMEOUT", "The operation timed out.")


def not_implemented(detail: str) -> ODataError:
    """501: OData that IFS does not do, such as `$expand` of a collection."""
    return ODataError(
        501, "ODP_NOT_IMPLEMENTED", "Not implemented.", (("ODP_NOT_IMPLEMENTED", detail),)
    )
