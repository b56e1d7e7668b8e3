"""Links between boards: the cell holds the ids of the items that it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_monday.cells.codec import Codec, Json, Setup, member
from target_monday.quoting import quoted
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["board_relation"]


def board_relation(setup: Setup) -> Codec:
    """Items of connected boards by their ids, in one order whatever way they come."""
    single = setup.settings.get("allowMultipleItems") is False

    def canonical(value: object) -> Cell:
        if not isinstance(value, list) or not all(map(_is_id, value)):
            raise BadCell(f"{quoted(value)} is not a list of item ids")
        ids = sorted(set(value))
        if single and len(ids) > 1:
            raise BadCell(f"{len(ids)} links, the column takes one in a cell")
        return ids or None

    def encode(cell: list[str]) -> Json:
        return {"item_ids": [int(number) for number in cell]}

    def decode(_: str | None, value: Json) -> Cell:
        return sorted({str(int(each)) for each in member(value, "linked_item_ids") or ()}) or None

    return Codec(canonical, encode, decode)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal()
