"""How one request to `POST /v2` is answered: from its bytes to a body, a status and headers."""

from __future__ import annotations

import json
import logging
import math
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import execute_sync

from ifs_monday_sandbox.monday.call import Call
from ifs_monday_sandbox.monday.errors import MondayError
from ifs_monday_sandbox.monday.operations import InvalidRequestError, Operation, read_operation
from ifs_monday_sandbox.monday.schema import executable_schema
from ifs_monday_sandbox.monday.versions import CURRENT, answered_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import ExecutionResult, GraphQLError

    from ifs_monday_sandbox.monday.account import Account

__all__ = ["Answer", "Request", "answer"]

LOG = logging.getLogger(__name__)
OK = 200
TOO_MANY = 429
TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    body: bytes
    status: int = OK
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The JSON body of a request, checked."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


def answer(account: Account, request: Request) -> Answer:
    """Serve one request; never raises for what a client can do."""
    most = account.settings.request_bytes
    if most is not None and len(request.body) > most:
        account.usage.refused += 1
        return Answer(b"<html>413 Request Entity Too Large</html>", TOO_LARGE)
    request_id = str(uuid.uuid4())
    version = CURRENT
    try:
        version = answered_version(request.headers.get("api-version"))
        _authorize(account, request.headers)
        wish = _read(request.body)
        operation = read_operation(wish.query, wish.operation_name)
        reply = _admit(account, request, wish, operation, (request_id, version))
    except InvalidRequestError as error:
        reply = _refusal(400, error.errors, request_id)
    except MondayError as error:
        reply = _refused(account, error, request_id)
    headers = {"API-Version": version, "x-request-id": request_id, **account.limits.headers()}
    return Answer(reply.body, reply.status, {**headers, **reply.headers})


def _authorize(account: Account, headers: Mapping[str, str]) -> None:
    if headers.get("authorization") != account.settings.api_token:
        raise MondayError("Unauthorized", "Not Authenticated", status_code=401)


def _read(body: bytes) -> _Wish:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise MondayError("JsonParseException", str(error), status_code=400) from error
    query = content.get("query") if isinstance(content, dict) else None
    if not isinstance(query, str):
        raise MondayError("BadRequest", "The body needs a query", status_code=400)
    variables = content.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise MondayError("BadRequest", "variables must be a JSON object", status_code=400)
    return _Wish(query, variables or {}, content.get("operationName"))


def _admit(
    account: Account,
    request: Request,
    wish: _Wish,
    operation: Operation,
    told: tuple[str, str],
) -> Answer:
    """Count the request and let it in, unless it was answered before."""
    account.limits.enter(only_complexity=operation.only_complexity)
    try:
        key = request.headers.get("idempotency-key") if operation.is_mutation else None
        if not key:
            return _run(account, request, wish, operation, told)
        kept = account.replies.begin(key)
        if kept is not None:
            account.usage.replayed += 1
            return Answer(kept, headers={"Idempotency-Replayed": "true"})
        reply = None
        try:
            reply = _run(account, request, wish, operation, told)
        finally:
            executed = reply is not None and reply.status == OK
            account.replies.end(key, reply.body if reply is not None and executed else None)
        return reply
    finally:
        account.limits.leave()


def _run(
    account: Account,
    request: Request,
    wish: _Wish,
    operation: Operation,
    told: tuple[str, str],
) -> Answer:
    """Lock the boards, take the price and execute."""
    boards = operation.boards_written(account, wish.variables)
    if operation.is_mutation and any(text in request.body for text in account.poison):
        raise MondayError("INTERNAL_SERVER_ERROR", "Internal server error", status_code=500)
    with account.lock:
        if boards & account.locked_boards:
            raise MondayError("ResourceLocked", "Resource is currently locked", status_code=423)
        complexity = account.limits.pay(operation.price(account.settings, wish.variables))
        account.locked_boards |= boards
    try:
        account.wait_until_released()
        with account.lock:
            request_id, version = told
            call = Call(account, request_id, request.base_url, version, complexity)
            result = _execute(call, wish, operation)
            _count(account, operation, complexity.query)
    finally:
        account.locked_boards -= boards
    status = account.settings.partial_failure_status if result.errors else OK
    return _answer_of(result, request_id, status)


def _execute(call: Call, wish: _Wish, operation: Operation) -> ExecutionResult:
    result = execute_sync(
        executable_schema(),
        operation.document,
        context_value=call,
        variable_values=wish.variables,
        operation_name=wish.operation_name,
    )
    if result.data is None and result.errors and all(not one.path for one in result.errors):
        raise InvalidRequestError("BAD_USER_INPUT", result.errors)
    return result


def _count(account: Account, operation: Operation, points: int) -> None:
    usage = account.usage
    usage.calls += 1
    usage.points += points
    for name in operation.field_names:
        if name == "complexity":
            continue
        if operation.is_mutation:
            usage.mutations += 1
            usage.mutations_by_name[name] = usage.mutations_by_name.get(name, 0) + 1
        else:
            usage.queries += 1


def _answer_of(result: ExecutionResult, request_id: str, status: int) -> Answer:
    """The result as JSON; HTTP 429 if the hourly limit of uploads was hit."""
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        content["errors"] = list(_shown(result.errors))
    content["extensions"] = {"request_id": request_id}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    errors = [one.extensions or {} for one in result.errors or ()]
    waits = [math.ceil(one["retryAfterMs"] / 1000) for one in errors if "retryAfterMs" in one]
    if not waits:
        return Answer(body, status)
    return Answer(body, TOO_MANY, {"Retry-After": str(max(waits))})


def _shown(errors: list[GraphQLError]) -> Iterator[dict[str, Any]]:
    for error in errors:
        shown: dict[str, Any] = dict(error.formatted)
        if not isinstance(error.original_error, MondayError):
            LOG.error("monday.resolver_failed path=%s", error.path, exc_info=error.original_error)
            shown["message"] = "Internal server error"
            shown["extensions"] = {
                "code": "INTERNAL_SERVER_ERROR",
                "status_code": 500,
                "error_data": {},
            }
        yield shown


def _refused(account: Account, error: MondayError, request_id: str) -> Answer:
    account.usage.refused += 1
    shown = {"message": str(error), "extensions": error.extensions}
    wait = getattr(error, "retry_after", None)
    headers = {} if wait is None else {"Retry-After": str(wait)}
    reply = _refusal(error.status_code, [shown], request_id)
    return Answer(reply.body, reply.status, headers)


def _refusal(status: int, errors: list[dict[str, Any]], request_id: str) -> Answer:
    content = {"errors": errors, "extensions": {"request_id": request_id}}
    return Answer(json.dumps(content).encode(), status)
