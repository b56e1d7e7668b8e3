"""The monday twin alone, over a real socket."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
import uvicorn
from ifs_monday_sandbox.monday.account import Account
from ifs_monday_sandbox.monday.app import create_app
from ifs_monday_sandbox.monday.settings import MondaySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Clock:
    """Time that passes when a test says so, on the wall and on a stopwatch."""

    seconds: float = 0.0
    began: datetime = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)

    def elapsed(self) -> float:
        """The stopwatch."""
        return self.seconds

    def wall(self) -> datetime:
        """The time of day."""
        return self.began + timedelta(seconds=self.seconds)

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class Twin:
    """A running twin, its account, and the clock that both go by."""

    url: str
    account: Account
    clock: Clock
    session: requests.Session = field(default_factory=requests.Session)

    def post(
        self, query: str, variables: object = None, *, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """POST a query with the account's token."""
        return self.session.post(
            f"{self.url}/v2",
            json={"query": query, "variables": variables},
            headers={"Authorization": "s4ndb0x-m0nd4y", **(headers or {})},
            timeout=30,
        )

    def ask(self, query: str, /, **variables: object) -> Any:
        """The data of an answer without errors."""
        answer = self.post(query, variables)
        content = answer.json()
        assert "errors" not in content, content
        return content["data"]

    def fails(self, query: str, /, **variables: object) -> dict[str, Any]:
        """The one error of an answer."""
        (error,) = self.post(query, variables).json()["errors"]
        return dict(error)

    def board(self, name: str = "Invoices") -> str:
        """The id of a new empty board."""
        query = """mutation($n: String!) {
          create_board(board_name: $n, board_kind: public, empty: true) { id } }"""
        return str(self.ask(query, n=name)["create_board"]["id"])

    def column(self, board: str, column_type: str, title: str = "", defaults: Any = None) -> str:
        """The id of a new column."""
        query = """mutation($b: ID!, $t: String!, $y: ColumnType!, $d: JSON) {
          create_column(board_id: $b, title: $t, column_type: $y, defaults: $d) { id } }"""
        made = self.ask(query, b=board, t=title or column_type, y=column_type, d=defaults)
        return str(made["create_column"]["id"])

    def item(self, board: str, name: str, cells: dict[str, Any] | None = None) -> str:
        """The id of a new item."""
        query = """mutation($b: ID!, $n: String!, $v: JSON) {
          create_item(board_id: $b, item_name: $n, column_values: $v) { id } }"""
        made = self.ask(query, b=board, n=name, v=json.dumps(cells or {}))
        return str(made["create_item"]["id"])

    def change(self, board: str, item: str, cells: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The whole answer to a change of cells."""
        query = """mutation($b: ID!, $i: ID!, $v: JSON!, $l: Boolean) {
          change_multiple_column_values(
            board_id: $b, item_id: $i, column_values: $v, create_labels_if_missing: $l) { id } }"""
        variables = {"b": board, "i": item, "v": json.dumps(cells), **more}
        return dict(self.post(query, variables).json())

    def cells(self, item: str) -> dict[str, Any]:
        """Text and value of every cell, by column id."""
        query = """query($i: ID!) { items(ids: [$i]) { column_values {
          id type text value ... on BoardRelationValue { linked_item_ids } } } }"""
        values = self.ask(query, i=item)["items"][0]["column_values"]
        return {one["id"]: one for one in values}


@pytest.fixture
def start() -> Iterator[Callable[..., Twin]]:
    """Starts twins with given settings; all are stopped after the test."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def one(**settings: Any) -> Twin:
        clock = Clock()
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        chosen = MondaySettings(base_url=url, **settings)
        account = Account(chosen, wall=clock.wall, elapsed=clock.elapsed)
        server = uvicorn.Server(
            uvicorn.Config(create_app(account, chosen), lifespan="off", log_level="warning")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread, listening))
        return Twin(url, account, clock)

    yield one
    for server, thread, listening in running:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def twin(start: Callable[..., Twin]) -> Twin:
    """A twin with the usual settings."""
    return start()
