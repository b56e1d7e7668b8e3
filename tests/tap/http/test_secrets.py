"""No secret in any error or log, although servers quote what they were sent."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.auth import ClientCredentials, GivenHeaders
from tap_ifs_cloud.odata.errors import HeaderInvalid, IfsError
from tap_ifs_cloud.odata.masking import masked
from tap_ifs_cloud.odata.token import Client, ask_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

    NewSession = Callable[..., Session]

# What must not be seen stands behind the eight characters by which a secret is known.
TOKEN = "eyJhbGciOiJSUzI1NiJ9." + "c4n4ry" * 200
CLIENT_SECRET = 'client - c4n4ry "of" <the> client/&+%'
API_KEY = "gateway-c4n4ry-of-the-gateway"
STREAM_KEY = "gateway-c4n4ry-of-the-stream"
FORMS = (str, quote_plus, html.escape, lambda text: json.dumps(text)[1:-1])


@pytest.fixture
def leaky(ifs: Any, new_session: NewSession) -> Session:
    """A session whose every secret is a canary."""
    made = new_session(ifs.url)
    client = Client(f"{ifs.url}/auth/token", "ID", CLIENT_SECRET, "openid")
    made.credentials = ClientCredentials(
        lambda: ask_token(made, client), {"X-Api-Key": API_KEY}, clock=lambda: 0.0
    )
    return made


def echo(*texts: str) -> bytes:
    """Each text in all the ways in which a server may write it."""
    return " ; ".join(form(text) for text in texts for form in FORMS).encode()


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 501, 503, 504])
@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain"])
def test_what_a_server_quotes_is_not_told(
    ifs: Any,
    leaky: Session,
    answer: Any,
    caplog: pytest.LogCaptureFixture,
    status: int,
    kind: str,
) -> None:
    """The token, the gateway's key, the stream's header: whole, or cut by an excerpt."""
    caplog.set_level("DEBUG")
    said = echo(STREAM_KEY, API_KEY, TOKEN, f"Bearer {TOKEN}")
    if kind == "application/json":
        said = json.dumps({"error": {"code": "X", "message": said.decode()}}).encode()
    elif kind == "text/html":
        said = b"<html>" + said
    token = json.dumps({"access_token": TOKEN, "expires_in": 180}).encode()
    ifs.plan(
        answer(200, token, part="token"),
        *[answer(status, said, {"Content-Type": kind}, part="Set")] * (1 + (status == 401)),
        *[answer(404, said, {"Content-Type": kind}, part="Set")] * 2,
    )
    if status == 401:
        ifs.faults.insert(2, answer(200, token, part="token"))

    def read(body: Any) -> None:
        raise IfsError(f"no page: {body.content.decode()}"[:120])

    with pytest.raises(IfsError) as caught:
        leaky.get(f"{ifs.url}/Set", accept="*/*", read=read, headers={"X-Key": STREAM_KEY})

    assert "c4n4ry" not in shown(caught.value, leaky, caplog)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
def test_a_token_endpoint_that_quotes_the_secret_is_not_quoted(
    ifs: Any, leaky: Session, answer: Any, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Neither in the error nor in the warnings before it."""
    caplog.set_level("DEBUG")
    ifs.plan(*[answer(status, b"<p>" + echo(CLIENT_SECRET), part="token")] * 4)

    with pytest.raises(IfsError, match="AUTH_IFS") as caught:
        leaky.get(f"{ifs.url}/Set", accept="*/*", read=str)

    assert "c4n4ry" not in shown(caught.value, leaky, caplog)


def shown(error: IfsError, session: Session, caplog: pytest.LogCaptureFixture) -> str:
    """All that anyone may see, with what the error was made of."""
    texts = [repr(session), caplog.text]
    cause: BaseException | None = error
    while cause is not None:
        texts += [str(cause), repr(cause), repr(vars(cause))]
        cause = cause.__cause__
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-Api-Key", "c4n4ry\r\nX-Evil: 1", id="line-break"),
        pytest.param("X-Api-Key", "c4n4ry\u20ac", id="not-latin-1"),
        pytest.param("X-Api-Key", "c4n4ry\0", id="control"),
        pytest.param("X Api Key", "c4n4ry", id="name"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named_only(
    ifs: Any, new_session: NewSession, name: str, value: str
) -> None:
    """Libraries would show its value in a traceback; nothing is sent."""
    session = new_session(ifs.url, credentials=GivenHeaders({name: value}))

    with pytest.raises(HeaderInvalid, match=rf"^HEADER_INVALID: .*'{name}'") as caught:
        session.get(f"{ifs.url}/Set", accept="*/*", read=str)

    assert "c4n4ry" not in f"{caught.value!r}{session!r}"
    assert ifs.seen == []


@given(st.text(min_size=12), st.text(), st.integers(0, 20))
def test_a_secret_is_hidden_also_if_its_end_is_cut(secret: str, around: str, cut: int) -> None:
    """Eight characters of it are enough to know it."""
    shortened = secret[: max(8, len(secret) - cut)]

    assert secret[:8] not in masked(f"{around}{shortened}", [secret]).replace("***", "\0")


def test_a_secret_that_begins_like_another_is_hidden_whole() -> None:
    """As two tokens do, which have one header; cut or not."""
    secrets = ["eyJhbGciOiJSUzI1NiJ9.first", "eyJhbGciOiJSUzI1NiJ9.other"]

    assert masked(f"{secrets[1]}, {secrets[0]}, {secrets[1][:-2]}", secrets) == "***, ***, ***"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("http://u:p@ss/w@proxy:1 failed", "http://***@proxy:1 failed"),
        ("http://u:p@ss@proxy:1", "http://***@proxy:1"),
        ("http://tap:a/b@proxy:1/x", "http://***@proxy:1/x"),
        ("http://u:secret@[::1]:8080/x", "http://***@[::1]:8080/x"),
        ("(//u:p@h) and http://v:q@h2/a", "(//***@h) and http://***@h2/a"),
        ("X: true is not 1", "X: true is not 1"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, told: str) -> None:
    """Without being known; short words of every text are left."""
    assert masked(text, ["true", "1", ""]) == told


@pytest.mark.parametrize(
    "text",
    [
        'https://acme.ifs.cloud/main/T.svc/XSet: HTTP 500, {"@odata.context":"x"}',
        'https://acme:8443/T.svc: {"url":"https://acme/x","@odata.nextLink":"https://acme/y"}',
        "http://[::1]:8080/T.svc/XSet?$filter=Mail eq 'a@b.example'",
        "https://acme.ifs.cloud/T.svc/XSet,@odata.context=$metadata#XSet/@odata.count",
        "no answer from https://acme.ifs.cloud: write to support@acme.example",
        "// a comment, then https://acme/x and\nlines later: @odata.context",
        "https://one/a https://two/b, user@example.com",
    ],
)
def test_a_later_at_sign_hides_no_diagnosis(text: str) -> None:
    """Only what an address itself holds before its host is a user."""
    assert masked(text) == text


@given(st.text("ab1:@/ ?#.-", max_size=12), st.text('ab @\n"', max_size=12))
def test_no_password_of_an_address_is_shown(path: str, around: str) -> None:
    """Whatever follows its host, and whatever text is around it."""
    text = f"{around} https://user:c4n4ry@host/{path} {around}"

    assert "c4n4ry" not in masked(text)
    assert "https://***@" in masked(text)
