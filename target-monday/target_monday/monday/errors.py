"""What an answer of monday means for us: to wait, to reject, to stop, or not to know.

Source: developer.monday.com/api-reference/docs/error-handling and .../docs/rate-limits. Codes are
compared without case, "_" and a trailing "Exception": monday's spellings differ between versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from target_monday.monday.limits import Cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "NO_ANSWER",
    "NO_GRAPHQL_ANSWER",
    "AccessDenied",
    "AnswerLost",
    "BadRequest",
    "CursorExpired",
    "DailyLimitReached",
    "Fault",
    "Kind",
    "MondayError",
    "NotSent",
    "Refused",
    "ServerError",
    "TooComplex",
    "TryLater",
    "error_for",
    "is_lasting",
    "is_running_twin",
    "kind_of",
    "weightiest",
]


class Kind(Enum):
    """What to do about an error."""

    RETRY = auto()  # nothing ran; wait, then send the same again
    LOST = auto()  # nobody knows whether it ran; the same body under the same idempotency key
    TOO_COMPLEX = auto()  # nothing ran, and no wait helps: send less at a time
    DAILY_LIMIT = auto()
    ACCESS = auto()
    REJECT = auto()  # this operation is wrong, others are not
    GONE = auto()  # the item, group or board is not there any more
    BOARD = auto()  # this board takes nothing more
    FULL = auto()  # this board takes no more items
    CURSOR = auto()
    BUG = auto()  # monday does not understand what we sent
    TOO_LARGE = auto()  # nothing ran: the request has more bytes than somebody on the way takes


_KINDS: Final[Mapping[str, Kind]] = {
    "complexitybudgetexhausted": Kind.RETRY,
    "complexity": Kind.RETRY,
    "ratelimitexceeded": Kind.RETRY,
    "minutelimitrateexceeded": Kind.RETRY,
    "maxconcurrencyexceeded": Kind.RETRY,
    "concurrencylimitexceeded": Kind.RETRY,
    "ipratelimitexceeded": Kind.RETRY,
    "fieldlimitexceeded": Kind.RETRY,
    "apitemporarilyblocked": Kind.RETRY,
    "resourceiscurrentlylocked": Kind.RETRY,
    "resourcelocked": Kind.RETRY,
    "idempotencyconflict": Kind.RETRY,
    "maxcomplexityexceeded": Kind.TOO_COMPLEX,
    "dailylimitexceeded": Kind.DAILY_LIMIT,
    "internalservererror": Kind.LOST,
    "missingrequiredpermissions": Kind.ACCESS,
    "notauthenticated": Kind.ACCESS,
    "unauthorized": Kind.ACCESS,
    "userunauthorized": Kind.ACCESS,
    "useraccessdenied": Kind.ACCESS,
    "youripisrestricted": Kind.ACCESS,
    "columnvalue": Kind.REJECT,
    "correctedvalue": Kind.REJECT,
    "itemnametoolong": Kind.REJECT,
    "invalidargument": Kind.REJECT,
    "invaliduserid": Kind.REJECT,
    "recordinvalid": Kind.REJECT,
    "datavalidationserror": Kind.REJECT,
    "deletelastgroup": Kind.REJECT,
    "itemslimitation": Kind.FULL,
    "invalidboardid": Kind.BOARD,
    "invalidcolumnid": Kind.BOARD,  # each of its rows would fail
    "resourcenotfound": Kind.GONE,
    "cursor": Kind.CURSOR,
    "cursorexpired": Kind.CURSOR,
    "jsonparse": Kind.BUG,
    "badrequest": Kind.BUG,
    "invalidversion": Kind.BUG,
    "undefinedfield": Kind.BUG,
    "graphqlvalidationfailed": Kind.BUG,
    "graphqlparsefailed": Kind.BUG,
    "baduserinput": Kind.BUG,
    "parseerror": Kind.BUG,
    "undefinedtype": Kind.BUG,
    "argumentnotaccepted": Kind.BUG,
    "argumentliteralsincompatible": Kind.BUG,
    "missingrequiredarguments": Kind.BUG,
    "missingrequiredinputobjectattribute": Kind.BUG,
    "selectionmismatch": Kind.BUG,
    "variablemismatch": Kind.BUG,
    "variablenotdefined": Kind.BUG,
}
_BY_STATUS: Final[Mapping[int, Kind]] = {  # any other one does not say that nothing ran
    400: Kind.BUG,
    401: Kind.ACCESS,
    403: Kind.ACCESS,
    404: Kind.GONE,
    405: Kind.BUG,
    409: Kind.RETRY,
    411: Kind.BUG,
    413: Kind.TOO_LARGE,
    414: Kind.BUG,
    415: Kind.BUG,
    422: Kind.REJECT,
    423: Kind.RETRY,
    429: Kind.RETRY,
    431: Kind.BUG,
}
_WORDS: Final[Mapping[str, Kind]] = {  # in codes and sentences with more to them
    "dailylimitexceeded": Kind.DAILY_LIMIT,
    "ratelimitexceeded": Kind.RETRY,
    "limitrateexceeded": Kind.RETRY,
    "budgetexhausted": Kind.RETRY,
}
NO_ANSWER: Final = "NO_ANSWER"  # nothing came back
NO_GRAPHQL_ANSWER: Final = "NO_GRAPHQL_ANSWER"  # something did that cannot be read
_SERVER_ERROR: Final = "internalservererror"
_TWIN: Final = "idempotencyconflict"
_NO_COST: Final = Cost()


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer. `alias` is the operation that it concerns, None for the request.

    `is_nested`: it concerns a part of what the operation answers. `columns`: ids of the columns
    that stand against it, as far as monday names them.
    """

    alias: str | None
    code: str
    message: str
    kind: Kind
    wait: float | None = None  # seconds, as asked for
    cost: Cost = _NO_COST
    is_nested: bool = False
    columns: tuple[str, ...] = ()


