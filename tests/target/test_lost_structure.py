"""What is made around items is made once, also where answers are lost and not kept by monday."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import structure, writes
from ifs_monday_sandbox.monday.idempotency import Replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

BOARDS = {"s": {"board_name": "S", "group": "{Place}", "unmapped": "create"}}


def lines(messages: Any) -> str:
    schema = messages.schema("s", {"Id": "string", "Place": "string", "Amount": "number"})
    records = [messages.record("s", Id=each, Place=f"in {each}", Amount=1) for each in "abc"]
    return str(messages.lines([schema, *records, messages.state(1)]))


def nth_write(number: int) -> Callable[[Request], bool]:
    """Matches the mutation of this number, from 0."""
    seen = [0]

    def matches(request: Request) -> bool:
        seen[0] += "idempotency-key" in request.headers
        return "idempotency-key" in request.headers and seen[0] == number + 1

    return matches


def assert_all_once(twin: Any) -> None:
    (board,) = [each for each in twin.account.boards.values() if each.name == "S"]
    titles = Counter(column.title for column in board.columns)
    groups = Counter(group.title for group in board.groups)
    assert max(titles.values()) == max(groups.values()) == 1
    assert {f"in {each}" for each in "abc"} <= groups.keys()
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["a", "b", "c"]


def lose_for_good(twin: Any, write: int) -> None:
    """The answer to this write is lost, and monday keeps no reply to it."""

    def forget() -> None:
        twin.account.replies = Replies(twin.account.elapsed)

    lost = Fault(lose=True, meanwhile=forget, matches=nth_write(write))
    twin.sandbox.monday_faults.plan(lost)


@pytest.mark.parametrize("write", range(4), ids=["board", "columns", "groups", "items"])
def test_a_lost_answer_that_is_not_kept_doubles_nothing(
    simulate: Callable[..., Any], messages: Any, write: int
) -> None:
    """Before a request goes out again, the account is asked what it made."""
    twin = simulate()
    lose_for_good(twin, write)

    ended = twin.run(lines(messages), boards=BOARDS, lane="alias")

    assert ended.code == 0
    assert_all_once(twin)


@pytest.mark.parametrize("write", range(3), ids=["board", "columns", "groups"])
def test_a_run_after_one_that_never_got_its_answer_doubles_nothing(
    simulate: Callable[..., Any], messages: Any, write: int
) -> None:
    """What a run could not learn, the next one finds by name and title."""
    twin = simulate()
    lose_for_good(twin, write)
    twin.sandbox.monday_faults.plan(Fault(502, "<html>"), times=60)
    assert twin.run(lines(messages), boards=BOARDS, lane="alias").code != 0
    twin.sandbox.monday_faults.clear()

    ended = twin.run(lines(messages), boards=BOARDS, lane="alias")

    assert ended.code == 0
    assert_all_once(twin)


def test_a_later_try_that_ends_late_doubles_nothing(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The first try never arrived; the second is at work for two seconds after its answer fails."""
    twin = simulate()
    faults, sent = twin.sandbox.monday_faults, list[float]()
    second = nth_write(0)

    def is_second_try(request: Request) -> bool:
        if second(request):
            sent.append(twin.time.seconds)
        return bool(sent)

    def has_ended(_: object) -> bool:
        if sent and twin.time.seconds >= sent[0] + 2:
            sent.clear()
            for each in "abc":
                structure.create_group(twin.account, twin.account.board("S"), f"in {each}", None)
        return False

    faults.plan(Fault(502, "<html>", matches=nth_write(2)))
    faults.plan(Fault(502, "<html>", matches=is_second_try))
    faults.plan(Fault(matches=has_ended))

    ended = twin.run(lines(messages), boards=BOARDS, lane="alias")
    twin.time.seconds += 2
    has_ended(None)

    assert ended.code == 0
    assert_all_once(twin)


@pytest.mark.parametrize("lane", ["ingest", "alias"])
def test_a_group_that_cannot_be_made_doubles_no_sibling(
    simulate: Callable[..., Any], messages: Any, lane: str
) -> None:
    """The board fails for this run; the next one finds the groups that were made."""
    twin = simulate()
    failure = {"message": "x", "path": ["m0"], "extensions": {"code": "ResourceLocked"}}
    half = json.dumps({"data": {"m0": None, "m1": {"id": "g1"}}, "errors": [failure]})

    def make_the_others() -> None:
        for title in ("in b", "in c"):
            structure.create_group(twin.account, twin.account.board("S"), title, None)

    spoilt = Fault(200, half, meanwhile=make_the_others, matches=nth_write(2))
    twin.sandbox.monday_faults.plan(spoilt)
    first = twin.run(lines(messages), boards=BOARDS, lane=lane)

    second = twin.run(lines(messages), boards=BOARDS, lane=lane)

    assert (first.code, second.code) == (1, 0)
    assert_all_once(twin)


