"""A value that is no JSON, or no text, in a record that is otherwise well formed.

One such value is a fault of its row, not of the whole input: the record is read around it, and
whatever makes a cell or a key of it rejects the row. The ledger stores it as an object with the
member `_unreadable`, so that a row that is tried again is rejected again: its text is no value.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from typing_extensions import override

__all__ = ["Unreadable", "as_input", "restored", "stored"]

_MEMBER: Final = "_unreadable"
_STORED: Final = re.compile(rb'\{"_unreadable":("(?:[^"\\]|\\.)*")\}')
_HALF_A_PAIR: Final = b'"\\ud800'  # what no decoder takes for a text


class Unreadable:
    """Stands for the value; as text, it is what can be shown of it. No encoder takes it.

    `repr` shows the same, so that a message that shows a value never shows a Python object.
    """

    __slots__ = ("shown",)

    def __init__(self, shown: str) -> None:
        self.shown = shown

    @override
    def __str__(self) -> str:
        return self.shown

    @override
    def __repr__(self) -> str:
        return self.shown


def stored(value: Any) -> Any:
    """What an encoder of records writes for a value that is no JSON."""
    return {_MEMBER: value.shown} if isinstance(value, Unreadable) else str(value)


def restored(value: Any) -> Any:
    """A record, or a part of one, as it was before it was stored."""
    if isinstance(value, dict):
        if value.keys() == {_MEMBER} and isinstance(value[_MEMBER], str):
            return Unreadable(value[_MEMBER])
        return {name: restored(each) for name, each in value.items()}
    if isinstance(value, list):
        return [restored(each) for each in value]
    return value


def as_input(payload: bytes) -> bytes:
    """A stored record as a line of the input says it: unreadable values cannot be read again."""
    return _STORED.sub(_unreadable_again, payload)


def _unreadable_again(found: re.Match[bytes]) -> bytes:
    text = msgspec.json.encode(msgspec.json.decode(found[1], type=str).removeprefix("?"))
    return _HALF_A_PAIR + text[1:]
