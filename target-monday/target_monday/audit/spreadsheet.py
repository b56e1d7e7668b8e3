"""Rows as a CSV file that a spreadsheet program may open: no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.decimals import MAX_DIGITS
from target_monday.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["as_csv", "harmless"]

_BYTE_ORDER_MARK: Final = "\ufeff"  # without it Excel takes UTF-8 for the system's own letters
# What a formula may begin with, the wide forms too, and blanks that programs read over.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - wide forms are meant
_NEGATIVE: Final = re.compile(r"-[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?")
_json = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows under the names of all of them, every cell in quotes, neutralised.

    In quotes: a program that parts cells at semicolons must not find a formula behind one.
    """
    kept = list(rows)
    names = list(dict.fromkeys(name for row in kept for name in row))
    out = io.StringIO()
    out.write(_BYTE_ORDER_MARK)
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([harmless(name) for name in names])
    for row in kept:
        writer.writerow([harmless(_text(row.get(name))) for name in names])
    return out.getvalue()


def harmless(text: str) -> str:
    """The text, behind an apostrophe where a program could take it for a formula.

    A negative number is none: behind an apostrophe no program would sum it.
    """
    if _NEGATIVE.fullmatch(text):
        return text
    begins = text.lstrip(" \u00a0\u200b\ufeff").startswith(_FORMULA)
    return f"'{text}" if begins else text


def _text(value: object) -> str:
    match value:
        case datetime():  # as spreadsheets take it for a moment
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case None:
            return ""
        case str() | Unreadable():
            return str(value)
        case Decimal():
            # A number that no column takes is shown as it came: its digits could fill the memory.
            return format(value, "f") if abs(value.adjusted()) <= MAX_DIGITS else str(value)
        case _:
            return _json.encode(value).decode()