@pytest.mark.parametrize("seconds", [15, 60, 300])
@pytest.mark.parametrize("run", ["the same", "the next"])
def test_items_that_no_search_finds_yet_are_not_made_again(
    simulate: Callable[..., Any], messages: Any, seconds: int, run: str
) -> None:
    """The answer is lost and not kept, and a search is late: the board itself is asked."""
    twin = simulate()

    def hidden(item: Any) -> bool:
        return bool((twin.time.wall() - item.created.at).total_seconds() < seconds)

    twin.account.unsearchable = hidden
    lose_for_good(twin, 3)
    if run == "the next":
        twin.sandbox.monday_faults.plan(Fault(502, "<html>"), times=60)
        assert twin.run(lines(messages), boards=BOARDS, lane="alias").code != 0
        twin.sandbox.monday_faults.clear()

    ended = twin.run(lines(messages), boards=BOARDS, lane="alias")

    assert ended.code == 0
    assert_all_once(twin)
    assert twin.run(lines(messages), boards=BOARDS, lane="alias").mutations == 0


def test_an_item_of_an_upload_is_known_before_a_search_finds_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """An upload tells no ids: a change that follows at once makes no second item."""
    twin = simulate()
    assert twin.run(lines(messages), boards=BOARDS, lane="ingest").code == 0
    twin.account.unsearchable = lambda _: True
    schema = messages.schema("s", {"Id": "string", "Place": "string", "Amount": "number"})
    record = messages.record("s", Id="a", Place="in a", Amount=2)

    ended = twin.run(messages.lines([schema, record]), boards=BOARDS, lane="alias")

    assert (ended.code, ended.books.of("s").updated) == (0, 1)
    assert_all_once(twin)


@pytest.mark.parametrize("run", ["the same", "the next"])
def test_items_that_come_are_not_hidden_by_items_that_leave(
    simulate: Callable[..., Any], messages: Any, run: str
) -> None:
    """A request makes as many items as it deletes: the board counts as many as before."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})

    def version(number: int, keys: str) -> str:
        records = [{**messages.record("s", Id=each, Amount=1), "version": number} for each in keys]
        seen = {"type": "ACTIVATE_VERSION", "stream": "s", "version": number}
        return str(messages.lines([schema, *records, seen, messages.state(number)]))

    settings = {"boards": {"s": {"board_name": "S"}}, "lane": "alias", "vanished": "delete"}
    assert twin.run(version(1, "ab"), **settings).code == 0
    twin.account.unsearchable = lambda _: True
    lose_for_good(twin, 0)
    if run == "the next":
        twin.sandbox.monday_faults.plan(Fault(502, "<html>"), times=60)
        assert twin.run(version(2, "bc"), **settings).code != 0
        twin.sandbox.monday_faults.clear()

    ended = twin.run(version(3, "bc"), **settings)

    assert ended.code == 0
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["b", "c"]


def test_an_item_that_is_looked_at_twice_is_counted_once(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Or the board would count as expected when an item that no search finds is one too many."""
    twin = simulate()
    labels = {"type": "array", "items": {"type": "string"}}
    schema = messages.schema("s", {"Id": "string", "Tags": labels})
    records = [messages.record("s", Id=each, Tags=["New, or not"]) for each in "ab"]
    twin.account.unsearchable = lambda item: item.name == "b"
    lose_for_good(twin, 2)
    lose_for_good(twin, 0)

    ended = twin.run(
        messages.lines([schema, *records, messages.state(1)]),
        boards={"s": {"board_name": "S", "columns": {"Tags": {"type": "dropdown"}}}},
        lane="alias",
        max_aliases=1,
    )

    assert ended.code == 0
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == ["a", "b"]


def hide_while_young(twin: Any, name: str) -> None:
    """No search finds items of this name for 100 seconds, in which the target looks in vain."""

    def hidden(item: Any) -> bool:
        return item.name == name and (twin.time.wall() - item.created.at).total_seconds() < 100

    twin.account.unsearchable = hidden


def lose_while_taken_away(twin: Any, name: str) -> None:
    """The first write's answer is lost and not kept, and the item of this name leaves its board."""

    def meanwhile() -> None:
        twin.account.replies = Replies(twin.account.elapsed)
        twin.account.archive_item("S", name)

    twin.sandbox.monday_faults.plan(Fault(lose=True, meanwhile=meanwhile, matches=nth_write(0)))


