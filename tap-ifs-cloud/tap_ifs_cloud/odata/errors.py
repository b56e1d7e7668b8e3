"""What can go wrong while IFS is read. Knows HTTP and OData, knows no Singer.

IfsError                      one entity set cannot be read; others may
├── RunStopper                nothing can be read any more, or nothing should be
│   ├── AuthFailed            AUTH_IFS
│   ├── AuthNotJson           AUTH_IFS_NOT_JSON
│   ├── AuthUnavailable       AUTH_IFS_UNAVAILABLE
│   ├── TlsFailed             IFS_TLS
│   ├── HeaderInvalid         HEADER_INVALID
│   ├── ForeignLink           SECURITY_NEXTLINK
│   ├── ForeignRedirect       SECURITY_REDIRECT
│   └── ForeignAddress        SECURITY_ADDRESS
├── Transient                 worth another try
│   ├── ConnectionFailed      IFS_CONNECTION
│   ├── BrokenBody            IFS_BROKEN_BODY
│   └── Unavailable           IFS_UNAVAILABLE
│       ├── Throttled         429
│       ├── Outdated          MI_MODIFIED_ERROR
│       ├── ServerFailed      500
│       └── GatewayTimeout    504; in the end an OperationTimeout
├── BadRequest                IFS_BAD_REQUEST
├── Forbidden                 IFS_FORBIDDEN
├── NotFound                  IFS_NOT_FOUND
├── Refused                   IFS_REFUSED
├── TooMuchAtOnce             a smaller page may do
│   ├── OperationTimeout      IFS_OPERATION_TIMEOUT
│   └── PageTooLarge          PAGE_TOO_LARGE
├── RateLimited               IFS_RATE_LIMITED
├── NotJson                   IFS_NOT_JSON
├── UnsafeMetadata            SECURITY_METADATA
├── InvalidMetadata           METADATA_INVALID
├── EntitySetMissing          ENTITY_SET_MISSING
├── ColumnMissing             COLUMN_MISSING
├── PagingLoop                PAGING_LOOP
├── KeyNull                   KEY_NULL
├── ValueInvalid              VALUE_INVALID
├── BookmarkInvalid           BOOKMARK_INVALID
└── ReplicationKeyInvalid     REPLICATION_KEY_INVALID
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "QUESTION_REFUSED",
    "AuthFailed",
    "AuthNotJson",
    "AuthUnavailable",
    "BadRequest",
    "BookmarkInvalid",
    "BrokenBody",
    "ColumnMissing",
    "ConnectionFailed",
    "EntitySetMissing",
    "Forbidden",
    "ForeignAddress",
    "ForeignLink",
    "ForeignRedirect",
    "GatewayTimeout",
    "HeaderInvalid",
    "HostUnknown",
    "IfsError",
    "Incomplete",
    "InvalidMetadata",
    "KeyNull",
    "NotFound",
    "NotJson",
    "OperationTimeout",
    "Outdated",
    "PageTooLarge",
    "PagingLoop",
    "RateLimited",
    "Refused",
    "ReplicationKeyInvalid",
    "RunStopper",
    "ServerFailed",
    "Throttled",
    "TlsFailed",
    "TooMuchAtOnce",
    "Transient",
    "Unavailable",
    "UnsafeMetadata",
    "ValueInvalid",
]


class IfsError(Exception):
    """Root of all errors of reading IFS; `str()` is the code and one sentence."""

    code: ClassVar[str] = "IFS"

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(f"{self.code}: {sentence}")

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Put all texts of the error through `change`, which hides what nobody may read."""
        self.args = tuple(change(arg) if isinstance(arg, str) else arg for arg in self.args)
        for name, value in vars(self).items():
            if isinstance(value, str):
                setattr(self, name, change(value))


class RunStopper(IfsError):
    """No other entity set would fare better: the run ends here."""


class AuthFailed(RunStopper):
    """The token endpoint refused the client, or a fresh token was refused by IFS."""

    code = "AUTH_IFS"


