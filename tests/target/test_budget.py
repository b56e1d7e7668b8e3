"""Calls, points and time: what deliveries cost under each plan's limits, on a simulated clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from target_monday.delivery.budget import Budget, least_seconds
from target_monday.delivery.lanes import Means, alias_cost, upload_cost, upload_pays
from target_monday.monday.answers import Answer, Complexity
from target_monday.monday.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(messages: Any, count: int, amount: int = 1, changed: int = 0, stream: str = "s") -> str:
    schema = messages.schema(stream, {"Id": "string", "Amount": "number"})
    records = [
        messages.record(stream, Id=f"k{at:06}", Amount=amount + (at < changed))
        for at in range(count)
    ]
    state = {"type": "STATE", "value": {"bookmarks": {stream: amount}}}
    return str(messages.lines([schema, *records, state]))


@pytest.mark.parametrize("plan", ["free", "basic", "pro", "enterprise"])
def test_new_rows_by_aliases_take_the_least_time_that_the_limits_allow(
    simulate: Callable[..., Any], messages: Any, plan: str
) -> None:
    """Within a tenth of the bound, without a refusal, and nearly a hundred rows a call."""
    twin = simulate(plan=plan)

    ended = twin.run(rows(messages, 10_000), lane="alias")

    limits = twin.account.limits.plan
    least = least_seconds(
        points=10_000 * 10_000 + 50_000,  # and what the board costs
        requests=100,
        minute_points=limits.minute_points,
        minute_requests=limits.minute_requests,
    )
    assert (ended.code, ended.refused, len(twin.account.rows("S"))) == (0, 0, 10_000)
    assert ended.calls <= 110
    assert ended.seconds <= 1.1 * least


@pytest.mark.parametrize(
    ("lane", "calls"),
    [pytest.param("auto", 15, id="auto"), pytest.param("ingest", 15, id="ingest")],
)
def test_new_rows_by_upload_cost_a_few_calls(
    simulate: Callable[..., Any], messages: Any, lane: str, calls: int
) -> None:
    twin = simulate(plan="basic")

    ended = twin.run(rows(messages, 10_000), lane=lane, backfill=False)

    assert (ended.code, ended.refused, len(twin.account.rows("S"))) == (0, 0, 10_000)
    assert ended.calls <= calls
    assert twin.account.usage.mutations_by_name["ingest_items"] == 1


@pytest.mark.parametrize("lane", ["auto", "alias"])
def test_a_hundredth_of_the_rows_changed_costs_five_calls(
    simulate: Callable[..., Any], messages: Any, lane: str
) -> None:
    """Also right after an upload, whose items have no known ids if its report tells none."""
    twin = simulate(plan="basic")
    twin.run(rows(messages, 10_000))

    ended = twin.run(rows(messages, 10_000, changed=100), lane=lane)
    quiet = twin.run(rows(messages, 10_000, changed=100), lane=lane)

    assert (ended.code, ended.books.of("s").updated) == (0, 100)
    assert ended.calls <= 5
    assert (quiet.calls, quiet.mutations) == (1, 0)


def test_a_request_fills_up_until_too_many_points_were_lost() -> None:
    """60 of 100 wait for the others; but not each time."""
    clock = [0.0]
    budget = Budget(lambda: clock[0], {"create": 10_000}, minute_points=10_000_000)
    kinds = ["create"] * 100

    budget._points.tell(600_000, 60.0)
    assert [budget.pack(kinds, 100) for _ in range(5)] == [100] * 5
    packs = [budget.pack(kinds, 100) for _ in range(200)]
    assert set(packs) == {60, 100}
    assert 0.05 < packs.count(100) / len(packs) < 0.1


@pytest.mark.parametrize(
    ("minute", "calls", "least"), [(10_000_000, 110, 1800), (5_000_000, 122, 3600)]
)
def test_the_rest_of_a_minute_makes_a_request_now_and_then(
    simulate: Callable[..., Any], messages: Any, minute: int, calls: int, least: int
) -> None:
    """At 30,001 points a row a minute holds 333: not 100, 100, 100 and 33 each time."""
    twin = simulate(plan="standard", points_per_mutation=30_001, minute_points=minute)

    ended = twin.run(rows(messages, 10_000), lane="alias")

    assert (ended.code, ended.refused, ended.books.of("s").created) == (0, 0, 10_000)
    assert ended.calls <= calls
    assert ended.seconds <= 1.1 * least


def test_the_cost_of_a_lane_is_its_calls_and_its_time() -> None:
    """A thousand calls a day make one worth 86.4 seconds; 25,000 make it worth 3.5."""
    small = Means(100, 10_000, 10_000_000, 10_000_000, daily_calls=1_000)
    large = Means(100, 10_000, 10_000_000, 10_000_000, daily_calls=25_000)

    assert alias_cost(10_000, 0, small) == pytest.approx(100 * 88.4 + 60 * 9)
    assert upload_cost(10_000, small) == pytest.approx(4 * 86.4 + 10 + 50)
    assert [upload_pays(count, 0, small) for count in (100, 400, 500)] == [False, False, True]
    assert [upload_pays(count, 0, large) for count in (100, 400, 10_000)] == [False, False, True]


def test_what_was_learned_serves_the_next_run(simulate: Callable[..., Any], messages: Any) -> None:
    """Prices are known from making the board, a spent minute from the run before."""
    twin = simulate(points_per_mutation=45_000, minute_points=1_000_000)
    twin.run(rows(messages, 100), lane="alias")

    ended = twin.run(rows(messages, 100, amount=2), lane="alias")

    assert (ended.code, ended.refused, twin.account.usage.refused) == (0, 0, 0)


def test_a_minute_is_known_from_what_the_first_request_found() -> None:
    """Also where no header tells it: nothing is packed that a small plan refuses."""
    budget = Budget(lambda: 0.0)
    told = Complexity(before=1_000_000, query=30_001, after=969_999, reset_in_x_seconds=60)

    budget.learn(Answer({}, (), None, Limits(), told), ["columns"])

    assert (budget.minute_points, budget.capacity(["create"] * 100, 100)) == (1_000_000, 33)


def test_calls_are_left_to_others(simulate: Callable[..., Any], messages: Any) -> None:
    """`reserve_calls` stops the run as the limit itself would, and the next day it goes on."""
    twin = simulate(daily_calls=20)
    lines = rows(messages, 2_000)

    ended = twin.run(lines, lane="alias", reserve_calls=10)
    twin.time.seconds += 24 * 3600
    again = twin.run(lines, lane="alias")

    assert (ended.code, "midnight UTC" in ended.message, ended.calls) == (4, True, 10)
    assert again.code == 4 or len(twin.account.rows("S")) == 2_000


def test_the_daily_limit_leaves_a_run_to_the_next_day(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """It stops at once: one request is refused, and none is tried again."""
    twin = simulate(daily_calls=15)
    lines = rows(messages, 2_000)

    ended = twin.run(lines, lane="alias")
    twin.time.seconds += 24 * 3600
    again = twin.run(lines, lane="alias")

    assert (ended.code, ended.refused, "midnight UTC" in ended.message) == (4, 1, True)
    assert (again.code, len(twin.account.rows("S"))) == (0, 2_000)


def test_streams_of_higher_priority_get_the_calls_first(
    simulate: Callable[..., Any], messages: Any
) -> None:
    twin = simulate()
    twin.run(rows(messages, 0, stream="low") + rows(messages, 0, stream="high"))

    ended = twin.run(
        rows(messages, 50, stream="low") + rows(messages, 50, stream="high"),
        max_calls=2,
        max_aliases=50,
        boards={"low": {"priority": 1}, "high": {"priority": 2}},
    )

    assert ended.code == 4
    assert (len(twin.account.rows("High")), len(twin.account.rows("Low"))) == (50, 0)


def test_the_hours_limits_of_uploads_are_kept(simulate: Callable[..., Any], messages: Any) -> None:
    """What an hour does not hold goes by aliases; nothing is refused."""
    twin = simulate(ingest_items_per_hour=19_000, plan="enterprise", items_limit=100_000)

    ended = twin.run(rows(messages, 21_000), backfill=False)

    assert (ended.code, ended.refused, len(twin.account.rows("S"))) == (0, 0, 21_000)
    assert twin.account.usage.mutations_by_name["ingest_items"] == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "undefinedField"), (403, "UserUnauthorizedException")]
)
def test_a_token_that_may_not_ask_for_the_daily_limit_does_without(
    simulate: Callable[..., Any], messages: Any, status: int, code: str
) -> None:
    twin = simulate()
    error = {"message": "platform_api is not for you", "extensions": {"code": code}}
    twin.sandbox.monday_faults.plan(Fault(status, json.dumps({"errors": [error]})))

    assert twin.run(rows(messages, 10)).code == 0
    assert len(twin.account.rows("S")) == 10
