"""Cells as clients write them -> cells as they are kept, one reader a column type.

Forms: developer.monday.com/api-reference/reference/column-types-reference, a page per type.
A reader gets the JSON value, never null, and raises ValueError with the reason for a bad one.
An empty result clears the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from ifs_monday_sandbox.monday.column_types import READ_ONLY
from ifs_monday_sandbox.monday.labels import add_label, find_label

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.records import Column, Label

__all__ = ["Reading", "read_cell"]

LONG_TEXT_LENGTH = 2_000
DAYS_OF_A_WEEK = 7


@dataclass(slots=True)
class Reading:
    """What a reader may look at; `labels` is a working copy that new labels are added to."""

    column: Column
    labels: tuple[Label, ...]
    create_labels: bool
    boards_of_items: Callable[[list[int]], list[int | None]]
    is_person: Callable[[int, str], bool]
    is_tag: Callable[[int], bool]
    week_begins: int = 0  # 0 Monday, 6 Sunday


Reader = Callable[[Reading, Any], Any]


def read_cell(reading: Reading, value: Any) -> Any:
    """The value to keep, or None for an empty cell. Raises ValueError with the reason."""
    column_type = reading.column.type
    if column_type in READ_ONLY:
        raise ValueError("this column type cannot be written")
    reader = READERS.get(column_type)
    if reader is None:
        raise ValueError("this column type is not supported by the API")
    if value is None or (value == "" and column_type != "numbers"):
        return None
    return reader(reading, value)


def _object(value: Any, *keys: str) -> list[Any]:
    """The values of `keys`, all of which must be there."""
    if not isinstance(value, dict):
        raise ValueError(f"an object with {', '.join(keys)} is needed")  # noqa: TRY004  (a bad value, not a bad call)
    absent = [key for key in keys if value.get(key) is None]
    if absent:
        raise ValueError(f"{', '.join(absent)} missing")
    return [value[key] for key in keys]


def _ids(values: Any) -> list[int]:
    if not isinstance(values, list) or any(isinstance(one, bool) for one in values):
        raise ValueError("a list of ids is needed")
    if not all(isinstance(one, int) or str(one).isdecimal() for one in values):
        raise ValueError(f"ids are whole numbers: {values}")
    return [int(one) for one in values]


def _text(_: Reading, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a string is needed")  # noqa: TRY004  (a bad value, not a bad call)
    return value


def _long_text(_: Reading, value: Any) -> Any:
    text = value if isinstance(value, str) else _object(value, "text")[0]
    if not isinstance(text, str):
        raise ValueError("text must be a string")  # noqa: TRY004  (a bad value, not a bad call)
    if len(text) > LONG_TEXT_LENGTH:
        raise ValueError(f"{len(text)} characters, at most {LONG_TEXT_LENGTH} are taken")
    return {"text": text} if text else None


def _numbers(_: Reading, value: Any) -> str:
    if value == "":
        return "0"  # as documented: only null clears
    if not isinstance(value, str) or not re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", value):
        raise ValueError("a string of digits with at most one point is needed")
    return value


def _status(reading: Reading, value: Any) -> Any:
    if isinstance(value, str):
        value = {"label": value}
    if not isinstance(value, dict) or not ({"label", "index"} & value.keys()):
        raise ValueError("label or index is needed")
    if value.get("index") is not None:
        return {"index": _label_by_id(reading, value["index"]).id}
    label = value["label"]
    if label is None or label == "":
        return None
    if str(label).isdecimal():  # a text that looks like a number is taken as the label's id
        return {"index": _label_by_id(reading, label).id}
    return {"index": _label_by_text(reading, str(label)).id}


def _label_by_id(reading: Reading, number: Any) -> Label:
    found = next((one for one in reading.labels if str(one.id) == str(number)), None)
    if found is None or found.is_deactivated:
        raise ValueError(f"no active label has the id (index) {number}")
    return found


def _label_by_text(reading: Reading, text: str) -> Label:
    found = find_label(reading.labels, text)
    if found is None:
        if not reading.create_labels:
            known = ", ".join(one.label for one in reading.labels if not one.is_deactivated)
            raise ValueError(f"the label {text!r} does not exist, possible labels are: {known}")
        reading.labels = add_label(reading.labels, text, colours=reading.column.type == "status")
        found = reading.labels[-1]
    return found


def _dropdown(reading: Reading, value: Any) -> Any:
    if isinstance(value, str):
        value = {"labels": [one.strip() for one in value.split(",")]}
    if not isinstance(value, dict) or len({"labels", "ids"} & value.keys()) != 1:
        raise ValueError("either labels or ids is needed")
    if "ids" in value:
        chosen = [_label_by_id(reading, one) for one in _ids(value["ids"])]
    else:
        texts = value["labels"]
        if not isinstance(texts, list) or not all(isinstance(one, str) and one for one in texts):
            raise ValueError("labels must be a list of texts")
        chosen = [_label_by_text(reading, text) for text in texts]
    limit = _most_labels(reading.column)
    if limit is not None and len(chosen) > limit:
        raise ValueError(f"{len(chosen)} labels, at most {limit} are taken")
    return {"ids": list(dict.fromkeys(one.id for one in chosen))} if chosen else None


def _most_labels(column: Column) -> int | None:
    if not column.options.get("limit_select"):
        return None
    return int(column.options.get("label_limit_count") or 1)


def _date(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        day, clock = value.partition(" ")[::2]
        value = {"date": day, "time": clock}
    if value == {}:
        return None
    (day,) = _object(value, "date")
    if day == "":
        return None
    return {"date": _day(day), "time": _clock(value.get("time"))}


def _clock(text: Any) -> str | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", str(text)):
        raise ValueError(f"time must be HH:MM:SS: {text}")
    return time.fromisoformat(str(text)).isoformat()


def _day(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"a date must be YYYY-MM-DD: {text}")
    return date.fromisoformat(text).isoformat()


def _timeline(_: Reading, value: Any) -> Any:
    if value == {}:
        return None
    start, end = (_day(one) for one in _object(value, "from", "to"))
    if end < start:
        raise ValueError(f"to {end} is before from {start}")
    return {"from": start, "to": end}


def _checkbox(_: Reading, value: Any) -> Any:
    if value == {}:
        return None
    (checked,) = _object(value, "checked")
    if checked != "true":
        raise ValueError('checked must be the string "true"; null unchecks')
    return {"checked": True}


def _email(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        address, label = value.partition(" ")[::2]
        value = {"email": address, "text": label or address}
    address, label = _object(value, "email", "text")
    if address == "":
        return None
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(address)):
        raise ValueError(f"not an e-mail address: {address}")
    return {"email": address, "text": str(label)}


def _phone(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        number, country = value.partition(" ")[::2]
        value = {"phone": number, "countryShortName": country}
    number, country = _object(value, "phone", "countryShortName")
    if number == "":
        return None
    if not re.fullmatch(r"\+?\d{4,15}", re.sub(r"[ ()-]", "", str(number))):
        raise ValueError(f"not a phone number: {number}")
    if country != "" and not re.fullmatch(r"[A-Z]{2}", str(country)):
        raise ValueError(f"countryShortName must be an ISO 3166 alpha-2 code: {country}")
    return {"phone": number, "countryShortName": country}


def _link(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        url, label = value.partition(" ")[::2]
        value = {"url": url, "text": label}
    url, label = _object({"text": "", **value} if isinstance(value, dict) else value, "url", "text")
    if url == "":
        return None
    if not re.fullmatch(r"https?://\S+", str(url)):
        raise ValueError(f"a link must begin with http:// or https://: {url}")
    return {"url": url, "text": str(label)}


def _people(reading: Reading, value: Any) -> Any:
    if isinstance(value, str):
        numbers = _ids([one.strip() for one in value.split(",")])
        value = {"personsAndTeams": [{"id": one, "kind": "person"} for one in numbers]}
    (people,) = _object(value, "personsAndTeams")
    kept = []
    for one in people:
        number, kind = _object(one, "id", "kind")
        if kind not in ("person", "team") or isinstance(number, bool):
            raise ValueError(f"kind must be person or team: {kind}")
        if not isinstance(number, int) or not reading.is_person(number, kind):
            raise ValueError(f"the account has no {kind} with the id {number}")
        kept.append({"id": number, "kind": kind})
    return {"personsAndTeams": kept} if kept else None


def _board_relation(reading: Reading, value: Any) -> Any:
    if isinstance(value, str):
        value = {"item_ids": [one.strip() for one in value.split(",")]}
    item_ids = _ids(_object(value, "item_ids")[0])
    connected = reading.column.options.get("boardIds", ())
    if len(item_ids) > 1 and reading.column.options.get("allowMultipleItems") is False:
        raise ValueError(f"{len(item_ids)} items, the column takes one")
    for item_id, board_id in zip(item_ids, reading.boards_of_items(item_ids), strict=True):
        if board_id is None:
            raise ValueError(f"item {item_id} does not exist or is not active")
        if reading.column.type == "board_relation" and board_id not in connected:
            raise ValueError(f"item {item_id} is on board {board_id}, which is not connected")
    return {"linked_item_ids": list(dict.fromkeys(item_ids))} if item_ids else None


def _tags(reading: Reading, value: Any) -> Any:
    if value == {}:
        return None
    tag_ids = _ids(_object(value, "tag_ids")[0])
    unknown = [one for one in tag_ids if not reading.is_tag(one)]
    if unknown:
        raise ValueError(f"tags do not exist: {unknown}")
    return {"tag_ids": tag_ids} if tag_ids else None


def _country(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        code, name = value.partition(" ")[::2]
        value = {"countryCode": code, "countryName": name}
    code, name = _object(value, "countryCode", "countryName")
    if not re.fullmatch(r"[A-Z]{2}", str(code)) or not name:
        raise ValueError(f"countryCode must be an ISO 3166 alpha-2 code with its name: {code}")
    return {"countryCode": code, "countryName": name}


def _rating(reading: Reading, value: Any) -> Any:
    if value == {}:
        return None
    rating = int(value) if isinstance(value, str) else _object(value, "rating")[0]
    limit = int(reading.column.options["limit"])
    if not isinstance(rating, int) or not 1 <= rating <= limit:
        raise ValueError(f"rating must be 1 to {limit}: {rating}")
    return {"rating": rating}


def _hour(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        clock = time.fromisoformat(value)
        value = {"hour": clock.hour, "minute": clock.minute}
    hour, minute = _object(value, "hour", "minute")
    if not isinstance(hour, int) or not isinstance(minute, int):
        raise ValueError("hour and minute must be whole numbers")  # noqa: TRY004  (a bad value, not a bad call)
    time(hour, minute)
    return {"hour": hour, "minute": minute}


def _week(reading: Reading, value: Any) -> Any:
    start, end = (_day(one) for one in _object(_object(value, "week")[0], "startDate", "endDate"))
    first = date.fromisoformat(start)
    if first.weekday() != reading.week_begins or first + timedelta(
        days=DAYS_OF_A_WEEK - 1
    ) != date.fromisoformat(end):
        raise ValueError("a week is seven days from the day on which the account's weeks begin")
    return {"week": {"startDate": start, "endDate": end}}


def _world_clock(_: Reading, value: Any) -> Any:
    zone = value if isinstance(value, str) else _object(value, "timezone")[0]
    if zone not in _zones():
        raise ValueError(f"not an IANA time zone: {zone}")
    return {"timezone": zone}


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _location(_: Reading, value: Any) -> Any:
    if isinstance(value, str):
        latitude, longitude, *words = value.split(" ")
        value = {"lat": latitude, "lng": longitude, "address": " ".join(words)}
    latitude, longitude, address = _object(value, "lat", "lng", "address")
    if abs(float(latitude)) > 90 or abs(float(longitude)) > 180:  # noqa: PLR2004  (degrees)
        raise ValueError(f"no place on earth: {latitude}, {longitude}")
    return {"lat": str(latitude), "lng": str(longitude), "address": address}


def _color_picker(_: Reading, value: Any) -> Any:
    (shade,) = _object(_object(value, "color")[0], "hex")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(shade)):
        raise ValueError(f"hex must be like #ff0000: {shade}")
    return {"color": {"hex": shade}}


READERS: Final[Mapping[str, Reader]] = {
    "text": _text,
    "long_text": _long_text,
    "numbers": _numbers,
    "status": _status,
    "dropdown": _dropdown,
    "date": _date,
    "timeline": _timeline,
    "checkbox": _checkbox,
    "email": _email,
    "phone": _phone,
    "link": _link,
    "people": _people,
    "board_relation": _board_relation,
    "dependency": _board_relation,
    "tags": _tags,
    "country": _country,
    "rating": _rating,
    "hour": _hour,
    "week": _week,
    "world_clock": _world_clock,
    "location": _location,
    "color_picker": _color_picker,
}
