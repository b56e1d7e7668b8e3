"""API versions on the day of the sandbox.

Source: developer.monday.com/api-reference/docs/api-versioning.
"""

from __future__ import annotations

import re
from typing import Final

from ifs_monday_sandbox.monday.errors import MondayError

__all__ = ["CURRENT", "VERSIONS", "answered_version"]

CURRENT: Final = "2026-10"
MAINTENANCE: Final = "2026-07"

# Version -> kind. Older ones still answer; what is older still is answered by maintenance.
VERSIONS: Final = {
    "2027-01": "release_candidate",
    CURRENT: "current",
    MAINTENANCE: "maintenance",
    "2026-04": "old__maintenance",
    "2026-01": "old_previous_maintenance",
    "2025-10": "old_previous_maintenance",
    "2025-07": "old_previous_maintenance",
    "2025-04": "old_previous_maintenance",
}


def answered_version(asked: str | None) -> str:
    """The version that answers a request with this `API-Version` header.

    Without the header, or for a version that does not exist, the current one; for a deprecated
    one, maintenance. Raises MondayError for a malformed name.
    """
    if asked is None or asked in VERSIONS:
        return asked or CURRENT
    if not re.fullmatch(r"\d{4}-\d{2}|dev", asked):
        raise MondayError(
            "InvalidVersionException", f"Invalid API version: {asked!r}", status_code=400
        )
    return MAINTENANCE if asked < min(VERSIONS) else CURRENT
