"""Rows as they are stored, whatever was done to them: their keys and digests. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_monday.ledger.sealed import primary_key, shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Table

__all__ = ["UNREADABLE", "computed_digest", "hashable", "is_intact", "key_of", "shown"]
__all__ += ["stored_digest"]

UNREADABLE: Final = (TypeError, ValueError, OverflowError)  # what such values raise


def key_of(table: Table, row: Mapping[str, Any]) -> Any:
    """The primary key of a row; a list where it has several columns."""
    names = primary_key(table)
    return row[names[0]] if len(names) == 1 else [row[name] for name in names]


def hashable(key: Any) -> Any:
    """A key as it can be looked for."""
    return tuple(key) if isinstance(key, list) else key


def shown(key: Any) -> Any:
    """A key as it is told."""
    return list(key) if isinstance(key, tuple) else key


def stored_digest(row: Mapping[str, Any]) -> bytes:
    """The digest that a row carries."""
    digest = row["digest"]
    return digest if isinstance(digest, bytes) else b""


def computed_digest(table: Table, row: Mapping[str, Any]) -> bytes | None:
    """The digest that a row should carry; None for values that no row can have."""
    try:
        return shape(table).digest(row)
    except UNREADABLE:
        return None


def is_intact(table: Table, row: Mapping[str, Any]) -> bool:
    """Whether a row carries the digest that it should."""
    digest = computed_digest(table, row)
    return digest is not None and digest == row["digest"]
