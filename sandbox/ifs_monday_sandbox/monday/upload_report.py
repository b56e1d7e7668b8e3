"""The report of a bulk job: a CSV file that says what became of each row."""

from __future__ import annotations

import csv
import io
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifs_monday_sandbox.monday.settings import BulkReport
    from ifs_monday_sandbox.monday.upload_rows import Outcome

__all__ = ["report_of"]

_STATUS: Final[Mapping[str, str]] = {
    "created": "success",
    "updated": "success",
    "skipped": "skipped",
    "invalid": "validation_error",
    "failed": "error",
}


def report_of(
    outcomes: Sequence[Outcome], columns: Sequence[str], form: BulkReport, *, seed: int
) -> str:
    """The report in one of its forms; `columns` are those of the file, without the name's."""
    if form == "row_number":
        head: Sequence[str] = ("row_number", "status", "item_id", "error")
        lines = [(one.row_number, one.kind, one.item_id or "", one.error) for one in outcomes]
        return _csv(head, lines)
    head = ("serialNo", "status", "itemId", "error", *columns)
    rows = [_line(one, columns) for one in outcomes]
    if form == "shuffled":
        Random(seed).shuffle(rows)  # noqa: S311  (an order, not a secret)
    report = _csv(head, rows)
    return report[: len(report) * 2 // 3] if form == "truncated" else report


def _line(one: Outcome, columns: Sequence[str]) -> Sequence[object]:
    """The cell of a column holds what is wrong with it, never its value."""
    texts = {one.column_id: one.error} if one.column_id else {}
    error = f"[{one.column_id}]: {one.error}" if one.column_id else one.error
    cells = [texts.get(column_id, "") for column_id in columns]
    return [one.row_number, _STATUS[one.kind], one.item_id or "", error, *cells]


def _csv(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return out.getvalue()
