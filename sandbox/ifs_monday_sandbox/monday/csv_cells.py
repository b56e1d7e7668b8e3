"""Cells of an uploaded CSV file -> the JSON forms of the API, one reading a column type.

Source: developer.monday.com/api-reference/docs/importing-items-in-bulk. A reading gets a text that
is neither empty nor `<NULL>` and raises ValueError with the reason for a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday.labels import find_label

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Column

__all__ = ["MATCH_TYPES", "csv_value", "takes_csv"]

MATCH_TYPES: Final = frozenset(
    ("email", "phone", "text", "name", "numbers", "link", "date", "long_text", "status")
)
RELATED_ITEMS = 50

Reading = Callable[["Account", "Column", str], Any]


def takes_csv(column_type: str) -> bool:
    """Whether columns of this type can be uploaded."""
    return column_type in READINGS


def csv_value(account: Account, column: Column, text: str) -> Any:
    """The cell as the API takes it; None clears. Raises ValueError with the reason."""
    return None if text == "<NULL>" else READINGS[column.type](account, column, text)


def _date(_: Account, __: Column, text: str) -> Any:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"a date must be YYYY-MM-DD: {text}")
    return {"date": date.fromisoformat(text).isoformat()}


def _status(_: Account, column: Column, text: str) -> Any:
    return {"index": _label_id(column, text)}


def _dropdown(_: Account, column: Column, text: str) -> Any:
    return {"ids": [_label_id(column, part.strip()) for part in text.split(",")]}


def _label_id(column: Column, text: str) -> int:
    label = find_label(column.labels, text)
    if label is None:
        raise ValueError(f"no active label is {text!r}; labels must exist before an upload")
    return label.id


def _checkbox(_: Account, __: Column, text: str) -> Any:
    known = {"true": {"checked": "true"}, "false": None}
    if text.casefold() not in known:
        raise ValueError(f"a checkbox is true or false: {text}")
    return known[text.casefold()]


def _link(_: Account, __: Column, text: str) -> Any:
    found = re.fullmatch(r"\[(?P<text>.*)\]\((?P<url>[^()]*(?:\([^()]*\)[^()]*)*)\)", text)
    return found.groupdict() if found else {"url": text, "text": ""}


def _email(_: Account, __: Column, text: str) -> Any:
    found = re.fullmatch(r"(?P<text>.*?)\s*<(?P<email>[^<>]+)>", text)
    return found.groupdict() if found else {"email": text, "text": text}


def _phone(_: Account, __: Column, text: str) -> Any:
    return {"phone": text, "countryShortName": ""}


def _timeline(_: Account, __: Column, text: str) -> Any:
    start, end = text.split("/") if text.count("/") == 1 else (text, "")
    return {"from": start, "to": end}


def _people(account: Account, _: Column, text: str) -> Any:
    return {"personsAndTeams": [_person(account, part.strip()) for part in text.split(",")]}


def _person(account: Account, text: str) -> dict[str, Any]:
    kind, _, number = text.partition(":")
    if number.isdecimal() and kind in ("user", "team"):
        return {"id": int(number), "kind": "person" if kind == "user" else "team"}
    for user in account.users:
        if user.email.casefold() == text.casefold():
            return {"id": user.id, "kind": "person"}
    raise ValueError(f"no member of the account is {text}")


def _location(_: Account, __: Column, text: str) -> Any:
    latitude, longitude, address = (*text.split("|", 2), "", "")[:3]
    if not address:
        raise ValueError(f"a location is lat|lng|address: {text}")
    return {"lat": latitude, "lng": longitude, "address": address}


def _board_relation(account: Account, column: Column, text: str) -> Any:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > RELATED_ITEMS:
        raise ValueError(f"{len(parts)} links, at most {RELATED_ITEMS} are taken")
    return {"item_ids": [_related(account, column, part) for part in parts]}


def _related(account: Account, column: Column, text: str) -> int:
    board_ids: list[int] = column.options.get("boardIds", [])
    if len(board_ids) > 1:
        board_text, _, text = text.partition(":")
        if not board_text.isdecimal() or int(board_text) not in board_ids:
            raise ValueError(f"several boards are connected: board_id:item is needed, not {text}")
        board_ids = [int(board_text)]
    found = {
        item.id
        for board_id in board_ids
        if board_id in account.boards
        for item in account.boards[board_id].active_items()
        if text in (str(item.id), item.name)
    }
    if len(found) != 1:
        raise ValueError(f"{len(found)} items of the connected board are {text!r}")
    return found.pop()


READINGS: Final[Mapping[str, Reading]] = {
    "text": lambda _, __, text: text,
    "long_text": lambda _, __, text: {"text": text},
    "numbers": lambda _, __, text: text,
    "status": _status,
    "dropdown": _dropdown,
    "date": _date,
    "timeline": _timeline,
    "checkbox": _checkbox,
    "link": _link,
    "email": _email,
    "phone": _phone,
    "people": _people,
    "location": _location,
    "board_relation": _board_relation,
}
