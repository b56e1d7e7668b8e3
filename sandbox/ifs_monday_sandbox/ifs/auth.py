"""Tokens: a Keycloak-shaped endpoint for client credentials, and the tokens it gave out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote_plus

from ifs_monday_sandbox.ifs.errors import unauthorized

if TYPE_CHECKING:
    from ifs_monday_sandbox.ifs.settings import IfsSettings

__all__ = ["TokenRefusedError", "Tokens"]

# The three tokens of a real reply are about 3,690 characters together.
_CLAIMS_LENGTH: Final = 700
_REFRESH_SECONDS: Final = 1800
_SCOPE: Final = "openid audience microprofile-jwt profile email"


@dataclass(eq=False)
class TokenRefusedError(Exception):
    """No token is given, for a reason in the words of RFC 6749, 5.2."""

    status: int
    error: str
    description: str

    def body(self) -> dict[str, str]:
        """The JSON body."""
        return {"error": self.error, "error_description": self.description}


class Tokens:
    """Access tokens by the moment at which they end."""

    def __init__(self, settings: IfsSettings) -> None:
        self._settings = settings
        self._ends: dict[str, float] = {}
        self.issued = 0

    def issue(self, form: str, authorization: str | None) -> dict[str, Any]:
        """A new token for the client that the form, or HTTP Basic, names.

        Raises TokenRefusedError for a wrong grant, client or secret.
        """
        fields = {name: values[0] for name, values in parse_qs(form).items()}
        if "grant_type" not in fields:
            raise TokenRefusedError(400, "invalid_request", "Missing form parameter: grant_type")
        if fields["grant_type"] != "client_credentials":
            raise TokenRefusedError(400, "unsupported_grant_type", "Unsupported grant_type")
        self._check_client(fields, authorization)
        self.issued += 1
        access = self._signed("access", self._settings.token_seconds)
        self._ends[access] = self._settings.clock() + self._settings.token_seconds
        return {
            "access_token": access,
            "expires_in": self._settings.token_seconds,
            "refresh_expires_in": _REFRESH_SECONDS,
            "refresh_token": self._signed("refresh", _REFRESH_SECONDS),
            "token_type": "Bearer",
            "id_token": self._signed("id", self._settings.token_seconds),
            "not-before-policy": 0,
            "session_state": f"00000000-0000-4000-8000-{self.issued:012}",
            "scope": _SCOPE,
        }

    def check(self, authorization: str | None) -> None:
        """Raises ODataError (401) unless `authorization` bears a token that has not ended."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise unauthorized("A bearer token is needed.")
        if self._ends.get(token, 0.0) <= self._settings.clock():
            raise unauthorized("The token is not valid, or not any more.")

    def expire(self) -> None:
        """End all tokens now."""
        self._ends.clear()

    def _check_client(self, fields: dict[str, str], authorization: str | None) -> None:
        client_id, secret = _basic(authorization) or (
            fields.get("client_id", ""),
            fields.get("client_secret", ""),
        )
        wanted = f"{self._settings.client_id}:{self._settings.client_secret}"
        if not compare_digest(f"{client_id}:{secret}".encode(), wanted.encode()):
            raise TokenRefusedError(
                401, "invalid_client", "Invalid client or Invalid client credentials"
            )

    def _signed(self, use: str, seconds: int) -> str:
        """A token of the form and length of a JWT; only this object can tell that it is valid."""
        claims = {
            "typ": use,
            "jti": self.issued,
            "lifespan": seconds,
            "azp": self._settings.client_id,
        }
        parts = (
            json.dumps({"alg": "RS256", "typ": "JWT"}),
            json.dumps(claims).ljust(_CLAIMS_LENGTH),
        )
        body = ".".join(map(_base64, parts))
        signature = hashlib.sha512(f"{id(self)}{body}".encode()).hexdigest() * 2
        return f"{body}.{signature}"


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """Client and secret of an HTTP Basic header, if there is one that can be read."""
    scheme, _, coded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
