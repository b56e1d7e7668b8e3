"""What IFS refuses for good: told in its own words, asked once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import BadRequest, Forbidden, IfsError, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[..., list[str]]

HTML = b"<html><head><script>var x=1</script></head><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (403, Forbidden),
        (404, NotFound),
        (405, Refused),
        (412, Refused),
        (428, Refused),
        (501, Refused),
    ],
)
def test_what_ifs_says_is_told(
    ifs: Any, read: Read, answer: Any, status: int, kind: type[IfsError]
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
        read()

    assert len(ifs.gets()) == 1


@pytest.mark.parametrize("status", [500, 501, 503])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ODP_NOT_IMPLEMENTED", Refused),
        ("ODP_DESERIALIZATION_ERROR", BadRequest),
        ("ODP_MISSING_PRECONDITION", Refused),
        ("ODP_RESOURCE_NOTFOUND", NotFound),
        ("SE_UNAUTHORIZED", Forbidden),
    ],
)
def test_a_code_that_means_never_is_believed(
    ifs: Any, read: Read, failure: Any, status: int, code: str, kind: type[IfsError]
) -> None:
    """Whatever its status says, it is not tried again."""
    ifs.plan(failure(status, code, "no", part="OrderSet"))

    with pytest.raises(kind, match=code):
        read()

    assert len(ifs.gets()) == 1


def test_a_bad_request_that_quotes_a_code_stays_a_bad_request(
    ifs: Any, read: Read, failure: Any
) -> None:
    """The filter may hold anything."""
    ifs.plan(failure(400, "X", "Text eq 'MI_MODIFIED_ERROR' is malformed", part="OrderSet"))

    with pytest.raises(BadRequest):
        read()

    assert len(ifs.gets()) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_all_four_causes_are_named(ifs: Any, read: Read, failure: Any, status: int) -> None:
    """IFS gives one answer for a wrong gateway, a wrong name, an inactive service, no grant."""
    ifs.plan(failure(status, "X", "no", part="OrderSet"))

    with pytest.raises(IfsError) as caught:
        read()

    for cause in ("gateway", "misspelt", "not activated", "no grant"):
        assert cause in str(caught.value)


def test_a_web_page_behind_a_refusal_is_named_and_clipped(
    ifs: Any, read: Read, answer: Any
) -> None:
    """It is one line without markup."""
    ifs.plan(answer(400, HTML + b"x" * 5000, part="OrderSet"))

    with pytest.raises(BadRequest, match="HTTP 400, a web page: Sign in") as caught:
        read()

    assert len(str(caught.value)) < 500
    assert "<" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="nested"),
        pytest.param(b'{"error":{"message":' + b"[" * 100_000, id="nested-message"),
        pytest.param(b'{"error":{"details":[' + b'{"a":' * 100_000, id="nested-details"),
        pytest.param(b'{"error":{"message":"\xe9\xff"}}', id="not-utf-8"),
        pytest.param(b'{"error":{"message":"\\ud800"}}', id="half-a-character"),
        pytest.param(b'{"error":"Internal server error"}', id="a-text"),
        pytest.param(b'{"error":null}', id="null"),
        pytest.param(b'{"error":{"code":' + b"9" * 5000 + b"}}", id="a-long-number"),
        pytest.param(b"<script" * 140_000, id="tags-without-end"),
        pytest.param(b"\xff\xfe\x00", id="no-text"),
    ],
)
def test_any_body_of_a_refusal_is_a_refusal(ifs: Any, read: Read, answer: Any, body: bytes) -> None:
    """Whatever is in it, the status says what it is."""
    ifs.plan(answer(400, body, part="OrderSet"))

    with pytest.raises(BadRequest, match="HTTP 400, ") as caught:
        read()

    assert len(str(caught.value)) < 500


def test_an_error_in_xml_is_read(ifs: Any, read: Read, answer: Any) -> None:
    """The form of OData for who asks for XML, as for `$metadata`."""
    body = b"<error><code>ODP_OPERATION_TIMEOUT</code><message>slow</message></error>"
    ifs.plan(answer(503, body, part="OrderSet"))

    with pytest.raises(IfsError, match=r"^IFS_OPERATION_TIMEOUT: .*ODP_OPERATION_TIMEOUT slow"):
        read()


def test_an_unasked_304_is_no_page(ifs: Any, read: Read, answer: Any) -> None:
    """Only who sets a condition gets it."""
    ifs.plan(answer(304, part="OrderSet"))

    with pytest.raises(Refused, match="HTTP 304"):
        read()
