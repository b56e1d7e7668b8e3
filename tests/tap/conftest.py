"""A small OData server of our own over real sockets, that is told what to do wrong.

It is not the sandbox: the sandbox behaves as IFS does, this one as a test needs.
"""

from __future__ import annotations

import json
import operator as operators
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tap_ifs_cloud.tap import TapIfsCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_ifs_cloud.odata.errors import IfsError

    from tests.tap.messages import Message, Run

Row = dict[str, Any]

# An order service with a composite key, an enum key, a modification stamp, and plumbing.
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="IfsApp.Test">
<EnumType Name="State"><Member Name="Planned" Value="0"/><Member Name="Released" Value="1"/>
<Member Name="Closed" Value="2"/></EnumType>
<EntityType Name="Order"><Key><PropertyRef Name="OrderNo"/></Key>
<Property Name="luname" Type="Edm.String" MaxLength="80"/>
<Property Name="keyref" Type="Edm.String" MaxLength="4000"/>
<Property Name="Objgrants" Type="Edm.String" MaxLength="2000"/>
<Property Name="OrderNo" Type="Edm.String" MaxLength="12"/>
<Property Name="Objstate" Type="IfsApp.Test.State"/>
<Property Name="Amount" Type="Edm.Decimal" Precision="130" Scale="65"/>
<Property Name="DateEntered" Type="Edm.DateTimeOffset"/>
<Property Name="Picture" Type="Edm.Binary"/>
<Property Name="Cf_Last_Modified" Type="Edm.DateTimeOffset"/></EntityType>
<EntityType Name="Part"><Key><PropertyRef Name="Company"/><PropertyRef Name="State"/>
<PropertyRef Name="RowNo"/></Key>
<Property Name="Company" Type="Edm.String" MaxLength="20"/>
<Property Name="State" Type="IfsApp.Test.State"/>
<Property Name="RowNo" Type="Edm.Decimal" Precision="130" Scale="65"/>
<Property Name="Text" Type="Edm.String" MaxLength="200"/></EntityType>
<EntityType Name="View"><Property Name="Line" Type="Edm.String"/></EntityType>
<EntityContainer Name="DefaultContainer">
<EntitySet Name="OrderSet" EntityType="IfsApp.Test.Order"/>
<EntitySet Name="PartSet" EntityType="IfsApp.Test.Part"/>
<EntitySet Name="ViewSet" EntityType="IfsApp.Test.View"/>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

ENUMS = {"IfsApp.Test.State": ["Planned", "Released", "Closed"]}
ENUM_COLUMNS = {"State": "IfsApp.Test.State", "Objstate": "IfsApp.Test.State"}

_TOKEN = re.compile(
    r"\s*(?:(?P<punct>[()])|(?P<text>'(?:[^']|'')*')|(?P<enum>[A-Za-z_.]+'(?:[^']|'')*')"
    r"|(?P<word>[^\s()']+))"
)


def comparable(value: object, *, column: str = "") -> Any:
    """A value as the server orders it: enumerations by their position, numbers by size."""
    if column in ENUM_COLUMNS and isinstance(value, str):
        return ENUMS[ENUM_COLUMNS[column]].index(value)
    return Decimal(value) if isinstance(value, int | Decimal) else value


class Filter:
    """Reads the part of `$filter` that the tap uses: comparisons, `and`, `or`, parentheses."""

    def __init__(self, text: str) -> None:
        self.tokens = deque(m for m in _TOKEN.finditer(text))

    def parse(self) -> Callable[[Row], bool]:
        """The filter as a function of a row."""
        return self._joined("or", lambda: self._joined("and", self._term, all), any)

    def _joined(self, word: str, part: Callable[[], Any], fold: Any) -> Callable[[Row], bool]:
        parts = [part()]
        while self.tokens and self.tokens[0]["word"] == word:
            self.tokens.popleft()
            parts.append(part())
        return lambda row: fold(one(row) for one in parts)

    def _term(self) -> Callable[[Row], bool]:
        token = self.tokens.popleft()
        if token["punct"] == "(":
            inner = self.parse()
            self.tokens.popleft()
            return inner
        column, operator = token["word"], self.tokens.popleft()["word"]
        value = self._value(self.tokens.popleft(), column)
        return lambda row: compare(comparable(row[column], column=column), operator, value)

    def _value(self, token: re.Match[str], column: str) -> Any:
        if token["enum"]:
            name, _, member = token["enum"].partition("'")
            return ENUMS[name].index(member[:-1])
        if column in ENUM_COLUMNS and token["word"] != "null":
            raise KeyError(column)  # IFS answers 400 to an enum literal without its type's name
        if token["text"]:
            return token["text"][1:-1].replace("''", "'")
        word = token["word"]
        if word == "null":
            return None
        return Decimal(word) if re.fullmatch(r"-?[\d.]+", word) else word


def compare(left: Any, operator: str, right: Any) -> bool:
    """OData's comparison: nothing is greater than null."""
    if operator in ("eq", "ne"):
        return (left == right) == (operator == "eq")
    if left is None or right is None:
        return False
    return bool(getattr(operators, operator)(left, right))


