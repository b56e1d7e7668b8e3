"""Values in sentences, for people: a text in quotes, all else as JSON. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.truncation import shorten
from target_monday.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listed", "quoted"]

_LONGEST: Final = 60  # characters


def quoted(value: object) -> str:
    """A value as a message shows it: on one line, without control characters, not too long."""
    if isinstance(value, str):
        return f"'{_printable(shorten(value, _LONGEST))}'"
    shown = value.shown if isinstance(value, Unreadable) else _json(value)
    return _printable(shorten(shown, _LONGEST))


def listed(values: Iterable[object]) -> str:
    """Values of a message, one after the other."""
    return ", ".join(map(quoted, values))


def _json(value: object) -> str:
    try:
        return _encode(value).decode()
    except (ValueError, RecursionError):  # of a long whole number, or what has no end
        return "a number" if isinstance(value, int) else "a value that is not JSON"


def _other(value: Any) -> str:
    return value.shown if isinstance(value, Unreadable) else "a value that is not JSON"


_encode: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_other).encode


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text
    )
