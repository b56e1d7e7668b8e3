"""The token request: client credentials at Keycloak's token endpoint."""

from __future__ import annotations

import re
import socket
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.envelope import excerpt
from tap_ifs_cloud.odata.errors import (
    AuthFailed,
    AuthNotJson,
    AuthUnavailable,
    Forbidden,
    HostUnknown,
    IfsError,
    NotFound,
    RateLimited,
    RunStopper,
    Transient,
)

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.session import Body, Session

__all__ = ["Client", "ask_token", "token_life"]


class TokenReply(msgspec.Struct, frozen=True):
    """The two fields of the reply that count; `expires_in` is whatever the server makes of it."""

    access_token: str
    expires_in: msgspec.Raw = msgspec.Raw()


# The errors of RFC 6749, 5.2, and Keycloak's words: it says `invalid_client` of a client that it
# does not know, older releases also of a wrong secret, and `unauthorized_client` of the latter.
_HINTS: Final = (
    (
        ("service account",),
        "Switch on service accounts for this IAM client, and give it a service user",
    ),
    (
        ("unauthorized_client", "Invalid client"),
        "The client is known: check `client_secret`",
    ),
    (
        ("invalid_client",),
        "Unknown client or wrong secret: check `client_id` (case counts), `realm`, `client_secret`",
    ),
    (("invalid_scope",), "Check `scope`"),
)

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")  # RFC 6750, 2.1 takes still fewer characters
_REPLY = msgspec.json.Decoder(TokenReply)


SHORT_LIFE: Final = 60.0  # seconds, assumed where the server does not say how long a token lives
LONGEST_LIFE: Final = 86_400.0
_SECONDS: Final = re.compile(rb"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Client:
    """An IAM client of IFS."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str


def ask_token(session: Session, client: Client) -> tuple[str, float]:
    """A new token and the seconds that it lives.

    Raises AuthFailed, AuthNotJson, AuthUnavailable, HostUnknown.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "scope": client.scope,
    }
    try:
        reply = session.post_form(client.token_url, form, read=_reply)
    except RunStopper:
        raise
    except (Transient, RateLimited) as error:
        sentence = f"no token for client {client.client_id!r}: {error.sentence}"
        unknown = _is_caused_by(error, socket.gaierror)
        raise (HostUnknown if unknown else AuthUnavailable)(sentence) from error
    except IfsError as error:
        reason = error.said if isinstance(error, Forbidden | NotFound) else error.sentence
        raise AuthFailed(
            f"no token for client {client.client_id!r}: {reason}. {_hint(error, reason)}"
        ) from None
    return reply.access_token, token_life(bytes(reply.expires_in))


def token_life(expires_in: bytes) -> float:
    """Seconds that a token lives, as its server writes them; a short life if it writes no number.

    Nobody can tell more than a day of a token, so that is the longest.
    """
    if not _SECONDS.fullmatch(expires_in) or not (seconds := float(expires_in)):
        return SHORT_LIFE
    return min(seconds, LONGEST_LIFE)


def _is_caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error of that kind is among the causes, which may lead in a circle."""
    seen: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        one = ahead.pop()
        if one is not None and one not in seen:
            seen.append(one)
            ahead += (one.__cause__, one.__context__)
    return any(isinstance(one, kind) for one in seen)


def _hint(error: IfsError, reason: str) -> str:
    """What to look at, as far as Keycloak's answer tells it."""
    if isinstance(error, NotFound):
        return (
            "There is no token endpoint at that address: check `realm`, which stands in the "
            "address of the login page and is rarely the tenant's name, or `token_url`"
        )
    hints = (hint for marks, hint in _HINTS if all(mark in reason for mark in marks))
    return next(hints, "Check `client_id` (case counts), `client_secret`, `realm` or `token_url`")


def _reply(body: Body) -> TokenReply:
    try:
        reply = decoded(_REPLY, body.content)
    except Undecodable as error:
        raise AuthNotJson(body.url, _shown(body.content)) from error
    if not _TOKEN.fullmatch(reply.access_token):
        raise AuthNotJson(body.url, "an `access_token` that no header can carry")
    return reply


def _shown(content: bytes) -> str:
    """What an error may show of a reply: only of a web page, as all else can hold a token."""
    if content.removeprefix(BOM_UTF8).lstrip()[:1] == b"<":
        return excerpt(content.decode(errors="replace"))[:80]
    return f"{len(content)} bytes that are no JSON with an `access_token`"
