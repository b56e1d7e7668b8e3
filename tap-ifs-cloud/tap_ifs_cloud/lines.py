"""RECORD lines straight from rows: the one place where the hot path steps around the SDK.

The SDK makes a dict, a message and a flush of every row. Here a page is one write. But for the
number of the page the lines are the same, which `tests/tap/test_lines.py` holds against the SDK's;
where stream maps, flattening or a choice inside a nested column ask for a dict, the SDK's way is
taken (`EntitySetStream`), and no line tells its page.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.paging import Page

__all__ = ["write_records"]


class _Record(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True, gc=False):
    """A RECORD message, its members in the SDK's order, and one that says where it was read."""

    stream: str
    record: Any
    version: int | None = None
    time_extracted: msgspec.Raw = msgspec.Raw()
    page: int | None = None


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def write_records(stream: str, page: Page, *, version: int | None) -> None:
    """Write the rows of a page to stdout, one line a row.

    The number of the page stands beside the record, not in it: rows wander from page to page
    without being changed.
    """
    now = msgspec.Raw(_ENCODER.encode(datetime.now(UTC)))
    messages = [_Record(stream, row, version, now, page.number) for row in page.rows]
    sys.stdout.buffer.write(_ENCODER.encode_lines(messages))
    sys.stdout.buffer.flush()
