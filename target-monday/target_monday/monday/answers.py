"""What a reply of monday says: an answer, a refusal, or nothing that can be relied upon. Pure.

`data` says what ran, whatever the HTTP status: an error beside it concerns the operations without
data. Where no operation has data, the errors concern the request. An error that does not say that
nothing ran leaves that open. Both layouts are read, the present one and that before 2025-01.
Source: developer.monday.com/api-reference/docs/error-handling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from target_monday.foreign_json import ANYTHING, NotJson, decode, decode_around
from target_monday.monday.errors import (
    NO_GRAPHQL_ANSWER,
    AnswerLost,
    Fault,
    Kind,
    error_for,
    kind_of,
    weightiest,
)
from target_monday.monday.limits import (
    Limits,
    asked_wait,
    parse_limits,
    refused_cost,
    retry_after,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_monday.monday.exchange import Reply

__all__ = ["Answer", "Complexity", "item_id_of", "part_of", "read_answer"]

_MESSAGE_LENGTH: Final = 300
_NAME_LENGTH: Final = 100  # of codes, ids and names
_OK: Final = range(200, 300)
_BOM: Final = b"\xef\xbb\xbf"
_NOTHING: Final[Mapping[str, Any]] = {}
_ASIDE: Final = frozenset({"complexity", "platform_api"})  # asked beside operations
Part = TypeVar("Part")
_Points = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]


class Complexity(msgspec.Struct, frozen=True):
    """Points before and after a request, its price, and seconds until the budget is whole."""

    before: _Points
    query: _Points
    after: _Points
    reset_in_x_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that concerns the request's parts; what failed as a whole is raised instead."""

    data: Mapping[str, Any]
    faults: tuple[Fault, ...]
    request_id: str | None
    limits: Limits
    complexity: Complexity | None
    replayed: bool = False


def read_answer(reply: Reply, *, is_mutation: bool) -> Answer:
    """The answer in a reply.

    Raises a MondayError for what concerns the whole request; AnswerLost if nobody knows whether
    it ran.
    """
    payload = _payload(reply.content)
    told = _object(payload.get("extensions")).get("request_id")
    request_id = _name(told) or _name(reply.headers.get("x-request-id")) or None
    data = _object(payload.get("data"))
    faults = tuple(_faults(payload, data, reply))
    if not _concerns_parts(data, faults, reply, is_mutation=is_mutation):
        raise error_for(weightiest(faults) or _unreadable(reply), request_id)
    return Answer(
        data=data,
        faults=faults,
        request_id=request_id,
        limits=parse_limits(reply.headers),
        complexity=_complexity(data),
        replayed=reply.headers.get("Idempotency-Replayed") == "true",
    )


def _concerns_parts(
    data: Mapping[str, Any], faults: Sequence[Fault], reply: Reply, *, is_mutation: bool
) -> bool:
    """Whether the reply answers the request's parts; half an answer to a query is none."""
    by_alias = [each.alias is not None for each in faults]
    if is_mutation:
        ran = any(each is not None for name, each in data.items() if name not in _ASIDE)
        return ran or any(by_alias) or bool(data and not faults)
    return bool(data or faults) and reply.status in _OK and all(by_alias)


def item_id_of(answered: Any) -> str | None:
    """The id in what an operation answered; None if there is none to rely upon."""
    told = _object(answered).get("id")
    if type(told) is int and told > 0:
        told = str(told)
    whole = isinstance(told, str) and told.strip() == told and 0 < len(told) <= _NAME_LENGTH
    return str(told) if whole else None


def part_of(value: Any, kind: type[Part]) -> Part:
    """A part of an answer's data. Raises AnswerLost if it is not as the schema declares it."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        message = f"a part of the answer is not as the schema declares it: {error}"
        raise AnswerLost(Fault(None, NO_GRAPHQL_ANSWER, message, Kind.LOST)) from error


def _payload(content: bytes | None) -> Mapping[str, Any]:
    """The body's JSON object; an empty one where there is none."""
    body = (content or b"").removeprefix(_BOM)
    try:
        return _object(decode(body, ANYTHING))
    except NotJson:
        pass
    try:
        return _object(decode_around(body, str))
    except NotJson:
        return _NOTHING


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _unreadable(reply: Reply) -> Fault:
    """A reply that is not GraphQL: a proxy's page, an empty body, `data: null`."""
    cut = reply.content is None  # it might have said what ran
    kind = Kind.LOST if cut or reply.status in _OK else kind_of("", "", reply.status)
    if kind is Kind.GONE:  # the address is, of which somebody on the way knows nothing
        kind = Kind.BUG
    message = f"HTTP {reply.status} without a GraphQL answer"
    return _with_wait(Fault(None, NO_GRAPHQL_ANSWER, message, kind), reply)


