"""The query options of a request: what is asked for, checked against the type."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from ifs_monday_sandbox.ifs.errors import malformed, not_implemented
from ifs_monday_sandbox.ifs.filter_syntax import Expression, parse_filter
from ifs_monday_sandbox.ifs.model import PLUMBING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifs_monday_sandbox.ifs.model import EntityType, Navigation, Projection

__all__ = ["Order", "Query", "next_link", "parse_options", "parse_query"]

_KNOWN: Final = frozenset(
    {
        "$count",
        "$expand",
        "$filter",
        "$format",
        "$orderby",
        "$select",
        "$skip",
        "$skiptoken",
        "$top",
    }
)
_UNSUPPORTED: Final = frozenset({"$apply", "$compute", "$deltatoken", "$search"})

Order = tuple[tuple[str, bool], ...]
"""Columns to order by, each with whether it descends."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query on one set. `select` holds the columns to give, in declared order."""

    select: tuple[str, ...]
    selected: bool
    keys_added: bool
    filter: Expression | None
    order: Order
    top: int | None
    skip: int
    count: bool
    expand: tuple[Navigation, ...] = ()


def parse_options(query_string: str) -> Mapping[str, str]:
    """The options by name, percent-decoded. Raises ODataError (400) for what IFS chokes on.

    A plus sign is itself, not a blank, and the `$` of a name must not be encoded: the form
    encoding of many HTTP clients is reported to break on IFS.
    """
    options: dict[str, str] = {}
    for pair in filter(None, query_string.split("&")):
        name, _, value = pair.partition("=")
        if name.startswith("%24") or (name.startswith("$") and name not in _KNOWN | _UNSUPPORTED):
            raise malformed(f"The system query option '{name}' is not defined.")
        if name in _UNSUPPORTED:
            raise not_implemented(f"The system query option '{name}' is not supported.")
        if name in options:
            raise malformed(f"The system query option '{name}' is given twice.")
        options[name] = unquote(value)
    return options


def parse_query(options: Mapping[str, str], kind: EntityType, projection: Projection) -> Query:
    """The query that `options` ask for. Raises ODataError (400, or 501 for `$expand`)."""
    wanted = _names(options.get("$select"))
    for name in wanted:
        _check_property(name, kind, projection)
    selected = bool(wanted) and "*" not in wanted
    columns = [each.name for each in kind.properties]
    select = [name for name in columns if not selected or name in {*wanted, *kind.key}]
    if selected:
        select = [name for name in select if name not in PLUMBING]
    return Query(
        select=tuple(select),
        selected=selected,
        keys_added=selected and not set(kind.key) <= set(wanted),
        filter=parse_filter(options["$filter"]) if "$filter" in options else None,
        order=_order(options.get("$orderby"), kind, projection),
        top=_whole(options, "$top"),
        skip=(_whole(options, "$skip") or 0) + _skipped(options.get("$skiptoken")),
        count=options.get("$count", "false") == "true",
        expand=_expanded(options.get("$expand"), kind),
    )


def next_link(url: str, options: Mapping[str, str], seen: int) -> str:
    """The URL of the page that begins after `seen` rows of the same query."""
    kept = {name: value for name, value in options.items() if name not in {"$skip", "$skiptoken"}}
    token = base64.urlsafe_b64encode(f"rows:{seen}".encode()).decode()
    pairs = {**kept, "$skiptoken": token}.items()
    return url + "?" + "&".join(f"{name}={quote(value, safe=',')}" for name, value in pairs)


def _expanded(expand: str | None, kind: EntityType) -> tuple[Navigation, ...]:
    """The references to follow; IFS does not follow those to many rows."""
    ways = {each.name: each for each in kind.navigations}
    names = _names(expand)
    for name in names:
        if name not in ways:
            raise malformed(f"The navigation property '{name}' is not defined in '{kind.name}'.")
        if ways[name].many:
            raise not_implemented(f"$expand of the collection '{name}' is not supported.")
    return tuple(ways[name] for name in names)


def _check_property(name: str, kind: EntityType, projection: Projection) -> None:
    if name == "*" or kind.property(name):
        return
    where = f"type '{projection.namespace}.{kind.name}'"
    if any(each.name == name for each in kind.navigations):
        raise malformed(f"The navigation property '{name}' of {where} cannot be selected.")
    raise malformed(
        f"The property '{name}', used in a query expression, is not defined in {where}."
    )


def _order(text: str | None, kind: EntityType, projection: Projection) -> Order:
    order = []
    for part in _names(text):
        name, _, direction = part.partition(" ")
        if direction.strip() not in {"", "asc", "desc"}:
            raise malformed(f"'{part}' cannot be ordered by.")
        _check_property(name, kind, projection)
        order.append((name, direction.strip() == "desc"))
    return tuple(order)


def _names(text: str | None) -> list[str]:
    """The parts of a list; empty parts are an error, an option that is not there is none."""
    if text is None:
        return []
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise malformed(f"'{text}' has an empty part.")
    return names


def _whole(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not (options[name].isascii() and options[name].isdigit()):
        raise malformed(f"The value of '{name}' must be a whole number that is not negative.")
    return int(options[name])


def _skipped(token: str | None) -> int:
    if token is None:
        return 0
    try:
        kind, _, seen = base64.urlsafe_b64decode(token).decode().partition(":")
        return {"rows": int(seen)}[kind]
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError) as error:
        raise malformed("The value of '$skiptoken' was not given out by this service.") from error
