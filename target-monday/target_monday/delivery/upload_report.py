"""The outcome of each row of an upload, from the job's counts and its report. Pure.

The vendor documents the counts, and of the report only that there is one. Its form was seen live:
`serialNo,status,itemId,error`, then a column for each column of the board, which holds an error
text and never a value. `serialNo` is the number of the row in the file, from 1. Nothing says that
the lines keep the order of the file.

So the number of a line says which row it is about, or its key, if that key was sent. The report is
believed where it agrees with itself, with the counts and with what was sent. Every other row is
looked up on the board.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from target_monday.delivery.outcomes import Acknowledged, CarriedOver, Gone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_monday.delivery.outcomes import Outcome
    from target_monday.monday.uploads import Counts

__all__ = ["Sent", "row_outcomes"]

_SERIAL: Final = "serialno"
_NUMBER: Final = frozenset({_SERIAL, "rownumber", "row", "line", "linenumber"})
_STATUS: Final = frozenset({"status", "result"})
_ITEM: Final = frozenset({"itemid", "pulseid"})
_ERROR: Final = frozenset({"error", "errors"})
_CREATED: Final = "created"
_WRITTEN: Final = frozenset({"success", "updated", _CREATED})
_INVALID: Final = frozenset({"validationerror", "invalid"})
_NOT_WRITTEN: Final = frozenset({"failed", "error", "skipped"}) | _INVALID
_NUMBERS_BEGIN: Final = (1, 0, 2)  # 2 where the header counts as a line
_LONGEST_NUMBER: Final = 20  # digits
_LONGEST_REASON: Final = 500  # characters


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of the file: its key, and the item that it was to update, if its id is known.

    `creates`: no item was known for the key.
    """

    key: str
    creates: bool
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the report: number and key of its row as they are written, and its outcome."""

    number: str
    key: str
    status: str
    item_id: str
    error: str
    texts: Mapping[str, str]  # column -> its cell, where it has one

    @property
    def is_written(self) -> bool:
        """Whether the row is on the board."""
        return self.status in _WRITTEN

    @property
    def reason(self) -> str:
        """The error, then what the columns say beyond it."""
        more = [f"[{column}]: {text}" for column, text in self.texts.items()]
        parts = [self.error, *(each for each in more if each.partition(": ")[2] not in self.error)]
        return " ".join(" ".join(parts).split())[:_LONGEST_REASON]

    @property
    def refusal(self) -> CarriedOver:
        """The row goes by a mutation, which may be refused as well."""
        column = next(iter(self.texts)) if len(self.texts) == 1 else None
        return CarriedOver(self.reason, by_alias=True, row_refused=True, column_id=column)


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a report has its fields; None where it lacks one.

    Its own fields come first. A column of the board may have the name of one of them.
    """

    names: Sequence[str]
    number: int | None
    status: int | None
    item: int | None
    error: int | None
    key: int | None

    @classmethod
    def of(cls, names: Sequence[str], key_column: str) -> _Head:
        """The fields of a header."""
        plain = [_plain(name) for name in names]
        number, status, item, error = (
            next((at for at, name in enumerate(plain) if name in wanted), None)
            for wanted in (_NUMBER, _STATUS, _ITEM, _ERROR)
        )
        own = {number, status, item, error}
        keys = (at for at, name in enumerate(names) if name == key_column and at not in own)
        return cls(names, number, status, item, error, next(keys, None))

    @property
    def is_serial(self) -> bool:
        """Whether rows are numbered from 1, as in the reports that were seen."""
        return self.number is not None and _plain(self.names[self.number]) == _SERIAL

    def line(self, cells: Sequence[str]) -> _Line:
        """The line with these cells."""

        def cell(at: int | None) -> str:
            return cells[at] if at is not None and at < len(cells) else ""

        own = (self.number, self.status, self.item, self.error)
        number, status, item_id, error = (cell(at).strip() for at in own)
        texts = {
            name: cell(at).strip()
            for at, name in enumerate(self.names)
            if at not in own and cell(at).strip()
        }
        item_id = item_id if _is_number(item_id) else ""
        return _Line(number, cell(self.key), _plain(status), item_id, error, texts)


