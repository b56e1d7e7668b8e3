"""The settings of the target: one JSON schema, and the rules between settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from singer_sdk import typing as th

from target_monday.board_access import BOARD_KINDS, PEOPLE, access_faults
from target_monday.mapping_settings import (
    BOARDS,
    LABEL_CHOICES,
    MODES,
    NULL_CHOICES,
    TARGET_CHOICES,
    TRAIL_COLUMNS,
    VANISHED_CHOICES,
    board_faults,
    zone_faults,
)
from target_monday.meltano_file import given_settings, lost_settings
from target_monday.monday.addresses import is_confidential
from target_monday.privacy import privacy_faults
from target_monday.redaction import address_secrets, proxy_secrets, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DEFAULT_API_VERSION", "GUARDS", "SECRETS", "SETTINGS", "environment_secrets"]
__all__ += ["lost_by_meltano", "setting_faults", "setting_secrets", "without_secret_values"]

DEFAULT_API_VERSION: Final = "2026-10"


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
        "allow_http",
        th.BooleanType,
        default=False,
        title="Allow plain HTTP",
        description="Whether `api_url` may be an `http` address of another machine. Token and rows "
        "then travel unencrypted. This machine itself is always allowed.",
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
        MODES,
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
        secret=True,  # it may hold a password
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
    th.Property(
        "max_attempts",
        th.IntegerType(minimum=0),
        default=5,
        title="Attempts a reject",
        description=(
            "Rejects of earlier runs are sent again from the ledger, before the rows of a run, "
            "until they were refused so often; 0 leaves them to `target-monday-audit rejects`."
        ),
    ),
    _choice(
        "missing_labels",
        LABEL_CHOICES,
        "Missing labels",
        "What to do with a row whose status or dropdown label is not on the board.",
    ),
    _choice(
        "nulls",
        NULL_CHOICES,
        "Nulls",
        "Whether a null clears its cell or leaves it alone. Missing properties always leave it.",
    ),
    _choice(
        "missing_targets",
        TARGET_CHOICES,
        "Missing targets of links",
        "What to do with a link whose target has not come by the end of the next run.",
    ),
    _choice(
        "vanished",
        VANISHED_CHOICES,
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
            "stream fails. It also holds for all boards of a stream together. Five items may "
            "always go; 0 lets none go."
        ),
    ),
    th.Property(
        "vanished_max_count",
        th.IntegerType(minimum=0),
        default=500,
        title="Brake: count",
        description=(
            "If more items of a stream than this vanish at once, from one of its boards or from "
            "all of them, none is touched and the stream fails."
        ),
    ),
    th.Property(
        "max_new_boards",
        th.IntegerType(minimum=0),
        default=20,
        title="Brake: new boards",
        description=(
            "Boards that a run makes at most for streams with a template of board names. Rows of "
            "further ones are carried over and the stream fails: a spoilt value would make a "
            "board of its own."
        ),
    ),
    _choice(
        "board_kind",
        BOARD_KINDS,
        "Kind of new boards",
        "Who sees a board that the target creates. `private`: its owners and subscribers. "
        "`public`: every member of the account. `share`: guests too, where they are subscribed. "
        "Boards that exist keep their kind.",
    ),
    th.Property(
        "board_owners",
        th.CustomType({"type": ["array", "null"], "items": PEOPLE}),
        title="Owners of new boards",
        description=(
            "Users, by e-mail address or id, and teams (`team:ID`) that own the boards which the "
            "target creates, beside the user of `api_token`."
        ),
    ),
    th.Property(
        "board_subscribers",
        th.CustomType({"type": ["array", "null"], "items": PEOPLE}),
        title="Subscribers of new boards",
        description=(
            "In the same form: users and teams that see the boards which the target creates."
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
        description=(
            "Seconds of silence after which an answer counts as lost; a whole answer has twice as "
            "long. monday itself ends a request after 60."
        ),
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
        "deny",
        th.ArrayType(th.StringType),
        title="Denied properties",
        description=(
            "`stream.property`, or `*.property` of all streams: taken out of each record before "
            "anything else, so that neither board nor ledger nor log ever holds them."
        ),
    ),
    th.Property(
        "mask",
        th.ArrayType(th.StringType),
        title="Masked properties",
        description=(
            "In the same form: a hash takes the place of the value, equal for equal values, on the "
            "board as in the ledger and its exports. Only text columns can hold it."
        ),
    ),
    th.Property(
        "mask_key",
        th.StringType,
        secret=True,
        title="Key of masks",
        description=(
            "Makes the hashes of `mask` keyed ones (HMAC-SHA-256). Without it they are plain, and "
            "what has few possible values can be found by trying them."
        ),
    ),
    th.Property(
        "payload_days",
        th.IntegerType(minimum=0),
        title="Days of payloads",
        description=(
            "How long the ledger keeps the records that led to a write or a reject; at the end of "
            "each run older ones are emptied, and their hashes stay. Default: without limit. 0 "
            "keeps none beyond its run."
        ),
    ),
    th.Property(
        "seal_key",
        th.StringType,
        secret=True,
        title="Key of the seals",
        description=(
            "Signs the end of each run (HMAC-SHA256), so that nobody without the key can write the "
            "ledger anew unseen; `target-monday-audit verify` asks for it."
        ),
    ),
    th.Property(
        "seals",
        th.StringType,
        title="File of the seals",
        description=(
            "Where the end of each run is appended to; keep it where it cannot be changed. "
            "Default: beside a ledger in SQLite; none for PostgreSQL."
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
    "properties": {**_SETTINGS["properties"], "boards": BOARDS, "trail_columns": TRAIL_COLUMNS},
}
# Settings that keep data in, money right or losses small: one that is misspelt ends the run.
GUARDS: Final = frozenset(
    {
        *(
            "allow_http",
            "api_url",
            "board_kind",
            "board_owners",
            "board_subscribers",
            "boards",
            "deny",
        ),
        *("ledger_url", "mask", "mask_key", "missing_labels", "missing_targets", "mode", "nulls"),
        *("timezone", "workspace_id"),
        *("payload_days", "process_activate_version_messages", "reserve_calls", "seal_key"),
        *("seals", "stream_map_config", "stream_maps", "unmapped_streams", "vanished"),
        *("vanished_max_count", "vanished_max_share"),
        *(name for name in _SETTINGS["properties"] if name.startswith("max_")),
    }
)
SECRETS: Final = frozenset(
    name for name, each in SETTINGS["properties"].items() if each.get("secret")
)
_ADDRESSES: Final = frozenset({"ledger_url"})  # of a secret address only parts are secret
_ENVIRONMENT: Final = "TARGET_MONDAY_"


def setting_secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that no log, no error and no diagnostic of the ledger may show."""
    for name in SECRETS:
        for text in texts(config.get(name)):
            yield from address_secrets(text) if name in _ADDRESSES else (text,)


