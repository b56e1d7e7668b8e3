"""Each error of monday leads to one end, told in either layout, as the documentation has them.

Source: developer.monday.com/api-reference/docs/error-handling and .../docs/rate-limits.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from ifs_monday_sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What is to come of a row: exit code, and where the books have it.
DELIVERED: Final = (0, "created")
REJECTED: Final = (3, "rejected")
STOPPED: Final = (1, "carried_over")  # the stream, or the run
UNTIL_MIDNIGHT: Final = (4, "carried_over")

ENDS: Final[Mapping[tuple[int, str], str]] = {
    DELIVERED: (
        "COMPLEXITY_BUDGET_EXHAUSTED ComplexityException complexityBudgetExhausted "
        "maxComplexityExceeded RateLimitExceeded RATE_LIMIT_EXCEEDED FIELD_LIMIT_EXCEEDED "
        "FIELD_MINUTE_RATE_LIMIT_EXCEEDED IP_RATE_LIMIT_EXCEEDED maxConcurrencyExceeded "
        "API_TEMPORARILY_BLOCKED IDEMPOTENCY_CONFLICT ResourceNotFoundException "
        "INTERNAL_SERVER_ERROR"
    ),
    REJECTED: (
        "ColumnValueException CorrectedValueException InvalidUserIdException "
        "InvalidArgumentException ItemNameTooLongException DeleteLastGroupException "
        "RecordInvalidException ItemsLimitationException"
    ),
    STOPPED: (
        "InvalidBoardIdException InvalidColumnIdException "
        "missingRequiredPermissions UserUnauthorizedException USER_ACCESS_DENIED Unauthorized "
        "NOT_AUTHENTICATED"
    ),
    UNTIL_MIDNIGHT: "DAILY_LIMIT_EXCEEDED",
}
BUGS: Final = "JsonParseException undefinedField InvalidVersionException"
CASES: Final = [(code, end) for end, codes in ENDS.items() for code in codes.split()]


def of_alias(code: str) -> dict[str, Any]:
    """Beside partial data, with the alias that it concerns."""
    error = {"message": "no", "path": ["m0"], "extensions": {"code": code}}
    return {"data": {"m0": None}, "errors": [error]}


def of_request(code: str) -> dict[str, Any]:
    """Of the whole request."""
    return {"errors": [{"message": "no", "extensions": {"code": code}}]}


def of_old(code: str) -> dict[str, Any]:
    """The layout before 2025."""
    return {"error_code": code, "error_message": "no", "status_code": 200}


def is_write(request: Any) -> bool:
    return "idempotency-key" in request.headers


@pytest.fixture
def end_of(simulate: Callable[..., Any], messages: Any) -> Callable[[Fault], tuple[int, str]]:
    """Runs one new row into a fault; gives the exit code, and where the books have the row."""

    def run(fault: Fault) -> tuple[int, str]:
        twin = simulate()
        schema = messages.schema("s", {"Id": "string", "Note": "string"})
        assert twin.run(messages.lines([schema])).code == 0
        twin.sandbox.monday_faults.plan(fault)
        lines = [schema, messages.record("s", Id="a", Note="n"), messages.state(1)]
        ended = twin.run(messages.lines(lines))
        counts = ended.books.of("s")
        places = ("created", "rejected", "carried_over")
        (place,) = (name for name in places if getattr(counts, name))
        on_board = [row["Note"] for row in twin.account.rows("S")]
        assert on_board == (["n"] if place == "created" else [])
        return ended.code, place

    return run


@pytest.mark.parametrize("layout", [of_alias, of_request, of_old])
@pytest.mark.parametrize(("code", "end"), CASES)
def test_a_code_has_one_end(
    end_of: Callable[[Fault], tuple[int, str]],
    layout: Callable[[str], dict[str, Any]],
    code: str,
    end: tuple[int, str],
) -> None:
    """Retry, reject or stop; a row is delivered once, or stands in the books."""
    assert end_of(Fault(200, json.dumps(layout(code)), matches=is_write)) == end


@pytest.mark.parametrize("code", BUGS.split())
@pytest.mark.parametrize(
    ("layout", "end"), [(of_alias, REJECTED), (of_request, STOPPED), (of_old, STOPPED)]
)
def test_what_monday_does_not_understand_is_not_repeated(
    end_of: Callable[[Fault], tuple[int, str]],
    layout: Callable[[str], dict[str, Any]],
    end: tuple[int, str],
    code: str,
) -> None:
    """Of one operation it is a reject, of a whole request the end of the run."""
    assert end_of(Fault(200, json.dumps(layout(code)), matches=is_write)) == end


@pytest.mark.parametrize(
    ("status", "message", "end"),
    [
        (429, "Rate Limit Exceeded", DELIVERED),
        (429, "Minute limit rate exceeded", DELIVERED),
        (429, "Concurrency limit exceeded", DELIVERED),
        (423, "Resource is currently locked", DELIVERED),
        (409, "a twin is in flight", DELIVERED),
        (401, "Your ip is restricted", STOPPED),
        (403, "no", STOPPED),
        (400, "Bad request", STOPPED),
        (500, "Internal Server Error", DELIVERED),
        (502, "", DELIVERED),
        (503, "", DELIVERED),
        (504, "", DELIVERED),
        (200, "", DELIVERED),  # an empty body: nobody knows whether it ran
        (204, "", DELIVERED),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["graphql", "page"])
def test_without_a_code_the_status_and_the_words_tell(
    end_of: Callable[[Fault], tuple[int, str]],
    status: int,
    message: str,
    end: tuple[int, str],
    *,
    told: bool,
) -> None:
    """Also where a proxy answers with a page of its own."""
    errors = json.dumps({"errors": [{"message": message}]})
    body = errors if told and message else "<html>" * bool(message)

    assert end_of(Fault(status, body, matches=is_write)) == end
