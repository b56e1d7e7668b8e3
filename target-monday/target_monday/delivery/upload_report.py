"""What an upload did to each of its rows, from its counts and its report. Pure.

monday documents that there is a report, and not how it looks. So it is believed only where it
agrees with the counts; every other row is looked up on the board.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.monday.uploads import Counts

__all__ = ["Sent", "written_rows"]

_ROW: Final = frozenset({"rownumber", "row", "line", "linenumber", "rowindex", "index", "rowid"})
_STATUS: Final = frozenset({"status", "result", "outcome", "state", "action"})
_ITEM: Final = frozenset({"itemid", "pulseid", "id", "item"})
_CREATED: Final = frozenset({"created", "create", "inserted", "imported", "success", "ok"})
_UPDATED: Final = frozenset({"updated", "update", "matched", "unchanged"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of the file: its key, and the item that it was to update, if its id is known.

    `creates`: no item was known for the key.
    """

    key: str
    creates: bool
    item_id: str = ""


def written_rows(
    sent: Sequence[Sent], counts: Counts | None, report: bytes | None, key_column: str
) -> dict[int, str]:
    """Position -> item id ("" if not told) of the rows that are on the board, for certain.

    Where more items were made than were to be made, a row that was to change its item may have
    made one of them, of only those cells: it is certain only if its own item is told.
    """
    if counts is None or not counts.written:
        return {}
    told = _told(report, sent, key_column)
    creates = sum(each.creates for each in sent)
    if counts.written == len(sent):
        complete = told if len(told) == len(sent) else {}
        as_meant = counts.created == creates
        own = {at: each.item_id if as_meant else "" for at, each in enumerate(sent)}
        told = {at: complete.get(at) or own[at] for at in range(len(sent))}
    elif len(told) != counts.written:
        return {}
    if (counts.created or 0) <= creates:
        return told
    return {at: told[at] for at in told if sent[at].creates or _is_own(told[at], sent[at])}


def _is_own(item_id: str, row: Sent) -> bool:
    return bool(item_id) and item_id == row.item_id


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the report calls what is looked for; "" where it has none of it."""

    row: str
    status: str
    item: str

    @classmethod
    def of(cls, line: Mapping[str, str]) -> _Fields:
        """By the names that the first line has."""
        names = {_plain(name): name for name in reversed(list(line))}
        found = (names.keys() & wanted for wanted in (_ROW, _STATUS, _ITEM))
        return cls(*(names[min(each)] if each else "" for each in found))


def _told(report: bytes | None, sent: Sequence[Sent], key_column: str) -> dict[int, str]:
    """Position -> item id of the rows that the report calls created or updated."""
    lines = _lines(report)
    if not lines:
        return {}
    fields = _Fields.of(lines[0])
    by_key = {each.key: at for at, each in enumerate(sent)}
    base = _base([line.get(fields.row, "") for line in lines], len(sent))
    found: dict[int, str] = {}
    for number, line in enumerate(lines):
        if key_column in line:
            at = by_key.get(line[key_column])
        else:
            at = _position(line.get(fields.row, ""), number, base)
        if at is not None and _plain(line.get(fields.status, "")) in _CREATED | _UPDATED:
            if at in found:
                return {}
            item = line.get(fields.item, "").strip()
            found[at] = item if item.isdecimal() else ""
    return found


def _position(row: str, number: int, base: int | None) -> int | None:
    if base is None or not row:
        return number if base is not None else None
    return int(row) - base if row.isdecimal() else None


def _base(numbers: Sequence[str], rows: int) -> int | None:
    """What the first row is called: 0, 1, or 2 where the header counts. None if it is not told."""
    if len(numbers) != rows:
        return None
    if not any(numbers):
        return 0
    if not all(number.isdecimal() for number in numbers):
        return None
    called = sorted(map(int, numbers))
    return called[0] if called == list(range(called[0], called[0] + rows)) else None


def _lines(report: bytes | None) -> list[dict[str, str]]:
    """The report's lines, by name of their fields; from CSV, or from a JSON list."""
    try:
        text = (report or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    if text.lstrip().startswith("["):
        try:
            lines = msgspec.json.decode(text, type=list[dict[str, str | int | float | None]])
        except msgspec.DecodeError:
            return []
        return [
            {name: "" if value is None else str(value) for name, value in line.items()}
            for line in lines
        ]
    try:
        return [
            {name: value or "" for name, value in line.items() if isinstance(name, str)}
            for line in csv.DictReader(io.StringIO(text, newline=""), strict=True)
        ]
    except csv.Error:
        return []


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
