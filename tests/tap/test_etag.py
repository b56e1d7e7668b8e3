"""Row versions inside etags."""

from __future__ import annotations

import base64
from datetime import datetime

import pytest
from tap_ifs_cloud.odata.etag import row_version, version_time


def etag(inner: str) -> str:
    return f'W/"{base64.b64encode(inner.encode()).decode()}"'


@pytest.mark.parametrize(
    ("inner", "version"),
    [
        ('W/"AAAbAIAAYAADoAHAAH:20250716064314"', "20250716064314"),
        ('W/"AAAYiOAAMAAAA0AWAAM:3"', "3"),
        ('W/"AAAec/AAsAABTTbAAB:20260718171939"', "20260718171939"),
    ],
)
def test_the_version_is_what_stands_behind_the_row_id(inner: str, version: str) -> None:
    """Stamps and counters both come out as written."""
    assert row_version(etag(inner)) == version


@pytest.mark.parametrize(
    "text",
    [None, "", 'W/"REDACTED"', 'W/"08D5"', '"plain text"', etag("no version"), 'W/"/w=="'],
)
def test_other_etags_have_no_version(text: str | None) -> None:
    """Another server's etag is not misread, nor is a missing one."""
    assert row_version(text) is None


@pytest.mark.parametrize(
    ("version", "moment"),
    [
        ("20250716064314", datetime(2025, 7, 16, 6, 43, 14)),  # noqa: DTZ001 # zone unknown
        ("3", None),
        ("20251316064314", None),
        (None, None),
    ],
)
def test_only_stamps_are_moments(version: str | None, moment: datetime | None) -> None:
    """A counter tells no time."""
    assert version_time(version) == moment
