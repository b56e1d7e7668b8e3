"""RECORD lines, cut in three without being parsed: what is before the record, it, and what follows.

A line that begins as taps write it (`type`, `stream`, `record`) is cut at its last brace but one.
That is wrong where something unusual follows the record; but then what was cut out is no record
that went to a board before, nor can it be read as one, and the line is parsed after all. Lines that
begin and end like the one before them, as most do, are cut all at once. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from target_monday.foreign_json import NotJson, decode

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


_END: Final = msgspec.json.Decoder(_End)


def stream_of(line: bytes) -> str | None:
    """The stream of a RECORD line that begins in the usual way."""
    found = _BEGINNING.match(line)
    return found.group(1).decode() if found else None


class _Run(NamedTuple):
    """Lines that follow each other and differ in their records only.

    `first` is the place of the first of their records, `number` that line's number in the input,
    `page` that of the source, where the tap tells it.
    """

    first: int
    number: int
    beginning: bytes
    end: bytes
    page: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Records as they were cut out of their lines, in order.

    `tickets` are the checkpoints' tickets, each with how many of the rows it is for, in order.
    """

    version: int | None
    records: list[bytes]
    tickets: list[tuple[int, int]]
    runs: list[_Run]

    def line(self, at: int) -> tuple[bytes, int]:
        """The line that the record at this place was cut out of, and its number in the input."""
        run = self._run(at)
        return run.beginning + self.records[at] + run.end, run.number + at - run.first

    def page(self, at: int) -> int | None:
        """The page of the source that this record was read from."""
        return self._run(at).page

    def _run(self, at: int) -> _Run:
        return self.runs[bisect_right(self.runs, at, key=lambda each: each.first) - 1]


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
    _records: list[bytes] = field(default_factory=list)
    _runs: list[_Run] = field(default_factory=list)
    _tickets: list[tuple[int, int]] = field(default_factory=list)
    _counted: int = 0

    def __len__(self) -> int:
        return len(self._records)

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
        self._keep([line[len(self.beginning) : end]], number)
        return True

    def take_alike(self, text: bytes, start: int, number: int) -> tuple[int, int]:
        """Keep the lines from `start` on that begin and end like the one before them.

        `text` holds whole lines, `number` is that of the first one. Gives how many were kept, and
        where the next line starts.
        """
        head, end = start + len(self.beginning), self._end + b"\n"
        if end == b"\n" or not text.startswith(self.beginning, start):
            return 0, start
        between, breaks = end + self.beginning, text.count(b"\n", start)
        records = text[head : -len(end)].split(between)
        whole = text.endswith(_BRACE + end)
        if whole and text.count(_BRACE + between, head) + 1 == breaks == len(records):
            self._keep(records, number)
            return len(records), len(text)
        alike = next((at for at, one in enumerate(records) if not _is_one(one)), len(records) - 1)
        del records[alike:]
        self._keep(records, number)
        return alike, start + sum(map(len, records)) + alike * len(between)

    def _keep(self, records: list[bytes], number: int) -> None:
        kept = 0
        while kept < len(records):
            first, room = len(self._records), self.size - len(self._records)
            place = first, number + kept
            self._runs.append(_Run(*place, self.beginning, self._end, self._told.page))
            self._records += records[kept : kept + room]
            kept += room
            if len(self._records) >= self.size:
                self.flush()

    def _follows(self, following: bytes) -> bool:
        """Whether this may follow a record; another version than before flushes first."""
        try:
            told = self._ends[following]
        except KeyError:
            try:
                told = decode(b"{" + following.lstrip().removeprefix(b","), _END)
            except NotJson:
                return False
            if len(self._ends) >= _ENDS:
                self._ends.clear()
            self._ends[following] = told
        if told.version != self._told.version and self._records:
            self.flush()
        self._told, self._end = told, following
        return True

    def mark(self) -> None:
        """Give the lines so far a ticket: a bookmark comes after them."""
        new = len(self._records) - self._counted
        if new:
            self._tickets.append((self.count(new), new))
            self._counted += new

    def empty(self) -> Taken:
        """Everything that waits, which waits no more."""
        self.mark()
        taken = Taken(self._told.version, self._records, self._tickets, self._runs)
        self._records, self._tickets, self._runs = [], [], []
        self._counted = 0
        return taken


def _is_one(record: bytes) -> bool:
    """Whether no other line is in it, and it ends as it would if it were cut alone."""
    return record.endswith(_BRACE) and b"\n" not in record
