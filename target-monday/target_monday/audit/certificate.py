"""What stands in the certificate of a reconciliation. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from target_monday.audit.comparing import row_hash
from target_monday.audit.totals import both_totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.audit.comparing import Difference
    from target_monday.audit.reading_back import BoardRead
    from target_monday.ledger.evidence import Write

__all__ = ["board_part", "exceptions_of", "written_by"]


def board_part(read: BoardRead) -> dict[str, Any]:
    """One board: scope, counts, control totals, and the hash of each row on both sides."""
    columns = [column for column in read.columns if column != read.record.key_column]
    rows = [
        {
            "key": pair.key,
            "item_id": pair.item_id,
            "ledger": row_hash(pair.key, pair.ledger, columns),
            "board": row_hash(pair.key, pair.board, columns),
        }
        for pair in sorted(read.pairs, key=lambda pair: pair.key)
    ]
    sampled = None if read.sampled is None else {"rows": read.sampled, "seed": read.seed}
    return {
        "stream": read.record.stream,
        "board_id": read.record.board_id,
        "board_name": read.name,
        "sample": sampled,
        "not_looked_at": read.not_looked_at,
        "ledger_rows": read.expected_rows,
        "known_by_reading": read.known_by_reading,
        "compared_rows": len(rows),
        "equal_rows": sum(row["ledger"] == row["board"] for row in rows),
        "board_items": read.found_rows,
        "exceptions": dict(sorted(Counter(each.kind for each in read.found).items())),
        "hash": {side: _whole([row[side] for row in rows]) for side in ("ledger", "board")},
        "columns": [
            {"column_id": column, "property": name.lstrip(":"), "title": title, "type": kind}
            for column, (name, title, kind) in read.columns.items()
        ],
        "totals": both_totals(read.pairs, read.columns, read.key_properties, read.booked),
        "rows": rows,
    }


def _whole(hashes: Sequence[str]) -> str:
    """The hash of a board's rows, in order of their keys."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def written_by(read: BoardRead, writers: Mapping[str, Mapping[str, int]]) -> list[int]:
    """The operations that wrote last where the board differs.

    `writers` maps keys and columns to their numbers.
    """
    found = (_writer(each, writers) for each in read.found)
    return [number for number in found if number is not None]


def _writer(each: Difference, writers: Mapping[str, Mapping[str, int]]) -> int | None:
    of_row = writers.get(each.key or "", {})
    if each.column_id is not None and each.column_id in of_row:
        return of_row[each.column_id]
    whole_row = each.kind in {"missing", "archived", "deleted", "moved", "key", "restored"}
    return max(of_row.values(), default=None) if whole_row else None


def exceptions_of(
    read: BoardRead,
    writers: Mapping[str, Mapping[str, int]],
    writes: Mapping[int, Write],
) -> list[dict[str, Any]]:
    """Every difference of a board, with who wrote last by the ledger."""
    found = []
    for each in read.found:
        name, title, _ = read.columns.get(each.column_id or "", (None, None, None))
        write = writes.get(_writer(each, writers) or 0)
        found.append(
            {
                "kind": each.kind,
                "stream": read.record.stream,
                "board_id": read.record.board_id,
                "board_name": read.name,
                "key": each.key,
                "item_id": each.item_id,
                "column_id": each.column_id,
                "column": title,
                "property": name.lstrip(":") if name else None,
                "ledger": each.ledger,
                "board": each.board,
                "rows": each.rows,
                "explanation": each.explanation + _doubt(write),
                "last_write": _last(write),
            }
        )
    return found


def _doubt(write: Write | None) -> str:
    if write is None or write.outcome not in {None, "unknown"}:
        return ""
    return " A run has sent a write whose outcome is not known; the next run finds out."


def _last(write: Write | None) -> dict[str, Any] | None:
    if write is None:
        return None
    return {
        "run": write.run,
        "operation": write.operation,
        "sent_at": write.sent_at,
        "outcome": write.outcome,
    }
