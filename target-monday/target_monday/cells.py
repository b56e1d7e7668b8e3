"""Value <-> column value: one codec a column type. Pure.

A cell has one canonical form whatever way it comes: from a Singer value (`canonical`), or read
back from the board (`decode`). Two cells are equal if their canonical forms are; `encode` turns it
into what monday takes. None is an empty cell everywhere, and the one form that clears it.
Column values: developer.monday.com/api-reference/reference/column-values-v2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
import regex  # type: ignore[import-untyped] # it ships no types

from target_monday.decimals import digits
from target_monday.diff import Cell
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.labels import Labels

__all__ = [
    "LONG_TEXT_LIMIT",
    "NAME_LIMIT",
    "SUPPORTED_TYPES",
    "Canonical",
    "Codec",
    "Encode",
    "codec_for",
    "shorten",
]

LONG_TEXT_LIMIT: Final = 2_000  # characters; developer.monday.com/api-reference/reference/long-text
NAME_LIMIT: Final = 255
_MAX_RATING: Final = 5
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:[.][0-9]+)?")
_BOOLEANS: Final[Mapping[object, bool]] = {"true": True, "false": False}

Json = Any
Canonical = Callable[[object], Cell]
Encode = Callable[[Any], Json]
Decode = Callable[[str | None, Json], Cell]

_json_text = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Codec:
    """One column's way of writing and reading.

    `canonical` takes a value that is not null and raises BadCell; `encode` takes a canonical cell
    that is not None; `decode` takes `text` and the parsed `value` of the column value as read.
    """

    canonical: Canonical
    encode: Encode
    decode: Decode


def _guarded(canonical: Canonical) -> Canonical:
    """Whatever a value does to its codec, it is that value's row that is rejected."""

    def guarded(value: object) -> Cell:
        try:
            return canonical(value)
        except (ValueError, ArithmeticError, TypeError) as error:
            raise BadCell(f"the value cannot be used: {error}") from error

    return guarded


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


def _text(value: object) -> Cell:
    match value:
        case str():
            return value or None
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return digits(value)
        case _:
            return _json_text.encode(value).decode()


def _long_text(value: object) -> Cell:
    text = _text(value)
    return shorten(text, LONG_TEXT_LIMIT) if isinstance(text, str) else text


def _numbers(value: object) -> Cell:
    match value:
        case bool():
            raise BadCell("a truth value is not a number")
        case int() | Decimal():
            return digits(value)
        case "":
            return None
        case str() if _NUMBER.fullmatch(value):
            return digits(Decimal(value))
        case _:
            raise BadCell(f"{_shown(value)} is not a number")


def _date(value: object) -> Cell:
    if not isinstance(value, str):
        raise BadCell(f"{_shown(value)} is not a date")
    if not value:
        return None
    try:
        if len(value) == len("2026-10-30"):
            return date.fromisoformat(value).isoformat()
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadCell(f"{_shown(value)} is not a date") from error
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return utc.strftime("%Y-%m-%d %H:%M:%S").rjust(len("2026-10-30 00:00:00"), "0")


def _checkbox(value: object) -> Cell:
    flag = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(flag, bool):
        raise BadCell(f"{_shown(value)} is not a truth value")
    return flag or None


def _rating(value: object) -> Cell:
    number = _numbers(value)
    if not isinstance(number, str) or not number.isdigit() or int(number) > _MAX_RATING:
        raise BadCell(f"{_shown(value)} is not a rating from 1 to {_MAX_RATING}")
    return int(number) or None


def _email(value: object) -> Cell:
    if value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise BadCell(f"{_shown(value)} is not an e-mail address")
    return value


def _link(value: object) -> Cell:
    if value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"https?://\S+", value, re.IGNORECASE):
        raise BadCell(f"{_shown(value)} is not an http or https address")
    return value


def _shown(value: object) -> str:
    return shorten(repr(value), 60)


def _date_value(cell: str) -> Json:
    day, _, time = cell.partition(" ")
    return {"date": day, "time": time} if time else {"date": day}


def _read_text(text: str | None, _: Json) -> Cell:
    return text or None


def _read_numbers(text: str | None, value: Json) -> Cell:
    number = value if isinstance(value, str) and value else text
    return digits(Decimal(number)) if number and _NUMBER.fullmatch(number) else None


def _read_date(_: str | None, value: Json) -> Cell:
    day, time = _member(value, "date"), _member(value, "time")
    return f"{day} {time}" if day and time else day or None


def _member(value: Json, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


_CODECS: Final[Mapping[str, Codec]] = {
    "text": Codec(_text, str, _read_text),
    "long_text": Codec(_long_text, lambda cell: {"text": cell}, _read_text),
    "numbers": Codec(_numbers, str, _read_numbers),  # a string: JSON numbers pass through floats
    "date": Codec(_date, _date_value, _read_date),
    "checkbox": Codec(
        _checkbox,
        lambda _: {"checked": "true"},  # "false" is undocumented: an empty cell is unchecked
        lambda _, value: str(_member(value, "checked")).lower() == "true" or None,
    ),
    "email": Codec(
        _email,
        lambda cell: {"email": cell, "text": cell},  # both members are required
        lambda _, value: _member(value, "email") or None,
    ),
    "link": Codec(
        _link,
        lambda cell: {"url": cell, "text": cell},
        lambda _, value: _member(value, "url") or None,
    ),
    "rating": Codec(
        _rating, lambda cell: {"rating": cell}, lambda _, value: _member(value, "rating") or None
    ),
}

SUPPORTED_TYPES: Final = frozenset({*_CODECS, "status", "dropdown"})


def codec_for(column_type: str, labels: Labels | None = None) -> Codec:
    """The codec of a column type; status and dropdown columns need their labels."""
    if labels is None:
        codec = _CODECS[column_type]
    else:
        codec = _status(labels) if column_type == "status" else _dropdown(labels)
    return replace(codec, canonical=_guarded(codec.canonical))


def _status(labels: Labels) -> Codec:
    def canonical(value: object) -> Cell:
        text = _text(value)
        return labels.resolve(text) if isinstance(text, str) and text.strip() else None

    def encode(cell: str) -> Json:
        # A text that looks like a number would be taken as the number of a label.
        known = labels.id_of(cell)
        return {"label": cell} if known is None else {"index": known}

    def decode(text: str | None, value: Json) -> Cell:
        index = _member(value, "index")
        known = labels.text_of(index) if isinstance(index, int) else None
        return known or text or None

    return Codec(canonical, encode, decode)


def _dropdown(labels: Labels) -> Codec:
    def canonical(value: object) -> Cell:
        texts = [_text(entry) for entry in (value if isinstance(value, list) else [value])]
        wanted = {labels.resolve(text) for text in texts if isinstance(text, str) and text.strip()}
        return sorted(wanted) or None

    def decode(text: str | None, value: Json) -> Cell:
        ids = _member(value, "ids") or []
        found = [known for label_id in ids if (known := labels.text_of(label_id)) is not None]
        return sorted(found) or (sorted(text.split(", ")) if text else None)

    return Codec(canonical, lambda cell: {"labels": cell}, decode)
