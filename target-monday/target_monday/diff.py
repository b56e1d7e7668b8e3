"""Wanted rows against known items: what has to be done. Pure, and the heart of "only changes"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "GROUP",
    "UPSERT",
    "Archive",
    "Cell",
    "Create",
    "KnownItem",
    "Operation",
    "Rules",
    "Unchanged",
    "Update",
    "WantedRow",
]
__all__ += ["certain", "diff", "doubted"]

Cell = str | int | bool | list[str] | None
_decode = msgspec.json.Decoder(Cell).decode

_DOUBT: Final = "\0"  # no text of a cell begins with it
GROUP: Final = ":group"  # stands among the cells for the title of the item's group


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be done for a row: make its item, change it, move it to another group.

    `along`: columns that are written with other changes, and are no reason to write themselves.
    """

    create: bool = True
    update: bool = True
    move: bool = True
    along: frozenset[str] = frozenset()


UPSERT: Final = Rules()


class WantedRow(msgspec.Struct, frozen=True):
    """One record as its item should be.

    `cells` maps column ids to canonical values; None clears a cell, a column that is not in it is
    left alone. `name` is None where a property that it is made of is missing: the name is left
    alone, and a new item takes `fallback_name`. `shortened` counts the texts that were cut.
    `unlinked`: by the name of a column of links, the keys of targets not all of which are known;
    its cell is left alone until they are.
    """

    key: str
    name: str | None
    fallback_name: str
    cells: Mapping[str, Cell]
    shortened: int = 0
    rules: Rules = UPSERT
    unlinked: Mapping[str, tuple[str, ...]] | None = None


class KnownItem(msgspec.Struct, frozen=True):
    """An item as the board last had it, by acknowledgement or by reading.

    `record_hash`: of a record for which such an item needs no change (see `quiet`), if one is
    known.
    """

    item_id: str
    name: str
    cells: Mapping[str, Cell]  # a column that is absent is empty
    record_hash: bytes | None = None

    def under(self, item_id: str) -> KnownItem:
        """The same, once monday has given it an id."""
        return KnownItem(item_id, self.name, self.cells, self.record_hash)


class Create(msgspec.Struct, frozen=True):
    """A new item. `cells` are those to write: it has nothing to clear."""

    row: WantedRow
    cells: Mapping[str, Cell]
    kind: ClassVar = "create"

    @classmethod
    def of(cls, row: WantedRow) -> Create:
        """The item of a row."""
        return cls(row, {column: cell for column, cell in row.cells.items() if cell is not None})

    @property
    def name(self) -> str:
        """The name that the new item gets."""
        return self.row.name or self.row.fallback_name


class Update(msgspec.Struct, frozen=True):
    """An item whose cells or name differ: only what differs is sent."""

    row: WantedRow
    item_id: str
    cells: Mapping[str, Cell]
    name: str | None  # None: as it is
    kind: ClassVar = "update"


class Archive(msgspec.Struct, frozen=True):
    """An item whose row is gone from the source; `delete` where the settings ask for that."""

    key: str
    item_id: str
    delete: bool = False
    kind: ClassVar = "archive"


class Unchanged(msgspec.Struct, frozen=True):
    """Nothing to send; `filtered` if the rules keep a row from being sent."""

    item_id: str
    filtered: bool = False


Operation = Create | Update | Archive


def diff(wanted: WantedRow, known: KnownItem | None) -> Create | Update | Unchanged:
    """What makes the known item, if there is one, as it is wanted."""
    rules = wanted.rules
    if known is None:
        return Create.of(wanted) if rules.create else Unchanged("", filtered=True)
    have = known.cells.get
    changed = {column: cell for column, cell in wanted.cells.items() if cell != have(column)}
    if not rules.move:
        changed.pop(GROUP, None)
    name = wanted.name if wanted.name is not None and wanted.name != known.name else None
    if name is None and not changed.keys() - rules.along:
        return Unchanged(known.item_id)
    if not rules.update:
        return Unchanged(known.item_id, filtered=True)
    return Update(wanted, known.item_id, changed, name)


def doubted(cell: Cell) -> Cell:
    """A cell that may be as it was known or as it was to be: no wanted cell is equal to it."""
    return cell if _is_doubted(cell) else [_DOUBT, msgspec.json.encode(cell).decode()]


def certain(cells: Mapping[str, Cell]) -> Mapping[str, Cell]:
    """The cells as they were last acknowledged."""
    if list not in map(type, cells.values()):
        return cells
    return {
        column: _decode(cell[1]) if isinstance(cell, list) and _is_doubted(cell) else cell
        for column, cell in cells.items()
    }


def _is_doubted(cell: Cell) -> bool:
    return isinstance(cell, list) and cell[:1] == [_DOUBT]
