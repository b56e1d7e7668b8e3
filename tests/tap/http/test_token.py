"""Tokens: asked for once, renewed in time and once when refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.auth import ClientCredentials
from tap_ifs_cloud.odata.errors import AuthFailed, AuthNotJson, AuthUnavailable
from tap_ifs_cloud.odata.token import token_life

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

HTML = b"<html><head><script>var x=1</script></head><body>Sign in</body></html>"


def test_a_token_that_dies_in_a_walk_is_renewed(
    ifs: Any, read: Callable[[], list[str]], orders: Any
) -> None:
    """The refused page is asked for again."""
    ifs.sets["OrderSet"], ifs.token_uses = orders(2), 2

    assert [read() for _ in range(5)] == [["0000", "0001"]] * 5
    assert ifs.tokens == 3


def test_a_fresh_token_refused_ends_the_run(
    ifs: Any, read: Callable[[], list[str]], failure: Any
) -> None:
    """Two 401 in a row are AUTH_IFS, without a storm of tokens."""
    ifs.plan(*[failure(401, "U", "no", part="OrderSet")] * 2)

    with pytest.raises(AuthFailed, match=r"^AUTH_IFS: .*401"):
        read()

    assert (ifs.tokens, len(ifs.gets())) == (2, 2)


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_client_stops_at_once(
    ifs: Any, read: Callable[[], list[str]], answer: Any, waits: list[float], status: int
) -> None:
    """AUTH_IFS tells what Keycloak says."""
    body = {"error": "invalid_client", "error_description": "Invalid client secret"}
    ifs.plan(answer(status, json.dumps(body).encode(), part="token"))

    with pytest.raises(AuthFailed, match=r"^AUTH_IFS: .*invalid_client"):
        read()

    assert (len(ifs.seen), waits) == (1, [])


def test_a_token_endpoint_that_is_down_is_tried_a_few_times_only(
    ifs: Any, read: Callable[[], list[str]], answer: Any
) -> None:
    """Not once more for each try of the page."""
    ifs.plan(*[answer(503, part="token")] * 99)

    with pytest.raises(AuthUnavailable, match=r"^AUTH_IFS_UNAVAILABLE: .*HTTP 503"):
        read()

    assert len(ifs.seen) == 4


def test_a_login_page_is_no_token(ifs: Any, read: Callable[[], list[str]], answer: Any) -> None:
    """HTML from the token endpoint is AUTH_IFS_NOT_JSON, with a short excerpt only."""
    ifs.plan(answer(200, HTML * 50, {"Content-Type": "text/html"}, part="token"))

    with pytest.raises(AuthNotJson, match=r"^AUTH_IFS_NOT_JSON: .*Sign in") as caught:
        read()

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body", [b'{"token": "canary"}', b'{"access_token": ["canary"]}', b'["canary"]']
)
def test_a_reply_without_a_token_is_not_shown(
    ifs: Any, read: Callable[[], list[str]], answer: Any, body: bytes
) -> None:
    """JSON may hold the token under another name."""
    ifs.plan(answer(200, body, part="token"))

    with pytest.raises(
        AuthNotJson, match="bytes that are no JSON with an `access_token`"
    ) as caught:
        read()

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "expires_in", [b"", b"null", b"0", b"-5", b'"180"', b"true", b"1e999", b"[[[]]]", b"0.0"]
)
def test_an_unclear_lifetime_is_short(expires_in: bytes) -> None:
    """Whatever is no positive number counts as a minute."""
    assert token_life(expires_in) == 60


@pytest.mark.parametrize(("expires_in", "life"), [(b"180", 180), (b"180.5", 180.5)])
def test_a_stated_lifetime_is_believed(expires_in: bytes, life: float) -> None:
    """As whole seconds, or with a fraction."""
    assert token_life(expires_in) == life


@pytest.mark.parametrize("digits", [6, 401, 5000])
def test_a_lifetime_without_end_is_a_day(
    ifs: Any, read: Callable[..., list[str]], answer: Any, digits: int
) -> None:
    """However many digits it has."""
    life = b"9" * digits
    ifs.plan(answer(200, b'{"access_token": "t0", "expires_in": %s}' % life, part="token"))

    assert read() == []
    assert token_life(life) == 86_400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"access_token": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"access_token": "t0", "scope": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"access_token": "t0\\r\\nX-Evil: 1"}',
        b'{"access_token": "t\\u20ac"}',
        b'{"access_token": ""}',
        b'{"access_token": "\xe9"}',
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_a_reply_that_holds_no_usable_token_is_named(
    ifs: Any, read: Callable[..., list[str]], answer: Any, body: bytes
) -> None:
    """Before anything is sent with it, however deep it is nested and however it is encoded."""
    ifs.plan(answer(200, body, part="token"))

    with pytest.raises(AuthNotJson, match=r"^AUTH_IFS_NOT_JSON: .*`access_token`"):
        read()

    assert ifs.gets() == []


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


def test_requests_say_who_asks(ifs: Any, session: Session, read: Callable[..., list[str]]) -> None:
    """User-Agent, Accept and token are sent, and the headers of this request alone."""
    read(headers={"X-Ifs-Time-Zone-Aware-Request": "true"})
    read()

    first, second = (seen.headers for seen in ifs.gets())
    assert first["User-Agent"] == session.user_agent == "tap-ifs-cloud/9"
    assert first["Accept"] == "application/json"
    assert first["Authorization"] == "Bearer t1"
    assert first["X-Ifs-Time-Zone-Aware-Request"] == "true"
    assert "X-Ifs-Time-Zone-Aware-Request" not in second
    assert "scope=openid" in ifs.seen[0].body.decode()


def test_nobody_takes_the_place_of_the_token(ifs: Any, read: Callable[..., list[str]]) -> None:
    """Neither a stream's header nor a cookie of the server."""
    read(headers={"authorization": "Basic eDp5"})

    assert ifs.gets()[0].headers["Authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    "body",
    [
        b"access_token=tok-canary&expires_in=180",
        b'"tok-canary"',
        b'{"token": "tok-canary"}',
        b'\xef\xbb\xbf{"id_token": "tok-canary"}',
        b'{"access_token": "tok-canary',
    ],
)
def test_a_reply_that_is_no_page_is_not_shown(
    ifs: Any, read: Any, answer: Any, body: bytes
) -> None:
    """It may hold a token in another form."""
    ifs.plan(answer(200, body, part="token"))

    with pytest.raises(AuthNotJson, match="bytes that are no JSON") as caught:
        read()

    assert "tok-canary" not in str(caught.value)


def test_a_token_may_stand_behind_a_byte_order_mark(ifs: Any, read: Any, answer: Any) -> None:
    """Some gateways put one before every answer."""
    reply = b'\xef\xbb\xbf{"access_token": "t0", "expires_in": 180}'
    ifs.plan(answer(200, reply, part="token"))

    assert read() == []
