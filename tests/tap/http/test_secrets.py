"""No secret in any error or log, although servers quote what they were sent."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from tap_ifs_cloud.odata.auth import ClientCredentials, GivenHeaders
from tap_ifs_cloud.odata.errors import HeaderInvalid, IfsError
from tap_ifs_cloud.odata.token import Client, ask_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

    NewSession = Callable[..., Session]

# What must not be seen stands behind the eight characters by which a secret is known.
TOKEN = "eyJhbGciOiJSUzI1NiJ9." + "c4n4ry" * 200
CLIENT_SECRET = 'client - c4n4ry "of" <the> client/&+%'
API_KEY = "gateway-c4n4ry-of-the-gateway"
FORMS = (str, quote_plus, html.escape, lambda text: json.dumps(text)[1:-1])


@pytest.fixture
def leaky(ifs: Any, new_session: NewSession) -> Session:
    """A session whose every secret is a canary."""
    made = new_session(ifs.url, given_secrets=(CLIENT_SECRET,))
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
    """The token and the gateway's key: whole, or cut by an excerpt."""
    caplog.set_level("DEBUG")
    said = echo(API_KEY, TOKEN, f"Bearer {TOKEN}")
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
        leaky.get(f"{ifs.url}/Set", accept="*/*", read=read)

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
