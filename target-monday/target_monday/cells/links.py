"""Links between boards: the cell holds the ids of the items that it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_monday.cells.codec import Codec, Json, Setup, member
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["board_relation"]


def board_relation(setup: Setup) -> Codec:
    """Items of connected boards by their ids, in one order whatever way they come."""
    single = setup.settings.get("allowMultipleItems") is False

    def canonical(value: object) -> Cell:
        ids = sorted({str(each) for each in value}) if isinstance(value, list) else []
        if single and len(ids) > 1:
            raise BadCell(f"{len(ids)} links, the column takes one in a cell")
        return ids or None

    def encode(cell: list[str]) -> Json:
        return {"item_ids": [int(number) for number in cell]}

    def decode(_: str | None, value: Json) -> Cell:
        return sorted({str(each) for each in member(value, "linked_item_ids") or ()}) or None

    return Codec(canonical, encode, decode)
