"""The web application: the API, the sandbox's own addresses, and the page to look at."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ifs_monday_sandbox.eyes.routes import page_routes
from ifs_monday_sandbox.monday import serving
from ifs_monday_sandbox.monday.upload_routes import upload_routes

if TYPE_CHECKING:
    from starlette.requests import Request

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.settings import MondaySettings

__all__ = ["create_app"]


def create_app(account: Account, settings: MondaySettings) -> Starlette:
    """The twin of monday.com for one account."""

    def base_url(request: Request) -> str:
        return settings.base_url or str(request.base_url).rstrip("/")

    async def graphql(request: Request) -> Response:
        wanted = serving.Request(request.headers, await request.body(), base_url(request))
        answer = await run_in_threadpool(serving.answer, account, wanted)
        return Response(answer.body, answer.status, answer.headers, "application/json")

    def reset(_: Request) -> Response:
        account.reset()
        return JSONResponse({"reset": True})

    def usage(_: Request) -> Response:
        return JSONResponse(asdict(account.usage))

    return Starlette(
        routes=[
            Route("/v2", graphql, methods=["POST"]),
            Route("/sandbox/reset", reset, methods=["POST"]),
            Route("/sandbox/usage", usage, methods=["GET"]),
            *upload_routes(account),
            *page_routes(account),
        ]
    )
