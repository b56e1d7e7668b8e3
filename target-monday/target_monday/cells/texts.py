"""Text, long text and everything with letters for people: e-mail addresses, links, phones."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from target_monday.cells.codec import Codec, Json, Setup, json_text, member, text_member
from target_monday.countries import iso_code
from target_monday.decimals import digits, number_of
from target_monday.quoting import quoted
from target_monday.rejects import BadCell
from target_monday.templates import is_empty
from target_monday.truncation import shorten

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
        case int() | Decimal() | float():
            try:
                return digits(number_of(value))
            except ValueError as error:
                raise BadCell(f"{quoted(value)} {error}") from error
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


def _main(value: object, name: str) -> object:
    """The main part of a value, which is that part itself or an object with it. Raises BadCell."""
    if not isinstance(value, dict):
        return value
    if name not in value:
        raise BadCell(f"{quoted(value)} has no member `{name}`")
    return value[name]


def _words(value: object) -> str:
    words = member(value, "text")
    made = "" if is_empty(words) else plain(words) or ""
    return shorten(made.strip(), LINK_TEXT_LIMIT)


def _joined(address: str, words: str) -> str:
    return f"{address} {words}" if words and words != address else address


def _address(name: str, cell: str) -> Json:
    address, _, words = cell.partition(" ")
    return {name: address, "text": words or address}  # both members are required


def _read_address(name: str, value: Json) -> Cell:
    address, words = text_member(value, name), text_member(value, "text")
    return _joined(address, (words or "").strip()) if address else None


def email(_: Setup) -> Codec:
    """An e-mail address, with other words on it where the mapping gives some."""
    return _addressed("email", re.compile(r"[^@\s]+@[^@\s]+"), "an e-mail address")


def link(_: Setup) -> Codec:
    """A web address, with other words on it where the mapping gives some."""
    return _addressed("url", re.compile(r"(?i)https?://\S+"), "an http or https address")


def _addressed(name: str, form: re.Pattern[str], kind: str) -> Codec:
    """Addresses of one kind; `name` is the member of monday's value that holds them."""

    def canonical(value: object) -> Cell:
        address = _main(value, name)
        if is_empty(address):
            return None
        # Letters that cannot be seen, such as zero-width blanks, are in no address.
        if not (isinstance(address, str) and form.fullmatch(address) and address.isprintable()):
            raise BadCell(f"{quoted(address)} is not {kind}")
        return _joined(address, _words(value))

    return Codec(
        canonical, lambda cell: _address(name, cell), lambda _, value: _read_address(name, value)
    )


# A phone cell is "number" or "number COUNTRY".

_PUNCTUATION: Final = re.compile(r"[\s().-]+")  # a "/" stands between two numbers (ITU-T E.123)
_PHONE: Final = re.compile(r"[+]?[0-9]{4,15}")


def _phone_text(number: object) -> str:
    """What is dialled. Only whole numbers are: the sign or point of others would get lost."""
    if not isinstance(number, str):
        made = plain(number) or ""
        return made if made.isdecimal() else ""
    dialled = _PUNCTUATION.sub("", "" if number.lstrip().startswith("-") else number)
    return f"+{dialled[2:]}" if dialled.startswith("00") else dialled


def phone(_: Setup) -> Codec:
    """A phone number with its country; monday checks that the number is one of that country."""

    def canonical(value: object) -> Cell:
        number, country = _main(value, "phone"), member(value, "country")
        if is_empty(number):
            return None
        dialled = _phone_text(number)
        if not _PHONE.fullmatch(dialled):
            raise BadCell(f"{quoted(number)} is not one phone number")
        if is_empty(country) or (isinstance(country, str) and country.isspace()):
            return dialled
        code = iso_code(country) if isinstance(country, str) else None
        if code is None:
            raise BadCell(f"{quoted(country)} is no ISO 3166 alpha-2 code of a country")
        return f"{dialled} {code}"

    def encode(cell: str) -> Json:
        number, _, country = cell.partition(" ")
        return {"phone": number, "countryShortName": country}

    def decode(_: str | None, value: Json) -> Cell:
        number, country = text_member(value, "phone"), text_member(value, "countryShortName")
        return f"{number} {country or ''}".strip() if number else None

    return Codec(canonical, encode, decode)
