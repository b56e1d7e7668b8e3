"""Runs that ended without a word, closed by a later one with the books that the ledger makes.

A run that was killed has written no books, yet its intents and their outcomes stand in the ledger.
Of an item whose outcome nobody learned, what came later tells: it is known by now, or a later
operation was acknowledged for it. So the books of all runs together are what the boards have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from sqlalchemy import func, select

from target_monday.books import StreamBooks
from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

__all__ = ["INTERRUPTED", "close_dead_runs"]

INTERRUPTED: Final = "interrupted"
_OPEN: Final = frozenset({None, "unknown", "carried over"})  # outcomes of which nothing is known
_CHUNK: Final = 500
_json = msgspec.json.Encoder().encode
_Place = tuple[int, str]  # board by the ledger's number, and key


def close_dead_runs(engine: Engine, live: Collection[str], closer: str) -> list[str]:
    """Close the runs that have no end and do not live; gives their ids.

    One that left a request open, or new items on a board that nobody has read since, waits: what
    became of them is not known yet.
    """
    closed: list[str] = []
    with engine.connect() as connection:
        dead = {run: began for run, began in _without_end(connection).items() if run not in live}
        ready = [(run, _books(connection, run)) for run in dead]
    for run, books in ready:
        if books is None:
            continue
        with writing(engine, "close run", closer) as ledger:
            ended = select(tables.run_ends.c.run_id).where(tables.run_ends.c.run_id == run)
            if ledger.connection.execute(ended).first() is not None:
                continue
            ledger.append(tables.run_books, [{"run_id": run, **each} for each in books.rows()])
            end = {
                "run_id": run,
                "ended_at": _last_sign(ledger.connection, run, dead[run]),
                "status": INTERRUPTED,
                "exit_code": None,
                "message": f"It ended without a word; run {closer} closed it by its outcomes.",
                "calls": books.calls,
                "points": None,
            }
            ledger.append(tables.run_ends, [end])
        closed.append(run)
    return closed


def _without_end(connection: Connection) -> dict[str, float]:
    """The runs without an end, and when they began."""
    runs, ends = tables.runs, tables.run_ends
    wanted = select(runs.c.id, runs.c.started_at).outerjoin(ends, ends.c.run_id == runs.c.id)
    rows = connection.execute(wanted.where(ends.c.run_id.is_(None)).order_by(runs.c.started_at))
    return {row.id: float(row.started_at) for row in rows}


def _last_sign(connection: Connection, run: str, began: float) -> float:
    """When the run is last known to have lived."""
    signs = [began]
    for column, of in (
        (tables.requests.c.sent_at, tables.requests.c.run_id),
        (tables.records.c.at, tables.records.c.run_id),
        (tables.rejects.c.at, tables.rejects.c.run_id),
    ):
        found = connection.execute(select(func.max(column)).where(of == run)).scalar_one()
        signs.append(float(found or 0.0))
    return max(signs)


class _Sent(NamedTuple):
    """An operation of the run. `outcome` None: none was written down.

    A row whose item was gone, or that monday failed over, was to be looked up: its end is open.
    """

    number: int
    request: int
    board: int
    key: str
    kind: str
    outcome: str | None
    stream: str
    board_id: str

    @property
    def place(self) -> _Place:
        return self.board, self.key

    @property
    def is_open(self) -> bool:
        in_doubt = self.outcome == "gone" and self.kind in {"create", "update"}
        return in_doubt or self.outcome in _OPEN


@dataclass(slots=True)
class _Books:
    """The books of a run by stream and monday's id of the board; "" where rows reached none."""

    calls: int = 0
    boards: dict[tuple[str, str], StreamBooks] = field(default_factory=dict)

    def at(self, stream: str, board_id: str | None) -> StreamBooks:
        return self.boards.setdefault((stream, board_id or ""), StreamBooks())

    def enter(self, key: Sequence[_Sent], *, there: bool) -> None:
        """The operations of one key; `there`: those with an open outcome did make its item."""
        books = self.at(key[0].stream, key[0].board_id)
        done = {each.kind for each in key if each.outcome == "acknowledged"}
        still_open = {each.kind for each in key if each.is_open}
        books.archived += sum(
            each.outcome == "acknowledged" and each.kind not in {"create", "update"} for each in key
        )
        if "create" in done or ("create" in still_open and there):
            books.created += 1
        elif "update" in done:
            books.updated += 1
        elif still_open:
            books.unknown, books.carried_over = books.unknown + 1, books.carried_over + 1

    def rows(self) -> Iterator[dict[str, object]]:
        for (stream, board_id), books in self.boards.items():
            books.read = books.created + books.updated + books.rejected + books.carried_over
            counts = _json(asdict(books)).decode()
            yield {"stream": stream, "board_id": board_id, "counts": counts, "totals": None}


