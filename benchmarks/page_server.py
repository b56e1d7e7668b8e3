"""An IFS-like OData service that costs next to nothing: `python -m benchmarks.page_server`.

Pages are encoded before the first request; an answer is slices of them. It prints its port, serves
on the loopback interface, and ends when its standard input does.

    --rows N    offers the set `Lines<N>Set` with N rows; may be given several times
    --kept N    rows encoded beforehand; pages beyond are patched from a template
    --types N   entity types that `Tenant.svc/$metadata` declares
"""

from __future__ import annotations

import argparse
import re
import socket
import sys
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from benchmarks.csdl import order_lines_document, tenant_document
from benchmarks.filters import FilterUnknown, filtered
from benchmarks.order_lines import BLOCK, COLUMNS, Blocks

__all__ = ["SERVICE", "TENANT", "entity_set", "main"]

SERVICE: Final = "/main/ifsapplications/projection/v1/Bench.svc"
TENANT: Final = "/main/ifsapplications/projection/v1/Tenant.svc"
_SET: Final = re.compile(r"Lines(\d+)Set")
_AS_TEXT: Final = b"ieee754compatible=true"
_TOKEN: Final = b'{"access_token":"t","token_type":"Bearer","expires_in":180}'


def entity_set(rows: int) -> str:
    """The name of the set with so many rows."""
    return f"Lines{rows}Set"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in parts that are sent as they are."""

    parts: list[bytes | memoryview]
    status: str = "200 OK"
    media_type: str = "application/json"

    def head(self) -> bytes:
        """Status line and headers."""
        length = sum(map(len, self.parts))
        return (
            f"HTTP/1.1 {self.status}\r\nContent-Type: {self.media_type}\r\n"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()


class PageServer:
    """What is offered, in both forms of numbers."""

    def __init__(self, sizes: list[int], *, kept: int, types: int) -> None:
        blocks = -(-min(kept, max(sizes, default=0)) // BLOCK)
        self.blocks = {as_text: Blocks(blocks, as_text=as_text) for as_text in (False, True)}
        self.document = order_lines_document(map(entity_set, sizes))
        self.tenant = tenant_document(types)
        self.base_url = ""

    def answer(self, method: str, target: str, headers: bytes) -> Answer:
        """The answer to one request."""
        if method == "POST":
            return Answer([_TOKEN])
        url = urlsplit(target)
        path = unquote(url.path)
        if path.endswith("/$metadata"):
            document = self.tenant if path.startswith(TENANT) else self.document
            return Answer([document], media_type="application/xml")
        found = _SET.fullmatch(path.removesuffix("/$count").rpartition("/")[2])
        if found is None:
            return _refusal("404 Not Found", path)
        options = dict(parse_qsl(url.query))
        try:
            rows = filtered(options.get("$filter"), int(found[1]))
            if path.endswith("/$count"):
                return Answer([str(len(rows)).encode()], media_type="text/plain")
            return self._page(f"{SERVICE}/{found[0]}", rows, options, headers)
        except (FilterUnknown, LookupError) as error:
            return _refusal("400 Bad Request", str(error))

    def _page(self, path: str, rows: range, options: dict[str, str], headers: bytes) -> Answer:
        columns = options.get("$select", ",".join(COLUMNS))
        if set(columns.split(",")) != COLUMNS.keys():
            raise LookupError(f"$select={columns}: rows are encoded with {', '.join(COLUMNS)}")
        skip = int(options.get("$skip", options.get("$skiptoken", 0)))
        size = min(int(options.get("$top", BLOCK)), BLOCK)
        page = rows[skip : skip + size]
        start = f'{{"@odata.context":"{self.base_url}{path}({columns})",'
        if options.get("$count") == "true":
            start += f'"@odata.count":{len(rows)},'
        parts: list[bytes | memoryview] = [start.encode(), b'"value":[']
        blocks = self.blocks[_AS_TEXT in headers]
        if _is_descending(options):
            # Only ever asked for a few rows.
            page = rows[::-1][skip : skip + size]
            found = [part for number in page for part in blocks.rows(number, number + 1)]
        else:
            found = blocks.rows(page.start, page.stop)
        for place, part in enumerate(found):
            parts += [b",", part] if place else [part]
        parts.append(b"]")
        # Who says how much is wanted pages alone; others are led from page to page.
        if "$top" not in options and skip + size < len(rows):
            onward = urlencode({**options, "$skiptoken": skip + size}, safe="$,", quote_via=quote)
            parts.append(f',"@odata.nextLink":"{self.base_url}{path}?{onward}"'.encode())
        return Answer([*parts, b"}"])


def _is_descending(options: dict[str, str]) -> bool:
    return options.get("$orderby", "").partition(",")[0].endswith(" desc")


def _refusal(status: str, said: str) -> Answer:
    quoted = said.replace("\\", "\\\\").replace('"', '\\"')
    body = f'{{"error":{{"code":"BENCH","message":"{quoted}"}}}}'
    return Answer([body.encode()], status=status)


def _converse(connection: socket.socket, server: PageServer) -> None:
    """Answer the requests of one connection, one after another."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as incoming:
        while request := incoming.readline():
            method, target, _ = request.decode().split(" ", 2)
            headers = b"".join(iter(incoming.readline, b"\r\n")).lower()
            incoming.read(_content_length(headers))
            answer = server.answer(method, target, headers)
            connection.sendall(answer.head())
            for part in answer.parts:
                connection.sendall(part)


def _content_length(headers: bytes) -> int:
    found = re.search(rb"^content-length: *(\d+)", headers, re.MULTILINE)
    return int(found[1]) if found else 0


def _accept(listener: socket.socket, server: PageServer) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_converse, args=(connection, server), daemon=True).start()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append", default=[])
    parser.add_argument("--kept", type=int, default=0)
    parser.add_argument("--types", type=int, default=1)
    given = parser.parse_args()
    server = PageServer(given.rows, kept=given.kept, types=given.types)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listener.getsockname()[1]
    server.base_url = f"http://127.0.0.1:{port}"
    threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
    print(port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
