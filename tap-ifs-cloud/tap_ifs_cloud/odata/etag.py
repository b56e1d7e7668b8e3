"""The row version that IFS hides in every etag.

IFS writes `W/"` + base64 of `W/"<rowid>:<version>"` + `"`, where the version is the time of the
last update, `YYYYMMDDHH24MISS` in database-local time, or a counter (IFS technical documentation,
OData provider, "ETag"; seen with both forms). Rows of views may have no etag at all.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

__all__ = ["row_version", "version_time"]

_OUTER = re.compile(r'(?:W/)?"([A-Za-z0-9+/=]+)"')
_INNER = re.compile(r'(?:W/)?"[^":]*:([^":]+)"')
_TIME = re.compile(r"(?:19|20)\d{12}")


def row_version(etag: object) -> str | None:
    """The version inside an etag; `None` where there is none or the form is another server's."""
    outer = _OUTER.fullmatch(etag) if isinstance(etag, str) else None
    if outer is None:
        return None
    try:
        inner = _INNER.fullmatch(base64.b64decode(outer[1], validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        return None
    return inner[1] if inner else None


def version_time(version: str | None) -> datetime | None:
    """The database-local time that a version states; `None` for counters.

    A counter counts the changes of one row, so counters of two rows cannot be compared.
    """
    if version is None or not _TIME.fullmatch(version):
        return None
    try:
        return datetime.strptime(version, "%Y%m%d%H%M%S")  # noqa: DTZ007 # zone unknown  # its zone is unknown
    except ValueError:
        return None
