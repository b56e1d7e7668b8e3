"""The settings of the mapping: the JSON schema of `boards`, and what contradicts itself in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_monday.board_access import BOARD_KINDS, PEOPLE, access_faults
from target_monday.cells import READ_ONLY_TYPES, SUPPORTED_TYPES, zones
from target_monday.columns import entry_faults
from target_monday.templates import template
from target_monday.trail import TRAIL_PARTS
from target_monday.truncation import TITLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "BOARDS",
    "LABEL_CHOICES",
    "MODES",
    "NULL_CHOICES",
    "TARGET_CHOICES",
    "VANISHED_CHOICES",
    "board_faults",
    "zone_faults",
]
__all__ += ["TRAIL_COLUMNS"]

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
LABEL_CHOICES: Final = ["create", "reject"]
NULL_CHOICES: Final = ["clear", "keep"]
VANISHED_CHOICES: Final = ["keep", "archive", "delete"]
TARGET_CHOICES: Final = ["reject", "wait"]
MODES: Final = ["upsert", "update_only", "insert_only", "append"]


def _text(description: str) -> dict[str, Any]:
    return {**_TEXT, "description": description}


_COLUMN_OPTIONS: Final[dict[str, Any]] = {
    "column": _text("Id or title of a column that is on the board."),
    "title": _text("The same; the title of the column if it is made."),
    "type": _text("Type of the column; one that is missing is made."),
    "labels": {
        "description": "Of a status or dropdown: the labels that it is made with, or value -> "
        "label, where `*` stands for all values that are neither named nor labels of the board.",
        "type": ["array", "object"],
        "items": _TEXT,
        "additionalProperties": _TEXT,
    },
    "missing_labels": {"enum": LABEL_CHOICES, "description": "As the setting, for this column."},
    "nulls": {"enum": NULL_CHOICES, "description": "As the setting, for this column."},
    "template": _text("What the cell is made of, such as `https://erp.example.com/{OrderNo}`."),
    "text": _text("Of a link or an email: the words on it, with `{Property}` fields."),
    "country": _text("Of a phone: ISO code of the numbers' country, or `{Property}`."),
    "from": _text("Of a timeline: the property of its first day."),
    "to": _text("Of a timeline: the property of its last day."),
    "lat": _text("Of a location: the property of its latitude."),
    "lng": _text("Of a location: the property of its longitude."),
    "address": _text("Of a location: the property of its address."),
    "unit": _text("Of new numbers: `EUR`, `$`, `%` or any other text."),
    "direction": {"enum": ["left", "right"], "description": "Where the unit stands."},
    "precision": {"type": "integer", "minimum": 0, "maximum": 5, "description": "Decimals shown."},
    "limit": {"type": "integer", "minimum": 3, "maximum": 10, "description": "Most stars."},
    "time": {"type": "boolean", "description": "Of a date: `false` drops the time of day."},
    "timezone": _text("Of a date: the zone of times without an offset, or with `Z` (`timezone`)."),
    "stream": _text("Of a link: the stream whose items it points to."),
    "key": {
        "description": "Of a link: the parts of the target's key, such as `{SupplierId}` or "
        '`["{Company}", "B", "{CodeB}"]`; default: the property itself.',
        "type": ["string", "array"],
        "minLength": 1,
        "minItems": 1,
        "items": _TEXT,
    },
    "missing_targets": {
        "enum": TARGET_CHOICES,
        "description": "As the setting, for this column.",
    },
    "unknown_people": {
        "enum": ["reject", "empty"],
        "description": "Of people: what happens to addresses that the account does not have.",
    },
}

TRAIL_COLUMNS: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "title": "Trail on the board",
    "description": "Columns (ids or titles, made where they are missing) that say of each item "
    "what was last written: `version` (of the row in the source, as tap-ifs-cloud tells it), "
    "`run` (its id in the ledger) and `written_at`. They are written with other changes of a row "
    "and are no reason to write it.",
    "properties": {part: _text(f"Column of the {part}.") for part in TRAIL_PARTS},
    "additionalProperties": False,
}

_COLUMN: Final[dict[str, Any]] = {
    "description": (
        "Where a property goes: a column id or title; an object with `column` or `title`, and with "
        "`type` if the column is to be made where it is missing; `false` leaves it out."
    ),
    "type": ["string", "object", "boolean", "null"],
    "minLength": 1,
    "properties": _COLUMN_OPTIONS,
    "additionalProperties": False,
}

BOARDS: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "title": "Boards",
    "description": (
        "The mapping: stream -> `board_id` or `board_name`, `group`, `item_name` (a template such "
        "as `{OrderNo} - {VendorName}`), `key_column`, `columns` (property -> column id, title or "
        "options), and more; `false` leaves the stream out. A stream without an entry gets a board "
        "of its own name with one column a property. Columns that are not mapped are never touched."
    ),
    "additionalProperties": {
        "type": ["object", "boolean", "null"],
        "properties": {
            "board_id": {
                "type": ["string", "integer"],
                "pattern": "^[0-9]+$",
                "minimum": 1,
                "description": "The board; no other is looked for.",
            },
            "board_name": _text(
                "Name of the board, found or made; default: the stream's name. With `{Property}` "
                "fields the name of each row's board: `Invoices {InvoiceDate:%Y}`."
            ),
            "board_if_null": _text(
                "Of a `board_name` with fields: the board of rows where one of them is null; "
                "without it they are rejected."
            ),
            "group": _text(
                "Title or id of the group of new items; with `{Property}` fields the title of each "
                "item's group, which is made where it is missing."
            ),
            "group_moves": {
                "enum": ["follow", "stay"],
                "description": "Whether items move when the title of their group changes.",
            },
            "item_name": _text("The items' names, with `{Property}` fields."),
            "key_column": _text("Id or title of the text column that holds the keys."),
            "former_key": {
                "type": "array",
                "items": _TEXT,
                "minItems": 1,
                "description": "Where `key_properties` have changed: the properties that make up "
                "the keys which the items still have. Each item gets its new key with its row.",
            },
            "retire_when": {
                "type": "object",
                "description": "Archives documents that have been done for so many days; they make "
                "no item any more.",
                "properties": {
                    "property": _text("The property that tells, such as `Objstate`."),
                    "in": {
                        "type": "array",
                        "items": _TEXT,
                        "minItems": 1,
                        "description": "Its values that mean done.",
                    },
                    "since": _text("The property with the day since when."),
                    "days": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "How many days a document stays after that day.",
                    },
                },
                "required": ["property", "in", "since", "days"],
                "additionalProperties": False,
            },
            "vanished": {
                "enum": VANISHED_CHOICES,
                "description": "As the setting, for this stream.",
            },
            "board_kind": {
                "enum": BOARD_KINDS,
                "description": "As the setting, for this stream.",
            },
            "board_owners": {
                "type": "array",
                "items": PEOPLE,
                "description": "As the setting, for this stream.",
            },
            "board_subscribers": {
                "type": "array",
                "items": PEOPLE,
                "description": "As the setting, for this stream.",
            },
            "mode": {"enum": MODES, "description": "As the setting, for this stream."},
            "control_totals": {
                "description": "Which amounts are summed by which texts, in the books of each run; "
                "`false` for none. Default: numbers whose property is called something with "
                "`Amount`, by company, currency and, for known documents, period.",
                "type": ["object", "boolean"],
                "properties": {
                    "amounts": {
                        "type": "array",
                        "items": _TEXT,
                        "description": "Properties that go to numbers columns.",
                    },
                    "by": {
                        "type": "array",
                        "items": _TEXT,
                        "description": "Properties, or texts made of them such as "
                        "`{InvoiceDate:%Y-%m}`.",
                    },
                },
                "additionalProperties": False,
            },
            "trail_columns": {
                **TRAIL_COLUMNS,
                "type": ["object", "boolean"],
                "description": "As the setting, for this stream; `false` for none.",
            },
            "priority": {
                "type": "integer",
                "description": "Streams with a higher number are delivered first; default 0.",
            },
            "unmapped": {
                "enum": ["ignore", "create"],
                "description": "What happens to properties that `columns` does not name; they are "
                "ignored unless `columns` only leaves some out.",
            },
            "columns": {
                "type": "object",
                "additionalProperties": _COLUMN,
                "description": "Property -> column id, title or options; `false` leaves it out. A "
                "column made of several properties stands under a name of its own.",
            },
        },
        "additionalProperties": False,
    },
}


def board_faults(boards: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the entries of streams, one sentence each."""
    for stream, asked in boards.items():
        if not asked:
            continue
        if asked is True:
            yield f"Stream {stream!r}: give its board, or `false` to leave it out."
            continue
        if asked.get("board_id") and asked.get("board_name"):
            yield f"Stream {stream!r}: give either `board_id` or `board_name`."
        yield from access_faults(f"Stream {stream!r}: ", asked)
        yield from _mapping_faults(stream, asked)


