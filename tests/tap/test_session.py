"""HTTP to IFS over real sockets: tries, pauses, tokens, and the one origin that may see them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.auth import ClientCredentials, token_life
from tap_ifs_cloud.odata.errors import (
    AuthFailed,
    AuthNotJson,
    AuthUnavailable,
    BadRequest,
    BrokenBody,
    ConnectionFailed,
    Forbidden,
    ForeignLink,
    ForeignRedirect,
    IfsError,
    NotFound,
    NotJson,
    OperationTimeout,
    RateLimited,
    Unavailable,
)
from tap_ifs_cloud.odata.origin import Origin
from tap_ifs_cloud.odata.pacing import Pacer, Patience, retry_after
from tap_ifs_cloud.odata.paging import Cursor, walk_by_key, walk_by_link
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.service import Service
from tap_ifs_cloud.odata.session import Session
from tap_ifs_cloud.odata.token import Client, ask_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SECRET = "s3cr3t-value"
HTML = b"<html><head><script>var x=1</script></head><body>Sign in</body></html>"
BY_NUMBER = Cursor(("OrderNo",), ("Edm.String",))


def by_key(fetch: Any) -> Iterable[Any]:
    """Two orders a page."""
    return walk_by_key(fetch, Query(top=2), BY_NUMBER)


@pytest.fixture
def waits() -> list[float]:
    """The pauses that were asked for; nobody sleeps."""
    return []


@pytest.fixture
def service(ifs: Any, waits: list[float]) -> Service:
    """The double's service, with a token and without real pauses."""
    session = Session(
        Origin.of(ifs.url),
        patience=Patience(tries=4, jitter=lambda low, _: low),
        sleep=waits.append,
        user_agent="tap-ifs-cloud/9",
        timeout=5,
    )
    client = Client(f"{ifs.url}/auth/token", "ID", SECRET, "openid")
    session.credentials = ClientCredentials(lambda: ask_token(session, client), clock=lambda: 0.0)
    return Service(session, f"{ifs.url}/main/Test.svc/")


def read(service: Service, way: Any = by_key) -> list[str]:
    """The order numbers of the whole set."""
    pages = way(lambda address: service.page("OrderSet", address))
    return [row["OrderNo"] for page in pages for row in page.rows]


def test_a_silent_page_cap_hides_no_row(ifs: Any, service: Service, orders: Any) -> None:
    """A server that sends fewer rows than asked, and no link, is read to its end."""
    ifs.sets["OrderSet"], ifs.page_cap = orders(7), 1

    assert read(service) == [row["OrderNo"] for row in orders(7)]


def test_a_token_that_dies_in_a_walk_is_renewed(ifs: Any, service: Service, orders: Any) -> None:
    """The refused page is asked for again, and no row comes twice or not at all."""
    ifs.sets["OrderSet"], ifs.token_uses = orders(9), 2

    assert read(service) == [row["OrderNo"] for row in orders(9)]
    assert ifs.tokens == 3


def test_a_fresh_token_refused_ends_the_run(ifs: Any, service: Service, failure: Any) -> None:
    """Two 401 in a row are AUTH_IFS, without a storm of tokens."""
    ifs.plan(*[failure(401, "U", "no", part="OrderSet")] * 2)

    with pytest.raises(AuthFailed, match=r"^AUTH_IFS: .*401"):
        read(service)

    assert (ifs.tokens, len(ifs.gets())) == (2, 2)


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_client_stops_at_once(
    ifs: Any, service: Service, answer: Any, waits: list[float], status: int
) -> None:
    """AUTH_IFS tells what Keycloak says, and the secret is not among it."""
    body = {"error": "invalid_client", "error_description": f"bad secret {SECRET}"}
    ifs.plan(answer(status, json.dumps(body).encode(), part="token"))

    with pytest.raises(AuthFailed, match="invalid_client") as caught:
        read(service)

    assert SECRET not in f"{caught.value}{caught.value!r}{service!r}"
    assert (len(ifs.seen), waits) == (1, [])


def test_a_token_endpoint_that_is_down_is_tried_a_few_times_only(
    ifs: Any, service: Service, answer: Any
) -> None:
    """Not once more for each try of the page."""
    ifs.plan(*[answer(503, part="token")] * 99)

    with pytest.raises(AuthUnavailable, match=r"^AUTH_IFS_UNAVAILABLE: .*HTTP 503"):
        read(service)

    assert len(ifs.seen) == 4


