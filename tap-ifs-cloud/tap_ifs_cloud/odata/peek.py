"""A few rows as they come, without types: for the list of projections, samples and tests."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.envelope import ErrorInfo, no_page, refuse_web_page, without_query
from tap_ifs_cloud.odata.errors import BrokenBody
from tap_ifs_cloud.odata.query import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.odata.session import Body, Session

__all__ = ["peek"]


class _Rows(msgspec.Struct, frozen=True):
    value: list[dict[str, Any]] | UnsetType = UNSET
    error: ErrorInfo | None = None


_ROWS = msgspec.json.Decoder(_Rows, float_hook=Decimal)


def peek(
    session: Session, url: str, query: Query, *, headers: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of one page of the entity set at `url`; links to further pages are not followed.

    Raises IfsError: NotJson where the answer is no page of rows.
    """
    address = f"{url}?{query.encoded()}"
    return session.get(address, accept=ROWS, read=_rows, headers=headers)


def _rows(body: Body) -> list[dict[str, Any]]:
    where = without_query(body.url)
    refuse_web_page(body, "rows")
    try:
        page = decoded(_ROWS, body.content)
    except Undecodable as error:
        if error.is_json:
            raise no_page(body) from error
        raise BrokenBody(f"{where}: the rows cannot be read ({error})") from error
    if page.error is not None:
        raise BrokenBody(f"{where}: an error inside a 200: {page.error.sentence()}")
    if page.value is UNSET:
        raise no_page(body)
    return page.value