class AuthNotJson(RunStopper):
    """The token endpoint answered with something else than JSON, mostly a login page."""

    code = "AUTH_IFS_NOT_JSON"

    def __init__(self, url: str, excerpt: str) -> None:
        super().__init__(
            f"{url} answered with a page instead of a token ({excerpt}): "
            "check `realm` or `token_url`, and whether a proxy stands before IFS"
        )


class AuthUnavailable(RunStopper):
    """The token endpoint does not answer, after all tries."""

    code = "AUTH_IFS_UNAVAILABLE"


class HostUnknown(RunStopper):
    """DNS does not know the host of the token address, after all tries."""

    code = "IFS_HOST_UNKNOWN"

    def __init__(self, sentence: str) -> None:
        super().__init__(
            f"{sentence}. The name is not known here: check the host of `base_url` (or "
            "`token_url`), and whether a VPN or proxy is needed"
        )


class TlsFailed(RunStopper):
    """The certificate is not trusted; nothing was sent, and nothing is read unverified."""

    code = "IFS_TLS"


class HeaderInvalid(RunStopper):
    """A header cannot be sent as it is set; nothing was sent."""

    code = "HEADER_INVALID"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the header {name!r} cannot be sent: its name or value holds a line break, a control "
            "or a character outside Latin-1. Correct it under `headers`"
        )


class ForeignLink(RunStopper):
    """A link of the server leads away from `base_url`; nothing was sent to it."""

    code = "SECURITY_NEXTLINK"

    def __init__(self, link: str, origin: str) -> None:
        super().__init__(
            f"the server's link {link!r} leads away from {origin}: it was not followed. "
            "Set `base_url` to the address that the server itself uses, "
            "or `paging: keyset` for the stream"
        )


class ForeignRedirect(RunStopper):
    """A redirect leads away from an address that credentials are sent to; it was not followed."""

    code = "SECURITY_REDIRECT"

    def __init__(self, url: str, target: str, setting: str) -> None:
        sentence = f"{url} redirects to {target!r}: it was not followed. "
        if target.startswith("https://") and url.startswith("http://"):
            sentence += "The credentials went there unencrypted: replace the client's secret. "
        super().__init__(f"{sentence}Set `{setting}` to the final address")


class ForeignAddress(RunStopper):
    """An address put together of settings or names lies outside `base_url`; nothing was sent."""

    code = "SECURITY_ADDRESS"

    def __init__(self, url: str, origin: str) -> None:
        super().__init__(
            f"{url!r} lies outside {origin} and its path. Nothing was sent: credentials go nowhere "
            "else. Correct the name of the projection or entity set"
        )


