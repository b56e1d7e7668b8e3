"""A mapping bound to a real board: record -> wanted row, item as read -> known item. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from target_monday.cells import NAME_LIMIT, Canonical, Codec, Encode, shorten
from target_monday.columns import METADATA
from target_monday.diff import (
    GROUP,
    UPSERT,
    Archive,
    Cell,
    Create,
    KnownItem,
    Rules,
    Update,
    WantedRow,
)
from target_monday.directory import addresses
from target_monday.keys import key_of, key_text
from target_monday.monday.operations import ArchiveItem, CreateItem, Mutation, UpdateItem
from target_monday.privacy import is_mask
from target_monday.quoting import quoted
from target_monday.rejects import EmptyName, Reject
from target_monday.templates import ABSENT, Absent
from target_monday.trail import TRAIL
from target_monday.truncation import title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_monday.columns import Source
    from target_monday.control_totals import ControlTotals
    from target_monday.diff import Operation
    from target_monday.links import Link, LinkTargets
    from target_monday.mapping import BoardSpec
    from target_monday.monday.boards import Column, Item

__all__ = ["BoardPlan", "CellPlan"]

_REMEMBERED: Final = 10_000  # values of a column whose cells are not made again
_RULES: Final = {
    "upsert": UPSERT,
    "append": UPSERT,
    "update_only": Rules(create=False),
    "insert_only": Rules(update=False),
}


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One property, or several by `source`, and its column."""

    property: str
    column: Column
    codec: Codec
    clear_nulls: bool = True
    source: Source | None = None
    link: Link | None = None


# Property, column id, canonical, whether nulls clear, limit of a text, cells of values seen before.
_Step = tuple[str, str, Canonical, bool, int | None, dict[str, Cell]]


def _step(cell: CellPlan) -> _Step:
    codec = cell.codec
    return cell.property, cell.column.id, codec.canonical, cell.clear_nulls, codec.limit, {}


