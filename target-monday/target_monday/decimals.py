"""Numbers as plain digits: exact, without exponent, never through a binary float."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

__all__ = ["MAX_DIGITS", "digits", "number_of"]

# Before the decimal point, and behind it: twice the widest number that an IFS Cloud
# Decimal(130,65) can be, and room.
MAX_DIGITS: Final = 400
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:[.][0-9]+)?")
_TOO_LONG: Final = "has more than {} digits"


def digits(value: int | Decimal, most: int = MAX_DIGITS) -> str:
    """`value` as digits: 1001, 1001.0 and 1.001E+3 all give "1001"; -0 gives "0".

    Raises ValueError, whose text is what the value does, for NaN, infinities and numbers of more
    than `most` digits on either side of the decimal point.
    """
    if isinstance(value, int):
        if value.bit_length() > 3 * most and abs(value) >= 10**most:
            raise ValueError(_TOO_LONG.format(most))
        return str(value)
    if not value.is_finite():
        raise ValueError("is not a finite number")
    if not value:
        return "0"
    text = str(value)
    if "E" in text:  # an exponent is a long number, which is not written out before it is known
        if abs(value.adjusted()) > most:
            raise ValueError(_TOO_LONG.format(most))
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if len(text) > most:
        whole, _, fraction = text.lstrip("-").partition(".")
        if max(len(whole), len(fraction)) > most:
            raise ValueError(_TOO_LONG.format(most))
    return text


def number_of(value: object) -> Decimal:
    """The number that a value is: a number, or a text of plain digits. Raises ValueError.

    "1,234", "1e3", "½" and digits of other scripts are not plain: what they mean depends on who
    reads them.
    """
    match value:
        case bool():
            raise ValueError("is not a number")
        case float():  # of a stream map: its shortest digits, which are what it was written as
            number = Decimal(repr(value))
        case int() | Decimal():
            number = Decimal(value)
        case str() if _NUMBER.fullmatch(value):
            number = Decimal(value)
        case _:
            raise ValueError("is not a number")
    digits(number)
    return number