class Transient(IfsError):
    """Worth another try; raised for good when the tries are used up."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(sentence)

    def spent(self) -> IfsError:
        """What is raised when the tries are used up."""
        return self


class ConnectionFailed(Transient):
    """No answer: name not found, connection refused or reset, time-out, bad certificate."""

    code = "IFS_CONNECTION"


class BrokenBody(Transient):
    """The body was cut, or its JSON ends in the middle: never taken for a short page."""

    code = "IFS_BROKEN_BODY"


class Unavailable(Transient):
    """5xx, or another status that says: not now."""

    code = "IFS_UNAVAILABLE"


class Throttled(Unavailable):
    """429: too many requests."""


class Outdated(Unavailable):
    """MI_MODIFIED_ERROR: the service has changed, and IFS expects the same request again.

    IFS technical documentation, "Projections and OData Provider".
    """


class ServerFailed(Unavailable):
    """500: the server failed over the request, perhaps over this one each time."""


class GatewayTimeout(Unavailable):
    """504 without a code of IFS: something before it did not wait, this once or each time."""

    def __init__(self, url: str, said: str, *, retry_after: float | None = None) -> None:
        self.url, self.said = url, said
        super().__init__(f"{url}: {said}", retry_after=retry_after)

    @override
    def spent(self) -> IfsError:
        return OperationTimeout(self.url, self.said)


class RateLimited(IfsError):
    """IFS asks for a pause that is longer than a run should wait."""

    code = "IFS_RATE_LIMITED"


class BadRequest(IfsError):
    """400: IFS does not take the query."""

    code = "IFS_BAD_REQUEST"


class Refused(IfsError):
    """Another status that a repetition would not change."""

    code = "IFS_REFUSED"


class _Unreachable(IfsError):
    """403 and 404 have the same four causes in IFS, so all four are named."""

    def __init__(self, url: str, said: str) -> None:
        self.said = said
        super().__init__(
            f"{url}: {said}. Either the gateway is wrong (main, int, b2b: set `gateway`), "
            "or the name of the projection or entity set is misspelt, "
            "or it is an entity service that is not activated in API Explorer, "
            "or the service user has no grant on the projection"
        )


class Forbidden(_Unreachable):
    """403."""

    code = "IFS_FORBIDDEN"


class NotFound(_Unreachable):
    """404."""

    code = "IFS_NOT_FOUND"


class TooMuchAtOnce(IfsError):
    """The answer would take too long or be too large; a smaller page may do."""


class OperationTimeout(TooMuchAtOnce):
    """504 with ODP_OPERATION_TIMEOUT: the same query would time out again."""

    code = "IFS_OPERATION_TIMEOUT"

    def __init__(self, url: str, said: str) -> None:
        super().__init__(f"{url}: {said}. Lower `page_size` of the stream or narrow its `filter`")


class PageTooLarge(TooMuchAtOnce):
    """The answer is larger than the memory that is meant for it; it was not read to its end."""

    code = "PAGE_TOO_LARGE"

    def __init__(self, url: str, largest: int) -> None:
        super().__init__(
            f"{url} answers with more than {largest / 2**20:.0f} MiB. Lower `page_size` of the "
            "stream, or `select` fewer columns"
        )


class NotJson(IfsError):
    """A page of HTML or other text where JSON was asked for."""

    code = "IFS_NOT_JSON"


class UnsafeMetadata(IfsError):
    """`$metadata` declares a DOCTYPE or entities; an OData service has no use for them."""

    code = "SECURITY_METADATA"


class InvalidMetadata(IfsError):
    """`$metadata` is not a CSDL document that can be understood."""

    code = "METADATA_INVALID"


class EntitySetMissing(IfsError):
    """The service does not offer the entity set."""

    code = "ENTITY_SET_MISSING"

    def __init__(self, entity_set: str, service: str, offered: Sequence[str]) -> None:
        self.entity_set, self.service, self.offered = entity_set, service, tuple(offered)
        listed = ", ".join(self.offered) or "none"
        super().__init__(f"{service} has no entity set {entity_set!r}; it offers: {listed}")


class ColumnMissing(IfsError):
    """A setting names a column that the entity set does not have."""

    code = "COLUMN_MISSING"

    def __init__(self, where: str, columns: Sequence[str], offered: Sequence[str]) -> None:
        super().__init__(
            f"{where} has no column {', '.join(columns)}; it has: {', '.join(offered) or 'none'}"
        )


class ExpandInvalid(IfsError):
    """`expand` names what is no reference to one row."""

    code = "EXPAND_INVALID"


class PagingLoop(IfsError):
    """The server leads in a circle."""

    code = "PAGING_LOOP"


class Incomplete(IfsError):
    """The server counts rows that it does not give."""

    code = "COMPLETENESS"

    def __init__(self, where: str, *, counted: int, read: int) -> None:
        super().__init__(
            f"{where}: the server counts {counted} rows, but only {read} came, also when they were "
            "read again: try another `paging`, ask who changes so many rows meanwhile, or set "
            "`completeness: warn` if the count is wrong"
        )


class KeyNull(IfsError):
    """A walk by key was asked for where no key can be compared; or a row has no whole key."""

    code = "KEY_NULL"


class ValueInvalid(IfsError):
    """A value does not fit the type that `$metadata` declares, or no record can hold it."""

    code = "VALUE_INVALID"


class BookmarkInvalid(IfsError):
    """The bookmark or `start_date` is no value of the replication key's type."""

    code = "BOOKMARK_INVALID"


class ReplicationKeyInvalid(IfsError):
    """The replication key does not exist or cannot be compared."""

    code = "REPLICATION_KEY_INVALID"


# The server does not take a question as it is put, so another one may do. A missing grant, a
# time-out or a server that is down say nothing of the question.
QUESTION_REFUSED: Final = (BadRequest, NotFound, Refused, NotJson, ServerFailed)
