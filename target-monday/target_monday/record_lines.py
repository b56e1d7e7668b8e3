"""RECORD lines, cut in three without being parsed: what is before the record, it, and what follows.

A line that begins as taps write it (`type`, `stream`, `record`) is cut at its last brace but one.
That is wrong where something unusual follows the record; but then what was cut out is no record
that went to a board before, nor can it be read as one, and the line is parsed after all. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_PAGES", "RecordLines", "Taken", "stream_of"]

_BEGINNING: Final = re.compile(
    rb'\{\s*"type"\s*:\s*"RECORD"\s*,\s*"stream"\s*:\s*"([ !#-\[\]-~]+)"'
    rb'\s*,\s*"record"\s*:\s*(?=\{)'
)
_ENDS: Final = 1000  # kept; some taps write another time after each record
_BRACE: Final = b"}"
MOST_PAGES: Final = 1 << 31  # a greater number is none of a page


class _End(msgspec.Struct, forbid_unknown_fields=True):
    """What may follow a record."""

    version: int | None = None
    time_extracted: str | None = None
    page: Annotated[int, msgspec.Meta(gt=0, lt=MOST_PAGES)] | None = None


_decode = msgspec.json.Decoder(_End).decode


def stream_of(line: bytes) -> str | None:
    """The stream of a RECORD line that begins in the usual way."""
    found = _BEGINNING.match(line)
    return found.group(1).decode() if found else None


@dataclass(frozen=True, slots=True)
class Taken:
    """Lines with their numbers in the input, and the bytes of their records.

    `pages`: of the source, where each record was read. `tickets` are the checkpoints' tickets, each
    with how many of the rows it is for, in order.
    """

    version: int | None
    lines: list[bytes]
    numbers: list[int]
    records: list[bytes]
    pages: list[int | None]
    tickets: list[tuple[int, int]]


@dataclass(slots=True)
class RecordLines:
    """Lines of one stream that wait; `full` is called when there are `size` of them.

    `count` gives the ticket of so many rows. `flush` is called before lines of another version.
    """

    size: int
    count: Callable[[int], int]
    flush: Callable[[], None]
    beginning: bytes = b"\n"  # no line begins so
    _end: bytes = b""
    _told: _End = field(default_factory=_End)  # by the end of the last line
    _ends: dict[bytes, _End] = field(default_factory=dict)
    _lines: list[bytes] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _records: list[bytes] = field(default_factory=list)
    _pages: list[int | None] = field(default_factory=list)
    _tickets: list[tuple[int, int]] = field(default_factory=list)
    _counted: int = 0

    def __len__(self) -> int:
        return len(self._lines)

    def begin(self, line: bytes) -> None:
        """Take the lines that begin like this one from now on."""
        found = _BEGINNING.match(line)
        self.beginning = found.group() if found else b"\n"

    def take(self, line: bytes, number: int) -> bool:
        """Keep a line that has this beginning. False if it has to be parsed instead."""
        end = line.rfind(_BRACE, 0, -1) + 1
        following = line[end:]
        if following != self._end and not self._follows(following):
            return False
        self._lines.append(line)
        self._numbers.append(number)
        self._records.append(line[len(self.beginning) : end])
        self._pages.append(self._told.page)
        if len(self._lines) >= self.size:
            self.flush()
        return True

    def _follows(self, following: bytes) -> bool:
        """Whether this may follow a record; another version than before flushes first."""
        try:
            told = self._ends[following]
        except KeyError:
            try:
                told = _decode(b"{" + following.lstrip().removeprefix(b","))
            except (msgspec.DecodeError, UnicodeDecodeError):
                return False
            if len(self._ends) >= _ENDS:
                self._ends.clear()
            self._ends[following] = told
        if told.version != self._told.version and self._lines:
            self.flush()
        self._told, self._end = told, following
        return True

    def mark(self) -> None:
        """Give the lines so far a ticket: a bookmark comes after them."""
        new = len(self._lines) - self._counted
        if new:
            self._tickets.append((self.count(new), new))
            self._counted += new

    def empty(self) -> Taken:
        """Everything that waits, which waits no more."""
        self.mark()
        lines, records = (self._lines, self._numbers), (self._records, self._pages)
        taken = Taken(self._told.version, *lines, *records, self._tickets)
        self._lines, self._numbers, self._records = [], [], []
        self._pages, self._tickets, self._counted = [], [], 0
        return taken
