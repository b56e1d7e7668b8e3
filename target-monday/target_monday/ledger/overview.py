"""Everything that a page about the ledger shows, as plain rows. Times are seconds since 1970."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from target_monday.ledger import tables
from target_monday.ledger.board_names import board_names
from target_monday.ledger.reject_book import OPEN_STATES, file_of
from target_monday.ledger.reports import recent_runs, run_report

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["overview"]

_CALLS: Final = "calls "  # how the budgets of days begin
_DAYS: Final = 14


def overview(engine: Engine, *, runs: int) -> dict[str, Any]:
    """The last runs with their books, the boards, open rejects, calls of days, what is late."""
    reports = [run_report(engine, run["id"]) for run in recent_runs(engine, runs)]
    rejects = _rejects(engine)
    with engine.connect() as connection:
        return {
            "runs": [report for report in reports if report is not None],
            "boards": _boards(connection, rejects),
            "rejects": rejects,
            "days": _days(connection),
            "daily_limit": _daily_limit(connection),
            "undelivered": _undelivered(connection, rejects),
            "seal": _seal(connection),
        }


def _boards(connection: Connection, rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each board with its rows, its last write and the last good run of its stream."""
    board, item, operation = tables.boards, tables.items, tables.operations
    outcome, books, ends = tables.outcomes, tables.run_books, tables.run_ends
    counted = select(item.c.board, func.count()).group_by(item.c.board)
    rows = {row[0]: row[1] for row in connection.execute(counted)}
    written = (
        select(operation.c.board, func.max(outcome.c.at))
        .join(outcome, outcome.c.operation == operation.c.id)
        .where(outcome.c.outcome == "acknowledged")
        .group_by(operation.c.board)
    )
    last = {row[0]: row[1] for row in connection.execute(written)}
    ended = (
        select(books.c.stream, books.c.board_id, func.max(ends.c.ended_at))
        .join(ends, ends.c.run_id == books.c.run_id)
        .where(ends.c.exit_code.in_((0, 3)))
        .group_by(books.c.stream, books.c.board_id)
    )
    good = {(row[0], row[1]): row[2] for row in connection.execute(ended)}
    found = connection.execute(select(board).order_by(board.c.stream, board.c.part)).all()
    boards_of = Counter(row.stream for row in found)
    open_of = Counter((reject["stream"], reject["board_id"]) for reject in rejects)
    names = board_names(connection)
    return [
        {
            "stream": row.stream,
            "part": row.part,
            "board_id": row.board_id,
            "name": names.get(row.board_id),
            "rows": rows.get(row.id, 0),
            "last_written_at": last.get(row.id),
            "good_at": good.get((row.stream, row.board_id)),
            # One that reached no board is the only board's.
            "open_rejects": open_of[row.stream, row.board_id]
            + (open_of[row.stream, None] if boards_of[row.stream] == 1 else 0),
        }
        for row in found
    ]


def _rejects(engine: Engine) -> list[dict[str, Any]]:
    """Open rejects, oldest first, as `rejects` counts them."""
    found = file_of(engine, states=OPEN_STATES)
    return [each.row() for each in sorted(found, key=lambda each: each.at)]


def _days(connection: Connection) -> list[dict[str, Any]]:
    """The calls of the last days on which any were made, as monday counts days (UTC)."""
    table = tables.budgets
    named = select(table.c.name, func.sum(table.c.amount)).where(table.c.name.like(f"{_CALLS}%"))
    rows = connection.execute(named.group_by(table.c.name).order_by(table.c.name))
    days = [{"day": name.removeprefix(_CALLS), "calls": round(calls)} for name, calls in rows]
    return days[-_DAYS:]


def _daily_limit(connection: Connection) -> int | None:
    table = tables.budgets
    found = select(func.max(table.c.amount)).where(table.c.name == "daily_calls")
    limit = connection.execute(found).scalar_one_or_none()
    return None if limit is None else int(limit)


def _undelivered(connection: Connection, rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not delivered, by kind: how many rows, the oldest and the newest of them.

    Such a row may be on its board: as it was before, without some of its cells, or unseen.
    """
    pending, requests = tables.pending_cells, tables.requests
    open_requests, operations = tables.open_requests, tables.operations
    parts = select(func.count(), func.min(pending.c.at), func.max(pending.c.at))
    sent = (
        select(func.count(), func.min(requests.c.sent_at), func.max(requests.c.sent_at))
        .select_from(open_requests)
        .join(requests, requests.c.id == open_requests.c.request)
        .join(operations, operations.c.request == requests.c.id)
    )
    ages = [each["at"] for each in rejects]
    found = [
        ("rejected", (len(ages), min(ages, default=None), max(ages, default=None))),
        ("on the board, cells missing", connection.execute(parts).one()),
        ("outcome unknown", connection.execute(sent).one()),
    ]
    return [
        {"what": what, "rows": rows, "oldest": oldest, "newest": newest}
        for what, (rows, oldest, newest) in found
    ]


def _seal(connection: Connection) -> dict[str, Any] | None:
    """The end of the chain as it is now."""
    table = tables.chain_head
    row = connection.execute(select(table.c.seq, table.c.hash)).first()
    return None if row is None else {"seq": row.seq, "hash": row.hash}
