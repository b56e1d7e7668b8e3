"""What a service does with a modification stamp, which its metadata does not tell."""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tap_ifs_cloud.odata.errors import QUESTION_REFUSED, IfsError, RunStopper
from tap_ifs_cloud.odata.peek import peek
from tap_ifs_cloud.odata.query import Query, both
from tap_ifs_cloud.replication import as_bookmark

if TYPE_CHECKING:
    from tap_ifs_cloud.plan import StreamPlan

__all__ = ["newest_stamp", "with_tried_stamp"]

EXACT: Final = 2**53  # up to here a binary float holds every integer

logger = logging.getLogger(__name__)


def newest_stamp(plan: StreamPlan, stamp: str) -> str | None:
    """The newest value of a stamp as it came; `None` if there is none or the service fails."""
    try:
        return _newest(plan, stamp)
    except RunStopper:
        raise
    except IfsError as error:
        logger.info("stamp.unknown stream=%s reason=%r", plan.definition.name, str(error))
        return None


def with_tried_stamp(plan: StreamPlan) -> StreamPlan:
    """The plan as it can be carried out, where the user leaves the choice to the tap.

    A stamp that the service does not filter and order by, or that counts the changes of each row on
    its own, is none: the set is read in full then.
    """
    stamp, definition = plan.replication_key, plan.definition
    if definition.replication != "auto" or definition.replication_key or stamp is None:
        return plan
    try:
        newest = _newest(plan, stamp)
    except QUESTION_REFUSED as error:
        reason = str(error)
    except RunStopper:
        raise
    except IfsError:  # says nothing of the stamp
        return plan
    else:
        if newest is None or plan.stamp(stamp).is_shared(newest):
            return plan
        reason = f"{newest!r} counts the changes of one row"
    logger.warning("stamp.refused stream=%s stamp=%s reason=%r", definition.name, stamp, reason)
    return replace(plan, replication_key=None)


def _newest(plan: StreamPlan, stamp: str) -> str | None:
    query = Query(
        select=(stamp,) if plan.definition.send_select else (),
        filter=both(plan.definition.filter, f"{stamp} ne null"),
        orderby=(f"{stamp} desc",),
        top=1,
    )
    rows = peek(plan.service.session, plan.where, query, headers=plan.headers)
    value = rows[0].get(stamp) if rows else None
    if isinstance(value, int | Decimal) and not -EXACT <= value <= EXACT:
        return None  # it may have come through a binary float, and the newest row lie beyond
    return None if value is None else as_bookmark(value)