def matching_rows(
    rows: Sequence[Row],
    condition: str | None,
    order: Sequence[str],
    sort_text: Callable[[str], str] = str,
) -> list[Row]:
    """The rows that meet a `$filter`, in the order of an `$orderby`."""

    def place(value: Any) -> Any:
        return sort_text(value) if isinstance(value, str) else value

    keep = Filter(condition).parse() if condition else (lambda _: True)
    found = list(filter(keep, rows))
    for term in reversed(order):
        column, _, way = term.partition(" ")
        found.sort(
            key=lambda row, c=column: (row[c] is not None, place(comparable(row[c], column=c))),
            reverse=way == "desc",
        )
    return found


@dataclass
class Answer:
    """What is sent instead of the real answer, once."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False  # the promised length is longer than the body
    part: str = ""  # only for addresses that contain this


@dataclass
class Seen:
    """A request that reached the server."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def options(self) -> dict[str, str]:
        """The query options, decoded."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}


class Double:
    """The server: rows, habits, planned faults, and what it has seen."""

    def __init__(self) -> None:
        self.metadata = METADATA.encode()
        self.sets: dict[str, list[Row]] = {"OrderSet": [], "PartSet": [], "ViewSet": []}
        self.page_cap = 10_000
        self.counts = True  # whether `$count` is served
        self.sort_text: Callable[[str], str] = str  # texts are compared as they are
        self.next_link: Callable[[str, int], str] | None = None
        self.rounds = False  # whether numbers go through a binary float
        self.knows_ieee754 = True  # whether a client can ask for texts instead
        self.links_always = False  # whether empty pages link further, too
        self.token_uses = 10_000  # requests after which a token is refused
        self.expires_in: object = 180
        self.faults: deque[Answer] = deque()
        self.refusals: dict[str, Answer] = {}  # by a part of the address, for ever
        self.ignores: str | None = None  # the filter that it takes no notice of
        self.lie = 0  # rows that `$count` tells beyond those that are there
        self.meanwhile: Callable[[Seen], None] = lambda _: None  # after each page
        self.seen: list[Seen] = []
        self.tokens = 0
        self.uses = 0
        self.unanswered: str | None = None
        self.held = threading.Event()  # set when the request came that is never answered
        self.url = ""

    def plan(self, *answers: Answer) -> None:
        """The next requests that match get these answers, in order."""
        self.faults.extend(answers)

    def hold(self, part: str) -> None:
        """Never answer a request whose address contains this."""
        self.unanswered = part

    def gets(self, part: str = "") -> list[Seen]:
        """The GET requests whose address contains `part`."""
        return [seen for seen in self.seen if seen.method == "GET" and part in seen.path]

    def answer(self, seen: Seen) -> Answer:
        """Serve one request."""
        self.seen.append(seen)
        if self.unanswered is not None and self.unanswered in seen.path:
            self.held.set()
            threading.Event().wait()
        if (planned := self._planned(seen)) is not None:
            return planned
        if seen.method == "POST":
            return self._token()
        self.uses += 1
        if seen.headers.get("Authorization") != f"Bearer t{self.tokens}" or (
            self.uses > self.token_uses
        ):
            return fault(401, "Unauthorized", "token expired")
        *_, entity_set, resource = urlsplit(seen.path).path.split("/")
        match resource:
            case "$metadata":
                return self._declared(entity_set)
            case "$count":
                return self._count(entity_set, seen)
        page = self._page(resource, seen)
        self.meanwhile(seen)
        return page

    def _planned(self, seen: Seen) -> Answer | None:
        if self.faults and self.faults[0].part in seen.path:
            return self.faults.popleft()
        return next((a for part, a in self.refusals.items() if part in seen.path), None)

    def _declared(self, service: str) -> Answer:
        if service == "Test.svc":
            return Answer(200, self.metadata, {"Content-Type": "application/xml"})
        return fault(404, "ODP_METADATA", "Metadata not found.")

    def _token(self) -> Answer:
        self.tokens, self.uses = self.tokens + 1, 0
        reply = {"access_token": f"t{self.tokens}", "token_type": "Bearer"}
        if self.expires_in is not None:
            reply["expires_in"] = self.expires_in
        return Answer(200, json.dumps(reply).encode(), {"Content-Type": "application/json"})

    def _count(self, entity_set: str, seen: Seen) -> Answer:
        if not self.counts:
            return fault(404, "ODP_RESOURCE_NOTFOUND", "Not found.")
        try:
            rows = matching_rows(self.sets[entity_set], seen.options.get("$filter"), [])
        except (KeyError, ValueError) as error:
            return fault(400, "ODP_MALFORMED", f"Malformed Request. {error}")
        return Answer(200, str(len(rows) + self.lie).encode(), {"Content-Type": "text/plain"})

    def _page(self, entity_set: str, seen: Seen) -> Answer:
        options = seen.options
        order = [name for name in options.get("$orderby", "").split(",") if name]
        condition = options.get("$filter")
        if self.ignores is not None and self.ignores in seen.path:
            condition = None
        try:
            rows = matching_rows(self.sets[entity_set], condition, order, self.sort_text)
        except (KeyError, ValueError) as error:
            return fault(400, "ODP_MALFORMED", f"Malformed Request. {error}")
        start = int(options.get("$skiptoken", options.get("$skip", 0)))
        size = min(self.page_cap, int(options.get("$top", self.page_cap)))
        page = rows[start : start + size]
        body: dict[str, Any] = {
            "@odata.context": "x",
            "value": [self._columns(row, options.get("$select")) for row in page],
        }
        if self.rounds:
            as_text = self.knows_ieee754 and "IEEE754Compatible=true" in seen.headers["Accept"]
            body["value"] = [rounded(row, as_text=as_text) for row in body["value"]]
        if self.next_link and (self.links_always or start + size < len(rows)):
            body["@odata.nextLink"] = self.next_link(seen.path, start + size)
        return Answer(200, exact(body).encode(), {"Content-Type": "application/json"})

    def _columns(self, row: Row, select: str | None) -> Row:
        names = set(select.split(",")) if select else row.keys()
        return {n: v for n, v in row.items() if n in names or n.startswith("@")}


def rounded(row: Row, *, as_text: bool) -> Row:
    """A row whose numbers have gone through a binary float, or are texts instead."""

    def sent(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return value
        return f"{value:f}" if as_text else Decimal(float(value))

    return {name: sent(value) for name, value in row.items()}


def exact(body: object) -> str:
    """JSON with decimals as the digits they are."""
    text = json.dumps(body, default=lambda value: f"\0{value}\0")
    return re.sub(r'"\\u0000(.*?)\\u0000"', r"\1", text)


def fault(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    part: str = "",
) -> Answer:
    """An answer with IFS's error envelope."""
    body = {"error": {"code": code, "message": message}}
    given = {"Content-Type": "application/json", **(headers or {})}
    return Answer(status, json.dumps(body).encode(), given, part=part)


