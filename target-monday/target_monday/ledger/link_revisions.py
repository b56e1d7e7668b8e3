"""Whether what a board's links point to is still the same: a number that moves when it is not.

It moves in the very write in which an item that is linked to goes, or gets another id. A target
that comes moves nothing: no row that waits for one is remembered as needing no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from target_monday.ledger.sealed import Writing

__all__ = ["link_revision", "note_targets"]

_CHUNK: Final = 500  # keys a statement


def note_targets(ledger: Writing, board: int, ids: Mapping[str, str] | None) -> None:
    """Items of a board get these ids, by key, "" if they go; None: all of them go.

    To be told before they are written.
    """
    if not ledger.holds(tables.link_targets):
        return
    items, links = tables.items, tables.link_targets
    there = (
        select(items.c.key, items.c.item_id, links.c.board)
        .join(links, links.c.target == items.c.key)
        .where(items.c.board == board)
    )
    keys = list(ids or ())
    parts = [
        there.where(items.c.key.in_(keys[at : at + _CHUNK])) for at in range(0, len(keys), _CHUNK)
    ]
    moved = {
        row.board
        for part in ([there] if ids is None else parts)
        for row in ledger.connection.execute(part)
        if ids is None or row.item_id != ids[row.key]
    }
    if not moved:
        return
    table = tables.link_revisions
    before = ledger.connection.execute(select(table).where(table.c.board.in_(moved)))
    known = {row.board: row.revision for row in before}
    ledger.put(
        table, [{"board": each, "revision": known.get(each, 0) + 1} for each in sorted(moved)]
    )


def link_revision(engine: Engine, board: int) -> int:
    """The number of a board's links: as long as it stays, what they point to does."""
    table = tables.link_revisions
    with engine.connect() as connection:
        found = connection.execute(select(table.c.revision).where(table.c.board == board))
        return found.scalar_one_or_none() or 0
