"""The addresses of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ifs_monday_sandbox.eyes.page import board_page, index_page, snapshot
from ifs_monday_sandbox.monday.errors import MondayError

if TYPE_CHECKING:
    from starlette.requests import Request

    from ifs_monday_sandbox.monday.account import Account

__all__ = ["page_routes"]


def page_routes(account: Account) -> list[Route]:
    """All boards, one board, and everything in one file."""

    def index(_: Request) -> Response:
        return HTMLResponse(index_page(account))

    def board(request: Request) -> Response:
        try:
            return HTMLResponse(board_page(account, request.path_params["board_id"]))
        except MondayError as error:
            return PlainTextResponse(str(error), 404)

    def everything(_: Request) -> Response:
        return HTMLResponse(snapshot(account))

    def no_icon(_: Request) -> Response:
        return Response(status_code=204)

    return [
        Route("/", index),
        Route("/boards/{board_id}", board),
        Route("/sandbox/snapshot.html", everything),
        Route("/favicon.ico", no_icon),
    ]
