"""A few rows as they come, without types: for the list of projections, samples and tests."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.envelope import excerpt, without_query
from tap_ifs_cloud.odata.errors import NotJson
from tap_ifs_cloud.odata.query import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.odata.session import Body, Session

__all__ = ["peek"]


class _Rows(msgspec.Struct, frozen=True):
    value: list[dict[str, Any]]


_ROWS = msgspec.json.Decoder(_Rows, float_hook=Decimal)


def peek(
    session: Session, url: str, query: Query, *, headers: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of one page of the entity set at `url`; links to further pages are not followed.

    Raises IfsError: NotJson where the answer is no page of rows.
    """
    address = f"{url}?{query.encoded()}"
    return session.get(address, accept=ROWS, read=_rows, headers=headers).value


def _rows(body: Body) -> _Rows:
    try:
        return decoded(_ROWS, body.content)
    except Undecodable as error:
        shown = excerpt(body.content.decode(errors="replace"))[:80]
        raise NotJson(
            f"{without_query(body.url)} answered with something else than rows ({shown}): "
            "is a login or proxy before IFS?"
        ) from error
