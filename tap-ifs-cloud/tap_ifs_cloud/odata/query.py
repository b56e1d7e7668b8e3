"""OData queries as values: literals by type, the query options, their encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "ORDERABLE",
    "ROWS",
    "Query",
    "after",
    "both",
    "expression_fault",
    "literal",
    "one_line",
    "plain_number",
    "until",
]

# The one way to ask for values. With the parameter a server writes Int64 and Decimal as strings,
# with all their digits; without, it may send them through a binary float (OData JSON Format 4.01,
# 3.2). A server that does not know it ignores it: numbers are read as exactly as they were written.
ROWS: Final = "application/json;IEEE754Compatible=true"

LARGEST: Final = 400  # digits of a number that is written without an exponent

_LITERAL: Final = re.compile(r"('(?:[^']|'')*')")
_COMMENT: Final = re.compile(r"#|//|/\*|--")

# Kept unencoded beside letters and digits. IFS does not take `$` as %24 nor a blank as `+`.
_SAFE: Final = "$,'():/*@!~"
_SAFE_IN_EXPAND: Final = f"{_SAFE}="  # options of its own stand inside it


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one request; what is empty or `None` is not sent."""

    select: tuple[str, ...] = ()
    filter: str | None = None
    orderby: tuple[str, ...] = ()
    top: int | None = None
    skip: int | None = None
    expand: tuple[str, ...] = ()

    def encoded(self) -> str:
        """The query string, without the question mark."""
        options: Mapping[str, object] = {
            "$select": ",".join(self.select) or None,
            "$expand": ",".join(self.expand) or None,
            "$filter": self.filter,
            "$orderby": ",".join(self.orderby) or None,
            "$top": self.top,
            "$skip": self.skip,
        }
        return "&".join(
            f"{name}={quote(str(value), safe=_SAFE_IN_EXPAND if name == '$expand' else _SAFE)}"
            for name, value in options.items()
            if value is not None
        )


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def plain_number(value: object) -> str:
    """The digits of a number, without an exponent unless that would be longer than any address."""
    if isinstance(value, Decimal) and abs(value.adjusted()) <= LARGEST:
        return format(value, "f")
    return str(value)


# How values of a type are written in a URL (OData 4.01 Part 2, 5.1.1.15). Types without an entry
# have no order that a server could filter by.
ORDERABLE: Final[Mapping[str, Callable[[object], str]]] = {
    "Edm.String": _text,
    "Edm.Boolean": lambda value: str(value).lower(),
    "Edm.Decimal": plain_number,
    "Edm.Byte": plain_number,
    "Edm.SByte": plain_number,
    "Edm.Int16": plain_number,
    "Edm.Int32": plain_number,
    "Edm.Int64": plain_number,
    "Edm.Single": plain_number,
    "Edm.Double": plain_number,
    "Edm.Date": str,
    "Edm.DateTimeOffset": str,
    "Edm.TimeOfDay": str,
    "Edm.Guid": str,
    "Edm.Duration": lambda value: f"duration'{value}'",
}


def literal(type_name: str, value: object) -> str:
    """A value as it stands in a `$filter`.

    `type_name` is an `Edm` type of `ORDERABLE`, or the qualified name of an enumeration, whose
    literals IFS takes only with that name before them.
    """
    write = ORDERABLE.get(type_name)
    return write(value) if write else f"{type_name}{_text(value)}"


def after(columns: Sequence[str], literals: Sequence[str]) -> str:
    """The rows strictly behind a position in the order of `columns`.

    `(a gt 1) or (a eq 1 and b gt 2)`: OData has no comparison of rows.
    """
    return _beside(columns, literals, ["gt"] * len(columns))


def until(columns: Sequence[str], literals: Sequence[str]) -> str:
    """The rows at a position or before it: all others than those `after` it."""
    return _beside(columns, literals, [*["lt"] * (len(columns) - 1), "le"])


def _beside(columns: Sequence[str], literals: Sequence[str], operators: Sequence[str]) -> str:
    alternatives = []
    for index, (column, value) in enumerate(zip(columns, literals, strict=True)):
        equal = [f"{c} eq {v}" for c, v in zip(columns[:index], literals, strict=False)]
        alternatives.append(" and ".join([*equal, f"{column} {operators[index]} {value}"]))
    return " or ".join(f"({one})" for one in alternatives)


def both(*filters: str | None) -> str | None:
    """All of the filters at once; those that are empty do not count."""
    given = [one for one in filters if one and not re.fullmatch(r"\s*", one)]
    if len(given) > 1:
        return " and ".join(f"({one})" for one in given)
    return given[0] if given else None


def one_line(expression: str) -> str:
    """An expression with single blanks between its tokens; texts within it stay as they are.

    Olingo, which IFS is built on, takes blanks and tabs there, but no line break: a block of YAML
    ends with one.
    """
    parts = _LITERAL.split(expression)
    parts[::2] = [re.sub(r"\s+", " ", part) for part in parts[::2]]
    return "".join(parts).strip()


def expression_fault(expression: str) -> str | None:
    """What no server can read in an expression: a comment, a control, a text without its end."""
    for part in _LITERAL.split(expression)[::2]:
        if found := _COMMENT.search(part):
            return f"holds a comment (`{found[0]}`), which OData does not have"
        if strange := [each for each in part if not (each.isprintable() or each.isspace())]:
            return f"holds a character that cannot be seen (U+{ord(strange[0]):04X})"
        if "'" in part:
            return "holds a text without its closing quotation mark"
    return None
