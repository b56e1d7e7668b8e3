"""Doing a mutation once: idempotency keys, and one writer a board."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests
    from conftest import Twin

CREATE = 'mutation($b: ID!) { create_item(board_id: $b, item_name: "a") { id } }'
KEY = {"Idempotency-Key": "k1"}


def test_a_repeated_mutation_is_answered_and_not_redone(twin: Twin) -> None:
    """Word for word, and marked as replayed."""
    board = twin.board()
    first = twin.post(CREATE, {"b": board}, headers=KEY)
    second = twin.post(CREATE, {"b": board}, headers=KEY)

    assert second.content == first.content
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(twin.account.items("Invoices")) == 1


def test_a_key_is_forgotten_after_half_an_hour(twin: Twin) -> None:
    board = twin.board()
    twin.post(CREATE, {"b": board}, headers=KEY)
    twin.clock.go(30 * 60 + 1)
    twin.post(CREATE, {"b": board}, headers=KEY)

    assert len(twin.account.items("Invoices")) == 2


def test_keys_are_ignored_on_queries(twin: Twin) -> None:
    answers = [twin.post("{ boards { id } }", headers=KEY) for _ in range(2)]

    assert all("Idempotency-Replayed" not in answer.headers for answer in answers)


def test_a_request_that_did_not_run_is_not_kept(twin: Twin) -> None:
    """After 423 the same key executes."""
    board = twin.board()
    with twin.account.board_locked(int(board)):
        refused = twin.post(CREATE, {"b": board}, headers=KEY)
    done = twin.post(CREATE, {"b": board}, headers=KEY)

    assert (refused.status_code, done.status_code) == (423, 200)
    assert refused.json()["errors"][0]["message"] == "Resource is currently locked"
    assert len(twin.account.items("Invoices")) == 1


def _meanwhile(twin: Twin, board: str) -> list[requests.Response]:
    """Starts a mutation that stays under way while `held` lasts."""
    answers: list[requests.Response] = []
    before = twin.account.limits.in_flight

    def create() -> None:
        answers.append(twin.post(CREATE, {"b": board}, headers=KEY))

    threading.Thread(target=create).start()
    while twin.account.limits.in_flight == before or not twin.account.locked_boards:
        pass
    return answers


def test_a_twin_in_flight_is_a_conflict(twin: Twin) -> None:
    """409 with a wait; afterwards the key is answered with what the first one did."""
    board = twin.board()
    with twin.account.held():
        _meanwhile(twin, board)
        conflict = twin.post(CREATE, {"b": board}, headers=KEY)

    assert (conflict.status_code, conflict.headers["Retry-After"]) == (409, "1")
    assert conflict.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_CONFLICT"


def test_a_board_takes_one_mutation_at_a_time(twin: Twin) -> None:
    """423 on the same board, also when it is only named by an item; others go on."""
    board, other = twin.board(), twin.board("Others")
    item = twin.item(board, "a")
    update = 'mutation($i: ID!) { create_update(item_id: $i, body: "x") { id } }'
    with twin.account.board_locked(int(board)):
        assert twin.post(CREATE, {"b": board}).status_code == 423
        assert twin.post(update, {"i": item}).status_code == 423
        assert twin.post(CREATE, {"b": other}).status_code == 200
        assert twin.post("{ boards { id } }").status_code == 200

    with twin.account.held():
        _meanwhile(twin, board)
        assert twin.post(CREATE, {"b": board}).status_code == 423
