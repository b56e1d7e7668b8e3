"""The row version that IFS hides in every etag.

IFS writes `W/"` + base64 of `W/"<rowid>:<version>"` + `"`, where the version is the time of the
last update, `YYYYMMDDHH24MISS` in database-local time, or a counter (IFS technical documentation,
OData provider, "ETag"; seen with both forms). Rows of views may have no etag at all.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from datetime import datetime

__all__ = ["row_version", "version_time"]

_TIME = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")


def row_version(etag: str | None) -> str | None:
    """The version inside an etag; `None` where there is none or the form is another server's.

    Called for every row, so it looks no closer than it must.
    """
    if etag is None:
        return None
    try:
        inner = a2b_base64(etag[3:-1])  # between `W/"` and `"`
        return inner[inner.rindex(b":") + 1 : -1].decode() if inner[:3] == b'W/"' else None
    except ValueError:  # no base64, no colon or no UTF-8
        return None


def version_time(version: str | None) -> datetime | None:
    """The database-local time that a version states; `None` for counters.

    A counter counts the changes of one row, so counters of two rows cannot be compared.
    """
    stated = _TIME.fullmatch(version or "")
    if stated is None:
        return None
    try:
        return datetime(*map(int, stated.groups()))  # type: ignore[arg-type] # noqa: DTZ001 # zone unknown
    except ValueError:
        return None
