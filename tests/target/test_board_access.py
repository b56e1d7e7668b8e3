"""Who sees the boards that the target creates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from target_monday.board_access import BoardAccess, access_faults, board_access, split

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.records import Board

ANNA, MAREK = "anna.lindqvist@example.com", "marek.nowak@example.com"


def rows(messages: Any, *streams: str) -> list[Any]:
    return [
        line
        for stream in streams or ("s",)
        for line in (
            messages.schema(stream, {"Id": "string"}),
            messages.record(stream, Id="a"),
        )
    ]


def made(rehearsal: Any, name: str = "S") -> Board:
    board: Board = rehearsal.sandbox.account.board(name)
    return board


def test_a_new_board_is_private_to_the_tokens_user(rehearsal: Any, messages: Any) -> None:
    """Supplier invoices are nobody else's business until somebody is named."""
    assert rehearsal.run(rows(messages)).code == 0

    board = made(rehearsal)
    assert (board.kind, board.owners) == ("private", [rehearsal.sandbox.account.me])
    assert board.subscribers == board.owners


def test_owners_and_subscribers_are_named_by_address_id_or_team(
    rehearsal: Any, messages: Any
) -> None:
    """The token's user stays an owner, so that the next run finds its board."""
    account = rehearsal.sandbox.account
    me, anna, marek, priya = account.users
    settings = {
        "board_owners": [ANNA.upper(), "team:7"],
        "board_subscribers": [MAREK, priya.id, "team:8"],
    }

    first = rehearsal.run(rows(messages), **settings)
    rehearsal.ledger.unlink()
    again = rehearsal.run(rows(messages), **settings)

    board = made(rehearsal)
    assert (first.code, again.code, again.counts()["unchanged"]) == (0, 0, 1)
    assert (board.owners, board.team_owners) == ([me, anna], [7])
    assert set(board.subscribers) == {me, anna, marek, priya}
    assert board.team_subscribers == [8]
    assert len(account.boards) == 1


def test_a_stream_may_have_access_of_its_own(rehearsal: Any, messages: Any) -> None:
    """Its entry goes before the run's settings; boards that exist keep their kind."""
    boards = {"t": {"board_kind": "public", "board_owners": []}}

    rehearsal.run(rows(messages, "s", "t"), boards=boards, board_owners=[ANNA])
    rehearsal.run(rows(messages, "s", "t"), board_kind="share")

    account = rehearsal.sandbox.account
    assert (made(rehearsal).kind, made(rehearsal, "T").kind) == ("private", "public")
    assert made(rehearsal, "T").owners == [account.me]


def test_an_address_that_is_no_users_ends_the_run_before_the_board_is_made(
    rehearsal: Any, messages: Any
) -> None:
    """With the address and the setting; exit code 2."""
    ended = rehearsal.run(rows(messages), board_subscribers=["nobody@example.com"])

    assert (ended.code, "nobody@example.com" in ended.log) == (2, True)
    assert "board_subscribers" in ended.log
    assert not rehearsal.sandbox.account.boards


def test_a_plan_without_private_boards_is_told_what_to_set(rehearsal: Any, messages: Any) -> None:
    """Nothing is made public instead."""
    refusal = {"message": "no private boards", "extensions": {"code": "InvalidArgumentException"}}
    rehearsal.sandbox.monday_faults.plan(
        Fault(
            200,
            json.dumps({"errors": [refusal]}),
            {"API-Version": "2026-10"},
            matches=lambda request: "idempotency-key" in request.headers,
        )
    )

    ended = rehearsal.run(rows(messages))

    assert (ended.code, "`board_kind: public`" in ended.log) == (1, True)
    assert not rehearsal.sandbox.account.boards


@pytest.mark.parametrize("person", ["Anna", "team:", "team:x", "a b@c", "", "12x"])
def test_who_is_neither_user_nor_team_is_refused(person: str) -> None:
    """Before monday.com is asked for anything."""
    assert list(access_faults("", {"board_owners": [person]}))


@pytest.mark.parametrize("person", [ANNA, 12345, "678", "team:1", " 12 "])
def test_users_and_teams_have_three_forms(person: object) -> None:
    """Addresses, ids, and teams by their ids."""
    assert not list(access_faults("", {"board_subscribers": [person]}))


def test_access_is_resolved_once_for_each_person() -> None:
    """By whatever name they were given."""
    access = board_access({}, {"board_owners": [ANNA, 5, "5", "team:1"]})

    assert access == BoardAccess("private", (ANNA, "5", "team:1"))
    assert split(access.owners, {ANNA: 5}) == (["5"], ["1"])
