"""Cells as the page shows them: what kind of cell, which text, which colour, which links."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.eyes.colours import avatar_colour, hex_of, ink_on
from ifs_monday_sandbox.monday.cell_view import display_text

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Column, Item

__all__ = ["Chip", "ShownCell", "grouped_digits", "readable_date", "shown_cell"]

# A blank that neither breaks nor is as wide as a digit.
THIN_BLANK = "\N{NARROW NO-BREAK SPACE}"
# Titles of numbers that name something: nobody reads an order number or a year by thousands.
COUNTER: Final = re.compile(r"(Id|No|Number|Year|Period|Revision)$")
CURRENCIES: Final[Mapping[str, str]] = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A small label within a cell; `initials` make it a person."""

    text: str
    href: str = ""
    colour: str = ""
    initials: str = ""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One cell; `kind` names the way in which the template draws it."""

    kind: str
    text: str = ""
    title: str = ""
    colour: str = ""
    ink: str = ""
    href: str = ""
    note: str = ""
    chips: tuple[Chip, ...] = ()


ItemLink = Callable[["Item"], str]
Show = Callable[["Account", "Item", "Column", ItemLink], ShownCell]


def shown_cell(account: Account, item: Item, column: Column, item_link: ItemLink) -> ShownCell:
    """The cell of an item; `item_link` tells the address of another item."""
    if column.id not in item.cells:
        return ShownCell("empty")
    return SHOWS.get(column.type, _plain)(account, item, column, item_link)


def grouped_digits(text: str) -> str:
    """A decimal with its thousands apart; every digit is kept."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, fraction = digits.partition(".")
    groups: list[str] = []
    while len(whole) > 3:  # noqa: PLR2004  (thousands)
        whole, group = whole[:-3], whole[-3:]
        groups.insert(0, group)
    # U+2212 is as wide as a digit, so that columns of figures stay in line.
    minus = "\N{MINUS SIGN}" if sign else ""
    return minus + THIN_BLANK.join([whole, *groups]) + point + fraction


def readable_date(day: str) -> str:
    """15 Jun 2026."""
    read = date.fromisoformat(day)
    return f"{read.day} {read:%b} {read.year}"


def _plain(account: Account, item: Item, column: Column, _: ItemLink) -> ShownCell:
    text = display_text(account, item, column)
    return ShownCell("text", text, title=text)


def _number(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    text: str = item.cells[column.id].stored
    unit: dict[str, Any] = column.options.get("unit") or {}
    symbol = str(unit.get("custom_unit") or unit.get("symbol") or "")
    kind = "negative number" if text.startswith("-") else "number"
    shown = text if COUNTER.search(column.title) else grouped_digits(text)
    return ShownCell(kind, shown, title=text, note=CURRENCIES.get(symbol, symbol))


def _status(account: Account, item: Item, column: Column, _: ItemLink) -> ShownCell:
    text = display_text(account, item, column)
    number = item.cells[column.id].stored["index"]
    colour = next((hex_of(one.color) for one in column.labels if one.id == number), hex_of(None))
    return ShownCell("status", text, title=text, colour=colour, ink=ink_on(colour))


def _dropdown(account: Account, item: Item, column: Column, _: ItemLink) -> ShownCell:
    text = display_text(account, item, column)
    return ShownCell("chips", title=text, chips=tuple(Chip(one) for one in text.split(", ")))


def _date(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    stored = item.cells[column.id].stored
    clock = stored["time"][:5] if stored["time"] else ""
    title = f"{stored['date']} {stored['time'] or ''}".strip()
    return ShownCell("date", readable_date(stored["date"]), title=title, note=clock)


def _timeline(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    stored = item.cells[column.id].stored
    text = f"{readable_date(stored['from'])} – {readable_date(stored['to'])}"  # noqa: RUF001  (a dash)
    return ShownCell("timeline", text, title=f"{stored['from']} to {stored['to']}")


def _checkbox(_: Account, __: Item, ___: Column, ____: ItemLink) -> ShownCell:
    return ShownCell("tick", "✓", title="checked")


def _link(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    stored = item.cells[column.id].stored
    return ShownCell(
        "link", stored["text"] or stored["url"], title=stored["url"], href=stored["url"]
    )


def _email(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    stored = item.cells[column.id].stored
    address = stored["email"]
    return ShownCell("link", stored["text"] or address, title=address, href=f"mailto:{address}")


def _long_text(_: Account, item: Item, column: Column, __: ItemLink) -> ShownCell:
    text = item.cells[column.id].stored["text"]
    return ShownCell("long", " ".join(text.split()), title=text)


def _people(account: Account, item: Item, column: Column, _: ItemLink) -> ShownCell:
    text = display_text(account, item, column)
    return ShownCell("chips", title=text, chips=tuple(person(one) for one in text.split(", ")))


def person(name: str) -> Chip:
    """A person with initials in a colour of their own."""
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    return Chip(name, colour=avatar_colour(name), initials=initials)


def _linked(account: Account, item: Item, column: Column, item_link: ItemLink) -> ShownCell:
    ids = item.cells[column.id].stored["linked_item_ids"]
    found = [other for other in map(account.find_item, ids) if other is not None]
    chips = tuple(Chip(other.name, href=item_link(other)) for other in found)
    return ShownCell("chips", title=", ".join(chip.text for chip in chips), chips=chips)


SHOWS: Final[Mapping[str, Show]] = {
    "numbers": _number,
    "status": _status,
    "dropdown": _dropdown,
    "tags": _dropdown,
    "date": _date,
    "timeline": _timeline,
    "checkbox": _checkbox,
    "link": _link,
    "email": _email,
    "long_text": _long_text,
    "people": _people,
    "board_relation": _linked,
    "dependency": _linked,
}
