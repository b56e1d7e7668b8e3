"""A monday in small: `python -m benchmarks.monday_stub [SECONDS]`; it ends with its input.

It answers at once, or takes so many seconds for 100 mutations. It remembers boards and columns, and
of items nothing but a number that is given to it: what is measured against it is the target's own
work. The first line that it writes is its port.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Final

import msgspec
from typing_extensions import override

__all__ = ["main"]

_FIELD: Final = re.compile(r"^ +(?:(\w+): )?(\w+)\(([^)]*)\)", re.MULTILINE)
_MUTATION: Final = re.compile(r"^ +m\d+: ", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"(\w+): \$(\w+)")
_COMPLEXITY: Final = {
    "before": 10_000_000,
    "query": 1000,
    "after": 9_999_000,
    "reset_in_x_seconds": 60,
}
_DAILY: Final = {"daily_limit": {"base": 1_000_000, "total": 1_000_000}}


class _Account:
    """What the stub remembers."""

    def __init__(self) -> None:
        self.boards: dict[str, dict[str, Any]] = {}
        self._numbers = count(1_000_000_001)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question or to mutations."""
        document, variables = body["query"], body.get("variables") or {}
        data: dict[str, Any] = {"complexity": _COMPLEXITY, "platform_api": _DAILY}
        for alias, field, arguments in _FIELD.findall(document):
            given = {name: variables.get(of) for name, of in _ARGUMENT.findall(arguments)}
            data[alias or field] = self._field(field, given)
        return {"data": data}

    def _field(self, field: str, given: dict[str, Any]) -> Any:
        match field:
            case "boards":
                return (
                    [board for board in self.boards.values() if board["id"] in given["ids"]]
                    if ("ids" in given)
                    else []
                )
            case "create_board":
                return self._board(given["board_name"])
            case "create_column" | "create_status_column" | "create_dropdown_column":
                return self._column(given, field)
            case _:
                return {"id": str(next(self._numbers))}

    def _board(self, name: str) -> dict[str, Any]:
        number = str(next(self._numbers))
        groups = [{"id": "topics", "title": "Items", "archived": False, "deleted": False}]
        board = {"id": number, "name": name, "state": "active", "items_count": 0}
        self.boards[number] = board = {**board, "columns": [], "groups": groups}
        return board

    def _column(self, given: dict[str, Any], field: str) -> dict[str, Any]:
        kind = {"create_status_column": "status", "create_dropdown_column": "dropdown"}.get(field)
        number, title = f"c{next(self._numbers)}", given["title"]
        column = {"id": number, "title": title, "type": kind or given["column_type"]}
        self.boards[given["board_id"]]["columns"].append(column)
        return column


def _handler(account: _Account, seconds: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one write

        def do_POST(self) -> None:
            body = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/items":
                for board in account.boards.values():
                    board["items_count"] = body
                self._send({})
            else:
                if seconds:  # what monday takes, for who asks what a run spends beside it
                    time.sleep(seconds * len(_MUTATION.findall(body["query"])) / 100)
                self._send(account.answer(body))

        def _send(self, answer: dict[str, Any]) -> None:
            encoded = msgspec.json.encode(answer)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("API-Version", self.headers.get("API-Version") or "2026-10")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        @override
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def main() -> None:
    """Serve until the input ends."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Account(), seconds))
    server.daemon_threads = True
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
