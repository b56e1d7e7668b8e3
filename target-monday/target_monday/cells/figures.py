"""Numbers, ratings and ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_monday.cells.codec import Codec, Json, Setup, member, whole
from target_monday.decimals import digits, number_of
from target_monday.quoting import quoted
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.diff import Cell

__all__ = ["checkbox", "numbers", "rating"]

_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_USUAL_RATING: Final = 5


def _number(value: object) -> str:
    try:
        return digits(number_of(value))
    except ValueError as error:
        raise BadCell(f"{quoted(value)} {error}") from error


def _read_number(text: str | None, value: Json) -> Cell:
    number = value if isinstance(value, str) and value else text
    return digits(number_of(number)) if number else None


def numbers(_: Setup) -> Codec:
    """A number, digit by digit: a text on the wire, since JSON numbers pass through floats."""
    return Codec(_number, str, _read_number)


def rating(setup: Setup) -> Codec:
    """Stars: 0 is an empty cell."""
    most = whole(setup.settings.get("limit"), _USUAL_RATING)

    def canonical(value: object) -> Cell:
        number = _number(value)
        if not number.isdecimal() or int(number) > most:
            raise BadCell(f"{quoted(value)} is not a rating from 1 to {most}")
        return int(number) or None

    def decode(_: str | None, value: Json) -> Cell:
        stars = member(value, "rating")
        return int(digits(number_of(stars))) or None if stars is not None else None

    return Codec(canonical, lambda cell: {"rating": cell}, decode)


def checkbox(_: Setup) -> Codec:
    """A tick; false is an empty box, since "false" is no documented value."""

    def canonical(value: object) -> Cell:
        flag = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(flag, bool):
            raise BadCell(f"{quoted(value)} is not true or false")
        return flag or None

    return Codec(
        canonical,
        lambda _: {"checked": "true"},
        lambda _, value: str(member(value, "checked")).lower() == "true" or None,
    )
