"""Text, long text and everything with letters for people: e-mail addresses, links, phones."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from target_monday.cells.codec import Codec, Json, Setup, json_text, member, shorten, shown
from target_monday.countries import COUNTRIES
from target_monday.decimals import digits
from target_monday.rejects import BadCell

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["LINK_TEXT_LIMIT", "LONG_TEXT_LIMIT", "TEXT_LIMIT", "email", "link", "long_text"]
__all__ += ["phone", "plain", "text"]

LONG_TEXT_LIMIT: Final = 2_000  # characters; developer.monday.com/api-reference/reference/long-text
# A text column has no limit of its own, but the cells of an item hold about 64 KB in all
# (developer.monday.com/api-reference/reference/text): one text takes a quarter of it at most.
TEXT_LIMIT: Final = 16_000
LINK_TEXT_LIMIT: Final = 255


def plain(value: object) -> str | None:
    """A value as text: numbers as digits, lists and objects as JSON."""
    match value:
        case str():
            return value or None
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return digits(value)
        case _:
            return json_text(value)


def _limited(limit: int) -> Any:
    def canonical(value: object) -> Cell:
        found = plain(value)
        return found if found is None else shorten(found, limit)

    return canonical


def _read_text(read: str | None, _: Json) -> Cell:
    return read or None


def text(_: Setup) -> Codec:
    """A text, letter by letter."""
    return Codec(_limited(TEXT_LIMIT), str, _read_text, TEXT_LIMIT)


def long_text(_: Setup) -> Codec:
    """A long text."""
    encode = lambda cell: {"text": cell}  # noqa: E731 - as short as it is
    return Codec(_limited(LONG_TEXT_LIMIT), encode, _read_text, LONG_TEXT_LIMIT)


# A cell with an address and words for it is "address words": addresses have no blanks.


def _pair(value: object, name: str) -> tuple[object, str]:
    """Address and words of a value, which is an address or an object with both."""
    if not isinstance(value, dict):
        return value, ""
    words = value.get("text")
    return value.get(name), shorten(words.strip(), LINK_TEXT_LIMIT) if words else ""


def _joined(address: str, words: str) -> str:
    return f"{address} {words}" if words and words != address else address


def _address(name: str, cell: str) -> Json:
    address, _, words = cell.partition(" ")
    return {name: address, "text": words or address}  # both members are required


def _read_address(name: str, value: Json) -> Cell:
    address = member(value, name)
    words = str(member(value, "text") or "").strip()
    return _joined(str(address), words) if address else None


def email(_: Setup) -> Codec:
    """An e-mail address, with other words on it where the mapping gives some."""
    return _addressed("email", re.compile(r"[^@\s]+@[^@\s]+"), "an e-mail address")


def link(_: Setup) -> Codec:
    """A web address, with other words on it where the mapping gives some."""
    return _addressed("url", re.compile(r"(?i)https?://\S+"), "an http or https address")


def _addressed(name: str, form: re.Pattern[str], kind: str) -> Codec:
    """Addresses of one kind; `name` is the member of monday's value that holds them."""

    def canonical(value: object) -> Cell:
        address, words = _pair(value, name)
        if address is None or address == "":
            return None
        if not isinstance(address, str) or not form.fullmatch(address):
            raise BadCell(f"{shown(address)} is not {kind}")
        return _joined(address, words)

    return Codec(
        canonical, lambda cell: _address(name, cell), lambda _, value: _read_address(name, value)
    )


# A phone cell is "number" or "number COUNTRY".

_PUNCTUATION: Final = re.compile(r"[\s()./-]+")
_PHONE: Final = re.compile(r"[+]?[0-9]{4,15}")


def phone(_: Setup) -> Codec:
    """A phone number with its country; monday checks that the number is one of that country."""

    def canonical(value: object) -> Cell:
        number, country = value, ""
        if isinstance(value, dict):
            number, country = value.get("phone"), str(value.get("country") or "").strip().upper()
        if number is None or number == "":
            return None
        digits_only = _PUNCTUATION.sub("", plain(number) or "")
        if digits_only.startswith("00"):
            digits_only = f"+{digits_only[2:]}"
        if not _PHONE.fullmatch(digits_only):
            raise BadCell(f"{shown(number)} is not a phone number")
        if country and country not in COUNTRIES:
            raise BadCell(f"{shown(country)} is no ISO 3166 alpha-2 code of a country")
        return f"{digits_only} {country}" if country else digits_only

    def encode(cell: str) -> Json:
        number, _, country = cell.partition(" ")
        return {"phone": number, "countryShortName": country}

    def decode(_: str | None, value: Json) -> Cell:
        number, country = member(value, "phone"), member(value, "countryShortName")
        return f"{number} {country or ''}".strip() if number else None

    return Codec(canonical, encode, decode)
