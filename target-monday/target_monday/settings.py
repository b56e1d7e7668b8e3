"""The settings of the target: one JSON schema, and the rules between settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from singer_sdk import typing as th

from target_monday.cells import READ_ONLY_TYPES, SUPPORTED_TYPES, zones
from target_monday.columns import entry_faults
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DEFAULT_API_VERSION", "SETTINGS", "setting_faults"]

DEFAULT_API_VERSION: Final = "2026-10"

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
_LABELS_CHOICE: Final = ["create", "reject"]
_NULLS_CHOICE: Final = ["clear", "keep"]
_MODES: Final = ["upsert", "update_only", "insert_only", "append"]


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
    "missing_labels": {"enum": _LABELS_CHOICE, "description": "As the setting, for this column."},
    "nulls": {"enum": _NULLS_CHOICE, "description": "As the setting, for this column."},
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
    "unknown_people": {
        "enum": ["reject", "empty"],
        "description": "Of people: what happens to addresses that the account does not have.",
    },
}

_COLUMN: Final[dict[str, Any]] = {
    "description": (
        "Where a property goes: a column id or title; an object with `column` or `title`, and with "
        "`type` if the column is to be made where it is missing; null or false leaves it out."
    ),
    "type": ["string", "object", "boolean", "null"],
    "minLength": 1,
    "properties": _COLUMN_OPTIONS,
    "additionalProperties": False,
    "not": {"anyOf": [{"type": "object", "required": ["column", "title"]}, {"const": True}]},
}

_BOARDS: Final[dict[str, Any]] = {
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
                "description": "The board; no other is looked for.",
            },
            "board_name": _text("Name of the board, found or made; default: the stream's name."),
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
            "mode": {"enum": _MODES, "description": "As the setting, for this stream."},
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
                "description": "Property -> column id, title or options; null leaves it out. A "
                "column made of several properties stands under a name of its own.",
            },
        },
        "additionalProperties": False,
        "not": {
            "anyOf": [{"type": "object", "required": ["board_id", "board_name"]}, {"const": True}]
        },
    },
}


def _choice(name: str, values: list[str], title: str, description: str) -> th.Property[Any]:
    return th.Property(
        name,
        th.StringType(allowed_values=values),
        default=values[0],
        title=title,
        description=description,
    )


_SETTINGS = th.PropertiesList(
    th.Property(
        "api_token",
        th.StringType,
        required=True,
        secret=True,
        title="API token",
        description=(
            "Token of the monday user who writes. Use a user of its own that sees only these "
            "boards; it needs to read and write boards."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.monday.com/v2",
        title="API address",
        description="Where the API is. Change it only for a rehearsal against another server.",
    ),
    th.Property(
        "api_version",
        th.StringType(pattern="^[0-9]{4}-[0-9]{2}$"),
        default=DEFAULT_API_VERSION,
        title="API version",
        description="Sent with each request; an answer of another version ends the run.",
    ),
    th.Property(
        "workspace_id",
        th.StringType,
        title="Workspace",
        description="Where boards are looked for by name and created; without it, the main one.",
    ),
    _choice(
        "mode",
        _MODES,
        "Mode",
        "`upsert` keeps one item a key; `update_only` makes no items, `insert_only` leaves those "
        "that are there alone; `append` makes an item of every record. Streams without key "
        "properties are always appended.",
    ),
    _choice(
        "unmapped_streams",
        ["create", "ignore"],
        "Streams without an entry",
        "Whether a stream that `boards` does not name gets a board, or is left out.",
    ),
    th.Property(
        "timezone",
        th.StringType,
        title="Time zone",
        description=(
            "IANA name of the zone of date-times that have no offset, or a `Z` that is not meant: "
            "IFS Cloud writes the database's local time with a `Z`. Without it both are UTC. "
            "monday keeps times in UTC and shows them in the reader's zone."
        ),
    ),
    th.Property(
        "ledger_url",
        th.StringType,
        title="Ledger",
        description=(
            "SQLAlchemy address of the database of what was sent and acknowledged. Default: a "
            "SQLite file below `.meltano/target-monday/` of the Meltano project, else "
            "`target-monday.db` in the working directory."
        ),
    ),
    th.Property(
        "max_calls",
        th.IntegerType(minimum=1),
        title="Calls a run",
        description="API requests that a run may make; at the limit it stops and can be resumed.",
    ),
    th.Property(
        "reserve_calls",
        th.IntegerType(minimum=0),
        default=0,
        title="Calls for others",
        description=(
            "Of the account's daily calls so many are left to others; the run stops as at the "
            "limit itself."
        ),
    ),
    _choice(
        "lane",
        ["auto", "alias", "ingest"],
        "Lane",
        "How operations travel: `alias` packs mutations into requests, `ingest` uploads files "
        "where it can, `auto` takes what costs fewer calls and less time.",
    ),
    th.Property(
        "backfill",
        th.BooleanType,
        default=True,
        title="Quiet first load",
        description=(
            "Whether a first load into an empty board goes by `backfill_items`, which fires no "
            "automations and needs an admin's token; without one the usual lanes are taken."
        ),
    ),
    th.Property(
        "poll_interval",
        th.NumberType(exclusive_minimum=0),
        default=10,
        title="Wait for uploads",
        description="Seconds before an upload is first asked for; each further wait is longer.",
    ),
    th.Property(
        "max_rejects",
        th.IntegerType(minimum=0),
        default=0,
        title="Rejects a run",
        description="With more rejected rows than this the run ends with exit code 3.",
    ),
    _choice(
        "missing_labels",
        _LABELS_CHOICE,
        "Missing labels",
        "What to do with a row whose status or dropdown label is not on the board.",
    ),
    _choice(
        "nulls",
        _NULLS_CHOICE,
        "Nulls",
        "Whether a null clears its cell or leaves it alone. Missing properties always leave it.",
    ),
    _choice(
        "vanished",
        ["keep", "archive", "delete"],
        "Vanished rows",
        "What happens to items whose row was not seen in a complete version of its stream "
        "(ACTIVATE_VERSION).",
    ),
    th.Property(
        "vanished_max_share",
        th.NumberType(minimum=0, maximum=1),
        default=0.2,
        title="Brake: share",
        description=(
            "If more than this share of a board's items vanish at once, none is touched and the "
            "stream fails. Five items may always go; 0 lets none go."
        ),
    ),
    th.Property(
        "vanished_max_count",
        th.IntegerType(minimum=0),
        default=500,
        title="Brake: count",
        description=(
            "If more items of a board than this vanish at once, none is touched and the stream "
            "fails."
        ),
    ),
    th.Property(
        "max_aliases",
        th.IntegerType(minimum=1, maximum=166),
        default=100,
        title="Operations a request",
        description=(
            "Mutations packed into one request at most. Lower it if monday answers with timeouts."
        ),
    ),
    th.Property(
        "timeout",
        th.NumberType(exclusive_minimum=0),
        default=90,
        title="Timeout",
        description="Seconds to wait for an answer. monday itself ends a request after 60.",
    ),
    th.Property(
        "add_record_metadata",
        th.BooleanType,
        default=False,
        title="Add metadata",
        description=(
            "Adds the `_sdc_` columns of the SDK, such as `_sdc_extracted_at`. They are written "
            "with other changes of a row and are no reason to write it."
        ),
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        default=1000,
        title="Rows a batch",
        description="Rows of a stream that are compared with the ledger at a time.",
    ),
).to_dict()

SETTINGS: Final[dict[str, Any]] = {
    **_SETTINGS,
    "properties": {**_SETTINGS["properties"], "boards": _BOARDS},
}


def setting_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between settings, one sentence each; empty if they can be used."""
    yield from _connection_faults(config)
    if config.get("timezone"):
        yield from _zone_faults("", config["timezone"])
    boards: Mapping[str, Any] = config.get("boards") or {}
    seen: dict[str, str] = {}
    for stream, asked in boards.items():
        if not asked:
            continue
        for place in ("board_id", "board_name"):
            name = f"{place} {asked[place]}" if asked.get(place) else ""
            if name and name in seen:
                yield f"Streams {seen[name]!r} and {stream!r} cannot share {name}."
            seen.setdefault(name, stream)
        yield from _mapping_faults(stream, asked)