def environment_secrets(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the same of the settings in environment variables, and the passwords of proxies."""
    given = {name: variables.get(f"{_ENVIRONMENT}{name.upper()}") for name in SECRETS}
    yield from setting_secrets(given)
    yield from proxy_secrets()


def without_secret_values(fault: str) -> str:
    """Return a fault of the SDK's check by schema, which quotes values; of no secret."""
    for name in SECRETS:
        if f"config['{name}']" in fault:
            return f"`{name}` must be a text."
    return fault


def lost_by_meltano(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings in meltano.yml that Meltano does not hand over, a sentence each."""
    files = list(given_settings(variables, "loader"))
    yield from lost_settings(files, variables, guards=GUARDS, secrets=SECRETS)


def setting_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between settings, one sentence each; empty if they can be used."""
    yield from _connection_faults(config)
    yield from _ledger_faults(config.get("ledger_url") or "")
    if config.get("timezone"):
        yield from zone_faults("", config["timezone"])
    yield from access_faults("", config)
    yield from board_faults(config.get("boards") or {})
    yield from privacy_faults(config)


def _connection_faults(config: Mapping[str, Any]) -> Iterator[str]:
    token, url = config["api_token"], config["api_url"]
    if not token or token != token.strip():
        yield "`api_token` is empty or has blanks or line breaks at its edges: copy it again."
    elif not token.isprintable() or not token.isascii():
        yield "`api_token` holds characters that no token has: copy it again."
    if not _is_address(url):
        yield "`api_url` must be an address that begins with http:// or https://."
    elif "@" in urlsplit(url).netloc or any(address_secrets(url)):
        yield "`api_url` holds a user, a password or a token: leave it out, and set `api_token`."
    elif not (is_confidential(url) or config.get("allow_http")):
        yield (
            "`api_url` is a plain http address of another machine: token and rows would travel "
            "unencrypted. Use https, or set `allow_http: true`."
        )


def _ledger_faults(url: str) -> Iterator[str]:
    scheme, _, place = url.partition("://")
    in_memory = not place.strip("/") or ":memory:" in place or "mode=memory" in place
    if scheme.startswith("sqlite") and in_memory:
        yield (
            "`ledger_url` names a database in memory, which would forget at the end of a run what "
            "was sent: name a file."
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url == url.strip()
