"""Cells as clients read them: `text` for people, `value` as a JSON string, in monday's forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Cell, Column, Item, Label

__all__ = ["CellView", "display_text"]

Text = Callable[["Account", "Column", Any], str]


@dataclass(frozen=True, slots=True)
class CellView:
    """One column value of one item, as the GraphQL type ColumnValue shows it."""

    account: Account
    item: Item
    column: Column
    cell: Cell | None
    is_leaf: bool = True

    @property
    def id(self) -> str:
        """The column's id."""
        return self.column.id

    @property
    def type(self) -> str:
        """The column's type."""
        return self.column.type

    @property
    def text(self) -> str | None:
        """The value for people; null for connect boards and dependency columns."""
        if self.column.type in ("board_relation", "dependency", "subtasks", "mirror"):
            return None
        return display_text(self.account, self.item, self.column)

    @property
    def value(self) -> str | None:
        """The value as a JSON string; null for an empty cell and for connections."""
        if self.cell is None or self.column.type in ("board_relation", "dependency"):
            return None
        return json.dumps(self._value(self.cell), ensure_ascii=False)

    def _value(self, cell: Cell) -> Any:
        if not isinstance(cell.stored, dict):
            return cell.stored
        value = dict(cell.stored)
        if self.column.type == "status":
            value["post_id"] = None
        if self.column.type == "date":
            value["icon"] = None
        return {**value, "changed_at": cell.changed_at.isoformat()}

    @property
    def linked_item_ids(self) -> list[int]:
        """The items that a connect boards cell points to, without those that are gone."""
        stored = self.cell.stored if self.cell else {}
        ids: list[int] = stored.get("linked_item_ids", [])
        return [one for one in ids if self.account.find_item(one) is not None]

    @property
    def linked_items(self) -> list[Item]:
        """The items themselves."""
        found = (self.account.find_item(one) for one in self.linked_item_ids)
        return [item for item in found if item is not None]

    @property
    def display_value(self) -> str:
        """The names of the linked items."""
        return ", ".join(item.name for item in self.linked_items)

    @property
    def tag_ids(self) -> list[int]:
        """The tags of a tags cell."""
        stored = self.cell.stored if self.cell else {}
        ids: list[int] = stored.get("tag_ids", [])
        return ids

    @property
    def label(self) -> str | None:
        """The text of a status cell."""
        return self.text or None

    @property
    def index(self) -> int | None:
        """The id of a status cell's label."""
        return self.cell.stored["index"] if self.cell else None

    @property
    def is_done(self) -> bool | None:
        """Whether a status cell's label stands for done."""
        return any(one.is_done for one in self.column.labels if one.id == self.index)

    @property
    def number(self) -> float | None:
        """The number of a numbers cell: a Float in GraphQL, so exact only in `text`."""
        return float(self.cell.stored) if self.cell else None

    @property
    def symbol(self) -> str | None:
        """The unit of a numbers column."""
        unit: dict[str, Any] = self.column.options.get("unit", {})
        return unit.get("symbol")

    @property
    def date(self) -> str | None:
        """The day of a date cell."""
        return self.cell.stored["date"] if self.cell else None

    @property
    def time(self) -> str | None:
        """The time of day of a date cell."""
        return self.cell.stored["time"] if self.cell else None

    @property
    def checked(self) -> bool | None:
        """Whether a checkbox cell has its tick."""
        return self.cell is not None

    @property
    def values(self) -> list[Label]:
        """The chosen labels of a dropdown cell."""
        ids = self.cell.stored["ids"] if self.cell else []
        return [one for one in self.column.labels if one.id in ids]


def display_text(account: Account, item: Item, column: Column) -> str:
    """What a person reads in the cell, connections included; empty for an empty cell."""
    if column.type == "name":
        return item.name
    if column.type == "item_id":
        return str(item.id)
    cell = item.cells.get(column.id)
    if cell is None:
        return ""
    return TEXTS[column.type](account, column, cell.stored)


def _label_texts(ids: list[int], column: Column) -> str:
    texts = {label.id: label.label for label in column.labels}
    return ", ".join(texts.get(one, "") for one in ids)


def _people(account: Account, _: Column, stored: Any) -> str:
    names = {user.id: user.name for user in account.users}
    return ", ".join(names.get(one["id"], "") for one in stored["personsAndTeams"])


def _linked(account: Account, _: Column, stored: Any) -> str:
    found = (account.find_item(one) for one in stored["linked_item_ids"])
    return ", ".join(item.name for item in found if item is not None)


def _date(_: Account, __: Column, stored: Any) -> str:
    clock = stored["time"]
    return f"{stored['date']} {clock[:5]}" if clock else str(stored["date"])


def _labelled(key: str) -> Text:
    def text(_: Account, __: Column, stored: Any) -> str:
        label, address = stored["text"], stored[key]
        return f"{label} - {address}" if label and label != address else str(address)

    return text


def _plain(key: str) -> Text:
    return lambda _, __, stored: str(stored[key])


TEXTS: Final[Mapping[str, Text]] = {
    "text": lambda _, __, stored: str(stored),
    "numbers": lambda _, __, stored: str(stored),
    "long_text": _plain("text"),
    "status": lambda _, column, stored: _label_texts([stored["index"]], column),
    "dropdown": lambda _, column, stored: _label_texts(stored["ids"], column),
    "date": _date,
    "timeline": lambda _, __, stored: f"{stored['from']} - {stored['to']}",
    "checkbox": lambda _, __, ___: "v",
    "email": lambda _, __, stored: str(stored["text"] or stored["email"]),
    "phone": _plain("phone"),
    "link": _labelled("url"),
    "people": _people,
    "board_relation": _linked,
    "dependency": _linked,
    "tags": lambda account, _, stored: ", ".join(
        tag.name for tag in account.tags if tag.id in stored["tag_ids"]
    ),
    "country": _plain("countryName"),
    "rating": _plain("rating"),
    "hour": lambda _, __, stored: f"{stored['hour']:02d}:{stored['minute']:02d}",
    "week": lambda _, __, stored: f"{stored['week']['startDate']} - {stored['week']['endDate']}",
    "world_clock": _plain("timezone"),
    "location": _plain("address"),
    "color_picker": lambda _, __, stored: str(stored["color"]["hex"]),
}
