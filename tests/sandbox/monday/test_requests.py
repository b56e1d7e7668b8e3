"""How requests are read and answers are laid out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from conftest import Twin


@pytest.mark.parametrize("token", [None, "wrong", "Bearer sandbox"])
def test_only_the_bare_token_opens(twin: Twin, token: str | None) -> None:
    """Without the token as it is, there is 401 in JSON."""
    headers = {} if token is None else {"Authorization": token}
    answer = requests.post(
        f"{twin.url}/v2", json={"query": "{ me { id } }"}, headers=headers, timeout=30
    )

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "Unauthorized"


@pytest.mark.parametrize(
    ("asked", "answered", "kind"),
    [
        pytest.param({}, "2026-10", "current", id="none-is-current"),
        pytest.param({"API-Version": "2026-07"}, "2026-07", "maintenance", id="maintenance"),
        pytest.param({"API-Version": "2026-11"}, "2026-10", "current", id="unknown-is-current"),
        pytest.param({"API-Version": "2024-01"}, "2026-07", "maintenance", id="gone-is-older"),
    ],
)
def test_the_answering_version_is_told(
    twin: Twin, asked: dict[str, str], answered: str, kind: str
) -> None:
    """The response header and the field `version` name the version that really answers."""
    answer = twin.post("{ version { kind value } }", headers=asked)

    assert answer.headers["API-Version"] == answered
    assert answer.json()["data"]["version"] == {"kind": kind, "value": answered}


def test_a_malformed_version_is_refused(twin: Twin) -> None:
    answer = twin.post("{ me { id } }", headers={"API-Version": "latest"})

    assert answer.json()["errors"][0]["extensions"]["code"] == "InvalidVersionException"


def test_every_answer_has_its_request_id(twin: Twin) -> None:
    """In the header and in the body, the same, and another each time."""
    first, second = (twin.post("{ me { id name } }") for _ in range(2))

    assert first.headers["x-request-id"] == first.json()["extensions"]["request_id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param("{", "JsonParseException", id="no-json"),
        pytest.param("{}", "BadRequest", id="no-query"),
        pytest.param(
            '{"query":"{ me { id } }","variables":"{}"}', "BadRequest", id="text-variables"
        ),
        pytest.param('{"query":"{ me { id }"}', "GRAPHQL_PARSE_FAILED", id="syntax"),
        pytest.param('{"query":"{ you { id } }"}', "GRAPHQL_VALIDATION_FAILED", id="field"),
        pytest.param(
            '{"query":"query($b: ID!) { boards(ids: [$b]) { id } }"}',
            "BAD_USER_INPUT",
            id="variable",
        ),
    ],
)
def test_requests_that_cannot_be_executed_are_400(twin: Twin, body: str, code: str) -> None:
    """A bug of the client is named, and nothing is done."""
    answer = requests.post(
        f"{twin.url}/v2", data=body, headers={"Authorization": "s4ndb0x-m0nd4y"}, timeout=30
    )

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, code)


def test_one_failing_alias_leaves_its_siblings(twin: Twin) -> None:
    """HTTP 200, null for the alias, and an error with its path, code and facts."""
    answer = twin.post(
        """mutation($b: ID!, $v: JSON) {
          good: create_item(board_id: $b, item_name: "a") { name }
          bad: create_item(board_id: $b, item_name: "b", column_values: $v) { name } }""",
        {"b": twin.board(), "v": '{"nothing": "x"}'},
    )
    content: dict[str, Any] = answer.json()

    assert answer.status_code == 200
    assert content["data"] == {"good": {"name": "a"}, "bad": None}
    assert content["errors"][0]["path"] == ["bad"]
    assert content["errors"][0]["extensions"]["code"] == "InvalidColumnIdException"
    assert content["errors"][0]["extensions"]["error_data"]["column_id"] == "nothing"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        pytest.param({}, "InvalidArgumentException", id="an-object"),
        pytest.param("{", "JsonParseException", id="no-json"),
        pytest.param("[]", "InvalidArgumentException", id="a-list"),
    ],
)
def test_column_values_travel_as_a_json_string(twin: Twin, values: object, code: str) -> None:
    """Anything else is an error, and no item is created."""
    board = twin.board()
    error = twin.fails(
        """mutation($b: ID!, $v: JSON) {
          create_item(board_id: $b, item_name: "a", column_values: $v) { id } }""",
        b=board,
        v=values,
    )

    assert error["extensions"]["code"] == code
    assert twin.account.rows("Invoices") == []


def test_usage_counts_what_clients_did(twin: Twin) -> None:
    """Calls, mutations by name, and the points they cost."""
    board = twin.board()
    twin.item(board, "a")
    twin.ask("{ me { id } }")
    usage = requests.get(f"{twin.url}/sandbox/usage", timeout=30).json()

    assert (usage["calls"], usage["mutations"], usage["points"]) == (3, 2, 21_000)
    assert usage["mutations_by_name"] == {"create_board": 1, "create_item": 1}


def test_a_reset_forgets_boards_and_never_repeats_an_id(twin: Twin) -> None:
    """A client's stale cache cannot meet a new item by chance."""
    before = twin.item(twin.board(), "a")
    requests.post(f"{twin.url}/sandbox/reset", timeout=30).raise_for_status()
    after = twin.item(twin.board(), "a")

    assert int(after) > int(before)
    assert len(twin.account.items("Invoices")) == 1
    assert json.loads(requests.get(f"{twin.url}/sandbox/usage", timeout=30).text)["calls"] == 2
