"""What a codec is, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import regex  # type: ignore[import-untyped] # it ships no types

from target_monday.diff import Cell
from target_monday.directory import Directory
from target_monday.options import NO_OPTIONS, ColumnOptions
from target_monday.rejects import BadCell

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
    "shorten",
    "shown",
]

Json = Any
Canonical = Callable[[object], Cell]
Encode = Callable[[Any], Json]
Decode = Callable[[str | None, Json], Cell]

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


def guarded(canonical: Canonical) -> Canonical:
    """Whatever a value does to its codec, it is that value's row that is rejected."""

    def safe(value: object) -> Cell:
        try:
            return canonical(value)
        except (ValueError, ArithmeticError, TypeError) as error:
            raise BadCell(f"the value cannot be used: {error}") from error

    return safe


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between graphemes and ended with an ellipsis."""
    if len(text) <= limit:
        return text
    end = 0
    for grapheme in regex.finditer(r"\X", text):
        if grapheme.end() > limit - 1:
            break
        end = grapheme.end()
    return text[:end] + "…"


def shown(value: object) -> str:
    """A value for a sentence."""
    return shorten(repr(value), 60)


def member(value: Json, name: str) -> Any:
    """A member of a value that may be no object."""
    return value.get(name) if isinstance(value, dict) else None


def json_text(value: object) -> str:
    """A nested value as JSON, digit by digit."""
    return _json.encode(value).decode()
