"""What becomes of rows that monday stumbles over, refuses, or has no room for in a request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import writes
from ifs_monday_sandbox.monday.idempotency import Replies
from target_monday.checkpoints import Checkpoints
from target_monday.monday.errors import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(messages: Any, ids: Any, amount: int = 1, stream: str = "s", **cells: Any) -> str:
    properties = {"Id": "string", "Amount": "number", **dict.fromkeys(cells, "string")}
    records = [messages.record(stream, Id=each, Amount=amount, **cells) for each in ids]
    state = {"type": "STATE", "value": {"bookmarks": {stream: amount}}}
    return str(messages.lines([messages.schema(stream, properties), *records, state]))


def is_write(request: Any) -> bool:
    return "idempotency-key" in request.headers


def failing(alias: str, code: str, **extensions: Any) -> str:
    """An answer in which one alias failed, and nothing ran."""
    error = {"message": code, "path": [alias], "extensions": {"code": code, **extensions}}
    return json.dumps({"data": {alias: None}, "errors": [error]})


@pytest.fixture
def twin(simulate: Callable[..., Any], messages: Any) -> Any:
    """An account with an empty board."""
    twin = simulate()
    assert twin.run(rows(messages, [])).code == 0
    return twin


def test_a_server_error_of_one_alias_is_looked_up_and_sent_again(twin: Any, messages: Any) -> None:
    """Nobody knows whether it ran; its board goes on."""
    body = failing("m0", "INTERNAL_SERVER_ERROR", status_code=500)
    twin.sandbox.monday_faults.plan(Fault(200, body, matches=is_write))

    ended = twin.run(rows(messages, ["a"]))

    assert (ended.code, ended.books.of("s").created, len(twin.account.rows("S"))) == (0, 1, 1)


def test_an_item_that_monday_fails_to_archive_leaves_all_the_same(twin: Any, messages: Any) -> None:
    """In the same run, and before it is told to have left."""
    schema = messages.schema("s", {"Id": "string"})

    def version(number: int, *ids: str) -> str:
        records = [messages.record("s", version=number, Id=each) for each in ids]
        return str(messages.lines([schema, *records, messages.activate("s", number)]))

    twin.run(version(1, "a", "b"), vanished="archive")
    body = failing("m0", "INTERNAL_SERVER_ERROR", status_code=500)
    twin.sandbox.monday_faults.plan(Fault(200, body, matches=is_write))

    ended = twin.run(version(2, "a"), vanished="archive")

    assert (ended.code, ended.books.of("s").archived) == (0, 1)
    assert [row["Record key"] for row in twin.account.rows("S")] == ["a"]


def test_a_row_that_monday_stumbles_over_does_not_cost_its_neighbours(
    twin: Any, messages: Any
) -> None:
    """Each request that holds it fails with 500 and says nothing more: it is found by halving."""
    twin.account.poison.add(b"k07")

    ended = twin.run(rows(messages, [f"k{at:02}" for at in range(40)]))

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected) == (3, 39, 1)
    assert "k07" not in {row["Record key"] for row in twin.account.rows("S")}


def test_an_outage_rejects_nothing(twin: Any, messages: Any) -> None:
    """Where every request fails with 500, it is monday and not the rows."""
    error = {"message": "Internal Server Error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    fault = Fault(500, json.dumps({"errors": [error]}), matches=is_write)
    twin.sandbox.monday_faults.plan(fault, times=200)
    lines = rows(messages, [f"k{at:02}" for at in range(40)])

    ended = twin.run(lines)

    counts = ended.books.of("s")
    assert (ended.code, counts.rejected, counts.carried_over) == (1, 0, 40)
    twin.sandbox.monday_faults.clear()
    assert twin.run(lines).code == 0
    assert len(twin.account.rows("S")) == 40


def test_a_refused_row_is_not_sent_by_every_run(twin: Any, messages: Any) -> None:
    """It stays an open reject of each run; a change of the row sends it again, or a new day."""
    mapping = {"s": {"columns": {"Mail": {"title": "Mail", "type": "email"}}}}

    def run(mail: str) -> Any:
        return twin.run(rows(messages, ["1"], Mail=mail), boards=mapping)

    first, second = run("b@host"), run("b@host")
    twin.time.seconds += 25 * 3600
    tomorrow = run("b@host")
    mended = run("b@host.example.com")

    assert [each.code for each in (first, second, tomorrow, mended)] == [3, 3, 3, 0]
    assert second.books.of("s").rejected == 1
    sent = [each.mutations for each in (second, tomorrow, mended)]
    assert sent == [0, 1, 1]


def test_columns_that_cost_more_than_a_request_may_are_made_in_several(
    simulate: Callable[..., Any], messages: Any
) -> None:
    twin = simulate(prices={"create_column": 400_000})
    many = {f"P{at}": "x" for at in range(30)}

    ended = twin.run(rows(messages, ["1"], **many))

    assert ended.code == 0
    assert {title for title in twin.account.rows("S")[0] if title.startswith("P")} == set(many)


def test_a_row_too_large_for_a_request_goes_in_several(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """All of its cells are on the board at the end of the run, and it counts once."""
    twin = simulate(points_per_cell=1_500_000, minute_points=50_000_000)
    cells = {f"P{at}": f"v{at}" for at in range(9)}

    ended = twin.run(rows(messages, ["1", "2"], **cells))
    again = twin.run(rows(messages, ["1", "2"], **cells))

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.updated, counts.partial) == (0, 2, 0, 0)
    assert [{name: row[name] for name in cells} for row in twin.account.rows("S")] == [cells] * 2
    assert again.mutations == 0


def test_a_cell_that_fits_no_request_waits_in_the_ledger(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The row counts as partial, the run says so; the next one sends the cell without the row."""
    twin = simulate()
    twin.run(rows(messages, ["1"], Note="old"))
    twin.account.limits._settings = twin.monday.__class__(points_per_cell=5_000_000)
    twin.account.settings = twin.account.limits._settings

    ended = twin.run(rows(messages, ["1"], Note="new"))

    counts = ended.books.of("s")
    assert (ended.code, counts.partial, counts.updated) == (1, 1, 1)
    assert twin.account.rows("S")[0]["Note"] == "old"
    twin.account.settings = twin.account.limits._settings = twin.monday
    later = twin.run(rows(messages, ["2"], Note="x"))
    assert later.code == 0
    assert twin.account.rows("S")[0]["Note"] == "new"
    assert twin.run(rows(messages, ["1"], Note="new")).mutations == 0


