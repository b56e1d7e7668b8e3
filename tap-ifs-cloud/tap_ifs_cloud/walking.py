"""Which way the set of a stream is walked: by key, along the server's links, or by offset."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_ifs_cloud.odata.paging import Cursor, walk_by_key, walk_by_link
from tap_ifs_cloud.odata.skipping import walk_by_skip
from tap_ifs_cloud.odata.whole import Whole, whole_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_ifs_cloud.odata.asking import Asker
    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.odata.rows import Row
    from tap_ifs_cloud.odata.whole import Completeness
    from tap_ifs_cloud.plan import StreamPlan

    Walk: TypeAlias = Callable[[], Iterator[Page]]

__all__ = ["whole_set"]


def whole_set(
    plan: StreamPlan,
    asker: Asker,
    first: Query,
    ordered_by: tuple[str, ...] = (),
    *,
    strict: bool = True,
    completeness: Completeness,
) -> Whole:
    """All rows that `first` asks for, in the order of some columns and the key.

    Raises KeyNull if the user wants a walk by key and there is none.
    """
    order = tuple(dict.fromkeys((*ordered_by, *plan.walk_key)))
    by_offset = tuple(
        column
        for column in dict.fromkeys((*ordered_by, *plan.skip_order))
        if column in asker.row_type.attributes
    )
    place = asker.row_type.values(by_offset) if by_offset else whole_row
    sweep: Walk = partial(
        walk_by_skip, asker.page, first, by_offset, place, unique=bool(plan.unique)
    )
    walk = sweep
    identity: Callable[[Row], Any] | None = whole_row if plan.unique else None
    way = plan.paging(order)
    if way == "next_link":
        walk = partial(walk_by_link, asker.page, replace(first, orderby=by_offset))
    elif way == "keyset":
        types = tuple(plan.properties[column].type for column in order)
        cursor = Cursor(order, types, asker.row_type.values(order))
        walk, identity = partial(walk_by_key, asker.page, first, cursor), cursor.place
    return Whole(
        plan.definition.name,
        plan.where,
        walk,
        sweep,
        partial(asker.count, first.filter),
        partial(asker.has_more, first),
        identity,
        ascends=way == "keyset",
        strict=strict,
        completeness=completeness,
    )
