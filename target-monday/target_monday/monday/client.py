"""One GraphQL request and its answer. Retries nothing, waits for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import requests

from target_monday.monday.answers import Answer, read_answer
from target_monday.monday.errors import NO_ANSWER, AnswerLost, BadRequest, Fault, Kind, NotSent
from target_monday.monday.exchange import ACCEPTED, Exchange, NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Call", "Client", "encode_body"]

_LARGEST_ANSWER: Final = 64 << 20  # bytes; 500 items with all their cells are far below
_LARGEST_RESULT: Final = 4 << 20  # of a mutation, which answers with ids


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
        self._exchange = Exchange(timeout)
        headers = {
            "Accept-Encoding": ACCEPTED,
            "Authorization": token,
            "API-Version": version,
            "Content-Type": "application/json",
            "User-Agent": "target-monday",
        }
        self._request = requests.Request("POST", url, headers=headers).prepare()

    def close(self) -> None:
        """Give the connections back."""
        self._exchange.close()

    def send(self, body: bytes, *, idempotency_key: str | None = None) -> Answer:
        """Send one request. Faults of single aliases stay in the answer.

        A request with an idempotency key is a mutation. Raises a MondayError for what concerns
        the whole request; AnswerLost if nobody knows whether it ran.
        """
        request = self._request.copy()
        request.prepare_body(body, None)
        is_mutation = idempotency_key is not None
        if idempotency_key is not None:
            request.headers["Idempotency-Key"] = idempotency_key
        try:
            reply = self._exchange.send(
                request, _LARGEST_RESULT if is_mutation else _LARGEST_ANSWER
            )
        except NoReply as error:
            lost = AnswerLost if error.sent else NotSent
            raise lost(Fault(None, NO_ANSWER, str(error), Kind.LOST)) from error
        answer = read_answer(reply, is_mutation=is_mutation)
        if not is_mutation:  # one that ran is to be settled, by whichever version
            self._check_version(reply)
        return answer

    def _check_version(self, reply: Reply) -> None:
        answered = reply.headers.get("API-Version", self._version)
        if answered != self._version:
            message = (
                f"version {answered} was served instead of {self._version}: "
                "it is retired, set `api_version` to a current one"
            )
            raise BadRequest(Fault(None, "API_VERSION", message, Kind.BUG))
