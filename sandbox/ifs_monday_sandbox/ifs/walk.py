"""Which rows a query gives, and in which order."""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.ifs.errors import operation_timeout
from ifs_monday_sandbox.ifs.filter_eval import Scope, compile_filter
from ifs_monday_sandbox.ifs.keyset import ranked, start_of
from ifs_monday_sandbox.ifs.model import Kind
from ifs_monday_sandbox.ifs.payload import cell
from ifs_monday_sandbox.ifs.projections import CATALOGUE_TABLE, catalogue_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ifs_monday_sandbox.business import Business, Row
    from ifs_monday_sandbox.ifs.model import EntitySet, EntityType, Projection
    from ifs_monday_sandbox.ifs.query import Order, Query
    from ifs_monday_sandbox.ifs.settings import IfsSettings

__all__ = ["Reader"]

_KEPT_ORDERS: Final = 32


class Reader:
    """Answers queries from a business; sorted lists are kept until their table changes."""

    def __init__(self, business: Business, settings: IfsSettings) -> None:
        self._business = business
        self._settings = settings
        self._catalogue = catalogue_rows()
        self._sorted: dict[tuple[str, Order], tuple[list[Row], list[Row]]] = {}

    def rows(self, projection: Projection, each: EntitySet, query: Query) -> Iterator[Row]:
        """All rows that fit, in order, without regard to `$top` and `$skip`."""
        tests = self._tests(projection, each.type, query)
        ordered = self._ordered(each, query.order)
        start = self._start(ordered, each.type, query)
        return (row for row in islice(ordered, start, None) if all(test(row) for test in tests))

    def page(self, projection: Projection, each: EntitySet, query: Query) -> tuple[list[Row], bool]:
        """The rows of one page, and whether a nextLink follows: never if `$top` was given.

        Raises ODataError (504) if the page is too big for `timeout_rows`.
        """
        cap = self._settings.page_cap
        size = cap if query.top is None else min(cap, query.top)
        fitting = islice(self.rows(projection, each, query), query.skip, None)
        page = list(islice(fitting, size))
        if 0 < self._settings.timeout_rows < len(page):
            raise operation_timeout()
        return page, query.top is None and next(fitting, None) is not None

    def count(self, projection: Projection, each: EntitySet, query: Query) -> int:
        """How many rows fit."""
        return sum(1 for _ in self.rows(projection, each, query))

    def _tests(
        self, projection: Projection, kind: EntityType, query: Query
    ) -> list[Callable[[Row], bool]]:
        tests: list[Callable[[Row], bool]] = []
        companies = self._settings.companies
        if companies is not None and kind.property("Company"):
            tests.append(lambda row: row["Company"] in companies)
        if query.filter is not None:
            scope = Scope(projection, kind, lambda name: cell(kind, name))
            tests.append(compile_filter(query.filter, scope))
        return tests

    def _ordered(self, each: EntitySet, order: Order) -> list[Row]:
        rows = self._catalogue if each.table == CATALOGUE_TABLE else self._business.rows(each.table)
        if not order:
            return rows
        kept = self._sorted.get((each.table, order))
        if kept is None or kept[0] is not rows:
            kept = (rows, self._sort(rows, each.type, order))
            self._sorted[each.table, order] = kept
            if len(self._sorted) > _KEPT_ORDERS:
                del self._sorted[next(iter(self._sorted))]
        return kept[1]

    def _start(self, ordered: list[Row], kind: EntityType, query: Query) -> int:
        """How many rows from the first on cannot fit, as far as the order tells."""
        ascending = takewhile(lambda column: not column[1], query.order)
        columns = [name for name, _ in ascending]
        if query.filter is None or not columns or self._settings.linguistic_order:
            return 0
        cells = [cell(kind, name) for name in columns]
        bound = start_of(query.filter, columns)
        return bisect_left(
            ordered, bound, key=lambda row: tuple(ranked(value(row)) for value in cells)
        )

    def _sort(self, rows: list[Row], kind: EntityType, order: Order) -> list[Row]:
        ordered = rows
        for name, descending in reversed(order):
            ordered = sorted(ordered, key=self._sort_key(kind, name), reverse=descending)
        return ordered

    def _sort_key(self, kind: EntityType, name: str) -> Callable[[Row], tuple[Any, ...]]:
        """Nulls come last in ascending order, and so first in descending, as in Oracle."""
        value = cell(kind, name)
        declared = kind.property(name)
        if self._settings.linguistic_order and declared and declared.kind is Kind.TEXT:
            return lambda row: ranked(_folded(value(row)))
        return lambda row: ranked(value(row))


def _folded(text: str | None) -> str | None:
    return None if text is None else text.casefold()
