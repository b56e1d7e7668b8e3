"""Control totals of both sides of a reconciliation, as the books of the runs define them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_monday.columns import ColumnSpec
from target_monday.control_totals import (
    ControlTotals,
    TotalsSpec,
    closing_totals,
    total_text,
    totals_spec,
)
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from target_monday.audit.comparing import RowPair
    from target_monday.diff import Cell

__all__ = ["both_totals"]


def both_totals(
    pairs: Sequence[RowPair],
    columns: Mapping[str, tuple[str, str, str]],
    key_properties: tuple[str, ...],
    booked: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """The totals by the ledger and on the board, group by group; None where nothing is summed.

    `columns` maps columns to (property, title, type). `booked` are the control totals of a run,
    whose amounts and groups are taken; without, the usual ones.
    """
    control = _control(columns, key_properties, booked)
    if control is None:
        return None
    ledger = closing_totals(control, _side(pairs, "ledger"))
    board = closing_totals(control, _side(pairs, "board"))
    names = ["items", *control.amounts]
    nothing: list[Decimal] = []
    return {
        "by": [each.source for each in control.spec.by],
        "amounts": list(control.amounts),
        "groups": [
            {
                "by": list(group),
                **{
                    name: {"ledger": _figure(ours, at), "board": _figure(theirs, at)}
                    for at, name in enumerate(names)
                },
            }
            for group in sorted(ledger.keys() | board.keys())
            for ours, theirs in [(ledger.get(group, nothing), board.get(group, nothing))]
        ],
    }


def _figure(sums: Sequence[Decimal], at: int) -> str:
    return total_text(sums[at]) if sums else "0"


def _side(pairs: Iterable[RowPair], side: str) -> Iterator[tuple[str, Mapping[str, Cell]]]:
    for pair in pairs:
        item = pair.ledger if side == "ledger" else pair.board
        if item is not None:
            yield pair.key, item.cells


def _control(
    columns: Mapping[str, tuple[str, str, str]],
    key_properties: tuple[str, ...],
    booked: Mapping[str, Any] | None,
) -> ControlTotals | None:
    by_name = {name: (column, kind) for column, (name, _, kind) in columns.items()}
    if booked is not None:
        by = tuple(template(each) for each in booked["by"])
        spec: TotalsSpec | None = TotalsSpec(tuple(booked["amounts"]), by)
    else:
        asked = [ColumnSpec(name, name, kind) for name, (_, kind) in by_name.items()]
        spec = totals_spec(None, asked, key_properties, None)
    if spec is None:
        return None
    amounts = {
        name: by_name[name][0]
        for name in spec.amounts
        if name in by_name and by_name[name][1] == "numbers"
    }
    grouped = {name: by_name[name][0] for name in spec.fields if name in by_name}
    return ControlTotals(spec, amounts, grouped, key_properties) if amounts else None