def _books(connection: Connection, run: str) -> _Books | None:
    """What the run did, as far as its outcomes and what came later say; None: not known yet."""
    requests, still_open = tables.requests, tables.open_requests
    waiting = select(requests.c.id).join(still_open, still_open.c.request == requests.c.id)
    if connection.execute(waiting.where(requests.c.run_id == run).limit(1)).first() is not None:
        return None
    calls = select(func.count()).select_from(requests).where(requests.c.run_id == run)
    books = _Books(connection.execute(calls).scalar_one())
    by_place: dict[_Place, list[_Sent]] = {}
    touched: set[tuple[int, str, str]] = set()
    for each in _operations(connection, run):
        by_place.setdefault(each.place, []).append(each)
        touched.add((each.request, each.stream, each.board_id))
    last = {key: these[-1].number for key, these in by_place.items() if these[-1].is_open}
    there = _came_to_be(connection, last)
    if there is None:
        return None
    for place, these in by_place.items():
        books.enter(these, there=place in there)
    for _, stream, name in touched:
        books.at(stream, name).calls += 1
    for (stream, board_id), count in _rejected(connection, run).items():
        books.at(stream, board_id).rejected += count
    return books


def _operations(connection: Connection, run: str) -> list[_Sent]:
    operations, requests = tables.operations, tables.requests
    outcomes, boards = tables.outcomes, tables.boards
    wanted = (
        select(
            *(operations.c.id, operations.c.request, operations.c.board, operations.c.key),
            *(operations.c.kind, outcomes.c.outcome, boards.c.stream, boards.c.board_id),
        )
        .join(requests, requests.c.id == operations.c.request)
        .join(boards, boards.c.id == operations.c.board)
        .outerjoin(outcomes, outcomes.c.operation == operations.c.id)
        .where(requests.c.run_id == run)
        .order_by(operations.c.id)
    )
    return [_Sent(*row) for row in connection.execute(wanted)]


def _rejected(connection: Connection, run: str) -> dict[tuple[str, str | None], int]:
    table = tables.rejects
    places = (table.c.stream, table.c.board_id)
    wanted = select(*places, func.count()).where(table.c.run_id == run).group_by(*places)
    return {(row[0], row[1]): row[2] for row in connection.execute(wanted)}


def _came_to_be(connection: Connection, last: Mapping[_Place, int]) -> set[_Place] | None:
    """The places that have had an item since their last operation of the run, by its number.

    None if a board was not read since.
    """
    found: set[_Place] = set()
    for board in {board for board, _ in last}:
        keys = sorted(key for at, key in last if at == board)
        later: dict[str, str] = {}  # the kind of the first acknowledged operation since
        known: set[str] = set()
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            for key, number, kind in _acknowledged(connection, board, chunk):
                if number > last[board, key]:
                    later.setdefault(key, kind)
            known |= _known(connection, board, chunk)
        if len(later) < len(keys) and not _is_read(connection, board):
            return None
        was_there = {key for key, kind in later.items() if kind != "create"}
        found |= {(board, key) for key in was_there | (known - later.keys())}
    return found


def _acknowledged(
    connection: Connection, board: int, keys: Sequence[str]
) -> list[tuple[str, int, str]]:
    operations, outcomes = tables.operations, tables.outcomes
    wanted = (
        select(operations.c.key, operations.c.id, operations.c.kind)
        .join(outcomes, outcomes.c.operation == operations.c.id)
        .where(operations.c.board == board, operations.c.key.in_(keys))
        .where(outcomes.c.outcome == "acknowledged")
        .order_by(operations.c.id)
    )
    return [(row.key, row.id, row.kind) for row in connection.execute(wanted)]


def _known(connection: Connection, board: int, keys: Sequence[str]) -> set[str]:
    table = tables.items
    these = (table.c.board == board) & table.c.key.in_(keys)
    return set(connection.execute(select(table.c.key).where(these)).scalars())


def _is_read(connection: Connection, board: int) -> bool:
    """Whether what is remembered of the board's items counts."""
    table = tables.boards
    wanted = select(table.c.other_items).where(table.c.id == board)
    return connection.execute(wanted).scalar_one() is not None
