"""Which lane a board's waiting operations take: aliased mutations, or an upload. Pure.

A call is the scarcest good, so it is priced in time: an account with 1,000 calls a day earns one
every 86 seconds, one with 25,000 every 3.5. The cost of a lane is

    calls x 86,400 / daily calls  +  seconds until it is done

where for n operations, of which u update items whose ids have to be looked up first,

    aliases: calls   = n / (operations a request)  +  u / 100
             seconds = calls x 2  +  60 x (points needed - points left) / (points a minute), >= 0
    upload:  calls   = jobs x (1 start + 3 questions)
             seconds = jobs x (10 + n / jobs / 200)

What an upload cannot carry goes by aliases in either case and does not count. An upload needs a
start and items within the hour's limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Means", "alias_cost", "upload_cost", "upload_pays"]

DAILY_CALLS: Final = 1_000  # of the smallest plans, where monday does not say
_DAY: Final = 86_400.0
_CALL_SECONDS: Final = 2.0  # a request full of mutations
_LOOKUP_KEYS: Final = 100
_JOB_CALLS: Final = 4
_JOB_SECONDS: Final = 10.0
_ROWS_A_SECOND: Final = 200.0


@dataclass(frozen=True, slots=True)
class Means:
    """What the lanes have to go by at this moment.

    `capacity`: operations a request; `price`: points of one; `rows_a_job`: of an upload's file;
    `items_left`: that uploads may write in this hour.
    """

    capacity: int
    price: int
    points_left: int
    minute_points: int
    daily_calls: int = DAILY_CALLS
    rows_a_job: int = 10_000
    items_left: int | None = None
    starts_left: int = 100


def alias_cost(operations: int, lookups: int, means: Means) -> float:
    """Seconds that the aliases cost, their calls included at their price."""
    calls = math.ceil(operations / max(1, means.capacity)) + math.ceil(lookups / _LOOKUP_KEYS)
    missing = max(0, operations * means.price - means.points_left)
    waits = 60.0 * missing / max(1, means.minute_points)
    return calls * (_DAY / max(1, means.daily_calls) + _CALL_SECONDS) + waits


def upload_cost(operations: int, means: Means) -> float:
    """Seconds that uploads cost, their calls included at their price."""
    jobs = math.ceil(operations / means.rows_a_job)
    seconds = jobs * _JOB_SECONDS + operations / _ROWS_A_SECOND
    return jobs * _JOB_CALLS * _DAY / max(1, means.daily_calls) + seconds


def upload_pays(operations: int, lookups: int, means: Means) -> bool:
    """Whether an upload costs less than aliases."""
    return operations > 0 and upload_cost(operations, means) < alias_cost(
        operations, lookups, means
    )