def test_a_login_page_is_no_token(ifs: Any, service: Service, answer: Any) -> None:
    """HTML from the token endpoint is AUTH_IFS_NOT_JSON, with a short excerpt only."""
    ifs.plan(answer(200, HTML * 50, {"Content-Type": "text/html"}, part="token"))

    with pytest.raises(AuthNotJson, match=r"^AUTH_IFS_NOT_JSON: .*Sign in") as caught:
        read(service)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("expires_in", [None, 0, -5, "180", True])
def test_an_unclear_lifetime_is_short(expires_in: object) -> None:
    """Whatever is no positive number counts as a minute."""
    assert token_life(expires_in) == 60


def test_a_token_is_renewed_before_it_dies() -> None:
    """30 seconds before the end of 180, by the clock of the session."""
    now, asked = [0.0], []
    credentials = ClientCredentials(
        lambda: (f"t{len(asked)}", asked.append(now[0]) or 180), clock=lambda: now[0]
    )

    tokens = []
    for now[0] in (0.0, 149.0, 150.0):
        tokens.append(credentials.headers()["Authorization"])

    assert tokens == ["Bearer t0", "Bearer t0", "Bearer t1"]


def test_a_token_replaced_meanwhile_is_not_replaced_again() -> None:
    """When several threads meet a 401, one new token is asked for."""
    asked: list[int] = []
    credentials = ClientCredentials(lambda: (f"t{len(asked)}", asked.append(1) or 180))
    refused = credentials.headers()

    assert credentials.renew(refused)
    assert credentials.renew(refused)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        pytest.param({"Retry-After": "7"}, 7, id="seconds"),
        pytest.param({"Retry-After": "-1"}, 0, id="negative"),
        pytest.param({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0, id="past-date"),
        pytest.param({"Retry-After": "soon"}, 0.5, id="unreadable"),
        pytest.param({"Retry-After": "\u00b2"}, 0.5, id="no-ascii-digit"),
        pytest.param({}, 0.5, id="none"),
    ],
)
def test_429_waits_as_long_as_the_server_asks(
    ifs: Any,
    service: Service,
    orders: Any,
    failure: Any,
    waits: list[float],
    header: dict[str, str],
    pause: float,
) -> None:
    """`Retry-After` is obeyed in both its forms, and each row is read once."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.plan(failure(429, "LIMIT", "slow down", header, part="OrderSet"))

    assert read(service) == ["0000", "0001", "0002"]
    assert waits == [pause]


def test_a_date_is_a_time_to_wait() -> None:
    """An HTTP date counts from now."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90


def test_a_wait_too_long_is_told_not_waited(
    ifs: Any, service: Service, failure: Any, waits: list[float]
) -> None:
    """A day of `Retry-After` ends the stream with a code."""
    ifs.plan(failure(429, "LIMIT", "slow down", {"Retry-After": "86400"}, part="OrderSet"))

    with pytest.raises(RateLimited, match="86400 s"):
        read(service)

    assert waits == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_of_5xx_changes_nothing(
    ifs: Any, service: Service, orders: Any, failure: Any, status: int
) -> None:
    """The result is that of a quiet run; MI_MODIFIED_ERROR asks for just this."""
    ifs.sets["OrderSet"] = orders(4)
    ifs.plan(*[failure(status, "MI_MODIFIED_ERROR", "again", part="OrderSet")] * 3)

    assert read(service) == [row["OrderNo"] for row in orders(4)]


def test_tries_end(ifs: Any, service: Service, failure: Any, waits: list[float]) -> None:
    """After the last try the server's own words are told; the pauses have doubled."""
    ifs.plan(*[failure(503, "DOWN", "ORA-01034: ORACLE not available", part="OrderSet")] * 9)

    with pytest.raises(Unavailable, match=r"^IFS_UNAVAILABLE: .*HTTP 503, DOWN ORA-01034"):
        read(service)

    assert waits == [0.5, 1, 2]


