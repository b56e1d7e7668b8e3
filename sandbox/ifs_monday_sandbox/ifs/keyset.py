"""Where in an ordered list the rows of a filter begin: the index that keyset paging needs.

A page of keyset paging asks for the rows after the last one seen, `A gt 1 or (A eq 1 and B gt 2)`.
Testing all rows before those for every page would make a walk quadratic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.ifs.filter_syntax import Comparison, Expression, Literal, Logic, Member
from ifs_monday_sandbox.ifs.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Bound", "ranked", "start_of"]

Bound = tuple[tuple[Any, ...], ...]
"""Ranked values of the leading columns of an order; the empty one lies before all rows."""

_BEYOND: Final = (2,)
"""After all values and nulls of a column."""

_COMPARISONS: Final = frozenset({"eq", "ge", "gt"})


def ranked(value: object) -> tuple[Any, ...]:
    """`value` so that nulls come last."""
    return (1,) if value is None else (0, value)


def start_of(tree: Expression, columns: Sequence[str]) -> Bound:
    """A bound that no row of the filter lies before, in the ascending order of `columns`."""
    match tree:
        case Logic("or", left, right):
            return min(start_of(left, columns), start_of(right, columns))
        case Logic("and"):
            parts = list(_conjuncts(tree))
            ors = (start_of(each, columns) for each in parts if isinstance(each, Logic))
            return max(_start_of_all(parts, columns), *ors, ())
        case _:
            return _start_of_all([tree], columns)


def _conjuncts(tree: Expression) -> Iterator[Expression]:
    if isinstance(tree, Logic) and tree.operator == "and":
        yield from _conjuncts(tree.left)
        yield from _conjuncts(tree.right)
    else:
        yield tree


def _start_of_all(conditions: Sequence[Expression], columns: Sequence[str]) -> Bound:
    """The bound of plain comparisons that hold together, column by column."""
    limits = {
        condition.left.name: (condition.operator, condition.right.value)
        for condition in conditions
        if isinstance(condition, Comparison)
        and condition.operator in _COMPARISONS
        and isinstance(condition.left, Member)
        and isinstance(condition.right, Literal)
        and condition.right.kind is not Kind.NULL
    }
    bound: Bound = ()
    for column in columns:
        operator, value = limits.get(column, ("", None))
        if not operator:
            break
        bound = (*bound, ranked(value))
        if operator != "eq":
            return (*bound, _BEYOND) if operator == "gt" else bound
    return bound
