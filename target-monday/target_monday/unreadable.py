"""A value that is no JSON, or no text, in a record that is otherwise well formed.

One such value is a fault of its row, not of the whole input: the record is read around it, and
whatever makes a cell or a key of it rejects the row.
"""

from __future__ import annotations

from typing_extensions import override

__all__ = ["Unreadable"]


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
