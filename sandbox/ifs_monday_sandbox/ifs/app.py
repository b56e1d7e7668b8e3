"""The IFS Cloud twin as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ifs_monday_sandbox.ifs.auth import TokenRefusedError, Tokens
from ifs_monday_sandbox.ifs.errors import (
    ODataError,
    malformed,
    metadata_not_found,
    method_not_allowed,
)
from ifs_monday_sandbox.ifs.limits import RequestLimit
from ifs_monday_sandbox.ifs.payload import encode
from ifs_monday_sandbox.ifs.service import Asked, Services
from ifs_monday_sandbox.ifs.settings import IfsSettings

if TYPE_CHECKING:
    from starlette.requests import Request

    from ifs_monday_sandbox.business import Business

__all__ = ["Tenant", "create_app"]


class Tenant:
    """One tenant: its tokens, its limit, its services, and what it has served so far."""

    def __init__(self, business: Business, settings: IfsSettings) -> None:
        self.settings = settings
        self.tokens = Tokens(settings)
        self.requests = 0
        self._business = business
        self._limit = RequestLimit(settings)
        self._services = Services(business, settings)

    def expire_tokens(self) -> None:
        """End all tokens now, as if their time were over."""
        self.tokens.expire()

    async def token(self, request: Request) -> Response:
        """A token for client credentials."""
        if request.path_params["realm"] != self.settings.realm:
            return JSONResponse({"error": "Realm does not exist"}, 404)
        form = (await request.body()).decode()
        try:
            reply = self.tokens.issue(form, request.headers.get("authorization"))
        except TokenRefusedError as refused:
            return JSONResponse(refused.body(), refused.status)
        return JSONResponse(reply, headers={"Cache-Control": "no-store"})

    async def well_known(self, request: Request) -> Response:
        """Where the realm's token endpoint is."""
        if request.path_params["realm"] != self.settings.realm:
            return JSONResponse({"error": "Realm does not exist"}, 404)
        issuer = f"{_origin(request)}/auth/realms/{self.settings.realm}"
        endpoint = f"{issuer}/protocol/openid-connect/token"
        return JSONResponse({"issuer": issuer, "token_endpoint": endpoint})

    async def odata(self, request: Request) -> Response:
        """A GET on one of the services; all else is refused."""
        self.requests += 1
        try:
            self.tokens.check(request.headers.get("authorization"))
            self._limit.take()
            if request.method != "GET":
                raise method_not_allowed(request.method)
            return self._services.answer(_asked(request))
        except RecursionError:
            return _refusal(malformed("The expression is nested too deeply."))
        except ODataError as error:
            return _refusal(error)

    async def tick(self, _: Request) -> Response:
        """Let a business day pass; gives what has changed."""
        return Response(encode(self._business.tick()), media_type="application/json")

    async def reset(self, _: Request) -> Response:
        """Start the business over and forget what was served."""
        self._business.reset()
        self.requests = self.tokens.issued = 0
        return JSONResponse({"reset": True})

    async def expire(self, _: Request) -> Response:
        """End all tokens."""
        self.expire_tokens()
        return JSONResponse({"expired": True})

    async def served(self, _: Request) -> Response:
        """How many OData requests came in and how many tokens were given out."""
        return JSONResponse({"requests": self.requests, "tokens": self.tokens.issued})


def create_app(business: Business, settings: IfsSettings | None = None) -> Starlette:
    """The application; `app.state.tenant` is the `Tenant` behind it."""
    tenant = Tenant(business, settings or IfsSettings())
    realm = "/auth/realms/{realm}"
    verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(
        routes=[
            Route(f"{realm}/protocol/openid-connect/token", tenant.token, methods=["POST"]),
            Route(f"{realm}/.well-known/openid-configuration", tenant.well_known),
            Route(
                "/{gateway}/ifsapplications/{service}/v1/{path:path}", tenant.odata, methods=verbs
            ),
            Route("/sandbox/tick", tenant.tick, methods=["POST"]),
            Route("/sandbox/reset", tenant.reset, methods=["POST"]),
            Route("/sandbox/expire-tokens", tenant.expire, methods=["POST"]),
            Route("/sandbox/requests", tenant.served),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)],
        exception_handlers={404: _unknown_path},
    )
    app.state.tenant = tenant
    return app


async def _unknown_path(_: Request, __: Exception) -> Response:
    return _refusal(metadata_not_found())


def _refusal(error: ODataError) -> Response:
    return JSONResponse(error.envelope(), error.status, error.headers)


def _asked(request: Request) -> Asked:
    """The request with its path still encoded: a key may hold a slash."""
    raw: bytes = request.scope["raw_path"]
    return Asked(
        origin=_origin(request),
        gateway=request.path_params["gateway"],
        service=request.path_params["service"],
        path=raw.decode(errors="replace").split("/v1/", 1)[1],
        query_string=request.url.query,
        accept=request.headers.get("accept", ""),
        if_none_match=request.headers.get("if-none-match", ""),
        if_modified_since=request.headers.get("if-modified-since", ""),
    )


def _origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")
