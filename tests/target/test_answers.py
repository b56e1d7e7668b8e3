"""Any reply is an answer, a refusal, or a lost answer; and only what says so has not run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.faults import Fault
from target_monday.delivery.alias_lane import outcomes_of
from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone, Rejected
from target_monday.monday.answers import read_answer
from target_monday.monday.errors import (
    AccessDenied,
    AnswerLost,
    BadRequest,
    DailyLimitReached,
    MondayError,
    Refused,
    TooComplex,
    TryLater,
)
from target_monday.monday.exchange import Reply
from target_monday.monday.limits import asked_wait, parse_limits, retry_after

from tests.target.test_outcomes import is_write, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_monday.delivery.outcomes import Outcome

NOTHING: Any = object()


def replied(body: Any, status: int = 200, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers, content)


def read(reply: Reply, *, is_mutation: bool = True) -> Any:
    return read_answer(reply, is_mutation=is_mutation)


def error(code: Any = NOTHING, path: Any = NOTHING, message: Any = "no", **more: Any) -> Any:
    """An error as monday lays it out, without what is not given."""
    found: dict[str, Any] = {"message": message}
    if path is not NOTHING:
        found["path"] = path
    if code is not NOTHING or more:
        found["extensions"] = {**({} if code is NOTHING else {"code": code}), **more}
    return found


UNKNOWN: list[Any] = [
    {"errors": [error("API_TIMEOUT", message="Request timed out")]},
    {"errors": [error("API_TIMEOUT")], "data": None},
    {"errors": [error("API_TIMEOUT", status_code=504)]},
    {"errors": [error(message="Request timed out")]},
    {"errors": [error(message="Timed out, since the rate limit service is away")]},
    {"errors": [error("TIMEOUT", message="Rate limit service timed out")]},
    {"errors": "Internal server error"},
    {"errors": {"message": "Internal server error"}},
    {"errors": {"m0": "failed"}},
    {"errors": ["Internal server error"]},
    {"errors": ["a", "b"], "data": None},
    {"errors": [None]},
    {"errors": [[]]},
    {"errors": [{}]},
    {"errors": 1},
    {"errors": True},
    {"errors": [{"message": None, "extensions": None}]},
    {"errors": [{"message": {"a": 1}, "extensions": "none"}]},
    {"errors": [{"message": "x", "extensions": {"code": ["a"]}}]},
    {"errors": [{"message": "x", "extensions": {"code": "X", "status_code": "200"}}]},
    {"errors": [error("COMPLEXITY_BUDGET_EXHAUSTED"), error("API_TIMEOUT")]},
    {"error_code": "SomethingElse", "error_message": "no", "status_code": 200},
    {"error_message": "Request timed out"},
    {"error_code": 17},
    {"data": None, "errors": None},
    {"data": []},
    {"data": "m0"},
    {"data": {}},
    {"errors": [], "extensions": []},
    {},
    [],
    "text",
    None,
    17,
    b"",
    b"\xff\xfe{\x00}\x00",
    b'{"data": {"a": "\xe9"}}',
    b'{"data": {"m0": {"id": "1"}',
    b"<html>",
    b"[" * 100_000,
    b"9" * 10_000,
]


@pytest.mark.parametrize("status", [200, 202, 302, 408, 418, 499, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("body", UNKNOWN, ids=map(str, range(len(UNKNOWN))))
def test_what_does_not_say_that_nothing_ran_leaves_that_open(body: Any, status: int) -> None:
    """Whatever its shape; what is sent again goes out under the same key, or is looked for."""
    with pytest.raises(AnswerLost):
        read(replied(body, status))


@pytest.mark.parametrize("status", [200, 429, 500])
def test_a_body_that_was_cut_leaves_it_open(status: int) -> None:
    with pytest.raises(AnswerLost):
        read(Reply(status, {}, None))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("COMPLEXITY_BUDGET_EXHAUSTED", TryLater),
        ("complexity_budget_exhausted", TryLater),
        ("ComplexityBudgetExhaustedException", TryLater),
        ("FIELD_MINUTE_RATE_LIMIT_EXCEEDED", TryLater),
        ("RateLimitExceeded", TryLater),
        ("maxConcurrencyExceeded", TryLater),
        ("maxComplexityExceeded", TooComplex),
        ("DAILY_LIMIT_EXCEEDED", DailyLimitReached),
        ("UserUnauthorizedException", AccessDenied),
        ("Unauthorized", AccessDenied),
        ("GRAPHQL_VALIDATION_FAILED", BadRequest),
        ("undefinedField", BadRequest),
        ("JsonParseException", BadRequest),
        ("InvalidBoardIdException", Refused),
        ("ColumnValueException", Refused),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_what_is_documented_to_run_nothing_is_a_refusal(
    code: str, kind: type[MondayError], status: int
) -> None:
    """In whichever place the code stands: it costs no look at the boards."""
    for body in (
        {"errors": [error(code)]},
        {"errors": [error(code)], "data": None},
        {"errors": [error(code)], "data": {"m0": None, "m1": None}},
        {"errors": [{"message": "no", "error_code": code}]},
        {"errors": ["no"], "error_code": code},
        {"errors": error(code)},
        {"error_code": code, "error_message": "no", "status_code": 200},
    ):
        with pytest.raises(kind) as raised:
            read(replied(body, status))
        assert not isinstance(raised.value, AnswerLost)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AccessDenied),
        (403, AccessDenied),
        (413, Refused),
        (423, TryLater),
        (429, TryLater),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", {}, {"errors": ["no"]}, {"data": None}])
def test_without_data_the_status_refuses(status: int, kind: type[MondayError], body: Any) -> None:
    with pytest.raises(kind):
        read(replied(body, status))


def ends(outcomes: list[Outcome]) -> list[str]:
    """Each outcome in a word."""
    words = []
    for each in outcomes:
        match each:
            case Acknowledged(item_id):
                words.append(f"made {item_id}")
            case Rejected(code):
                words.append(f"rejected {code}")
            case Gone() if each.in_doubt:
                words.append(f"in doubt {each.code}")
            case Gone():
                words.append("gone")
            case CarriedOver(run_ends=True):
                words.append("day over")
            case CarriedOver(wait=None):
                words.append("carried over")
            case CarriedOver(wait=wait):
                words.append(f"wait {wait:g}")
            case _:
                words.append(type(each).__name__)
    return words


ONE, TWO = {"id": "1"}, {"id": "2"}
BAD_CELL = "ColumnValueException"


@pytest.mark.parametrize("status", [200, 207, 400, 409, 422, 429, 500, 503])
@pytest.mark.parametrize(
    ("data", "errors", "expected"),
    [
        ({"m0": ONE, "m1": TWO}, [], ["made 1", "made 2"]),
        ({"m0": ONE, "m1": {"id": 2}}, None, ["made 1", "made 2"]),
        ({"m0": ONE, "m1": None}, [error(BAD_CELL, ["m1"])], ["made 1", f"rejected {BAD_CELL}"]),
        ({"m0": ONE, "m1": None}, [error(BAD_CELL, ["m1", 0])], ["made 1", f"rejected {BAD_CELL}"]),
        ({"m0": ONE, "m1": None}, [error(BAD_CELL, [0, "m1"])], ["made 1", f"rejected {BAD_CELL}"]),
        ({"m0": ONE, "m1": None}, [error(BAD_CELL, "m1.id")], ["made 1", f"rejected {BAD_CELL}"]),
        ({"m0": ONE, "m1": None}, [error(BAD_CELL)], ["made 1", f"rejected {BAD_CELL}"]),
        ({"m0": ONE}, [error(BAD_CELL)], ["made 1", f"rejected {BAD_CELL}"]),
        (
            {"m0": None, "m1": None, "m2": ONE},
            [error(BAD_CELL)],
            [f"in doubt {BAD_CELL}", f"in doubt {BAD_CELL}", "made 1"],
        ),
        (
            {"m0": ONE, "m1": None},
            [error("API_TIMEOUT", status_code=504)],
            ["made 1", "in doubt API_TIMEOUT"],
        ),
        (
            {"m0": None, "m1": None},
            [error(BAD_CELL, ["m0"]), error("API_TIMEOUT", status_code=504)],
            [f"rejected {BAD_CELL}", "in doubt API_TIMEOUT"],
        ),
        (
            {"m0": None, "m1": ONE},
            [error("API_TIMEOUT", ["m0"], status_code=504)],
            ["in doubt API_TIMEOUT", "made 1"],
        ),
        (
            {"m0": None, "m1": ONE},
            [error(BAD_CELL, ["m0"]), error("API_TIMEOUT", ["m0"], status_code=504)],
            ["in doubt API_TIMEOUT", "made 1"],
        ),
        ({"m0": ONE, "m1": TWO}, [error(BAD_CELL, ["m0", "id"])], ["made 1", "made 2"]),
        ({"m0": ONE, "m1": TWO}, [error(BAD_CELL, ["m0"])], [f"in doubt {BAD_CELL}", "made 2"]),
        ({"m0": ONE, "m1": None}, [], ["made 1", "in doubt NO_ANSWER"]),
        ({"m0": ONE, "m1": {"id": None}}, [], ["made 1", "in doubt NO_ANSWER"]),
        ({"m0": ONE, "m1": {"id": ["2"]}}, [], ["made 1", "in doubt NO_ANSWER"]),
        ({"m0": ONE, "m1": [TWO]}, [], ["made 1", "in doubt NO_ANSWER"]),
        ({"m0": ONE, "m1": "2"}, [], ["made 1", "in doubt NO_ANSWER"]),
        (
            {"m0": ONE, "m1": None},
            [error("complexityBudgetExhausted", retry_in_seconds=7)],
            ["made 1", "wait 7"],
        ),
        ({"m0": ONE, "m1": None}, [error("DAILY_LIMIT_EXCEEDED")], ["made 1", "day over"]),
        ({"m0": ONE, "m1": None}, [error("ResourceNotFoundException", ["m1"])], ["made 1", "gone"]),
        (None, [error(BAD_CELL, ["m1"])], ["in doubt NO_ANSWER", f"rejected {BAD_CELL}"]),
    ],
)
def test_data_says_what_ran(data: Any, errors: Any, expected: list[str], status: int) -> None:
    """Whatever the HTTP status, and wherever an error stands."""
    answer = read(replied({"data": data, "errors": errors}, status))

    assert ends(outcomes_of(answer, len(expected))) == expected


def test_a_move_without_data_is_not_acknowledged() -> None:
    """A change and a move stand for one operation: both have to have run."""
    answer = read(replied({"data": {"m0": ONE, "g0": None, "m1": TWO, "g1": TWO}}))

    assert ends(outcomes_of(answer, 2)) == ["in doubt NO_ANSWER", "made 2"]


@pytest.mark.parametrize(
    "data",
    [
        {"column_id": "c1"},
        {"columnId": "c1"},
        {"column_ids": ["c1"]},
        {"columnIds": ["c1", "c2"]},
        [{"itemId": 7, "columnIds": ["c1"], "message": "it is required"}],
        [{}, {"column_ids": ["c1"]}, {"columnIds": "c2"}],
    ],
)
def test_an_error_names_its_column(data: Any) -> None:
    """`error_data` is an object or a list, and its members have several spellings."""
    failed = error("DATA_VALIDATIONS_ERROR", ["m0"], error_data=data)
    (outcome,) = outcomes_of(read(replied({"data": {"m0": None}, "errors": [failed]}, 422)), 1)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.column_id) == ("DATA_VALIDATIONS_ERROR", "c1")
    assert "c1" in outcome.message


def test_a_byte_order_mark_and_a_spoilt_text_are_read_over() -> None:
    """What ran is known although a text beside it is none."""
    body = b'\xef\xbb\xbf{"data": {"m0": {"id": "1"}, "x": "\\ud800"}, "extensions": {"n": 1e999}}'

    assert ends(outcomes_of(read(replied(body)), 1)) == ["made 1"]


NAMES = [
    *("data", "errors", "message", "path", "extensions", "code", "error_code", "status_code"),
    *("error_data", "m0", "id", "complexity", "retry_in_seconds", "request_id"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    content=st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()),
    status=st.integers(min_value=200, max_value=599),
    is_mutation=st.booleans(),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "RateLimit", "x-request-id"]), st.text()
    ),
)
def test_no_reply_raises_anything_else(
    content: bytes, status: int, *, is_mutation: bool, headers: dict[str, str]
) -> None:
    try:
        answer = read(Reply(status, headers, content), is_mutation=is_mutation)
    except MondayError:
        return
    outcomes_of(answer, 2)


HUGE = int("9" * 401)


@pytest.mark.parametrize("told", [HUGE, -HUGE, "9" * 401, 1e300, None, True, [], "soon", "-1", 3.5])
def test_a_wait_is_a_time_that_a_clock_knows(told: Any) -> None:
    """A year stands for all that is longer."""
    for name in ("retry_in_seconds", "retryAfterMs"):
        wait = asked_wait("reset in " + "9" * 401 + " seconds", {name: told})
        assert wait is not None
        assert 0 <= wait <= 366 * 86_400


@pytest.mark.parametrize(
    "header", ["9" * 401, "1e400", "inf", "nan", "-5", "²", "Mon, 1 Jan 99999"]
)
def test_a_header_of_any_text_is_a_wait_or_none(header: str) -> None:
    wait = retry_after(header, datetime.now(UTC))
    assert wait is None or 0 <= wait <= 366 * 86_400


def test_limits_that_are_no_numbers_are_not_known() -> None:
    limits = parse_limits(
        {"RateLimit": f'"minuteRate";r={"9" * 401};t=1-2', "RateLimit-Policy": ""}
    )

    assert (limits.requests.left, limits.requests.resets_in) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [error("API_TIMEOUT", message="Request timed out")]},
        {"errors": "Internal server error"},
        {"errors": [error(BAD_CELL)]},
        {"data": None, "errors": [None]},
        {
            "data": {f"m{at}": None for at in range(5)},
            "errors": [error("API_TIMEOUT", [f"m{at}"]) for at in range(5)],
        },
        {"data": {f"m{at}": None for at in range(5)}},
    ],
    ids=["unknown", "text", "of-one", "null", "of-each", "silent"],
)
def test_creates_behind_an_unclear_error_are_not_made_twice(
    simulate: Callable[..., Any], messages: Any, body: Any
) -> None:
    """They were committed before the answer failed."""
    twin = simulate()
    assert twin.run(rows(messages, [])).code == 0
    ids = [f"k{at}" for at in range(5)]
    fault = Fault(200, json.dumps(body), served=True, matches=is_write)
    twin.sandbox.monday_faults.plan(fault)

    ended = twin.run(rows(messages, ids))

    counts = ended.books.of("s")
    assert (ended.code, counts.created + counts.unchanged) == (0, 5)
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ids


def test_a_status_does_not_beat_the_data(simulate: Callable[..., Any], messages: Any) -> None:
    """Three of four rows ran under an HTTP 422: none is sent again, one is a named reject."""
    twin = simulate(partial_failure_status=422)
    columns = {"s": {"columns": {"Mail": {"title": "Mail", "type": "email"}}}}
    assert twin.run(rows(messages, [], Mail="a@example.com"), boards=columns).code == 0
    schema = messages.schema("s", {"Id": "string", "Mail": "string"})
    mails = {"A": "a@example.com", "B": "b@host", "C": "c@example.com", "D": "d@example.com"}
    records = [messages.record("s", Id=each, Mail=mail) for each, mail in mails.items()]

    ended = twin.run(messages.lines([schema, *records]), boards=columns)

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected, ended.mutations) == (3, 3, 1, 4)
    assert [row["Record key"] for row in twin.account.rows("S")] == ["A", "C", "D"]


def test_a_long_wait_ends_the_run_whatever_asks_for_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """A day is not slept through: exit 4, and the next run goes on."""
    twin = simulate()
    assert twin.run(rows(messages, [])).code == 0
    for status in (429, 503):
        wait = {"Retry-After": "86400"}
        twin.sandbox.monday_faults.plan(Fault(status, "", wait, matches=is_write))

        ended = twin.run(rows(messages, ["a"]))

        assert (ended.code, ended.seconds < 600) == (4, True)
        assert "asks to wait 8640" in ended.message
    assert twin.run(rows(messages, ["a"])).code == 0
    assert len(twin.account.rows("S")) == 1
