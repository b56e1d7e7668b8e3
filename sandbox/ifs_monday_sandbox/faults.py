"""Answers that a server is told to spoil: the next requests fail as planned, then all is well.

A spoilt answer is one that is sent instead of the real one, or a lost one: the request is served
(what it changes stays changed) and the connection is cut before the reply. What is sent instead may
also come after the request was served.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Fault", "Faults", "FaultyApp"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One spoilt answer.

    With `lose` the application serves the request, `meanwhile` is called, and the connection is
    cut before the reply; without, `meanwhile` is called, then `status`, `body` and `headers` are
    sent and the application never sees the request, unless it has `served` it first.
    """

    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    lose: bool = False
    served: bool = False
    meanwhile: Callable[[], None] = lambda: None
    matches: Callable[[Request], bool] = lambda _: True


class Faults:
    """The faults that are still to come, in order; empty when the server behaves."""

    def __init__(self) -> None:
        self._planned: deque[Fault] = deque()

    def plan(self, fault: Fault, times: int = 1) -> None:
        """Spoil the next `times` requests that `fault.matches`."""
        self._planned.extend([fault] * times)

    def clear(self) -> None:
        """Behave again."""
        self._planned.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault that this request meets, used up by it."""
        if self._planned and self._planned[0].matches(request):
            return self._planned.popleft()
        return None


class FaultyApp:
    """An ASGI application behind a plan of faults.

    `cut` closes the connection of a request at once, without a reply.
    """

    def __init__(self, app: ASGIApp, faults: Faults, cut: Callable[[Scope], None]) -> None:
        self.app = app
        self.faults = faults
        self.cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, spoil or lose one request."""
        fault = self.faults.take(Request(scope)) if scope["type"] == "http" else None
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.lose:
            await self.app(scope, receive, _nowhere)
            fault.meanwhile()
            self.cut(scope)
        else:
            if fault.served:
                await self.app(scope, receive, _nowhere)
            fault.meanwhile()
            answer = Response(fault.body, fault.status, fault.headers, "application/json")
            await answer(scope, receive, send)


async def _nowhere(message: Message) -> None:
    """Swallow what the application sends."""
