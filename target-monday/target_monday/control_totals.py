"""Control totals: exact sums of a board's amounts by company, currency and period. Pure.

They come from what the ledger knows of the items, not from the rows of one run: a row that did not
change is in the totals without being looked at. For each group and amount

    opening + created + updated + archived + found = closing

where `opening` is the board before this run wrote, `closing` the board after it, `updated` what
updates added or took away, `archived` what left (a negative number), and `found` what people had
changed on the board, seen when its items were read again. `rejected` are amounts of rows that did
not get onto the board in this run; they are in none of the others. Where a stream is read whole,
the source's total is `closing` and `rejected` together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from target_monday.decimals import MAX_DIGITS, digits, number_of
from target_monday.diff import certain
from target_monday.keys import is_former, key_parts
from target_monday.rejects import Reject
from target_monday.templates import Template, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from target_monday.columns import ColumnSpec
    from target_monday.diff import Cell
    from target_monday.presets import Preset

__all__ = ["ControlTotals", "Movements", "TotalsSpec", "total_text", "totals_spec"]

_AMOUNT: Final = "Amount"  # what names of amounts contain
_USUAL: Final = ("Company", "CurrencyCode")
_MOVES: Final = ("created", "updated", "archived", "found")
_exact = Context(prec=3 * MAX_DIGITS, traps=[Inexact, InvalidOperation])
_NOTHING: Final = Decimal()
_ONE: Final = Decimal(1)
_REMEMBERED: Final = 10_000  # groups of cells

_Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TotalsSpec:
    """Which properties are summed, and by which texts they are grouped."""

    amounts: tuple[str, ...]
    by: tuple[Template, ...]
    asked: bool = False  # whether the mapping names the amounts

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties that the groups are made of."""
        return tuple(dict.fromkeys(name for each in self.by for name in each.fields))


def totals_spec(
    asked: object,
    columns: Sequence[ColumnSpec],
    key_properties: Sequence[str],
    preset: Preset | None,
) -> TotalsSpec | None:
    """What `control_totals` of a stream asks for; None where nothing is summed.

    By default the amounts are the numbers whose property is called something with `Amount`, and the
    groups are the company, the currency and, of known documents, the period of their date.
    """
    if asked is False:
        return None
    given: Mapping[str, Any] = asked if isinstance(asked, dict) else {}
    plain = {column.property: column for column in columns if column.source is None}
    known = {*plain, *key_properties}
    amounts = given.get("amounts") or [
        name for name, column in plain.items() if _AMOUNT in name and _may_be_number(column)
    ]
    usual = [*_USUAL, *((preset.period,) if preset and preset.period else ())]
    by = given.get("by")
    made = [_template(each) for each in (usual if by is None else by)]
    if by is None:
        made = [each for each in made if known.issuperset(each.fields)]
    named = bool(given.get("amounts"))
    return TotalsSpec(tuple(amounts), tuple(made), named) if amounts else None


def _may_be_number(column: ColumnSpec) -> bool:
    return column.column_type in {None, "numbers"}


def _template(text: str) -> Template:
    return template(text if "{" in text else "{" + text + "}")


@dataclass(slots=True)
class ControlTotals:
    """A specification bound to a real board.

    `amounts` maps properties to ids of numbers columns; `columns` those of the groups to their
    columns; what is in neither stands in the key. `concerned`: the ids of both, amounts first.
    """

    spec: TotalsSpec
    amounts: Mapping[str, str]
    columns: Mapping[str, str]
    key_properties: tuple[str, ...]
    _by_key: bool = field(init=False)
    concerned: tuple[str, ...] = field(init=False)
    _groups: dict[tuple[Cell, ...], _Group] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_key = len(self.columns) < len(self.spec.fields)
        self.concerned = (*self.amounts.values(), *self.columns.values())

    def is_moved(self, before: Mapping[str, Cell], after: Mapping[str, Cell]) -> bool:
        """Whether an item is in another group now, or has other amounts."""
        concerned = self.concerned
        return [*map(before.get, concerned)] != [*map(after.get, concerned)]

    def place(self, key: str, cells: Mapping[str, Cell]) -> tuple[_Group, list[Decimal]]:
        """The item's group, and its sums: itself, counted as 1, and its amounts.

        By the cells as they were last acknowledged; an amount that is empty is 0.
        """
        values = [*map(cells.get, self.concerned)]
        if list in map(type, values):  # a cell in doubt among them, or one of several values
            sure = certain(dict(zip(self.concerned, values, strict=True)))
            values = [*map(sure.get, self.concerned)]
        amounts = len(self.amounts)
        sums = [_number(cell) for cell in values[:amounts]]
        return self._group(key, tuple(values[amounts:])), [_ONE, *sums]

    def _group(self, key: str, grouped: tuple[Cell, ...]) -> _Group:
        if self._by_key or list in map(type, grouped):
            return self._grouped(key, grouped)
        known = self._groups.get(grouped)
        if known is None:
            if len(self._groups) > _REMEMBERED:
                self._groups.clear()
            known = self._groups[grouped] = self._grouped(key, grouped)
        return known

    def _grouped(self, key: str, grouped: Iterable[Cell]) -> _Group:
        values: dict[str, Any] = dict(zip(self.columns, grouped, strict=True))
        if self._by_key:
            parts = () if is_former(key) else key_parts(key)
            values |= dict(zip(self.key_properties, parts, strict=False))
        return _rendered(self.spec.by, values)


