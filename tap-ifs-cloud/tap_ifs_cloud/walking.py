"""Which way the set of a stream is walked: by key, along the server's links, or by offset."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from tap_ifs_cloud.odata.paging import Cursor, walk_by_key, walk_by_link
from tap_ifs_cloud.odata.skipping import walk_by_skip
from tap_ifs_cloud.odata.whole import Whole, whole_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_ifs_cloud.odata.asking import Asker
    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.odata.query import Query
    from tap_ifs_cloud.plan import StreamPlan

    Walk: TypeAlias = Callable[[], Iterator[Page]]

__all__ = ["whole_set"]


def whole_set(
    plan: StreamPlan, asker: Asker, first: Query, ordered_by: tuple[str, ...] = ()
) -> Whole:
    """All rows that `first` asks for, in the order of some columns and the key.

    Raises KeyNull if the user wants a walk by key and there is none.
    """
    order = tuple(dict.fromkeys((*ordered_by, *plan.walk_key)))
    fallback = tuple(dict.fromkeys((*ordered_by, *plan.skip_order)))
    place = asker.row_type.values(fallback) if plan.unique else None
    sweep: Walk = partial(walk_by_skip, asker.page, first, fallback, place=place)
    whole = Whole(
        plan.definition.name,
        plan.where,
        walk=sweep,
        sweep=sweep,
        count=partial(asker.count, first.filter),
        has_more=partial(asker.has_more, first),
        identity=whole_row if plan.unique else None,
    )
    match plan.paging(order):
        case "next_link":
            whole.walk = whole.sweep = partial(
                walk_by_link, asker.page, replace(first, orderby=fallback)
            )
        case "keyset":
            whole.identity = asker.row_type.values(order)
            types = tuple(plan.properties[column].type for column in order)
            cursor = Cursor(order, types, whole.identity)
            whole.walk, whole.ascends = partial(walk_by_key, asker.page, first, cursor), True
    return whole
