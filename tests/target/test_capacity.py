"""Boards are finite: what they have room for is known before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday.writes import create_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


def lines(messages: Any, *ids: str, stream: str = "s", version: int | None = None) -> str:
    schema = messages.schema(stream, {"Id": "string", "Note": "string"})
    records = [messages.record(stream, version=version, Id=one, Note="n") for one in ids]
    ends = [] if version is None else [messages.activate(stream, version)]
    return str(messages.lines([schema, *records, *ends, messages.state(1)]))


def numbered(begin: int, end: int) -> list[str]:
    return [f"k{number}" for number in range(begin, end)]


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_rows_beyond_the_limit_are_rejected_unsent(
    simulate: Callable[..., Any], messages: Any, lane: str
) -> None:
    """By name, without a request that must fail; changes and other boards go on."""
    twin = simulate(items_limit=5)
    twin.run(lines(messages, *numbered(0, 3)), lane=lane)

    ended = twin.run(lines(messages, *numbered(0, 9)) + lines(messages, "x", stream="t"), lane=lane)

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.rejected, counts.unchanged) == (3, 2, 4, 3)
    assert (ended.refused, ended.books.balanced) == (0, True)
    assert (len(twin.account.rows("S")), len(twin.account.rows("T"))) == (5, 1)


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_items_that_leave_make_room_for_new_ones(
    simulate: Callable[..., Any], messages: Any, lane: str
) -> None:
    """Vanished rows are known last, and yet go first: a full board turns over."""
    twin = simulate(items_limit=5)
    settings = {"vanished": "archive", "lane": lane}
    twin.run(lines(messages, *numbered(0, 5), version=1), **settings)

    ended = twin.run(lines(messages, *numbered(3, 8), version=2), **settings)

    counts = ended.books.of("s")
    assert (ended.code, counts.created, counts.archived, ended.refused) == (0, 3, 3, 0)
    assert sorted(row["Record key"] for row in twin.account.rows("S")) == numbered(3, 8)


def test_a_board_that_is_nearly_full_is_said_before_the_run(rehearse: Any, messages: Any) -> None:
    """From nine tenths of the limit on, with what to do, and also where nothing is to be sent."""
    rehearsal = rehearse(items_limit=10)
    rehearsal.run([lines(messages, *numbered(0, 8)).rstrip("\n")])
    before = rehearsal.run([lines(messages, *numbered(0, 9)).rstrip("\n")])

    ended = rehearsal.run([lines(messages, *numbered(0, 9)).rstrip("\n")])

    assert (before.code, "board.nearly_full" in before.log) == (0, False)
    assert (ended.code, "board.nearly_full" in ended.log, "retire_when" in ended.log) == (
        *(0, True, True),
    )


def test_people_may_fill_a_board_meanwhile(simulate: Callable[..., Any], messages: Any) -> None:
    """Then monday's refusal says it: the rest is rejected in the same way, changes go on."""
    twin = simulate(items_limit=4)
    twin.run(lines(messages, "a", "b"))
    account, board = twin.account, twin.account.board("S")

    def fill(request: Request) -> bool:
        if "idempotency-key" in request.headers and board.active_count < 3:
            by_hand = account.writer("by hand")
            create_item(account, board, "theirs", group=None, values={}, writer=by_hand)
        return False

    twin.sandbox.monday_faults.plan(Fault(503, matches=fill))

    ended = twin.run(lines(messages, *"abcdef"))

    assert (ended.code, ended.books.of("s").created, ended.books.of("s").rejected) == (3, 1, 3)
    assert (board.active_count, ended.books.balanced) == (4, True)
