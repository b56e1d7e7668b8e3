"""Requests that a real tenant answered, put to the twin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def exchanges(real_ifs: Path) -> list[dict[str, Any]]:
    """All recorded GETs."""
    every = json.loads((real_ifs / "exchanges.json").read_text())
    return [each for each in every if each["request"]["method"] == "GET"]


def test_the_twin_answers_as_the_tenant_did(twin: Any, exchanges: list[dict[str, Any]]) -> None:
    """Status, content type, context, keys of the body and of the rows are the recorded ones."""
    for exchange in exchanges:
        url = urlsplit(exchange["request"]["url"])
        accept = exchange["request"]["headers"]["Accept"][0]

        answer = twin.session.get(
            f"{twin.url}{url.path}?{url.query}", headers={"Accept": accept}, timeout=30
        )

        real = exchange["response"]
        assert answer.status_code == real["status"], exchange["what"]
        assert answer.headers["Content-Type"] == real["headers"]["Content-Type"][0]
        if real["body"]:
            same_shape(answer.json(), json.loads(real["body"]))


def same_shape(ours: dict[str, Any], real: dict[str, Any]) -> None:
    """The words that are not data or redacted are the same."""
    assert list(ours) == list(real)
    if "error" in real:
        assert list(ours["error"]) == list(real["error"])
        assert ours["error"]["message"] == real["error"]["message"]
        told = [each["message"] for each in ours["error"].get("details", [])]
        assert told == [each["message"] for each in real["error"].get("details", [])]
    else:
        ours_context, real_context = ours["@odata.context"], real["@odata.context"]
        assert urlsplit(ours_context).path == urlsplit(real_context).path
        assert urlsplit(ours_context).fragment == urlsplit(real_context).fragment
        assert list(ours["value"][0]) == list(real["value"][0])
