"""What a sandbox account allows and costs: plans, budgets, prices and sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLANS", "BulkMatch", "BulkReport", "MondaySettings", "Plan", "PlanName"]

PlanName = Literal["free", "basic", "standard", "pro", "enterprise"]
BulkReport = Literal["serial", "row_number", "shuffled", "truncated", "none"]
BulkMatch = Literal["board", "group"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of a plan (developer.monday.com/api-reference/docs/rate-limits)."""

    daily_calls: int
    minute_requests: int
    concurrency: int
    minute_points: int = 10_000_000


PLANS: Final[Mapping[PlanName, Plan]] = {
    "free": Plan(1_000, 1_000, 40, minute_points=1_000_000),
    "basic": Plan(1_000, 1_000, 40),
    "standard": Plan(1_000, 1_000, 40),
    "pro": Plan(10_000, 2_500, 100),
    "enterprise": Plan(25_000, 5_000, 250),
}


@dataclass(frozen=True, slots=True)
class MondaySettings:
    """One account. Numbers that are `None` are the plan's.

    `minute_seconds` is the real length of a minute of the budgets (and a sixtieth of an hour of
    the bulk limits), so that a demonstration need not wait; every told wait is in real seconds.
    `prices` overrides the points of single root fields by name; `points_per_cell` comes on top for
    each column value that a mutation writes. `ingest_polls` is how many status
    questions a bulk job answers with PROCESSING after its upload; with 0 it is done on upload.
    `bulk_report` is the form of a bulk job's report, `bulk_match` where `on_match` looks for items.
    `partial_failure_status` is the HTTP status of an answer in which an operation failed.
    Reads of a whole board, searches and counts show it as it was `read_delay` seconds before. With
    `failing_writes` every mutation of items fails. A body of more than `request_bytes` is refused.
    What is known of each behaviour stands in `behaviours.toml`.
    """

    api_token: str = "s4ndb0x-m0nd4y"  # noqa: S105  (a documented example, it opens nothing)
    user_name: str = "IFS integration"
    plan: PlanName = "pro"
    week_begins: Literal["monday", "sunday"] = "monday"
    base_url: str = ""
    minute_seconds: float = 60.0
    minute_points: int | None = None
    request_points: int = 5_000_000
    points_per_mutation: int = 10_000
    points_per_query: int = 1_000
    points_per_cell: int = 0
    prices: Mapping[str, int] = field(default_factory=dict)
    minute_requests: int | None = None
    concurrency: int | None = None
    daily_calls: int | None = None
    items_limit: int = 10_000
    ingest_polls: int = 1
    ingest_jobs_per_hour: int = 100
    ingest_items_per_hour: int = 19_000
    bulk_report: BulkReport = "serial"
    bulk_match: BulkMatch = "board"
    partial_failure_status: int = 200
    read_delay: float = 0.0
    failing_writes: bool = False
    request_bytes: int | None = None

    def limits(self) -> Plan:
        """The plan's limits, with what is set here in their place."""
        plan = PLANS[self.plan]
        return Plan(
            daily_calls=_given(self.daily_calls, plan.daily_calls),
            minute_requests=_given(self.minute_requests, plan.minute_requests),
            concurrency=_given(self.concurrency, plan.concurrency),
            minute_points=_given(self.minute_points, plan.minute_points),
        )


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
