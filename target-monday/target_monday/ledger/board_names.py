"""What boards are called, as far as the ledger knows: by the mapping that made or found them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from target_monday.ledger import tables
from target_monday.mapping import default_board_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["board_names"]

_mapping: Final = msgspec.json.Decoder(dict[str, Any]).decode


def board_names(connection: Connection) -> dict[str, str]:
    """Return board id -> name. A board that a mapping names by its id has none."""
    named = _named(connection)
    found = connection.execute(select(tables.boards).order_by(tables.boards.c.id)).all()
    names: dict[str, str] = {}
    for row in found:
        name = row.part or named.get(row.stream, default_board_name(row.stream))
        if name:
            names.setdefault(row.board_id, name)
    return names


def _named(connection: Connection) -> dict[str, str]:
    """Stream -> what the newest mapping calls its board; "" where it is named by its id."""
    table = tables.mappings
    found: dict[str, str] = {}
    for row in connection.execute(select(table.c.mapping).order_by(table.c.at)):
        for stream, entry in (_mapping(row.mapping).get("boards") or {}).items():
            if isinstance(entry, dict) and (entry.get("board_name") or entry.get("board_id")):
                found[stream] = str(entry.get("board_name") or "")
    return found
