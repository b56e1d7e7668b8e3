"""RECORD lines straight from rows: the one place where the hot path steps around the SDK.

The SDK makes a dict, a message and a flush of every row. Here a page is one write. The lines are
the same, which `tests/tap/test_lines.py` holds against the SDK's; where stream maps, flattening or
a choice inside a nested column ask for a dict, the SDK's way is taken (`EntitySetStream`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_ifs_cloud.odata.rows import Row, RowType

__all__ = ["RecordLines"]


class _Record(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True, gc=False):
    """A RECORD message, its members in the SDK's order."""

    stream: str
    record: Any
    version: int | None = None
    time_extracted: datetime | None = None


# JSON has no numbers for these; a text that holds the words only costs a closer look.
_NO_NUMBERS: Final = (b"NaN", b"Infinity")
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class RecordLines:
    """Writes the rows of one stream to stdout."""

    stream: str
    row_type: RowType

    def write(self, rows: Sequence[Row], *, version: int | None) -> None:
        """One line per row. Raises ValueInvalid before anything of the page is written."""
        now = datetime.now(UTC)
        lines = _ENCODER.encode_lines([_Record(self.stream, row, version, now) for row in rows])
        if any(word in lines for word in _NO_NUMBERS):
            self.row_type.check_numbers(rows)
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