def _faults(payload: Mapping[str, Any], data: Mapping[str, Any], reply: Reply) -> Iterator[Fault]:
    """The errors of an answer, whatever shape they have."""
    errors = payload.get("errors")
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    if not listed and (payload.get("error_code") or payload.get("error_message")):
        listed = [_NOTHING]
    for error in listed:
        yield _with_wait(_fault(error, payload, data, reply.status), reply)


def _fault(error: Any, payload: Mapping[str, Any], data: Mapping[str, Any], status: int) -> Fault:
    entry = error if isinstance(error, Mapping) else {"message": error}
    extensions = _object(entry.get("extensions"))
    code = next(
        filter(
            None,
            (
                _name(each)
                for each in (
                    *(extensions.get("code"), entry.get("code"), entry.get("error_code")),
                    payload.get("error_code"),
                )
            ),
        ),
        "",
    )
    details = [
        each
        for source in (extensions, entry, payload)
        for each in _objects(source.get("error_data"))
    ]
    said = _words(entry.get("message") or entry.get("error_message"))
    said = said or _words(payload.get("error_message")) or "no reason given"
    more = [words for each in details if (words := _words(each.get("message"))) not in {"", said}]
    stated = (extensions.get("status_code"), entry.get("status_code"), payload.get("status_code"))
    kind = kind_of(code, said, next((each for each in stated if type(each) is int), status))
    alias, is_nested = _place(entry.get("path"), data)
    cost = refused_cost(said, extensions)
    if kind is Kind.RETRY and (cost.never_fits or "exceeds the max" in said.lower()):
        kind = Kind.TOO_COMPLEX
    named = [name for each in (extensions, *details) for name in _columns(each)]
    columns = tuple(dict.fromkeys(named))
    message = "; ".join([said, *more])[:_MESSAGE_LENGTH]
    wait = asked_wait(said, extensions)
    return Fault(alias, code or "WITHOUT_CODE", message, kind, wait, cost, is_nested, columns)


def _place(path: Any, data: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The operation that a path leads to, and whether it leads further."""
    steps = path.split(".") if isinstance(path, str) else path if isinstance(path, list) else []
    names = [each for each in steps if isinstance(each, str) and each]
    if not data:
        return (names[0] if names else None), len(steps) > 1
    alias = next((each for each in names if each in data), None)
    return alias, alias is not None and steps[-1] != alias


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """An object, or those of a list."""
    return [each for each in (value if isinstance(value, list) else [value]) if _object(each)]


def _columns(detail: Mapping[str, Any]) -> Iterator[str]:
    """The columns that an error names: `column_id`, `columnIds`, and however else it is spelt."""
    for name, value in detail.items():
        if name.replace("_", "").lower() in {"columnid", "columnids"}:
            for each in value if isinstance(value, list) else [value]:
                if column := _name(each):
                    yield column


def _with_wait(fault: Fault, reply: Reply) -> Fault:
    """The larger of the waits in header and body."""
    header = retry_after(reply.headers.get("Retry-After"), datetime.now(UTC))
    waits = [wait for wait in (fault.wait, header) if wait is not None]
    return replace(fault, wait=max(waits, default=None))


def _name(value: Any) -> str:
    """A code, an id or a name, if the value is one."""
    return _words(value)[:_NAME_LENGTH] if isinstance(value, str | int) else ""


def _words(value: Any) -> str:
    """A text on one line; numbers as digits, everything else as nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return " ".join(value.split()) if isinstance(value, str) else str(value)


def _complexity(data: Mapping[str, Any]) -> Complexity | None:
    try:
        return msgspec.convert(data.get("complexity"), Complexity)
    except msgspec.ValidationError:
        return None
