"""Root fields that start uploads of items and tell how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLResolveInfo

    from ifs_monday_sandbox.monday.call import Call
    from ifs_monday_sandbox.monday.resolve_queries import Resolver
    from ifs_monday_sandbox.monday.uploads import UploadJob

__all__ = ["FIELDS"]


def ingest_items(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, Any]:
    """A job that creates items, or updates those that match."""
    wanted = asked.get("on_match")
    match = None if wanted is None else (wanted["match_column_id"], wanted["behaviour"])
    return _start(info.context, asked, match, backfill=False)


def backfill_items(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, Any]:
    """A job that creates items."""
    return _start(info.context, asked, None, backfill=True)


def fetch_job_status(_: Any, info: GraphQLResolveInfo[Call], job_id: str) -> UploadJob:
    """How far an upload job is; each question brings it forward."""
    return info.context.account.uploads.poll(job_id)


def _start(
    call: Call, asked: Mapping[str, Any], match: tuple[str, str] | None, *, backfill: bool
) -> dict[str, Any]:
    account = call.account
    job = account.uploads.start(
        account.active_board(asked["board_id"]),
        asked["group_id"],
        match=match,
        backfill=backfill,
        writer=call.writer(),
        base_url=call.base_url,
    )
    return {"job_id": job.id, "upload_url": job.upload_url}


FIELDS: Final[Mapping[str, Resolver]] = {
    "Mutation.ingest_items": ingest_items,
    "Mutation.backfill_items": backfill_items,
    "Query.fetch_job_status": fetch_job_status,
}
