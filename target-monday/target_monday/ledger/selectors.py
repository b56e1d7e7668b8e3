"""Selectors of commands compared with the ledger: one that it does not know is a misspelt one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from target_monday.errors import SelectorUnknown
from target_monday.ledger import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Engine

__all__ = ["require_code", "require_key", "require_run", "require_stream", "unknown"]

_SHOWN: Final = 20
_STREAMS: Final = (
    *(tables.boards.c.stream, tables.run_books.c.stream, tables.rejects.c.stream),
    *(tables.schemas.c.stream, tables.records.c.stream),
)


def require_run(engine: Engine, run_id: str | None) -> None:
    """Raise SelectorUnknown unless the ledger knows the run, where one is named."""
    if run_id is not None and not _holds(engine, tables.runs.c.id == run_id):
        raise SelectorUnknown(
            f"The ledger has no run {run_id!r}. Nothing was done. Name one that "
            "`target-monday-audit runs` lists."
        )


def require_stream(engine: Engine, stream: str | None) -> None:
    """Raise SelectorUnknown unless the ledger knows the stream, where one is named."""
    if stream is None or any(_holds(engine, column == stream) for column in _STREAMS):
        return
    with engine.connect() as connection:
        known = {
            name
            for column in _STREAMS[:-1]  # the last one is long, and has no others
            for name in connection.execute(select(column).distinct()).scalars()
        }
    raise unknown("stream", stream, known)


def require_key(engine: Engine, stream: str, key: str | None) -> None:
    """Raise SelectorUnknown unless the ledger has a record of the key, where one is named."""
    require_stream(engine, stream)
    table = tables.records.c
    if key is not None and not _holds(engine, (table.stream == stream) & (table.key == key)):
        raise SelectorUnknown(
            f"The ledger has no record of key {key!r} of stream {stream!r}. Nothing was done. "
            "Name a key as it stands in the key column of its board."
        )


def require_code(engine: Engine, code: str | None, own: Collection[str]) -> None:
    """Raise SelectorUnknown for a code that neither the target nor any reject has."""
    if code is None or code in own or _holds(engine, tables.rejects.c.code == code):
        return
    with engine.connect() as connection:
        found = connection.execute(select(tables.rejects.c.code).distinct()).scalars()
        raise unknown("code", code, {*own, *found})


def unknown(kind: str, name: str, known: Collection[str]) -> SelectorUnknown:
    """Return the error about a name that is not among those that are known."""
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(sorted(known)[:_SHOWN]) or "none"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return SelectorUnknown(
        f"The ledger knows no {kind} {name!r}. Nothing was done. It knows: {listed}{more}.{hint}"
    )


def _holds(engine: Engine, condition: ColumnElement[bool]) -> bool:
    with engine.connect() as connection:
        found = select(1).where(condition).limit(1)
        return connection.execute(found).scalar_one_or_none() is not None