@pytest.mark.parametrize("keys", ["b", "ab"], ids=["all of it", "a part of it"])
def test_an_item_that_a_person_takes_away_hides_no_other(
    simulate: Callable[..., Any], messages: Any, keys: str
) -> None:
    """The board counts as many items as before, though the request whose answer was lost ran."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string"})

    def given(*keys: str) -> str:
        records = [messages.record("s", Id=each) for each in keys]
        return str(messages.lines([schema, *records, messages.state(1)]))

    settings = {"boards": {"s": {"board_name": "S"}}, "lane": "alias"}
    assert twin.run(given("z"), **settings).code == 0
    hide_while_young(twin, "b")
    lose_while_taken_away(twin, "z")

    ended = twin.run(given(*keys), **settings)

    assert ended.code == 0
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == list(keys)


def test_a_later_row_of_an_item_that_was_not_found_makes_no_second_one(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """It joins the create that waits to be sent again, and the item of the first try takes it."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})

    def given(*rows: tuple[str, int]) -> str:
        records = [messages.record("s", Id=key, Amount=amount) for key, amount in rows]
        return str(messages.lines([schema, *records, messages.state(1)]))

    settings = {"boards": {"s": {"board_name": "S"}}, "lane": "alias"}
    settings |= {"max_aliases": 2, "batch_size_rows": 2}
    assert twin.run(given(("z", 1)), **settings).code == 0
    hide_while_young(twin, "b")
    lose_while_taken_away(twin, "z")

    ended = twin.run(given(("a", 1), ("b", 1), ("b", 2)), **settings)

    assert (ended.code, ended.books.of("s").merged) == (0, 1)
    rows = [(row["Record key"], row["Amount"]) for row in twin.account.rows("S")]
    assert sorted(rows) == [("a", "1"), ("b", "2")]


def test_an_item_that_an_upload_made_unseen_is_not_made_again(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Its report cannot be read, and the board counts as many items as before."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string", "Mail": "string"})

    def given(**mails: str) -> str:
        records = [messages.record("s", Id=key, Mail=mail) for key, mail in mails.items()]
        return str(messages.lines([schema, *records, messages.state(1)]))

    columns = {"Mail": {"title": "Mail", "type": "email"}}
    settings = {"boards": {"s": {"board_name": "S", "columns": columns}}, "lane": "ingest"}
    assert twin.run(given(z="z@example.com"), **settings).code == 0
    hide_while_young(twin, "b")

    def is_report(request: Request) -> bool:
        return request.url.path.startswith("/reports/")

    def meanwhile() -> None:
        twin.account.archive_item("S", "z")

    twin.sandbox.monday_faults.plan(Fault(403, meanwhile=meanwhile, matches=is_report))
    twin.sandbox.monday_faults.plan(Fault(403, matches=is_report))

    ended = twin.run(given(b="b@example.com", refused="b@host"), **settings)

    assert (ended.code, ended.books.of("s").rejected) == (3, 1)
    assert [row["Record key"] for row in twin.account.rows("S")] == ["b"]
    assert twin.account.usage.mutations_by_name["archive_item"] == 1


@pytest.mark.parametrize("then", [None, "RESOURCE_NOT_FOUND"], ids=["at once", "after a refusal"])
def test_an_item_that_monday_failed_over_unseen_is_not_made_again(
    simulate: Callable[..., Any], messages: Any, then: str | None
) -> None:
    """It was made after all, and the board counts as many items as before."""
    twin = simulate()
    schema = messages.schema("s", {"Id": "string"})

    def given(key: str) -> str:
        return str(messages.lines([schema, messages.record("s", Id=key), messages.state(1)]))

    def failing(code: str) -> str:
        error = {"message": code, "path": ["m0"], "extensions": {"code": code}}
        return json.dumps({"data": {"m0": None}, "errors": [error]})

    settings = {"boards": {"s": {"board_name": "S"}}, "lane": "alias"}
    assert twin.run(given("z"), **settings).code == 0
    hide_while_young(twin, "b")

    def meanwhile() -> None:
        account = twin.account
        board, values = account.board("S"), {account.column("S", "Record key").id: "b"}
        writer = account.writer("the request")
        writes.create_item(account, board, "b", group=None, values=values, writer=writer)
        account.archive_item("S", "z")

    stumbled = failing("INTERNAL_SERVER_ERROR")
    twin.sandbox.monday_faults.plan(Fault(200, stumbled, meanwhile=meanwhile, matches=nth_write(0)))
    if then is not None:
        twin.sandbox.monday_faults.plan(Fault(200, failing(then), matches=nth_write(0)))

    ended = twin.run(given("b"), **settings)

    assert ended.code == 0
    assert [row["Record key"] for row in twin.account.rows("S")] == ["b"]
