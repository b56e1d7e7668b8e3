"""Budgets: points, requests, calls, concurrency; and what a refused client is told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from conftest import Twin

BUDGET = "{ complexity { before query after reset_in_x_seconds } }"


def refusal(answer: requests.Response) -> dict[str, Any]:
    """The extensions of the one error."""
    (error,) = answer.json()["errors"]
    return dict(error["extensions"])


def test_the_complexity_field_is_true_within_its_request(twin: Twin) -> None:
    """After is before less the price, and the next request begins there."""
    query = """mutation { complexity { before query after reset_in_x_seconds }
      create_board(board_name: "B", board_kind: public, empty: true) { id } }"""
    told = twin.ask(query)["complexity"]
    twin.clock.go(20)
    later = twin.ask(BUDGET)["complexity"]

    assert told == {
        "before": 10_000_000,
        "query": 10_001,
        "after": 9_989_999,
        "reset_in_x_seconds": 60,
    }
    assert (later["before"], later["reset_in_x_seconds"]) == (told["after"], 40)


def test_points_run_out_and_come_back_after_the_told_wait(start: Callable[..., Twin]) -> None:
    """HTTP 429 with every documented fact, nothing done; the wait is real seconds, rounded up."""
    twin = start(minute_points=15_000, minute_seconds=1.5)
    board = twin.board()
    twin.clock.go(0.2)
    query = 'mutation($b: ID!) { create_item(board_id: $b, item_name: "a") { id } }'
    answer = twin.post(query, {"b": board})

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "2"
    assert refusal(answer) == {
        "code": "COMPLEXITY_BUDGET_EXHAUSTED",
        "status_code": 429,
        "error_data": {},
        "retry_in_seconds": 2,
        "complexity": 10_000,
        "complexity_budget_left": 5_000,
        "complexity_budget_limit": 15_000,
    }
    assert twin.account.rows("Invoices") == []
    twin.clock.go(2)
    twin.ask(query, b=board)


def test_a_request_too_large_is_refused_as_a_whole(twin: Twin) -> None:
    """More than 5,000,000 points in one request: waiting does not help, splitting does."""
    aliases = " ".join(
        f'a{number}: create_item(board_id: 1, item_name: "x") {{ id }}' for number in range(501)
    )
    answer = twin.post(f"mutation {{ {aliases} }}")

    assert refusal(answer)["code"] == "maxComplexityExceeded"
    assert refusal(answer)["complexity"] == 5_010_000


def test_requests_a_minute_are_limited(start: Callable[..., Twin]) -> None:
    """Refused requests do not count as requests, and the header tells the reset."""
    twin = start(minute_requests=2, minute_seconds=10)
    twin.post("{ me { id } }")
    second = twin.post("{ me { id } }")
    third = twin.post("{ me { id } }")

    assert '"minuteRate";r=0;t=10' in second.headers["RateLimit"]
    assert (third.status_code, refusal(third)["code"]) == (429, "RateLimitExceeded")
    twin.clock.go(int(third.headers["Retry-After"]))
    assert twin.post("{ me { id } }").status_code == 200


def test_calls_a_day_are_limited_until_midnight_utc(start: Callable[..., Twin]) -> None:
    """The twin's day began at 22:00, so two hours are told."""
    twin = start(daily_calls=2)
    twin.post("{ me { id } }")
    twin.post("{ me { id } }")
    refused = twin.post("{ me { id } }")

    assert (refused.status_code, refusal(refused)["code"]) == (429, "DAILY_LIMIT_EXCEEDED")
    assert refused.headers["Retry-After"] == "7200"
    twin.clock.go(7200)
    assert twin.clock.wall() == datetime(2026, 11, 24, tzinfo=UTC)
    assert twin.post("{ me { id } }").status_code == 200


def test_refused_requests_and_budget_questions_cost_a_tenth(start: Callable[..., Twin]) -> None:
    """Ten questions are one call."""
    twin = start(daily_calls=2, minute_requests=100)
    for _ in range(10):
        assert twin.post(BUDGET).status_code == 200
    assert twin.post("{ me { id } }").status_code == 200
    assert twin.post("{ me { id } }").status_code == 429


def test_the_daily_limit_can_be_read(start: Callable[..., Twin]) -> None:
    twin = start(plan="standard")
    told = twin.ask(
        "{ platform_api { daily_limit { base total } daily_analytics { by_day { day usage } } } }"
    )["platform_api"]

    assert told["daily_limit"] == {"base": 1_000, "total": 1_000}
    assert told["daily_analytics"]["by_day"] == [{"day": "2026-11-23", "usage": 1}]


@pytest.mark.parametrize(
    ("plan", "requests_allowed", "at_once", "points"),
    [("free", 1_000, 40, 1_000_000), ("pro", 2_500, 100, 10_000_000)],
)
def test_policies_are_told_by_headers(
    start: Callable[..., Twin], plan: str, requests_allowed: int, at_once: int, points: int
) -> None:
    """As structured fields, with what is left beside them."""
    answer = start(plan=plan).post("{ me { id } }")

    assert answer.headers["RateLimit-Policy"].split(", ") == [
        f'"minuteRate";q={requests_allowed};w=60',
        f'"concurrency";q={at_once};qu="concurrent-requests"',
        f'"complexityMinute";q={points};w=60;qu="content-bytes"',
    ]
    assert answer.headers["RateLimit"].startswith('"minuteRate";r=')


def test_requests_at_once_are_limited(start: Callable[..., Twin]) -> None:
    """One more than allowed is refused while the others are under way."""
    twin = start(concurrency=1)
    with twin.account.held():
        waiting = threading.Thread(target=twin.post, args=("{ me { id } }",))
        waiting.start()
        while not twin.account.limits.in_flight:
            pass
        refused = twin.post("{ me { id } }")
    waiting.join()

    assert refusal(refused)["code"] == "maxConcurrencyExceeded"
    assert twin.post("{ me { id } }").status_code == 200