class Handler(BaseHTTPRequestHandler):
    """Carries requests to a double and its answers back."""

    double: Double
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = Seen(
            self.command, unquote_once(self.path), dict(self.headers), self.rfile.read(length)
        )
        answer = self.double.answer(seen)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + (100 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.cut:
            self.close_connection = True

    do_GET = do_POST = _serve  # noqa: N815 # names are http.server's

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def unquote_once(path: str) -> str:
    """The path decoded, the query as it came."""
    head, mark, query = path.partition("?")
    return f"{unquote(head)}{mark}{query}"


@pytest.fixture
def serve() -> Iterator[Callable[[], Double]]:
    """Starts doubles; all of them end with the test."""
    servers: list[ThreadingHTTPServer] = []

    def start() -> Double:
        double = Double()
        handler = type("Bound", (Handler,), {"double": double})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        double.url = f"http://127.0.0.1:{server.server_address[1]}"
        return double

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ifs(serve: Callable[[], Double]) -> Double:
    """One double."""
    return serve()


@pytest.fixture
def config(ifs: Double) -> dict[str, Any]:
    """Settings of a tap that reads the orders of the double."""
    return {
        "base_url": ifs.url,
        "realm": "r",
        "client_id": "ID",
        "client_secret": "s3cr3t-value",
        "streams": [{"entity_set": "OrderSet", "projection": "Test"}],
    }


@pytest.fixture
def run(config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the tap without pauses and gives its messages; decimals stay exact."""

    def messages(raises: type[IfsError] | None = None, **options: Any) -> list[Message]:
        settings = config | options.pop("config", {})
        capfdbinary.readouterr()
        tap = TapIfsCloud(config=settings, **options)
        tap.session.sleep = lambda _: None
        if raises is None:
            tap.sync_all()
        else:
            with pytest.raises(raises):
                tap.sync_all()
        out = capfdbinary.readouterr().out
        return [json.loads(line, parse_float=Decimal) for line in out.splitlines()]

    return messages


@pytest.fixture
def orders() -> Callable[..., list[Row]]:
    """Makes rows of OrderSet."""

    def make(count: int, stamp: Callable[[int], str | None] = lambda _: None) -> list[Row]:
        return [
            {
                "@odata.etag": 'W/"Vy8iQUFBOjIwMjYwMTAyMDMwNDA1Ig=="',
                "@odata.id": "x",
                "luname": "Order",
                "keyref": f"ORDER_NO={n}^",
                "Objgrants": None,
                "OrderNo": f"{n:04d}",
                "Objstate": "Released",
                "Amount": Decimal("0.10") * n,
                "DateEntered": "2026-01-02T03:04:05Z",
                "Cf_Last_Modified": stamp(n),
            }
            for n in range(count)
        ]

    return make


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """Makes an answer to be planned."""
    return Answer


@pytest.fixture
def failure() -> Callable[..., Answer]:
    """Makes an answer with IFS's error envelope."""
    return fault


@pytest.fixture(scope="session")
def matching() -> Callable[..., list[Row]]:
    """How the double answers a `$filter` and `$orderby`, without sockets."""
    return matching_rows