@dataclass(slots=True)
class BoardPlan:
    """How records of one stream become items of one board.

    `groups` are the board's groups by title, where the title of an item's group is a value.
    `shortened` counts by column the texts that were cut; under "name" the items' names.
    `targets`: of its columns of links, by name, also of those that are not made yet. `former_key`:
    the properties that make up the keys of items which still have one of a former definition.
    """

    spec: BoardSpec
    board_id: str
    ledger_id: int
    key_column: str | None
    group_id: str | None
    cells: tuple[CellPlan, ...]
    create_labels: bool
    first_group: str | None = None  # where new items go if no group is asked for
    group_ids: tuple[str, ...] = ()  # of the groups that the board had when the plan was made
    groups: dict[str, str] = field(default_factory=dict)
    shortened: dict[str, int] = field(default_factory=dict)
    control: ControlTotals | None = None
    targets: dict[str, LinkTargets] = field(default_factory=dict)
    former_key: tuple[str, ...] = ()
    stream: str = field(init=False)
    _steps: list[_Step] = field(default_factory=list)
    _made: list[CellPlan] = field(default_factory=list)
    _links: dict[str, CellPlan] = field(default_factory=dict)
    _former: tuple[CellPlan, ...] = ()
    _rules: Rules = UPSERT
    _tags: list[str] = field(default_factory=list)  # columns of tags
    _encoders: dict[str, Encode] = field(default_factory=dict)  # of cells that are no plain texts

    def __post_init__(self) -> None:
        self.stream = self.spec.stream
        self._encoders = self._encoders_of(self.cells)
        self._tags = [cell.column.id for cell in self.cells if cell.column.type == "tags"]
        self._steps = [_step(cell) for cell in self.cells if not (cell.source or cell.link)]
        self._made = [cell for cell in self.cells if cell.source is not None]
        self._links = {cell.property: cell for cell in self.cells if cell.link is not None}
        stays = self.spec.group_by is not None and not self.spec.moves
        along = {
            cell.column.id for cell in self.cells if cell.property.startswith((METADATA, TRAIL))
        }
        self._rules = replace(_RULES[self.spec.mode], move=not stays, along=frozenset(along))

    @property
    def all_groups(self) -> list[str]:
        """The ids of the board's groups, with those that this run made."""
        return list(dict.fromkeys((*self.group_ids, *self.groups.values())))

    @property
    def column_ids(self) -> list[str]:
        """The columns that are ours: the key's and the mapped ones."""
        mapped = [cell.column.id for cell in (*self.cells, *self._former)]
        return [self.key_column, *mapped] if self.key_column else mapped

    def kept(self, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Of cells that an earlier run kept, those that may go to the board in this one.

        Properties may be denied or masked since: what they held is left to their rows.
        """
        fed = {
            cell.column.id: cell.source.fields if cell.source else (cell.property,)
            for cell in self.cells
        }
        masked = {
            each for each, names in fed.items() if not set(names).isdisjoint(self.spec.masked)
        }
        ours = {each: cells[each] for each in self.column_ids if each in cells}
        return {each: cell for each, cell in ours.items() if each not in masked or is_mask(cell)}

    def follow(self, former: BoardPlan) -> None:
        """Take over the columns that only the plan before it wrote: its rows may still wait."""
        ours = {cell.column.id for cell in self.cells}
        theirs = (*former.cells, *former._former)
        self._former = tuple(cell for cell in theirs if cell.column.id not in ours)
        self._encoders |= self._encoders_of(self._former)
        self._tags += [cell.column.id for cell in self._former if cell.column.type == "tags"]

    def _encoders_of(self, cells: Iterable[CellPlan]) -> dict[str, Encode]:
        return {
            cell.column.id: cell.codec.encode
            for cell in cells
            if cell.codec.encode is not str and cell.column.id != self.key_column
        }

    def row(self, record: Mapping[str, Any]) -> WantedRow:
        """The record as its item should be. Raises a Reject that names property and column."""
        parts = key_of(record, self.spec.key_properties)
        key = key_text(parts)
        cells: dict[str, Cell] = {self.key_column: key} if self.key_column else {}
        unlinked = self._connect(cells, record) if self.targets else None
        shortened = self._fill(cells, record)
        if self._made:
            shortened += self._compose(cells, record)
        if self.spec.group_by is not None:
            self._place(cells, record)
        name, cut = self._name(record)
        fallback = shorten(" / ".join(parts).strip(), NAME_LIMIT)
        if self.spec.item_name is None and fallback:
            name = fallback
        if not (name or fallback):
            fallback = self._first_text(cells)
        return WantedRow(key, name, fallback, cells, shortened + cut, self._rules, unlinked)

    def _fill(self, cells: dict[str, Cell], record: Mapping[str, Any]) -> int:
        """The cells of single properties. The way of every row: texts and repeated values first."""
        shortened = 0
        name = column_id = ""
        try:
            for name, column_id, canonical, clear_nulls, limit, known in self._steps:
                value = record.get(name, ABSENT)
                if type(value) is str:
                    if limit and len(value) <= limit:
                        cells[column_id] = value or None
                        continue
                    if value in known:
                        cells[column_id] = known[value]
                        continue
                elif value is None or value is ABSENT:
                    if value is None and clear_nulls:
                        cells[column_id] = None
                    continue
                cells[column_id] = cell = canonical(value)
                if limit:
                    shortened += self._count_if_cut(column_id, value, cell)
                elif type(value) is str and len(known) < _REMEMBERED:
                    known[value] = cell
        except Reject as error:
            raise _placed(error, name, column_id) from error
        return shortened

    def _count_if_cut(self, column_id: str, value: object, cell: Cell) -> int:
        """Whether a text was cut: it ends in an ellipsis that the value does not have there."""
        if not isinstance(cell, str) or not cell.endswith("…"):
            return 0
        cut = not isinstance(value, str) or len(value) > len(cell)
        self.shortened[column_id] = self.shortened.get(column_id, 0) + cut
        return int(cut)

    def _compose(self, cells: dict[str, Cell], record: Mapping[str, Any]) -> int:
        """The cells that are made of several properties."""
        shortened = 0
        for each in self._made:
            column_id = each.column.id
            try:
                value = each.source.value(record) if each.source else None
                cell = None if value is None or value is ABSENT else each.codec.canonical(value)
            except Reject as error:
                raise _placed(error, each.property, column_id) from error
            if value is ABSENT or (value is None and not each.clear_nulls):
                continue
            cells[column_id] = cell
            if each.codec.limit:
                shortened += self._count_if_cut(column_id, value, cell)
        return shortened

    def connected_boards(self, column_id: str) -> tuple[str, ...]:
        """The boards, by monday's ids, that hold the targets of this column of links."""
        names = {cell.property for cell in self._links.values() if cell.column.id == column_id}
        return next(
            (each.options.connects for each in self.spec.columns if each.property in names), ()
        )

    def link_column(self, name: str) -> CellPlan | None:
        """The column of links of this name, once it is on the board."""
        return self._links.get(name)

    def _connect(
        self, cells: dict[str, Cell], record: Mapping[str, Any]
    ) -> Mapping[str, tuple[str, ...]] | None:
        """The cells of links; what cannot be linked yet by column, as keys of targets."""
        unlinked: dict[str, tuple[str, ...]] = {}
        for name, targets in self.targets.items():
            column = self._links.get(name)
            try:
                keys = targets.keys(record)
                if isinstance(keys, Absent):
                    continue
                linked = targets.cell(keys) if keys else None
                if keys and (linked is None or column is None):
                    unlinked[name] = keys
                elif column is not None and (keys or column.clear_nulls):
                    cells[column.column.id] = column.codec.canonical(linked or [])
            except Reject as error:
                raise _placed(error, name, column.column.id if column else "") from error
        return unlinked or None

    def _place(self, cells: dict[str, Cell], record: Mapping[str, Any]) -> None:
        """The title of the item's group, if its value is there: a null leaves the item alone."""
        made = self.spec.group_by.render(record) if self.spec.group_by else None
        if isinstance(made, str) and made.strip():
            composed = unicodedata.normalize("NFC", made)
            cells[GROUP] = title_of(" ".join(composed.split()))

    def _name(self, record: Mapping[str, Any]) -> tuple[str | None, int]:
        """The name by the template, None if it cannot be told; and whether it was cut."""
        made = self.spec.item_name.render(record) if self.spec.item_name else None
        if made is None or isinstance(made, Absent):
            return None, 0
        name = " ".join(unicodedata.normalize("NFC", made).split())
        cut = int(len(name) > NAME_LIMIT)
        if cut:
            self.shortened["name"] = self.shortened.get("name", 0) + 1
        return shorten(name, NAME_LIMIT) or None, cut

    def _first_text(self, cells: Mapping[str, Cell]) -> str:
        """A name for a row without a key: its first cell that has a text."""
        texts = (cell for cell in cells.values() if isinstance(cell, str) and cell.strip())
        name = next(texts, self.spec.stream)
        return shorten(" ".join(name.split()), NAME_LIMIT)

    def addresses(self, records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """The e-mail addresses in the people cells of these records, whose users must be known."""
        people = [cell for cell in self.cells if cell.column.type == "people"]
        for cell in people:
            for record in records:
                try:
                    read = cell.source.value(record) if cell.source else record.get(cell.property)
                except Reject:  # said when the row is made
                    continue
                yield from addresses(read)

    def tag_names(self, operation: Operation) -> Iterator[str]:
        """The tags that the operation writes, whose ids must be known."""
        if isinstance(operation, Archive):
            return
        for column_id in self._tags:
            names = operation.cells.get(column_id)
            if isinstance(names, list):
                yield from names

    def group_title(self, operation: Operation) -> str | None:
        """The title of the group that the operation puts its item into."""
        title = None if isinstance(operation, Archive) else operation.cells.get(GROUP)
        return title if isinstance(title, str) else None

    def group_of(self, operation: Operation) -> str | None:
        """The id of that group; None: where the item is, or where the board puts new ones."""
        title = self.group_title(operation)
        return None if title is None else self.groups[title]

    def mutation(self, operation: Operation) -> Mutation:
        """The operation as monday takes it; its groups and tags must be on the board."""
        match operation:
            case Create():
                if not operation.name:
                    raise EmptyName(f"key {quoted(operation.row.key)} gives no item name")
                values = self.encoded(operation.cells)
                group = self.group_of(operation) or self.group_id
                if group is None and self.spec.group_by:  # new groups are the uppermost
                    group = self.first_group
                return CreateItem(self.board_id, operation.name, values, group, self.create_labels)
            case Update():
                values = self.encoded(operation.cells)
                if operation.name is not None:
                    values["name"] = operation.name
                return UpdateItem(
                    self.board_id,
                    operation.item_id,
                    values,
                    self.create_labels,
                    self.group_of(operation),
                )
            case Archive():
                return ArchiveItem(operation.item_id, operation.delete)

    def encoded(self, cells: Mapping[str, Cell]) -> dict[str, Any]:
        """Cells as monday takes them; the group is none of them."""
        values: dict[str, Any] = dict(cells)
        values.pop(GROUP, None)
        for column, encode in self._encoders.items():
            cell = values.get(column)
            if cell is not None:
                values[column] = encode(cell)
        return values

    def read(self, item: Item) -> KnownItem:
        """An item as it was read from the board, in canonical cells."""
        cells: dict[str, Cell] = {}
        if self.key_column:
            cells[self.key_column] = item.values.get(self.key_column, (None, None))[0] or None
        for cell in (*self.cells, *self._former):
            text, value = item.values.get(cell.column.id, (None, None))
            cells[cell.column.id] = cell.codec.decode(text, value)
        if self.spec.group_by is not None:
            titles = {group_id: title for title, group_id in self.groups.items()}
            cells[GROUP] = titles.get(item.group_id or "")
        return KnownItem(item.id, item.name, cells)


def _placed(error: Reject, name: str, column_id: str) -> Reject:
    """The same reject with the property and the column that it concerns."""
    placed = type(error)(f"property {quoted(name)}, column {quoted(column_id)}: {error}")
    placed.column_id = column_id
    return placed
