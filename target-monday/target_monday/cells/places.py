"""Countries and locations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_monday.cells.codec import Codec, Json, Setup, member, text_member
from target_monday.cells.texts import TEXT_LIMIT, plain
from target_monday.countries import COUNTRIES, country_code
from target_monday.decimals import digits, number_of
from target_monday.quoting import quoted
from target_monday.rejects import BadCell
from target_monday.templates import is_empty
from target_monday.truncation import shorten

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["country", "location"]


def country(_: Setup) -> Codec:
    """A country, given by its code or its English name; the cell is its code."""

    def canonical(value: object) -> Cell:
        code = country_code(value) if isinstance(value, str) else None
        if code is None:
            raise BadCell(f"{quoted(value)} is neither the code nor the English name of a country")
        return code

    return Codec(
        canonical,
        lambda cell: {"countryCode": cell, "countryName": COUNTRIES[cell]},
        lambda _, value: text_member(value, "countryCode"),
    )


def _degrees(value: object, most: int) -> str:
    given = value.strip() if isinstance(value, str) else value
    try:
        number = number_of(given)
    except ValueError:
        number = None
    if number is None or abs(number) > most:
        raise BadCell(f"{quoted(value)} is no place on earth: degrees up to {most} are needed")
    return digits(number)


def location(_: Setup) -> Codec:
    """A place by its degrees, "lat|lng|address"; without an address it is called by its degrees.

    A value is an object with `lat`, `lng` and `address`, or a text "59.33,18.06,Stockholm".
    """

    def canonical(value: object) -> Cell:
        parts: list[Any]
        if isinstance(value, dict) and value.keys() & {"lat", "lng", "address"}:
            parts = [value.get("lat"), value.get("lng"), value.get("address")]
        elif isinstance(value, str):
            parts = [*(part.strip() for part in value.split(",", 2)), "", ""][:3]
        else:
            raise BadCell(f"{quoted(value)} is not a location")
        if all(map(is_empty, parts)):
            return None
        lat, lng = _degrees(parts[0], 90), _degrees(parts[1], 180)
        address = plain(parts[2]) if parts[2] is not None else None
        return f"{lat}|{lng}|{shorten(address, TEXT_LIMIT) if address else f'{lat}, {lng}'}"

    def encode(cell: str) -> Json:
        lat, lng, address = cell.split("|", 2)
        return {"lat": lat, "lng": lng, "address": address}

    def decode(text: str | None, value: Json) -> Cell:
        lat, lng = member(value, "lat"), member(value, "lng")
        if lat is None or lng is None:
            return None
        address = text_member(value, "address") or text or ""
        return f"{digits(number_of(lat))}|{digits(number_of(lng))}|{address}"

    return Codec(canonical, encode, decode)
