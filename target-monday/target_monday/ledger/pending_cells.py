"""Cells that did not fit into any request of their run: kept for the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Engine, select

from target_monday.diff import Cell
from target_monday.ledger import tables
from target_monday.ledger.sealed import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PendingCells"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Cell]).decode


@dataclass(slots=True)
class PendingCells:
    """The cells that wait, by board (the ledger's number for it) and key."""

    engine: Engine
    clock: Callable[[], float]

    def of(self, board: int) -> dict[str, dict[str, Cell]]:
        """Key -> cells that did not fit into any request of an earlier run."""
        table = tables.pending_cells
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.board == board))
            return {row.key: _decode(row.cells) for row in rows}

    def keep(self, board: int, key: str, cells: Mapping[str, Cell]) -> None:
        """Remember cells for the next run, beside those that wait already."""
        kept = {**self.of(board).get(key, {}), **cells}
        row = {"board": board, "key": key, "cells": _encode(kept), "at": self.clock()}
        with writing(self.engine, "keep cells") as ledger:
            ledger.put(tables.pending_cells, [row])

    def forget(self, board: int, key: str) -> None:
        """They are on the board now."""
        table = tables.pending_cells
        with writing(self.engine, "forget cells") as ledger:
            ledger.remove(table, (table.c.board == board) & (table.c.key == key))
