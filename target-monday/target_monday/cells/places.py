"""Countries and locations."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from target_monday.cells.codec import Codec, Json, Setup, member, shown
from target_monday.cells.texts import plain
from target_monday.countries import COUNTRIES, country_code
from target_monday.decimals import digits
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["country", "location"]

_DEGREES: Final = re.compile(r"[-+]?[0-9]{1,3}(?:[.][0-9]+)?")


def country(_: Setup) -> Codec:
    """A country, given by its code or its English name; the cell is its code."""

    def canonical(value: object) -> Cell:
        if value == "":
            return None
        code = country_code(value) if isinstance(value, str) else None
        if code is None:
            raise BadCell(f"{shown(value)} is neither the code nor the English name of a country")
        return code

    return Codec(
        canonical,
        lambda cell: {"countryCode": cell, "countryName": COUNTRIES[cell]},
        lambda _, value: member(value, "countryCode") or None,
    )


def _degrees(value: object, most: int) -> str:
    text = plain(value) if value is not None else None
    if text is None or not _DEGREES.fullmatch(text.strip()) or abs(Decimal(text)) > most:
        raise BadCell(f"{shown(value)} is no place on earth: degrees up to {most} are needed")
    return digits(Decimal(text))


def location(_: Setup) -> Codec:
    """A place by its degrees, "lat|lng|address"; without an address it is called by its degrees.

    A value is an object with `lat`, `lng` and `address`, or a text "59.33,18.06,Stockholm".
    """

    def canonical(value: object) -> Cell:
        parts: list[Any]
        if isinstance(value, dict):
            parts = [value.get("lat"), value.get("lng"), value.get("address")]
        elif isinstance(value, str):
            parts = [*(part.strip() for part in value.split(",", 2)), "", ""][:3]
        else:
            raise BadCell(f"{shown(value)} is not a location")
        if not any(parts):
            return None
        lat, lng = _degrees(parts[0], 90), _degrees(parts[1], 180)
        address = plain(parts[2]) if parts[2] is not None else None
        return f"{lat}|{lng}|{address or f'{lat}, {lng}'}"

    def encode(cell: str) -> Json:
        lat, lng, address = cell.split("|", 2)
        return {"lat": lat, "lng": lng, "address": address}

    def decode(text: str | None, value: Json) -> Cell:
        lat, lng = member(value, "lat"), member(value, "lng")
        if lat is None or lng is None:
            return None
        address = member(value, "address") or text or ""
        return f"{digits(Decimal(str(lat)))}|{digits(Decimal(str(lng)))}|{address}"

    return Codec(canonical, encode, decode)
