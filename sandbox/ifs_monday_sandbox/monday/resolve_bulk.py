"""Root fields that start uploads of items and tell how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifs_monday_sandbox.monday.resolve_queries import Resolver

__all__ = ["FIELDS"]

FIELDS: Final[Mapping[str, Resolver]] = {}