class MondayError(Exception):
    """A request that did not succeed as a whole."""

    kind: Kind = Kind.BUG

    def __init__(self, fault: Fault, request_id: str | None = None) -> None:
        self.fault = fault
        self.code, self.message = fault.code, fault.message
        self.wait, self.cost = fault.wait, fault.cost
        self.request_id = request_id
        named = f" (request {request_id})" if request_id else ""
        super().__init__(f"monday answered {fault.code}: {fault.message}{named}")


class TryLater(MondayError):
    """Nothing ran; `wait` seconds are asked for, None if monday does not say."""

    kind = Kind.RETRY


class AnswerLost(MondayError):
    """The request may or may not have run."""

    kind = Kind.LOST

    @property
    def says_nothing(self) -> bool:
        """Whether monday may not have answered at all."""
        return self.code in {NO_ANSWER, NO_GRAPHQL_ANSWER}


class NotSent(AnswerLost):
    """No connection could be made: this time nothing ran."""


class ServerError(AnswerLost):
    """monday's own fault, told as such: an outage, or an operation that it stumbles over."""


class DailyLimitReached(MondayError):
    """No more calls until midnight UTC."""

    kind = Kind.DAILY_LIMIT


class AccessDenied(MondayError):
    """The token may not do this, or no longer."""

    kind = Kind.ACCESS


class Refused(MondayError):
    """The request was understood and refused; `kind` says for what reason."""

    def __init__(self, fault: Fault, request_id: str | None = None) -> None:
        super().__init__(fault, request_id)
        self.kind = fault.kind


class TooComplex(Refused):
    """Nothing ran: the request costs more points than any request may."""


class CursorExpired(MondayError):
    """The 60 minutes of a walk through a board are over."""

    kind = Kind.CURSOR


class BadRequest(MondayError):
    """monday did not understand the request."""


_ERRORS: Final[Mapping[Kind, type[MondayError]]] = {
    Kind.RETRY: TryLater,
    Kind.LOST: AnswerLost,
    Kind.DAILY_LIMIT: DailyLimitReached,
    Kind.ACCESS: AccessDenied,
    Kind.TOO_COMPLEX: TooComplex,
    Kind.CURSOR: CursorExpired,
    Kind.BUG: BadRequest,
}


def kind_of(code: str, message: str, status: int) -> Kind:
    """The kind by code, else by the message's own words, else by the HTTP status.

    What none of them says is LOST: nobody knows whether it ran.
    """
    for words in (code, message):
        plain = _plain(words)
        if plain in _KINDS:
            return _KINDS[plain]
    said = _plain(code or message)
    for part, kind in _WORDS.items():
        if part in said:
            return kind
    return _BY_STATUS.get(status, Kind.LOST)


def weightiest(faults: Iterable[Fault]) -> Fault | None:
    """The fault that decides: one that leaves open whether anything ran, else the first."""
    these = tuple(faults)
    return next((each for each in these if each.kind is Kind.LOST), these[0] if these else None)


def is_lasting(code: str) -> bool:
    """Whether monday will refuse the same row again while neither it nor its board changes."""
    return _KINDS.get(_plain(code)) is Kind.REJECT


def is_running_twin(error: MondayError) -> bool:
    """Whether monday says that a request under the same idempotency key is still at work."""
    return _plain(error.code) == _TWIN


def _plain(words: str) -> str:
    plain = "".join(character for character in words.lower() if character.isalnum())
    return plain.removesuffix("exception")


def error_for(fault: Fault, request_id: str | None) -> MondayError:
    """The exception of a fault that concerns the whole request."""
    if fault.kind is Kind.LOST and _plain(fault.code) == _SERVER_ERROR:
        return ServerError(fault, request_id)
    return _ERRORS.get(fault.kind, Refused)(fault, request_id)
