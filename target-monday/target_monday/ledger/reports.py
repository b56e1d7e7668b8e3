"""What the ledger can tell afterwards, as plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from target_monday.books import is_balanced
from target_monday.ledger import tables
from target_monday.ledger.board_names import board_names
from target_monday.ledger.closing import INTERRUPTED
from target_monday.ledger.leases import live_runs
from target_monday.ledger.rejects import is_open

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine, Row

__all__ = ["open_rejects", "recent_runs", "run_report"]

_ENDS: Final = [each for each in tables.run_ends.c if each.name not in {"run_id", "digest"}]
_RUNS: Final = select(*(each for each in tables.runs.c if each.name != "digest"), *_ENDS).join(
    tables.run_ends, tables.run_ends.c.run_id == tables.runs.c.id, isouter=True
)
_counts = msgspec.json.Decoder(dict[str, int]).decode
_NO_COUNTS: Final = frozenset({"stream", "board_id", "board_name", "totals"})


def recent_runs(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """The last runs, newest first. Times are seconds since 1970, UTC."""
    table, live = tables.runs, live_runs(engine)
    with engine.connect() as connection:
        rows = connection.execute(_RUNS.order_by(table.c.started_at.desc()).limit(limit))
        return [_run(row, live) for row in rows]


def _run(row: Row[Any], live: Collection[str]) -> dict[str, Any]:
    """A run with its end; one that has none lives, or was interrupted and is not closed yet."""
    run = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    run["status"] = run["status"] or ("running" if row.id in live else INTERRUPTED)
    run["seconds"] = (
        None if run["ended_at"] is None else round(run["ended_at"] - run["started_at"], 1)
    )
    return run


def run_report(engine: Engine, run_id: str | None) -> dict[str, Any] | None:
    """One run with its `boards`, the `total`, and whether its books are `balanced`.

    A run that has no end has no books either: whether they balance is None.
    """
    table = tables.runs
    newest = _RUNS.order_by(table.c.started_at.desc()).limit(1)
    wanted = newest if run_id is None else _RUNS.where(table.c.id == run_id)
    with engine.connect() as connection:
        row = connection.execute(wanted).one_or_none()
        if row is None:
            return None
        boards = _boards(engine, row.id)
    run = _run(row, live_runs(engine))
    names = [name for name in (boards[0] if boards else {}) if name not in _NO_COUNTS]
    total = {name: sum(board[name] for board in boards) for name in names}
    total.update(calls=run["calls"], points=run["points"])
    has_books = run["ended_at"] is not None
    balanced = all(is_balanced(board) for board in boards) if has_books else None
    return {**run, "boards": boards, "total": total, "balanced": balanced}


def _boards(engine: Engine, run_id: str) -> list[dict[str, Any]]:
    table = tables.run_books
    with engine.connect() as connection:
        names = board_names(connection)
        rows = connection.execute(select(table).where(table.c.run_id == run_id))
        return [
            {
                "stream": row.stream,
                "board_id": row.board_id or None,
                "board_name": names.get(row.board_id),
                "totals": None if row.totals is None else msgspec.json.decode(row.totals),
                **_renamed(_counts(row.counts)),
            }
            for row in rows
        ]


def _renamed(counts: dict[str, int]) -> dict[str, int]:
    """Counts of a run of version 0.1, which called filtered rows skipped."""
    return {"filtered" if name == "skipped" else name: count for name, count in counts.items()}


def open_rejects(engine: Engine, *, payload: bool = False) -> list[dict[str, Any]]:
    """Rejects that no later row of their key has settled, oldest first."""
    rejects, records = tables.rejects, tables.records
    wanted = (
        select(rejects, records.c.payload)
        .join(records, records.c.id == rejects.c.record, isouter=True)
        .where(is_open())
        .order_by(rejects.c.id)
    )
    with engine.connect() as connection:
        return [_reject(row, payload=payload) for row in connection.execute(wanted)]


def _reject(row: Row[Any], *, payload: bool) -> dict[str, Any]:
    reject = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    record = reject.pop("payload")
    del reject["digest"]
    if payload:
        reject["payload"] = None if record is None else msgspec.Raw(record)
    return reject
