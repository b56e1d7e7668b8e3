"""Numbers as plain digits: exact, without exponent, never through a binary float."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["MAX_DIGITS", "digits"]

MAX_DIGITS = 400  # twice the widest number that an IFS Cloud Decimal(130,65) can be, and room


def digits(value: int | Decimal) -> str:
    """`value` as digits: 1001, 1001.0 and 1.001E+3 all give "1001"; -0 gives "0".

    Raises ValueError for NaN, infinities and numbers of more than `MAX_DIGITS` digits.
    """
    if isinstance(value, int):
        return str(value)
    if not value.is_finite():
        raise ValueError(f"{value} is not a number")
    text = str(value)
    if "E" in text or len(text) > MAX_DIGITS:
        if abs(value.adjusted()) > MAX_DIGITS:
            raise ValueError(f"a number of more than {MAX_DIGITS} digits")
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} or not value else text