def _mapping_faults(stream: str, asked: Mapping[str, Any]) -> Iterator[str]:
    for setting in ("item_name", "group", "board_name"):
        try:
            template(asked.get(setting) or "")
        except ValueError as error:
            yield f"Stream {stream!r}: `{setting}` {asked[setting]!r} is malformed: {error}."
    totals = asked.get("control_totals")
    for text in totals.get("by") or () if isinstance(totals, dict) else ():
        try:
            template(text)
        except ValueError as error:
            yield f"Stream {stream!r}: `control_totals` {text!r} is malformed: {error}."
    yield from _dependent_faults(stream, asked)
    yield from _length_faults(stream, asked)
    for name, entry in (asked.get("columns") or {}).items():
        where = f"Stream {stream!r}, column of {name!r}: "
        for fault in entry_faults(entry):
            yield f"{where}{fault}."
        if entry is True:
            yield f"{where}give a column, or `false` to leave the property out."
        elif isinstance(entry, dict):
            yield from _column_faults(where, entry)


def _dependent_faults(stream: str, asked: Mapping[str, Any]) -> Iterator[str]:
    """Settings that say nothing without another one."""
    for setting, needed in (("board_if_null", "board_name"), ("group_moves", "group")):
        if asked.get(setting) and "{" not in (asked.get(needed) or ""):
            yield f"Stream {stream!r}: `{setting}` needs a `{needed}` with a {{Property}} field."