def row_outcomes(
    job_id: str,
    sent: Sequence[Sent],
    counts: Counts | None,
    report: bytes | None,
    key_column: str,
) -> list[Outcome]:
    """The outcome of each row of a completed job, in the order of the file."""
    doubt = Gone(f"Upload {job_id} did not write the row, or does not say so.", by_upload=True)
    lines = _lines_of(report, sent, key_column)
    if counts is None or not _agrees(lines, counts, len(sent)):
        return [replace(doubt, copied=True)] * len(sent)
    everything = counts.written == len(sent)
    written = {at: lines.get(at) for at in range(len(sent)) if everything or _is_written(lines, at)}
    creates = sum(sent[at].creates for at in written)
    more = (counts.created or 0) - creates
    doubt = replace(doubt, copied=more > 0)
    found = _written(job_id, sent, written, more)
    invalid = [at for at, line in lines.items() if line.status in _INVALID]
    certain = invalid if len(invalid) == counts.invalid else []
    refused = {at: lines[at].refusal for at in certain}
    return [found.get(at) or refused.get(at) or doubt for at in range(len(sent))]


def _agrees(lines: Mapping[int, _Line], counts: Counts, rows: int) -> bool:
    """Whether counts and report are of the same file, and of the same number of written rows."""
    if counts.submitted and counts.submitted != rows:
        return False
    if counts.written == rows:
        return not any(line.status in _NOT_WRITTEN for line in lines.values())
    return sum(line.is_written for line in lines.values()) == counts.written


def _is_written(lines: Mapping[int, _Line], at: int) -> bool:
    return at in lines and lines[at].is_written


def _written(
    job_id: str, sent: Sequence[Sent], lines: Mapping[int, _Line | None], more: int
) -> dict[int, Outcome]:
    """The outcomes of the rows that were written; those in doubt are left out.

    `more`: new items beyond the rows that were to make one. Below zero, such a row met an item
    that nobody knew of. Above, a row that was to change its item made a copy of it. The report's
    ids say which.
    """
    ids = {at: line.item_id if line else "" for at, line in lines.items()}
    times = Counter(each for each in ids.values() if each)
    known = {each.item_id for each in sent if each.item_id}
    changes = [at for at in ids if not sent[at].creates]
    others = [at for at in changes if ids[at] and ids[at] != sent[at].item_id]
    all_told = all(ids[at] and sent[at].item_id for at in changes)
    copies = set(others) if all_told and len(others) == more else set()
    outcomes: dict[int, Outcome] = {}
    for at, item_id in ids.items():
        row, line = sent[at], lines[at]
        if times[item_id] > 1 or (line is not None and line.error):
            continue
        if at in copies:
            outcomes[at] = Gone(_passed_by(job_id, item_id), by_upload=True, copy=item_id)
        elif row.creates:
            made = more >= 0 or (line is not None and line.status == _CREATED)
            if made and item_id not in known:
                outcomes[at] = Acknowledged(item_id)
        elif item_id and row.item_id:
            if item_id == row.item_id:
                outcomes[at] = Acknowledged(item_id)
        elif more <= 0:
            outcomes[at] = Acknowledged(item_id or row.item_id)
    return outcomes


def _passed_by(job_id: str, item_id: str) -> str:
    return f"Upload {job_id} made item {item_id} instead of changing the row's own."


def _lines_of(report: bytes | None, sent: Sequence[Sent], key_column: str) -> dict[int, _Line]:
    """The report's lines by the position of their row; none if they contradict each other."""
    records = _records(report)
    head = _Head.of(next(records, []), key_column)
    lines = [head.line(cells) for cells in records]
    by_key = {each.key: at for at, each in enumerate(sent)}
    numbers = [int(line.number) for line in lines if _is_number(line.number)]
    first = _first_number(numbers, len(sent), is_serial=head.is_serial)
    found: dict[int, _Line] = {}
    for line in lines:
        numbered = first is not None and _is_number(line.number)
        places = {int(line.number) - (first or 0)} if numbered else set[int]()
        if line.key in by_key:
            places.add(by_key[line.key])
        if len(places) > 1 or places & found.keys():
            return {}
        found |= dict.fromkeys(places, line)
    return found


def _first_number(numbers: Sequence[int], rows: int, *, is_serial: bool) -> int | None:
    """The number of the file's first row. None if the lines are not numbered by rows."""
    if len(set(numbers)) < len(numbers):
        return None
    for first in _NUMBERS_BEGIN:
        if set(numbers) == set(range(first, first + rows)):
            return first
    return 1 if is_serial and all(0 < each <= rows for each in numbers) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def _records(report: bytes | None) -> Iterator[Sequence[str]]:
    """The records of a CSV text that are whole.

    Where the last line has no end, its last cell may be cut.
    """
    try:
        text = (report or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        return
    held: Sequence[str] = ()
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), strict=True):
            if held:
                yield held
            held = cells
    except csv.Error:
        pass
    else:
        held = held if text.endswith(("\n", "\r")) else held[:-1]
    if held:
        yield held


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
