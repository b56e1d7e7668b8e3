"""The functions of `$filter` that IFS supports (no lambda, geo, rounding or time-span ones)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.ifs.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FUNCTIONS", "Function"]


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes, what it gives, and what it does with values that are not null."""

    signatures: tuple[tuple[Kind, ...], ...]
    result: Kind
    apply: Callable[..., Any]


_TEXT: Final = ((Kind.TEXT,),)
_TEXTS: Final = ((Kind.TEXT, Kind.TEXT),)
_DAY: Final = ((Kind.DATE,), (Kind.TIMESTAMP,))


def _substring(text: str, start: Any, length: Any = None) -> str | None:
    """From `start` (counted from 0), at most `length` characters; nothing is null."""
    end = None if length is None else int(start) + int(length)
    return text[int(start) : end] or None


FUNCTIONS: Final[Mapping[str, Function]] = {
    "contains": Function(_TEXTS, Kind.FLAG, lambda text, part: part in text),
    "startswith": Function(_TEXTS, Kind.FLAG, str.startswith),
    "endswith": Function(_TEXTS, Kind.FLAG, str.endswith),
    "tolower": Function(_TEXT, Kind.TEXT, str.lower),
    "toupper": Function(_TEXT, Kind.TEXT, str.upper),
    "trim": Function(_TEXT, Kind.TEXT, lambda text: text.strip(" ") or None),
    "length": Function(_TEXT, Kind.NUMBER, len),
    "indexof": Function(_TEXTS, Kind.NUMBER, str.find),
    "concat": Function(_TEXTS, Kind.TEXT, lambda left, right: left + right),
    "substring": Function(
        ((Kind.TEXT, Kind.NUMBER), (Kind.TEXT, Kind.NUMBER, Kind.NUMBER)), Kind.TEXT, _substring
    ),
    "year": Function(_DAY, Kind.NUMBER, lambda day: day.year),
    "month": Function(_DAY, Kind.NUMBER, lambda day: day.month),
    "day": Function(_DAY, Kind.NUMBER, lambda day: day.day),
}
"""By name, in lower case as OData writes them."""