def _rendered(by: Iterable[Template], values: Mapping[str, Any]) -> _Group:
    return tuple(_text(each, values) for each in by)


def _text(each: Template, values: Mapping[str, Any]) -> str:
    try:
        made = each.render({name: values.get(name) for name in each.fields})
    except Reject:  # a label where a date was foreseen, or a rejected row's spoilt date
        return ""
    return made if isinstance(made, str) else ""


@dataclass(slots=True)
class Movements:
    """What one run did to the control totals of one board (the ledger's number for it)."""

    control: ControlTotals
    board: int
    _moved: dict[_Group, dict[str, list[Decimal]]] = field(default_factory=dict)

    def enter(
        self,
        kind: str,
        key: str,
        before: Mapping[str, Cell] | None,
        after: Mapping[str, Cell] | None,
    ) -> None:
        """An item that was changed: `kind` is created, updated, archived or found."""
        if before is not None and after is not None and not self.control.is_moved(before, after):
            return
        left = None if before is None else self.control.place(key, before)
        came = None if after is None else self.control.place(key, after)
        if left == came:
            return
        for place, sign in ((left, -1), (came, 1)):
            if place is not None:
                self._add(*place, kind, sign)

    def reject(self, record: Mapping[str, Any]) -> None:
        """A row that does not get onto the board; what is no number counts as 0."""
        group = _rendered(self.control.spec.by, record)
        amounts = [_number(record.get(name)) for name in self.control.amounts]
        self._add(group, [_ONE, *amounts], "rejected", 1)

    def _add(self, group: _Group, sums: Sequence[Decimal], kind: str, sign: int) -> None:
        kinds = self._moved.setdefault(group, {})
        have = kinds.get(kind) or [_NOTHING] * len(sums)
        add = _exact.add if sign > 0 else _exact.subtract
        kinds[kind] = [add(old, new) for old, new in zip(have, sums, strict=True)]

    def report(
        self, items: Callable[[int, Sequence[str]], Iterable[tuple[str, Mapping[str, Cell]]]]
    ) -> dict[str, Any] | None:
        """The totals of the groups that this run touched; None if it touched none.

        `items` gives all items of a board as they are now, with their keys, in the columns that are
        asked for. Nobody keeps those of rows without a key: they have no opening and no closing.
        """
        if not self._moved:
            return None
        appended = not self.control.key_properties
        closing = None
        if not appended:
            closing = closing_totals(self.control, items(self.board, self.control.concerned))
        names = ["items", *self.control.amounts]
        return {
            "amounts": list(self.control.amounts),
            "by": [each.source for each in self.control.spec.by],
            "groups": [
                {"by": list(group), **dict(zip(names, figures, strict=True))}
                for group in sorted(self._moved)
                for figures in [list(self._figures(group, closing))]
            ],
        }

    def _figures(
        self, group: _Group, closing: Mapping[_Group, list[Decimal]] | None
    ) -> Iterator[dict[str, str]]:
        kinds = self._moved[group]
        for at in range(len(self.control.amounts) + 1):
            moved = {kind: sums[at] for kind, sums in kinds.items()}
            figures = {}
            if closing is not None:
                end = closing[group][at] if group in closing else _NOTHING
                begin = end
                for kind in _MOVES:
                    begin = _exact.subtract(begin, moved.get(kind, _NOTHING))
                figures = {"opening": begin}
            figures |= {kind: moved[kind] for kind in (*_MOVES, "rejected") if moved.get(kind)}
            if closing is not None:
                figures["closing"] = end
            yield {name: total_text(value) for name, value in figures.items()}


def closing_totals(
    control: ControlTotals, items: Iterable[tuple[str, Mapping[str, Cell]]]
) -> dict[_Group, list[Decimal]]:
    """Group -> the number of its items and the sums of its amounts."""
    found: dict[_Group, list[Decimal]] = {}
    for key, cells in items:
        group, sums = control.place(key, cells)
        have = found.get(group)
        found[group] = (
            sums
            if have is None
            else [_exact.add(old, new) for old, new in zip(have, sums, strict=True)]
        )
    return found


def total_text(total: Decimal) -> str:
    """A sum as digits: it may have more of them than any of its amounts."""
    return digits(total, _exact.prec)


def _number(value: object) -> Decimal:
    """What counts as an amount: what a numbers column takes, else nothing."""
    if value is None:
        return _NOTHING
    try:
        return number_of(value)
    except ValueError:
        return _NOTHING