def test_a_timed_out_query_is_not_repeated(ifs: Any, service: Service, failure: Any) -> None:
    """504 with ODP_OPERATION_TIMEOUT would time out again: the setting to change is named."""
    ifs.plan(failure(504, "ODP_OPERATION_TIMEOUT", "too slow", part="OrderSet"))

    with pytest.raises(OperationTimeout, match="Lower `page_size`"):
        read(service)

    assert len(ifs.gets()) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"body": b'{"value":[{"OrderNo":"9', "cut": True}, id="cut"),
        pytest.param({"body": b'{"value":[{"OrderNo":"9"}'}, id="half-a-json"),
        pytest.param(
            {"body": b"\x1f\x8b\x08\x00bad", "headers": {"Content-Encoding": "gzip"}}, id="bad-gzip"
        ),
        pytest.param(
            {"body": b'{"value":[{"OrderNo":"9"}],"error":{"code":"X","message":"ORA-1"}}'},
            id="error-in-a-200",
        ),
        pytest.param({"body": b'{"value":[{"Amount":NaN}]}'}, id="nan"),
    ],
)
def test_a_broken_body_is_read_again(
    ifs: Any, service: Service, orders: Any, answer: Any, spoilt: dict[str, Any]
) -> None:
    """It is never taken for a short page."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.plan(answer(200, part="OrderSet", **spoilt))

    assert read(service) == ["0000", "0001", "0002"]


def test_a_body_that_stays_broken_is_named(ifs: Any, service: Service, answer: Any) -> None:
    """After the last try it is IFS_BROKEN_BODY, not an empty set."""
    ifs.plan(*[answer(200, b'{"value":[', part="OrderSet")] * 4)

    with pytest.raises(BrokenBody, match=r"^IFS_BROKEN_BODY"):
        read(service)


@pytest.mark.parametrize("body", [HTML, b'{"rows":[]}'])
def test_what_is_no_page_is_not_an_empty_one(
    ifs: Any, service: Service, answer: Any, body: bytes
) -> None:
    """HTML or other JSON with status 200 is IFS_NOT_JSON."""
    ifs.plan(answer(200, body, {"Content-Type": "text/html"}, part="OrderSet"))

    with pytest.raises(NotJson):
        read(service)


def test_a_gzipped_page_with_a_bom_is_read(ifs: Any, service: Service, answer: Any) -> None:
    """Both are allowed."""
    body = gzip.compress(b'\xef\xbb\xbf{"value":[{"OrderNo":"1"}]}')
    ifs.plan(answer(200, body, {"Content-Encoding": "gzip"}, part="OrderSet"))

    assert read(service) == ["1"]


@pytest.mark.parametrize(
    "link",
    [
        "{evil}/main/Test.svc/OrderSet",
        "//{evil_host}/main/Test.svc/OrderSet",
        "http://{host}@{evil_host}/x",
        "http://{host}.evil.example/x",
        "https://{host}/main/Test.svc/OrderSet",
        "http://127.0.0.1:1/main/Test.svc/OrderSet",
        "http://{host}\\@{evil_host}/x",
        "http:\\\\{evil_host}/x",
        "http://ⓛocalhost/x",
        "ftp://{host}/x",
        "http://{host}:notaport/x",
    ],
)
def test_a_link_that_leads_away_is_not_followed(
    serve: Callable[[], Any], ifs: Any, service: Service, answer: Any, link: str
) -> None:
    """The token is not sent anywhere else: the evil server sees no request at all."""
    evil = serve()
    names = {"evil": evil.url, "evil_host": evil.url[7:], "host": ifs.url[7:]}
    body = {"value": [{"OrderNo": "1"}], "@odata.nextLink": link.format(**names)}
    ifs.plan(answer(200, json.dumps(body).encode(), part="OrderSet"))

    with pytest.raises(ForeignLink, match=r"^SECURITY_NEXTLINK"):
        read(service)

    assert evil.seen == []
    assert len(ifs.gets()) == 1


def test_a_link_out_of_the_path_prefix_is_not_followed() -> None:
    """A gateway's path is part of the origin, however the climb is written."""
    origin = Origin.of("https://gateway/ifs")

    for link in ("/other/x", "/ifs/../other", "/ifs/%2e%2e/other", "/ifsx/y"):
        assert origin.resolve(link, "https://gateway/ifs/a") is None
    assert origin.resolve("/ifs/b?x=1", "https://gateway/ifs/a") == "https://gateway/ifs/b?x=1"


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("OrderSet?$skiptoken={end}", id="relative"),
        pytest.param("?$skiptoken={end}", id="query-only"),
        pytest.param("/main/Test.svc/OrderSet?$skiptoken={end}", id="from-the-root"),
        pytest.param("{url}/main/Test.svc/OrderSet?$skiptoken={end}", id="absolute"),
        pytest.param("{url}/main/Test.svc/OrderSet?$skiptoken={end}&x=a b", id="with-a-blank"),
    ],
)
def test_the_servers_own_links_are_followed(
    ifs: Any, service: Service, orders: Any, link: str
) -> None:
    """Relative or absolute, they are resolved against the page they stand on."""
    ifs.sets["OrderSet"], ifs.page_cap = orders(5), 2
    ifs.next_link = lambda _, end: link.format(url=ifs.url, end=end)

    assert read(service, lambda fetch: walk_by_link(fetch, Query(orderby=("OrderNo",)))) == [
        row["OrderNo"] for row in orders(5)
    ]
    assert all(seen.headers["Authorization"] == "Bearer t1" for seen in ifs.gets())


