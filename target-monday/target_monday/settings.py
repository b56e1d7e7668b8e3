"""The settings of the target: one JSON schema, and the rules between settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from singer_sdk import typing as th

from target_monday.cells import SUPPORTED_TYPES
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DEFAULT_API_VERSION", "SETTINGS", "setting_faults"]

DEFAULT_API_VERSION: Final = "2026-10"

_COLUMN: Final[dict[str, Any]] = {
    "description": (
        "Where a property goes: a column id or title; an object with `column` or `title`, and with "
        "`type` if the column is to be made where it is missing; null or false leaves it out."
    ),
    "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "null"},
        {"const": False},
        {
            "type": "object",
            "properties": {
                "column": {"type": "string", "minLength": 1},
                "title": {"type": "string", "minLength": 1},
                "type": {"enum": sorted(SUPPORTED_TYPES)},
                "labels": {"type": "array", "items": {"type": "string", "minLength": 1}},
            },
            "additionalProperties": False,
            "not": {"required": ["column", "title"]},
        },
    ],
}

_BOARDS: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "title": "Boards",
    "description": (
        "The mapping: stream -> `board_id` or `board_name`, `group`, `item_name` (a template such "
        "as `{OrderNo} - {VendorName}`), `key_column`, `columns` (property -> column id, title or "
        "options), `unmapped` (what happens to properties that `columns` does not name: `ignore` "
        "or `create`), `mode`. A stream without an entry gets a board of its own name with one "
        "column a property. Columns that are not mapped are never touched."
    ),
    "additionalProperties": {
        "type": "object",
        "properties": {
            "board_id": {"type": ["string", "integer"], "pattern": "^[0-9]+$"},
            "board_name": {"type": "string", "minLength": 1},
            "group": {"type": "string", "minLength": 1},
            "item_name": {"type": "string", "minLength": 1},
            "key_column": {"type": "string", "minLength": 1},
            "mode": {"enum": ["upsert", "append"]},
            "unmapped": {"enum": ["ignore", "create"]},
            "columns": {"type": "object", "additionalProperties": _COLUMN},
        },
        "additionalProperties": False,
        "not": {"required": ["board_id", "board_name"]},
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
        ["upsert", "append"],
        "Mode",
        "`upsert` keeps one item a key; `append` creates an item for every record, also for those "
        "sent before. Streams without key properties are always appended.",
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
        "max_rejects",
        th.IntegerType(minimum=0),
        default=0,
        title="Rejects a run",
        description="With more rejected rows than this the run ends with exit code 3.",
    ),
    _choice(
        "missing_labels",
        ["create", "reject"],
        "Missing labels",
        "What to do with a row whose status or dropdown label is not on the board.",
    ),
    _choice(
        "nulls",
        ["clear", "keep"],
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
    boards: Mapping[str, Any] = config.get("boards") or {}
    seen: dict[str, str] = {}
    for stream, asked in boards.items():
        for place in ("board_id", "board_name"):
            name = f"{place} {asked[place]}" if asked.get(place) else ""
            if name and name in seen:
                yield f"Streams {seen[name]!r} and {stream!r} cannot share {name}."
            seen.setdefault(name, stream)
        try:
            template(asked.get("item_name") or "")
        except ValueError as error:
            yield f"Stream {stream!r}: `item_name` {asked['item_name']!r} is malformed: {error}."


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
