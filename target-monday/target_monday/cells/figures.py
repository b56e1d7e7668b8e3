"""Numbers, ratings and ticks."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from target_monday.cells.codec import Codec, Json, Setup, member, shown
from target_monday.decimals import digits
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.diff import Cell

__all__ = ["checkbox", "numbers", "rating"]

_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:[.][0-9]+)?")
_BOOLEANS: Final[Mapping[object, bool]] = {"true": True, "false": False}
_USUAL_RATING: Final = 5


def _number(value: object) -> str | None:
    match value:
        case Decimal():
            return digits(value)
        case bool():
            raise BadCell("a truth value is not a number")
        case int():
            return digits(value)
        case "":
            return None
        case str() if _NUMBER.fullmatch(value):
            return digits(Decimal(value))
        case _:
            raise BadCell(f"{shown(value)} is not a number")


def _read_number(text: str | None, value: Json) -> Cell:
    number = value if isinstance(value, str) and value else text
    return digits(Decimal(number)) if number and _NUMBER.fullmatch(number) else None


def numbers(_: Setup) -> Codec:
    """A number, digit by digit: a text on the wire, since JSON numbers pass through floats."""
    return Codec(_number, str, _read_number)


def rating(setup: Setup) -> Codec:
    """Stars: 0 is an empty cell."""
    most = int(setup.settings.get("limit") or _USUAL_RATING)

    def canonical(value: object) -> Cell:
        number = _number(value)
        if number is None:
            return None
        if not number.isdigit() or int(number) > most:
            raise BadCell(f"{shown(value)} is not a rating from 1 to {most}")
        return int(number) or None

    return Codec(
        canonical, lambda cell: {"rating": cell}, lambda _, value: member(value, "rating") or None
    )


def checkbox(_: Setup) -> Codec:
    """A tick; false is an empty box, since "false" is no documented value."""

    def canonical(value: object) -> Cell:
        flag = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(flag, bool):
            raise BadCell(f"{shown(value)} is not a truth value")
        return flag or None

    return Codec(
        canonical,
        lambda _: {"checked": "true"},
        lambda _, value: str(member(value, "checked")).lower() == "true" or None,
    )
