"""Tokens: who gets one, how long it lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from ifs_monday_sandbox.ifs.settings import IfsSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from ifs_monday_sandbox.business import Business

PATH = "auth/realms/sandbox/protocol/openid-connect/token"
GRANT = {"grant_type": "client_credentials"}


def test_the_reply_has_the_keys_of_the_real_one(twin: Any, real_ifs: Path) -> None:
    """Keys, scope and lifetimes are those of a recorded reply."""
    exchanges = json.loads((real_ifs / "exchanges.json").read_text())
    real = json.loads(exchanges[0]["response"]["body"])

    reply = twin.log_in().json()

    assert list(reply) == list(real)
    for name in ("expires_in", "refresh_expires_in", "token_type", "scope", "not-before-policy"):
        assert reply[name] == real[name]


def test_a_client_may_also_use_http_basic(twin: Any) -> None:
    """Credentials in the Authorization header are as good as in the form."""
    reply = requests.post(
        f"{twin.url}/{PATH}", data=GRANT, auth=("sandbox", "s4ndb0x-1fs-cl0ud"), timeout=30
    )

    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        pytest.param(
            {**GRANT, "client_id": "sandbox", "client_secret": "x"},
            401,
            "invalid_client",
            id="secret",
        ),
        pytest.param(
            {**GRANT, "client_id": "Sandbox", "client_secret": "s4ndb0x-1fs-cl0ud"},
            401,
            "invalid_client",
            id="client-id-has-case",
        ),
        pytest.param({"grant_type": "password"}, 400, "unsupported_grant_type", id="grant"),
        pytest.param({}, 400, "invalid_request", id="nothing"),
    ],
)
def test_others_are_refused_in_json(
    twin: Any, form: dict[str, str], status: int, error: str
) -> None:
    """A refusal is JSON with the code of RFC 6749."""
    reply = requests.post(f"{twin.url}/{PATH}", data=form, timeout=30)

    assert (reply.status_code, reply.json()["error"]) == (status, error)


def test_an_unknown_realm_gives_no_token(twin: Any) -> None:
    """The realm is part of the address."""
    url = f"{twin.url}/{PATH}".replace("realms/sandbox", "realms/other")

    assert requests.post(url, data=GRANT, timeout=30).status_code == 404


def test_a_token_ends_with_its_time(
    start_twin: Callable[..., Any], business: Business, clock: Any
) -> None:
    """A token is good to the last of its seconds and no longer."""
    twin = start_twin(business, IfsSettings(token_seconds=180, clock=clock))

    clock.now += 179
    assert twin.get("SupplierHandling.svc/SupplierSet", top=1).status_code == 200

    clock.now += 1
    refused = twin.get("SupplierHandling.svc/SupplierSet", top=1)
    assert refused.status_code == 401
    assert refused.json()["error"]["message"] == "Unauthorized."


def test_tokens_can_be_ended_at_once(start_twin: Callable[..., Any], business: Business) -> None:
    """Ending all tokens makes the next request fail and a new token work."""
    twin = start_twin(business)

    twin.tenant.expire_tokens()

    assert twin.get("SupplierHandling.svc/SupplierSet", top=1).status_code == 401
    twin.log_in()
    assert twin.get("SupplierHandling.svc/SupplierSet", top=1).status_code == 200


def test_nothing_is_served_without_a_token(twin: Any) -> None:
    """Neither rows nor metadata are public."""
    url = f"{twin.url}/main/ifsapplications/projection/v1/SupplierHandling.svc/$metadata"

    assert requests.get(url, timeout=30).status_code == 401


def test_a_minute_has_its_requests(
    start_twin: Callable[..., Any], business: Business, clock: Any
) -> None:
    """Beyond the limit stands 429 with the seconds to wait; after them it goes on."""
    twin = start_twin(business, IfsSettings(requests_per_minute=2, clock=clock))
    path = "SupplierHandling.svc/SupplierSet"
    assert [twin.get(path, top=1).status_code for _ in range(2)] == [200, 200]

    clock.now += 12.5
    refused = twin.get(path, top=1)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "48")

    clock.now += 48
    assert twin.get(path, top=1).status_code == 200


def test_what_was_served_is_counted(start_twin: Callable[..., Any], business: Business) -> None:
    """The counters tell OData requests from tokens."""
    twin = start_twin(business)
    twin.get("SupplierHandling.svc/$metadata")
    twin.get("SupplierHandling.svc/SupplierSet", top=1)

    counted = requests.get(f"{twin.url}/sandbox/requests", timeout=30).json()

    assert counted == {"requests": 2, "tokens": 1}