def test_a_redirect_to_another_origin_is_not_followed(
    serve: Callable[[], Any], ifs: Any, service: Service, answer: Any
) -> None:
    """The other server sees nothing."""
    evil = serve()
    ifs.plan(answer(302, headers={"Location": f"{evil.url}/x"}, part="OrderSet"))

    with pytest.raises(ForeignRedirect, match=r"^SECURITY_REDIRECT"):
        read(service)

    assert evil.seen == []


def test_a_redirect_within_the_origin_is_followed(
    ifs: Any, service: Service, orders: Any, answer: Any
) -> None:
    """With the token, as the first address had it."""
    ifs.sets["OrderSet"] = orders(1)
    ifs.plan(answer(307, headers={"Location": "/main/Test.svc/OrderSet?$top=1"}, part="OrderSet"))

    assert read(service) == ["0000"]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequest), (403, Forbidden), (404, NotFound), (501, IfsError)]
)
def test_what_ifs_says_is_told(
    ifs: Any, service: Service, answer: Any, status: int, kind: type[IfsError]
) -> None:
    """The details hold the useful text; nothing is tried again."""
    body = {
        "error": {
            "code": "C",
            "message": "Malformed Request.",
            "details": [{"code": "D", "message": "The property 'X' is not defined."}],
        }
    }
    ifs.plan(answer(status, json.dumps(body).encode(), part="OrderSet"))

    with pytest.raises(kind, match=r"C Malformed Request\.; D The property 'X' is not defined"):
        read(service)

    assert len(ifs.gets()) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_all_four_causes_are_named(ifs: Any, service: Service, failure: Any, status: int) -> None:
    """IFS gives one answer for a wrong gateway, a wrong name, an inactive service, no grant."""
    ifs.plan(failure(status, "X", "no", part="OrderSet"))

    with pytest.raises(IfsError) as caught:
        read(service)

    for cause in ("gateway", "misspelt", "not activated", "no grant"):
        assert cause in str(caught.value)


def test_a_foreign_body_is_clipped(ifs: Any, service: Service, answer: Any) -> None:
    """A page of HTML behind an error is one line without markup."""
    ifs.plan(answer(400, HTML + b"x" * 5000, part="OrderSet"))

    with pytest.raises(BadRequest, match="Sign in") as caught:
        read(service)

    assert len(str(caught.value)) < 500
    assert "<" not in str(caught.value)


def test_no_answer_is_tried_again_and_named(waits: list[float]) -> None:
    """A refused connection is IFS_CONNECTION after the last try."""
    session = Session(
        Origin.of("http://127.0.0.1:1"), sleep=waits.append, patience=Patience(tries=2)
    )

    with pytest.raises(ConnectionFailed, match=r"^IFS_CONNECTION: .*no answer"):
        Service(session, "http://127.0.0.1:1/").metadata()

    assert len(waits) == 1


def test_requests_say_who_asks(ifs: Any, service: Service) -> None:
    """User-Agent, Accept and token are sent; a `.netrc` or cookie plays no part."""
    read(service)

    headers = ifs.gets()[0].headers
    assert headers["User-Agent"] == "tap-ifs-cloud/9"
    assert headers["Accept"] == "application/json;IEEE754Compatible=true"
    assert headers["Authorization"] == "Bearer t1"
    assert "scope=openid" in ifs.seen[0].body.decode()


def test_the_pace_is_kept() -> None:
    """No more requests leave in any 60 seconds than are allowed."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pacer, left = Pacer(3, clock=lambda: now[0], sleep=sleep), []
    for _ in range(8):
        pacer.wait()
        left.append(now[0])
        now[0] += 1

    assert left == [0, 1, 2, 60, 61, 62, 120, 121]


@pytest.mark.parametrize(
    "body", [b'{"token": "canary"}', b'{"access_token": ["canary"]}', b'["canary"]']
)
def test_a_reply_without_a_token_is_not_shown(
    ifs: Any, service: Service, answer: Any, body: bytes
) -> None:
    """JSON may hold the token under another name."""
    ifs.plan(answer(200, body, part="token"))

    with pytest.raises(AuthNotJson, match="JSON without `access_token`") as caught:
        service.metadata()

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "media"),
    [(HTML, "text/html"), (b"<!DOCTYPE html><html>Sign in</html>", "text/xml")],
)
def test_a_web_page_instead_of_metadata_is_told(
    ifs: Any, service: Service, answer: Any, body: bytes, media: str
) -> None:
    """As it is for rows."""
    ifs.plan(answer(200, body, {"Content-Type": media}, part="$metadata"))

    with pytest.raises(NotJson, match=r"a web page instead of \$metadata"):
        service.metadata()
