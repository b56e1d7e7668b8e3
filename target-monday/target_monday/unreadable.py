"""Values that are no JSON, or no text, in a message that is otherwise well formed. Pure.

Some taps write `NaN` and `Infinity`, which Python's `json` does by itself, or half of a surrogate
pair. One such value is a fault of its row, not of the whole input: the message is read around it,
and whatever makes a cell or a key of it rejects the row.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from typing_extensions import override

__all__ = ["Unreadable", "read_around"]


class Unreadable:
    """Stands for the value; as text, it is what can be shown of it. No encoder takes it."""

    __slots__ = ("shown",)

    def __init__(self, shown: str) -> None:
        self.shown = shown

    @override
    def __str__(self) -> str:
        return self.shown


def read_around(line: str | bytes) -> Any:
    """The message with its unreadable values marked. Raises ValueError if it is not JSON at all."""
    return _marked(json.loads(line, parse_float=Decimal, parse_constant=Unreadable))


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(name): _marked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_marked(each) for each in value]
    if isinstance(value, str) and _text(value) != value:
        return Unreadable(_text(value))
    return value


def _text(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair."""
    return text.encode(errors="replace").decode()