def test_a_newer_value_takes_the_place_of_a_cell_that_waits(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """What the ledger kept for the next run is never written over what came after it."""
    twin = simulate()
    twin.run(rows(messages, ["1"], Note="old"))
    twin.account.settings = twin.account.limits._settings = twin.monday.__class__(
        points_per_cell=5_000_000
    )
    assert twin.run(rows(messages, ["1"], Note="kept")).code == 1
    twin.account.settings = twin.account.limits._settings = twin.monday

    twin.run(rows(messages, ["1"], Note="newer"))
    ended = twin.run(rows(messages, ["2"], Note="x"))

    assert ended.books.of("s").updated == 0
    assert twin.account.rows("S")[0]["Note"] == "newer"


def test_a_failed_stream_holds_back_its_own_bookmark_only(
    simulate: Callable[..., Any], messages: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other streams' bookmarks go out; its own stays the last one that is settled."""
    twin = simulate()
    twin.settings |= {"boards": {"s": {"board_name": "S {Id}"}}, "max_new_boards": 3}
    marks = [("t", {"s": 0, "t": 0}), ("s", {"s": 1, "t": 0}), ("u", {"s": 1, "t": 0, "u": 1})]
    lines = ""
    for stream, bookmarks in marks:
        ids = [f"{stream}{at}" for at in range(5 if stream == "s" else 2)]
        state = messages.lines([{"type": "STATE", "value": {"bookmarks": bookmarks}}])
        lines += "".join(rows(messages, ids, stream=stream).splitlines(keepends=True)[:-1]) + state

    ended = twin.run(lines)

    states = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ended.code == 1
    assert states[-1] == {"bookmarks": {"s": 0, "t": 0, "u": 1}}


def test_a_state_of_an_unknown_layout_waits_when_a_stream_failed() -> None:
    """Nothing tells which part of it is the failed stream's."""
    checkpoints = Checkpoints({"s", "t"})
    checkpoints.give_up(checkpoints.row(), "s")
    checkpoints.state({"bookmarks": {"at": 7}})
    assert checkpoints.ready() is None
    checkpoints.state({"value": 7})
    assert checkpoints.ready() is None
    checkpoints.state({"bookmarks": {"s": 1, "t": 2}, "version": 3})
    assert checkpoints.ready() == {"bookmarks": {"t": 2}, "version": 3}


@pytest.mark.parametrize(
    "late", [lambda _: True, lambda item: item.id % 2 == 0], ids=["all", "half"]
)
def test_what_a_lost_request_made_may_be_searchable_only_later(
    twin: Any, messages: Any, late: Callable[[Any], bool]
) -> None:
    """Half a minute after the answer was lost: nothing is made twice."""

    def hidden(item: Any) -> bool:
        age = (twin.time.wall() - item.created.at).total_seconds()
        return age < 30 and late(item)

    twin.account.unsearchable = hidden
    twin.sandbox.monday_faults.plan(Fault(lose=True, matches=is_write))
    lines = rows(messages, [f"k{at}" for at in range(10)])

    ended = twin.run(lines)

    assert (ended.code, ended.books.of("s").created, len(twin.account.rows("S"))) == (0, 10, 10)
    assert twin.run(lines).mutations == 0


def test_what_a_lost_request_left_undone_is_done(twin: Any, messages: Any) -> None:
    """One row of the lost request is on the board, the other is not: it is sent under a new key."""
    account, board = twin.account, twin.account.board("S")
    key = account.column("S", "Record key").id

    def half() -> None:
        group = next(iter(board.active_groups()))
        who = account.writer("half of it")
        writes.create_item(account, board, "a", group=group, values={key: "a"}, writer=who)

    twin.sandbox.monday_faults.plan(Fault(502, matches=is_write, meanwhile=half))

    ended = twin.run(rows(messages, ["a", "b"]))

    found = {row["Record key"]: row["Amount"] for row in twin.account.rows("S")}
    assert (ended.code, len(twin.account.rows("S")), found) == (0, 2, {"a": "1", "b": "1"})


@pytest.mark.parametrize(
    "answer",
    [
        failing("m0", "INTERNAL_SERVER_ERROR", status_code=500),
        failing("m0", "API_TIMEOUT"),
        '{"data": {"complexity": null}}',
    ],
    ids=["failed", "a code that is not known", "neither data nor error"],
)
def test_an_item_that_was_made_though_its_answer_does_not_say_so_counts_as_created(
    twin: Any, messages: Any, answer: str
) -> None:
    """Or the books of all runs would have fewer items than the boards."""
    made = Fault(200, answer, matches=is_write, meanwhile=lambda: commit(twin, "a", Id="a"))
    twin.sandbox.monday_faults.plan(made)

    ended = twin.run(rows(messages, ["a"]))

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.unchanged) == (0, 1, 0)
    assert len(twin.account.rows("S")) == 1


def commit(twin: Any, *keys: str, **cells: str) -> None:
    """What a request that was at work all the time makes at last."""
    account, board = twin.account, twin.account.board("S")
    ids = {title: account.column("S", title).id for title in ("Record key", "Amount", *cells)}
    for each in keys:
        values = {ids["Record key"]: each, ids["Amount"]: "1"}
        values |= {ids[title]: cell for title, cell in cells.items()}
        who = account.writer("the first try")
        writes.create_item(
            account, board, each, group=next(iter(board.active_groups())), values=values, writer=who
        )


def end_at_next_write(twin: Any) -> None:
    """The first try ends at last, while the request is sent again."""
    ended: list[str] = []

    def again(request: Any) -> bool:
        if is_write(request) and not ended:
            ended.append("once")
            commit(twin, "a", "b")
        return False

    twin.sandbox.monday_faults.plan(Fault(matches=again))


@pytest.mark.parametrize("lag", [0, 90], ids=["found at once", "found late"])
def test_a_request_that_ran_twice_leaves_one_item_a_key(twin: Any, messages: Any, lag: int) -> None:
    """It was not there when the board was asked, and ended while it was sent again."""
    twin.account.unsearchable = lambda item: (
        (twin.time.wall() - item.created.at).total_seconds() < lag
    )
    twin.sandbox.monday_faults.plan(Fault(200, "<html>", matches=is_write))
    end_at_next_write(twin)

    ended = twin.run(rows(messages, ["a", "b"]))

    assert (ended.code, len(twin.account.board("S").items)) == (0, 4)  # two of them archived
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["a", "b"]
    assert twin.run(rows(messages, ["a", "b"])).mutations == 0


def test_a_request_of_a_dead_run_that_ran_twice_leaves_one_item_a_key(
    twin: Any, messages: Any
) -> None:
    """The next run asked the board, and the first try ended while that run sent it again."""
    twin.run(rows(messages, ["z"]))
    twin.sandbox.monday_faults.plan(Fault(200, "<html>", matches=is_write), times=20)
    died = twin.run(rows(messages, ["z", "a", "b"]))
    twin.sandbox.monday_faults.clear()
    end_at_next_write(twin)

    ended = twin.run(rows(messages, ["z", "a", "b"]))

    assert died.code != 0
    assert (ended.code, len(twin.account.board("S").items)) == (0, 5)  # two of them archived
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["a", "b", "z"]
    assert twin.run(rows(messages, ["z", "a", "b"])).mutations == 0


RUNNING = Fault(
    409, '{"errors": [{"message": "running", "extensions": {"code": "IDEMPOTENCY_CONFLICT"}}]}'
)


@pytest.mark.parametrize(
    "signs",
    [
        pytest.param([Fault(200, "<html>")], id="not-answered"),
        pytest.param([RUNNING], id="said-to-be-running"),
        pytest.param([Fault(200, "<html>"), RUNNING], id="both"),
    ],
)
def test_a_request_that_may_be_at_work_is_not_cut(
    twin: Any, messages: Any, signs: list[Fault]
) -> None:
    """Then monday fails over it: its parts under new keys would run beside it."""
    faults, keys = twin.sandbox.monday_faults, set[str]()

    def is_told(request: Any) -> bool:
        if is_write(request):
            keys.add(request.headers["idempotency-key"])
        return is_write(request)

    error = {"message": "Internal Server Error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    for each in signs:
        faults.plan(replace(each, matches=is_told))
    faults.plan(Fault(500, json.dumps({"errors": [error]}), matches=is_told), times=60)
    first = twin.run(rows(messages, ["a", "b"]))
    faults.clear()
    commit(twin, "a", "b")

    ended = twin.run(rows(messages, ["a", "b"]))

    assert (first.code, first.books.of("s").unknown, len(keys), ended.code) == (1, 2, 1, 0)
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (
            Kind.RETRY,
            (
                "COMPLEXITY_BUDGET_EXHAUSTED ComplexityException complexityBudgetExhausted "
                "RateLimitExceeded RATE_LIMIT_EXCEEDED IP_RATE_LIMIT_EXCEEDED FIELD_LIMIT_EXCEEDED "
                "FIELD_MINUTE_RATE_LIMIT_EXCEEDED maxConcurrencyExceeded API_TEMPORARILY_BLOCKED "
                "IDEMPOTENCY_CONFLICT"
            ),
        ),
        (Kind.TOO_COMPLEX, "maxComplexityExceeded"),
        (Kind.DAILY_LIMIT, "DAILY_LIMIT_EXCEEDED DailyLimitExceededException"),
        (
            Kind.REJECT,
            (
                "ColumnValueException CorrectedValueException "
                "InvalidUserIdException InvalidArgumentException ItemNameTooLongException "
                "DeleteLastGroupException RecordInvalidException"
            ),
        ),
        (Kind.BOARD, "InvalidBoardIdException InvalidColumnIdException"),
        (Kind.FULL, "ItemsLimitationException"),
        (Kind.GONE, "ResourceNotFoundException"),
        (
            Kind.ACCESS,
            (
                "missingRequiredPermissions UserUnauthorizedException USER_ACCESS_DENIED "
                "Unauthorized NOT_AUTHENTICATED"
            ),
        ),
        (Kind.BUG, "JsonParseException undefinedField InvalidVersionException"),
        (Kind.LOST, "INTERNAL_SERVER_ERROR InternalServerErrorException"),
        (Kind.CURSOR, "CursorException"),
    ],
)
def test_each_code_has_one_meaning_in_either_layout(kind: Kind, codes: str) -> None:
    """Whatever its spelling, and whether it stands as a code or is only said."""
    for code in codes.split():
        assert kind_of(code, "anything", 200) is kind, code
        assert kind_of("", code, 200) is kind, code


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        ("Minute limit rate exceeded", 429, Kind.RETRY),
        ("Rate Limit Exceeded", 429, Kind.RETRY),
        ("Concurrency limit exceeded", 429, Kind.RETRY),
        ("Resource is currently locked", 423, Kind.RETRY),
        ("Your ip is restricted", 401, Kind.ACCESS),
        ("Bad request", 400, Kind.BUG),
        ("Internal Server Error", 500, Kind.LOST),
        ("anything", 502, Kind.LOST),
        ("anything", 504, Kind.LOST),
        ("anything", 404, Kind.GONE),
        ("anything", 422, Kind.REJECT),
    ],
)
def test_without_a_code_words_and_status_tell(message: str, status: int, kind: Kind) -> None:
    assert kind_of("", message, status) is kind


def test_what_was_refused_after_a_lost_answer_is_written_again(twin: Any, messages: Any) -> None:
    """A refused update may have been carried out: its cells count as unknown from then on."""
    schema = messages.schema("s", {"Id": "string", "V": "string"})

    def run(value: str) -> Any:
        return twin.run(
            messages.lines([schema, messages.record("s", Id="a", V=value)]), lane="alias"
        )

    assert run("old").code == 0

    def forget() -> None:
        twin.account.replies = Replies(twin.account.elapsed)

    def is_write(request: Any) -> bool:
        return "idempotency-key" in request.headers

    twin.sandbox.monday_faults.plan(Fault(lose=True, meanwhile=forget, matches=is_write))
    failure = {"message": "x", "path": ["m0"], "extensions": {"code": "ColumnValueException"}}
    refused = json.dumps({"data": {"m0": None}, "errors": [failure]})
    twin.sandbox.monday_faults.plan(Fault(200, refused, matches=is_write))
    assert run("new").code == 3
    assert twin.account.rows("S")[0]["V"] == "new"

    assert run("old").code == 0

    assert twin.account.rows("S")[0]["V"] == "old"
