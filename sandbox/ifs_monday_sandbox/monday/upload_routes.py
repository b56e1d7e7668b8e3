"""The addresses of upload jobs: where the file is PUT, where the report is read.

As storage services do, they take a signed address and refuse what was not signed with it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from ifs_monday_sandbox.monday.account import Account

__all__ = ["upload_routes"]


def upload_routes(account: Account) -> list[Route]:
    """The two routes."""

    async def upload(request: Request) -> Response:
        content = await request.body()
        return await run_in_threadpool(_upload, account, request, content)

    def report(request: Request) -> Response:
        with account.lock:
            job = account.uploads.by_token(request.path_params["token"])
            if job is None or job.report_until is None or account.elapsed() > job.report_until:
                return _denied("the address has expired")
            return PlainTextResponse(job.report, media_type="text/csv")

    return [
        Route("/uploads/{token}", upload, methods=["PUT"]),
        Route("/reports/{token}", report, methods=["GET"]),
    ]


def _upload(account: Account, request: Request, content: bytes) -> Response:
    unsigned = [
        name
        for name in request.headers
        if name == "authorization" or name.startswith(("x-amz-checksum", "x-amz-sdk-checksum"))
    ]
    if unsigned:
        return _denied(f"headers that were not signed: {', '.join(unsigned)}")
    if request.headers.get("content-type", "").partition(";")[0] != "text/csv":
        return _denied("Content-Type must be text/csv, as signed")
    with account.lock:
        job = account.uploads.by_token(request.path_params["token"])
        if job is None or account.elapsed() > job.upload_until:
            return _denied("the address has expired")
        if job.status != "UPLOAD_PENDING":
            return _denied("the file was uploaded before")
        account.uploads.receive(job, content)
    tag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Response(status_code=200, headers={"ETag": f'"{tag}"'})


def _denied(why: str) -> Response:
    body = f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>"
    return Response(body, 403, media_type="application/xml")