def _mapping_faults(stream: str, asked: Mapping[str, Any]) -> Iterator[str]:
    for setting in ("item_name", "group"):
        try:
            template(asked.get(setting) or "")
        except ValueError as error:
            yield f"Stream {stream!r}: `{setting}` {asked[setting]!r} is malformed: {error}."
    if asked.get("group_moves") and "{" not in (asked.get("group") or ""):
        yield f"Stream {stream!r}: `group_moves` needs a `group` with a {{Property}} field."
    for name, entry in (asked.get("columns") or {}).items():
        where = f"Stream {stream!r}, column of {name!r}: "
        for fault in entry_faults(entry):
            yield f"{where}{fault}."
        if isinstance(entry, dict):
            yield from _column_faults(where, entry)


def _column_faults(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    kind = entry.get("type")
    if kind in READ_ONLY_TYPES:
        yield f"{where}monday fills columns of type {kind!r} itself, they cannot be written."
    elif kind == "board_relation":
        yield f"{where}links between boards (type 'board_relation') are not written yet."
    elif kind is not None and kind not in SUPPORTED_TYPES:
        known = ", ".join(sorted(SUPPORTED_TYPES))
        yield f"{where}there is no column type {kind!r}; there are {known}."
    if entry.get("timezone"):
        yield from _zone_faults(where, entry["timezone"])


def _zone_faults(where: str, name: str) -> Iterator[str]:
    if name not in zones():
        yield f"{where}`timezone` {name!r} is not an IANA time zone such as Europe/Stockholm."


def _connection_faults(config: Mapping[str, Any]) -> Iterator[str]:
    token, url = config["api_token"], config["api_url"]
    if not token or token != token.strip():
        yield "`api_token` is empty or has blanks or line breaks at its edges: copy it again."
    elif not token.isprintable() or not token.isascii():
        yield "`api_token` holds characters that no token has: copy it again."
    if not _is_address(url):
        yield "`api_url` must be an address that begins with http:// or https://."


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url == url.strip()