def _length_faults(stream: str, asked: Mapping[str, Any]) -> Iterator[str]:
    """Titles of what is made where it is missing, that are longer than monday takes."""
    trail, columns = asked.get("trail_columns") or {}, asked.get("columns") or {}
    titles = {
        **{name: asked.get(name) for name in ("board_name", "board_if_null")},
        **({f"trail_columns.{part}": each for part, each in trail.items()} if trail else {}),
        **{
            f"columns.{name}": entry.get("title") or entry.get("column")
            for name, entry in columns.items()
            if isinstance(entry, dict)
        },
    }
    for setting, given in titles.items():
        if isinstance(given, str) and "{" not in given and len(given) > TITLE_LIMIT:
            yield (
                f"Stream {stream!r}: `{setting}` has {len(given)} characters, and monday takes "
                f"{TITLE_LIMIT} of a title."
            )


def _column_faults(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    kind = entry.get("type")
    if entry.get("column") and entry.get("title"):
        yield f"{where}give either `column` or `title`."
    if kind in READ_ONLY_TYPES:
        yield f"{where}monday fills columns of type {kind!r} itself, they cannot be written."
    elif kind is not None and kind not in SUPPORTED_TYPES:
        known = ", ".join(sorted(SUPPORTED_TYPES))
        yield f"{where}there is no column type {kind!r}; there are {known}."
    if entry.get("timezone"):
        yield from zone_faults(where, entry["timezone"])


def zone_faults(where: str, name: str) -> Iterator[str]:
    """What is wrong with the name of a time zone."""
    if name not in zones():
        yield f"{where}`timezone` {name!r} is not an IANA time zone such as Europe/Stockholm."
