"""A page that the strict decoder refuses, read all the same: which value is at fault must be known.

Slow, so for such pages alone. NaN and infinity become Decimals that are not finite, half a
character (a lone surrogate) and bytes that are not UTF-8 stay in their text, and what is nested too
deeply becomes NaN: nothing of it can stand in a record.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tap_ifs_cloud.odata.decoding import Undecodable

__all__ = ["DEEPEST", "read_anything"]

DEEPEST: Final = 100  # levels within a page; no type of OData is declared so deep
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def read_anything(content: bytes) -> Any:
    """The JSON of a body, numbers as Decimals. Raises Undecodable."""
    text = content.decode("utf-8-sig", errors="surrogateescape")
    try:
        return json.loads(
            _cut_at(DEEPEST, text), parse_float=_number, parse_int=_number, parse_constant=Decimal
        )
    except ValueError as error:
        raise Undecodable("JSON is malformed or cut short") from error


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal has
        return Decimal("NaN")


def _cut_at(deepest: int, text: str) -> str:
    """The text with NaN for each value that is nested deeper."""
    kept, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "[" | "{":
                depth += 1
                if depth == deepest + 1:
                    kept.append(text[start : token.start()])
            case "]" | "}":
                if depth == deepest + 1:
                    kept.append("NaN")
                    start = token.end()
                depth -= 1
    if depth > deepest:
        raise Undecodable("JSON is malformed or cut short")
    return "".join((*kept, text[start:]))
