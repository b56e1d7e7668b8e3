"""`$filter` on rows that are numbered in the order of what they are filtered by.

Such a filter leaves a range of rows. Its ends are found by halving, so that a page costs the same
however deep it lies.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from benchmarks.order_lines import KEY, STAMP, value

__all__ = ["FilterUnknown", "filtered"]

Test = Callable[[int], bool]

_TOKEN: Final = re.compile(r"\s*([()]|'(?:[^']|'')*'|[^\s()']+)")
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "gt": lambda one, other: other is not None and one > other,
    "ge": lambda one, other: other is not None and one >= other,
    "lt": lambda one, other: other is not None and one < other,
    "le": lambda one, other: other is not None and one <= other,
}


class FilterUnknown(ValueError):
    """A filter that no contestant was known to send when this was written."""


def filtered(condition: str | None, count: int) -> range:
    """The numbers of the rows among `count` that meet the condition. Raises FilterUnknown."""
    if not condition:
        return range(count)
    reader = _Reader(condition)
    tests = reader.conditions()
    if reader.tokens:
        raise FilterUnknown(condition)
    first, end = 0, count
    for test in tests:
        narrowed = _meeting(test, first, end)
        first, end = narrowed.start, narrowed.stop
    return range(first, end)


def _meeting(test: Test, first: int, end: int) -> range:
    """The part of a range that passes a test which changes at most once in it."""
    if first >= end:
        return range(first, first)
    at_first, at_end = test(first), test(end - 1)
    if at_first and at_end:
        return range(first, end)
    if not at_first and not at_end:
        return range(first, first)
    low, high = first, end - 1  # the test differs between them
    while high - low > 1:
        middle = (low + high) // 2
        if test(middle) == at_first:
            low = middle
        else:
            high = middle
    return range(first, high) if at_first else range(high, end)


class _Reader:
    """Reads comparisons of key columns and the stamp, `and`, `or`, parentheses."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        self.tokens = deque(_TOKEN.findall(condition))

    def conditions(self) -> list[Test]:
        """What all must hold; `a and (b and c)` has three parts."""
        parts, joined_by = self._parts()
        if joined_by == "or":
            return [lambda number: any(all(t(number) for t in part) for part in parts)]
        return [test for part in parts for test in part]

    def _parts(self) -> tuple[list[list[Test]], str]:
        """Terms up to a closing parenthesis; `and` binds closer than `or`."""
        parts, joined_by = [self._term()], "and"
        while self.tokens and self.tokens[0] in ("and", "or"):
            if self.tokens.popleft() == "and":
                parts[-1] = [*parts[-1], *self._term()]
            else:
                joined_by = "or"
                parts.append(self._term())
        return parts, joined_by

    def _term(self) -> list[Test]:
        if self.tokens and self.tokens[0] == "(":
            self.tokens.popleft()
            inner = self.conditions()
            if not self.tokens or self.tokens.popleft() != ")":
                raise FilterUnknown(self.condition)
            return inner
        return self._comparison()

    def _comparison(self) -> list[Test]:
        try:
            column, operator, written = (self.tokens.popleft() for _ in range(3))
            compare, other = _COMPARE[operator], _literal(column, written)
        except (IndexError, KeyError, ArithmeticError, RuntimeError) as error:
            raise FilterUnknown(self.condition) from error
        if column not in (*KEY, STAMP):
            raise FilterUnknown(self.condition)
        if operator == "eq" and other is not None:
            # Either half changes once from row to row, which equality does twice.
            return [
                lambda number: bool(value(column, number) >= other),
                lambda number: bool(value(column, number) <= other),
            ]
        return [lambda number: compare(value(column, number), other)]


def _literal(column: str, written: str) -> Any:
    if written == "null":
        return None
    if column == "LineItemNo":
        return Decimal(written)
    return written[1:-1].replace("''", "'") if written.startswith("'") else written
