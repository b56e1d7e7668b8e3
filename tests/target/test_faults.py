"""What goes wrong on the way to monday, or to the target: nothing is lost, nothing is twice."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from sqlalchemy import select
from target_monday.ledger import tables
from target_monday.ledger.database import open_database

from tests.target.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


def rows(messages: Any, *ids: str, amount: int = 1) -> list[dict[str, Any]]:
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})
    records = [messages.record("s", Id=each, Amount=amount) for each in ids]
    return [schema, *records, messages.state(amount)]


def is_write(request: Request) -> bool:
    """A mutation: those carry an idempotency key."""
    return "idempotency-key" in request.headers


@pytest.fixture
def prepared(rehearsal: Any, messages: Any) -> Any:
    """The board is there and empty, so that the next write is a pack of items."""
    assert rehearsal.run(rows(messages)).code == 0
    return rehearsal


def test_a_lost_answer_makes_exactly_one_item(prepared: Any, messages: Any) -> None:
    """The same body goes out under the same idempotency key, and monday replays its answer."""
    prepared.sandbox.monday_faults.plan(Fault(lose=True, matches=is_write))

    ended = prepared.run(rows(messages, "a"))

    assert (ended.code, ended.counts()["created"]) == (0, 1)
    assert prepared.board("S")["items_count"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(503, "<html>maintenance</html>"), id="a proxy's page"),
        pytest.param(Fault(500, '{"errors": [{"message": "Internal Server Error"}]}'), id="500"),
        pytest.param(Fault(200, ""), id="an empty answer"),
        pytest.param(Fault(200, '{"data": null}'), id="no data"),
        pytest.param(Fault(429, "", {"Retry-After": "0"}), id="429 without a body"),
        pytest.param(
            Fault(423, '{"errors": [{"message": "Resource is currently locked"}]}'), id="locked"
        ),
        pytest.param(
            Fault(
                200,
                json.dumps(
                    {
                        "errors": [
                            {
                                "message": "Complexity budget exhausted",
                                "extensions": {
                                    "code": "COMPLEXITY_BUDGET_EXHAUSTED",
                                    "retry_in_seconds": 0,
                                },
                            }
                        ]
                    }
                ),
            ),
            id="budget exhausted inside a 200",
        ),
        pytest.param(
            Fault(
                429,
                '{"error_code": "RateLimitExceeded", "error_message": "Rate Limit Exceeded", '
                '"status_code": 429}',
            ),
            id="the old layout",
        ),
    ],
)
def test_a_passing_fault_is_waited_out(
    simulate: Callable[..., Any], messages: Any, fault: Fault
) -> None:
    """The row arrives once, the run ends with 0."""
    twin = simulate()
    assert twin.run(messages.lines(rows(messages))).code == 0
    met: list[bool] = []

    def is_met(request: Request) -> bool:
        met.append(is_write(request))
        return met[-1]

    twin.sandbox.monday_faults.plan(replace(fault, matches=is_met))

    ended = twin.run(messages.lines(rows(messages, "a")))

    assert (ended.code, len(twin.account.items("S")), any(met)) == (0, 1, True)


class Pieces:
    """Input that comes in two pieces; before the second one something happens."""

    def __init__(self, first: str, then: Callable[[], None], second: str) -> None:
        self._pieces = iter([first, second])
        self._then = then
        self._reads = 0

    def read(self, _: int) -> str:
        """The next piece; "" is the end."""
        self._reads += 1
        if self._reads == 2:
            self._then()
        return next(self._pieces, "")


def test_a_request_that_could_not_be_sent_is_known_not_to_have_run(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """No connection was made: its row is carried over, and nobody is asked what became of it."""
    twin = simulate()
    schema, *others = rows(messages, "a")
    twin.run(messages.lines([schema]))
    port = int(twin.sandbox.boards_url.rpartition(":")[2])
    with Gate(port) as gate:
        url = twin.sandbox.monday_url.replace(str(port), str(gate.port))
        assert twin.run(messages.lines([schema]), api_url=url).code == 0
        given = Pieces(messages.lines([schema]), gate.shut, messages.lines(others))
        cut = twin.run(given, api_url=url)
    counts = cut.books.of("s")

    assert (cut.code, "No answer from" in cut.message) == (1, True)
    assert (counts.carried_over, counts.unknown, cut.calls) == (1, 0, 1)
    with open_database(f"sqlite:///{twin.folder / 'ledger.db'}").connect() as ledger:
        assert ledger.execute(select(tables.open_requests)).all() == []
        (outcome,) = ledger.execute(select(tables.outcomes.c.outcome)).scalars()
    assert outcome == "carried over"


def test_a_killed_target_leaves_no_duplicate(prepared: Any, messages: Any) -> None:
    """Kill -9 while the answer is on its way: the next run adopts what was created."""
    process = prepared.start()

    prepared.kill_at(process, is_write, served=True)
    killed = prepared.end_with_input(process, rows(messages, "a", "b"))

    ended = prepared.run(rows(messages, "a", "b"))

    assert (killed.code, killed.states) == (-signal.SIGKILL, [])
    assert (ended.code, prepared.board("S")["items_count"]) == (0, 2)


def test_a_request_that_never_arrived_is_sent_again(prepared: Any, messages: Any) -> None:
    """Kill -9 before monday saw the request: the next run sends the same bytes, once."""
    process = prepared.start()

    prepared.kill_at(process, is_write)
    killed = prepared.end_with_input(process, rows(messages, "a", "b"))

    ended = prepared.run(rows(messages, "a", "b"))

    assert killed.code == -signal.SIGKILL
    assert "by=resend" in ended.log
    assert (ended.code, prepared.board("S")["items_count"]) == (0, 2)


def test_a_signal_lets_the_request_in_flight_settle(prepared: Any, messages: Any) -> None:
    """SIGTERM in the middle of a request: its rows are settled and acknowledged, then exit 4."""
    process = prepared.start(batch_size_rows=2, max_aliases=1)

    def terminate(request: Request) -> bool:
        if is_write(request):
            process.send_signal(signal.SIGTERM)
        return False

    prepared.sandbox.monday_faults.plan(Fault(matches=terminate))
    ended = prepared.end_with_input(
        process, [*rows(messages, "a"), *rows(messages, "b", amount=2)[1:]]
    )
    prepared.sandbox.monday_faults.clear()

    assert (ended.code, ended.states) == (4, [{"bookmarks": {"at": 1}}])
    assert ended.counts()["carried_over"] == 1
    again = prepared.run(rows(messages, "a", "b"))
    assert (again.counts()["created"], again.counts()["unchanged"]) == (1, 1)


def test_a_signal_while_waiting_for_input_ends_the_run(prepared: Any, messages: Any) -> None:
    """Rows that were read but not sent are carried over, their bookmark is not passed on."""
    process = prepared.start()
    assert process.stdin is not None
    process.stdin.write(messages.lines(rows(messages, "a")))
    process.stdin.flush()
    assert process.stderr is not None
    assert any("board.ready" in line for line in process.stderr)

    ended = prepared.end(process, signal.SIGTERM)

    assert (ended.code, ended.states) == (4, [])


def test_the_daily_limit_stops_the_run_and_the_next_one_resumes(
    rehearse: Callable[..., Any], messages: Any
) -> None:
    """Exit 4 at once, the settled bookmark is out, the message says until when."""
    rehearsal = rehearse(daily_calls=4)
    lines = [
        *rows(messages, "a", "b"),
        *rows(messages, "c", "d", amount=2)[1:],
        *rows(messages, "e", "f", amount=3)[1:],
    ]
    ended = rehearsal.run(lines, batch_size_rows=2, max_aliases=2)

    assert (ended.code, "midnight UTC" in ended.log) == (4, True)
    assert ended.states[-1:] == [{"bookmarks": {"at": 1}}]
    counts = ended.counts()
    assert counts["read"] == counts["created"] + counts["carried_over"]


def test_max_calls_stops_the_run(prepared: Any, messages: Any) -> None:
    """The user's own limit stops like monday's."""
    ended = prepared.run(rows(messages, "a"), max_calls=1)

    assert (ended.code, "max_calls" in ended.log) == (4, True)
    assert prepared.run(rows(messages, "a")).code == 0


def test_a_wait_that_is_too_long_is_for_the_next_run(prepared: Any, messages: Any) -> None:
    """An hour is not slept through; exit 4 and resumable."""
    prepared.sandbox.monday_faults.plan(
        Fault(429, "{}", {"Retry-After": "3600"}, matches=is_write), times=3
    )

    assert prepared.run(rows(messages, "a")).code == 4


def test_a_dead_token_ends_the_run(prepared: Any, messages: Any) -> None:
    """Exit 1 with what to check; the token is not shown."""
    ended = prepared.run(rows(messages, "a"), api_token="not-a-good-one")

    assert (ended.code, "api_token" in ended.log) == (1, True)
    assert "not-a-good-one" not in ended.log


def test_one_bad_alias_does_not_harm_its_siblings(prepared: Any, messages: Any) -> None:
    """A row that monday refuses is rejected alone, by the path of its error."""
    board = prepared.board("S")
    column = {"title": "Mail", "type": "email"}
    mapping = {"s": {"board_id": board["id"], "columns": {"Amount": column}}}
    schema = messages.schema("s", {"Id": "string", "Amount": "string"})
    good, bad = "a@example.com", "b@host"
    lines = [
        schema,
        messages.record("s", Id="1", Amount=good),
        messages.record("s", Id="2", Amount=bad),
        messages.state(1),
    ]
    ended = prepared.run(lines, boards=mapping)

    counts = ended.counts()
    assert (ended.code, counts["created"], counts["rejected"]) == (3, 1, 1)
    assert prepared.audit("rejects")[0]["code"] == "ColumnValueException"
    assert prepared.cells("S", "1")["Mail"] == good


def test_no_secret_in_any_output(prepared: Any, messages: Any) -> None:
    """Not in the log at its chattiest, not in the ledger."""
    prepared.sandbox.monday_faults.plan(Fault(500, "boom", matches=is_write))
    ended = prepared.run(rows(messages, "a"))

    assert ended.code == 0
    assert b"s4ndb0x-m0nd4y" not in prepared.ledger.read_bytes()


def test_a_full_board_fails_alone(rehearse: Callable[..., Any], messages: Any) -> None:
    """What the board cannot take is rejected by name; the other stream is delivered; exit 3."""
    rehearsal = rehearse(items_limit=1)
    other = [messages.schema("t", {"Id": "string"}), messages.record("t", Id="x")]

    ended = rehearsal.run([*rows(messages, "a", "b"), *other])

    assert (ended.code, ended.counts("s")["rejected"]) == (3, 1)
    assert [each["code"] for each in rehearsal.audit("rejects")] == ["BOARD_CAPACITY"]
    assert rehearsal.board("T")["items_count"] == 1
