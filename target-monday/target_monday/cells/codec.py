"""What a codec is, and what several of them share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.diff import Cell
from target_monday.directory import Directory
from target_monday.options import NO_OPTIONS, ColumnOptions
from target_monday.quoting import quoted
from target_monday.rejects import BadCell, Reject
from target_monday.templates import is_empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.labels import Labels

__all__ = [
    "Canonical",
    "Codec",
    "Decode",
    "Encode",
    "Json",
    "Setup",
    "guarded",
    "json_text",
    "member",
    "readable",
    "text_member",
    "whole",
]

Json = Any
Canonical = Callable[[object], Cell]
Encode = Callable[[Any], Json]
Decode = Callable[[str | None, Json], Cell]

_WHOLE: Final = re.compile(r"[1-9][0-9]{0,8}")
_json = msgspec.json.Encoder(decimal_format="number")
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Codec:
    """One column's way of writing and reading.

    `canonical` takes a value that is not null and raises a Reject; `encode` takes a canonical cell
    that is not None; `decode` takes `text` and the parsed `value` of the column value as read.
    `limit`: of a text, in characters; one within it is its own cell, a longer one is cut.
    """

    canonical: Canonical
    encode: Encode
    decode: Decode
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What a column's codec depends on: the column's own settings, and what the mapping says."""

    labels: Labels | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    options: ColumnOptions = NO_OPTIONS
    directory: Directory = field(default_factory=Directory)


def guarded(canonical: Canonical, column_type: str) -> Canonical:
    """The same for every value: an empty text is an empty cell, any failure a reject of the row."""

    def safe(value: object) -> Cell:
        if isinstance(value, str) and not value:
            return None
        try:
            return canonical(value)
        except Reject:
            raise
        except Exception as error:
            raise BadCell(f"{quoted(value)} does not fit a {column_type} column") from error

    return safe


def readable(decode: Decode) -> Decode:
    """The same for whatever a board holds: what is not understood is a text unlike any cell."""

    def safe(text: str | None, value: Json) -> Cell:
        try:
            return decode(text, value)
        except Exception:  # noqa: BLE001 - a strange cell is written again, it ends no run
            return f"?{text or json_text(value)}"

    return safe


def member(value: Json, name: str) -> Any:
    """A member of a value that may be no object."""
    return value.get(name) if isinstance(value, dict) else None


def text_member(value: Json, name: str) -> str | None:
    """A member that is a text; None for an empty one. Raises TypeError for any other value."""
    found = member(value, name)
    if is_empty(found):
        return None
    if not isinstance(found, str):
        raise TypeError(name)
    return found


def whole(value: object, default: int) -> int:
    """A number of a column's settings, which may say anything."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if _WHOLE.fullmatch(text) else default


def json_text(value: object) -> str:
    """A nested value as JSON, digit by digit."""
    return _json.encode(value).decode()
