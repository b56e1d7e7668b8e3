"""RECORD lines straight from rows: the one place where the hot path steps around the SDK.

The SDK makes a dict, a message and a flush of every row. Here a page is one write. The lines are
the same, which `tests/tap/test_lines.py` holds against the SDK's; where stream maps, flattening or
a choice inside a nested column ask for a dict, the SDK's way is taken (`EntitySetStream`).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_ifs_cloud.odata.rows import Row

__all__ = ["write_records"]


class _Record(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True, gc=False):
    """A RECORD message, its members in the SDK's order."""

    stream: str
    record: Any
    version: int | None = None
    time_extracted: msgspec.Raw = msgspec.Raw()


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def write_records(stream: str, rows: Sequence[Row], *, version: int | None) -> None:
    """Write rows to stdout, one line a row."""
    now = msgspec.Raw(_ENCODER.encode(datetime.now(UTC)))
    messages = [_Record(stream, row, version, now) for row in rows]
    sys.stdout.buffer.write(_ENCODER.encode_lines(messages))
    sys.stdout.buffer.flush()
