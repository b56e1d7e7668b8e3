"""Rows as JSON, in the words of `odata.metadata=minimal`."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from ifs_monday_sandbox.business.table import OBJID, OBJVERSION
from ifs_monday_sandbox.ifs.model import PLUMBING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ifs_monday_sandbox.business import Row
    from ifs_monday_sandbox.ifs.model import EntityType
    from ifs_monday_sandbox.ifs.query import Query

__all__ = ["JSON", "cell", "encode", "render", "with_numbers_as_text", "with_rounded_numbers"]

JSON: Final = "application/json;odata.metadata=minimal"

_EXACT: Final = msgspec.json.Encoder(decimal_format="number")


def encode(body: object) -> bytes:
    """JSON; decimals are numbers with all their digits."""
    return _EXACT.encode(body)


def cell(kind: EntityType, name: str) -> Callable[[Row], Any]:
    """How the value of a column, pseudo columns too, is taken from a row of `kind`."""
    match name:
        case "luname":
            return lambda _: kind.lu
        case "keyref":
            return lambda row: _keyref(kind, row)
        case "Objgrants":
            return lambda _: None
        case _:
            return lambda row: row[name]


def render(rows: list[Row], kind: EntityType, query: Query, set_url: str) -> list[dict[str, Any]]:
    """The rows of a page: etag, `@odata.id` where keys had to be added, the selected columns."""
    pseudo = [(name, cell(kind, name)) for name in query.select if name in PLUMBING]
    columns = [name for name in query.select if name not in PLUMBING]
    rendered = []
    for row in rows:
        shown: dict[str, Any] = {}
        if row[OBJVERSION] is not None:
            shown["@odata.etag"] = _etag(row)
        if query.keys_added:
            shown["@odata.id"] = f"{set_url}({_key(kind, row)})"
        for name, value in pseudo:
            shown[name] = value(row)
        for name in columns:
            shown[name] = row[name]
        rendered.append(shown)
    return rendered


def with_numbers_as_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows for clients that ask for IEEE754Compatible=true."""
    return [{name: _number_as_text(value) for name, value in row.items()} for row in rows]


def with_rounded_numbers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows after their numbers have gone through a binary float."""
    return [{name: _rounded(value) for name, value in row.items()} for row in rows]


def _rounded(value: Any) -> Any:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(repr(float(value)))
    return value


def _number_as_text(value: Any) -> Any:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return value


def _etag(row: Row) -> str:
    inner = f'W/"{row[OBJID]}:{row[OBJVERSION]}"'
    return f'W/"{base64.b64encode(inner.encode()).decode()}"'


def _keyref(kind: EntityType, row: Row) -> str:
    """Database key names and values, each ended by a caret."""
    return "".join(f"{_database_name(name)}={row[name]}^" for name in kind.key)


@cache
def _database_name(name: str) -> str:
    return "".join(f"_{each}" if each.isupper() else each for each in name).lstrip("_").upper()


def _key(kind: EntityType, row: Row) -> str:
    return ",".join(f"{name}={_literal(row[name])}" for name in kind.key)


def _literal(value: object) -> str:
    if isinstance(value, str):
        doubled = value.replace("'", "''")
        return quote(f"'{doubled}'", safe="'")
    return value.isoformat() if isinstance(value, date) else str(value)
