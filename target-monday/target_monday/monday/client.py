"""One GraphQL request and its answer. Retries nothing, waits for nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from target_monday.monday.errors import (
    AnswerLost,
    BadRequest,
    Fault,
    Kind,
    NotSent,
    error_for,
    kind_of,
)
from target_monday.monday.limits import (
    Limits,
    asked_wait,
    parse_limits,
    refused_cost,
    retry_after,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Answer", "Call", "Client", "Complexity", "encode_body"]

_MESSAGE_LENGTH: Final = 300
_OK: Final = 200


class Complexity(msgspec.Struct, frozen=True):
    """Points before and after a request, its price, and seconds until the budget is whole."""

    before: int
    query: int
    after: int
    reset_in_x_seconds: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that concerns the request's parts; what failed as a whole is raised instead."""

    data: Mapping[str, Any]
    faults: tuple[Fault, ...]
    request_id: str | None
    limits: Limits
    complexity: Complexity | None
    replayed: bool = False


class Call(Protocol):
    """How a query is asked: with budget, waits and retries of the caller."""

    def __call__(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """Ask and get the whole answer. Raises a TargetError where no retry mends it."""
        ...


def encode_body(document: str, variables: Mapping[str, Any]) -> bytes:
    """The request body; a resend must be the very same bytes."""
    return msgspec.json.encode({"query": document, "variables": variables})


class Client:
    """The API at one address with one token."""

    def __init__(self, *, url: str, token: str, version: str, timeout: float) -> None:
        self.url = url
        self._version = version
        self._timeout = timeout
        self._session = requests.Session()
        headers = {
            "Accept-Encoding": "gzip, deflate",
            "Authorization": token,
            "API-Version": version,
            "Content-Type": "application/json",
            "User-Agent": "target-monday",
        }
        # Requests differ in body and key only; the environment is asked once.
        self._request = requests.Request("POST", url, headers=headers).prepare()
        self._settings = self._session.merge_environment_settings(url, {}, None, None, None)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def send(self, body: bytes, *, idempotency_key: str | None = None) -> Answer:
        """Send one request. Faults of single aliases stay in the answer.

        Raises a MondayError for what concerns the whole request; AnswerLost if nobody knows
        whether it ran.
        """
        request = self._request.copy()
        request.prepare_body(body, None)
        if idempotency_key:
            request.headers["Idempotency-Key"] = idempotency_key
        try:
            response = self._session.send(
                request,
                timeout=self._timeout,
                allow_redirects=False,  # the token goes to this address only
                **self._settings,
            )
        except requests.RequestException as error:
            lost = NotSent if _is_unconnected(error) else AnswerLost
            raise lost(_transport_fault(error)) from error
        return self._read(response)

    def _read(self, response: requests.Response) -> Answer:
        request_id = response.headers.get("x-request-id")
        payload = _parse(response)
        if payload is None:
            raise error_for(_unreadable(response), request_id)
        request_id = (payload.get("extensions") or {}).get("request_id") or request_id
        faults = tuple(_faults(payload, response))
        whole = next((fault for fault in faults if fault.alias is None), None)
        if whole is not None:
            raise error_for(whole, request_id)
        data = payload.get("data")
        if response.status_code != _OK or (data is None and not faults):
            raise error_for(_unreadable(response), request_id)
        self._check_version(response)
        return Answer(
            data=data or {},
            faults=faults,
            request_id=request_id,
            limits=parse_limits(response.headers),
            complexity=_complexity(data),
            replayed=response.headers.get("Idempotency-Replayed") == "true",
        )

    def _check_version(self, response: requests.Response) -> None:
        answered = response.headers.get("API-Version", self._version)
        if answered != self._version:
            message = (
                f"version {answered} was served instead of {self._version}: "
                "it is retired, set `api_version` to a current one"
            )
            raise BadRequest(Fault(None, "API_VERSION", message, Kind.BUG))


def _is_unconnected(error: requests.RequestException) -> bool:
    """Whether no connection could be made, so that nothing left."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, ConnectTimeoutError | NewConnectionError)


def _transport_fault(error: requests.RequestException) -> Fault:
    return Fault(None, "NO_ANSWER", type(error).__name__, Kind.LOST)


def _parse(response: requests.Response) -> dict[str, Any] | None:
    try:
        payload = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None
    return payload if isinstance(payload, dict) else None


def _unreadable(response: requests.Response) -> Fault:
    """An answer that is not GraphQL: a proxy's page, an empty body, `data: null`."""
    kind = kind_of("", "", response.status_code)
    readable = kind if response.status_code >= 300 else Kind.LOST  # noqa: PLR2004 - 3xx and up
    message = f"HTTP {response.status_code} without a GraphQL answer"
    return _with_wait(Fault(None, "NO_GRAPHQL_ANSWER", message, readable), response)


def _faults(payload: Mapping[str, Any], response: requests.Response) -> Iterator[Fault]:
    """The errors of an answer, in the present layout and in the one before 2025-01."""
    for error in payload.get("errors") or ():
        fault = _fault(error, payload, response.status_code)
        yield _with_wait(fault, response)
    if (payload.get("error_code") and not payload.get("errors")) or (
        payload.get("error_message") and not payload.get("errors")
    ):
        yield _with_wait(_fault({}, payload, response.status_code), response)


def _fault(error: Any, payload: Mapping[str, Any], status: int) -> Fault:
    entry: Mapping[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    extensions: Mapping[str, Any] = entry.get("extensions") or {}
    message = str(entry.get("message") or payload.get("error_message") or "no reason given")
    code = str(extensions.get("code") or payload.get("error_code") or "")
    stated = extensions.get("status_code") or payload.get("status_code") or status
    kind = kind_of(code, message, stated if isinstance(stated, int) else status)
    path = entry.get("path")
    alias = path[0] if isinstance(path, list) and path and isinstance(path[0], str) else None
    cost = refused_cost(message, extensions)
    if kind is Kind.RETRY and (cost.never_fits or "exceeds the max" in message.lower()):
        kind = Kind.TOO_COMPLEX
    wait = asked_wait(message, extensions)
    return Fault(alias, code or "WITHOUT_CODE", message[:_MESSAGE_LENGTH], kind, wait, cost)


def _with_wait(fault: Fault, response: requests.Response) -> Fault:
    """The larger of the waits in header and body."""
    header = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    waits = [wait for wait in (fault.wait, header) if wait is not None]
    return replace(fault, wait=max(waits, default=None))


def _complexity(data: Mapping[str, Any] | None) -> Complexity | None:
    found = (data or {}).get("complexity")
    return msgspec.convert(found, Complexity) if isinstance(found, dict) else None
