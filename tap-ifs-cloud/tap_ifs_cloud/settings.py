"""The tap's settings: their schema, which the documentation is made from, and their rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from singer_sdk import typing as th

from tap_ifs_cloud.definition import StreamDefinition
from tap_ifs_cloud.meltano_file import given_settings, lost_settings
from tap_ifs_cloud.odata.errors import BookmarkInvalid
from tap_ifs_cloud.odata.metadata_cache import default_folder
from tap_ifs_cloud.odata.origin import Origin
from tap_ifs_cloud.odata.query import expression_fault
from tap_ifs_cloud.odata.redaction import proxy_secrets, texts
from tap_ifs_cloud.rejects import default_reject_folder
from tap_ifs_cloud.replication import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GUARDS", "SECRETS", "SETTINGS", "cleaned", "definitions", "lost_by_meltano"]
__all__ += [
    "environment_secrets",
    "metadata_folder",
    "reject_folder",
    "setting_faults",
    "setting_secrets",
    "token_url",
]

# RFC 9110, 5.1 and 5.5; without a blank at the start, which HTTP clients refuse.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?")

# As a service declares names (OData CSDL 4.01, 15.2), and as IFS names custom services.
_NAME = re.compile(r"[^\W\d][\w.-]*")
_REALM = re.compile(r"[^/\\?#;%\s]+")
_GATEWAYS = ("main", "int", "b2b")
_ON_BAD_VALUE = ("fail", "null", "skip")
_ON_NULL_KEY = ("fail", "skip")

_STREAM = th.ObjectType(
    th.Property(
        "entity_set",
        th.StringType,
        required=True,
        title="Entity set",
        description="Name of the entity set as the service's `$metadata` has it, "
        "e.g. `PurchaseOrderSet`.",
    ),
    th.Property(
        "projection",
        th.StringType,
        title="Projection",
        description="Name of the projection or entity service that offers the set, without `.svc`, "
        "e.g. `PurchaseOrderHandling`. Needed unless `service_url` is set.",
    ),
    th.Property(
        "name",
        th.StringType,
        title="Stream name",
        description="Name of the stream; by default the entity set's name without `Set` in snake "
        "case (`purchase_order`).",
    ),
    th.Property(
        "service",
        th.StringType,
        allowed_values=["projection", "entity"],
        default="projection",
        title="Kind of service",
        description="`projection`, or `entity` for an entity service. IFS serves entity services "
        "only through the gateway `int` and only after they were activated in API Explorer.",
    ),
    th.Property(
        "gateway",
        th.StringType,
        allowed_values=list(_GATEWAYS),
        title="Gateway",
        description="Gateway of this stream, if it is not the general one.",
    ),
    th.Property(
        "service_url",
        th.StringType,
        title="Service address",
        description="Address of any other OData v4 service, absolute or relative to `base_url`. "
        "Replaces `gateway`, `service` and `projection`. It must lie below `base_url`.",
    ),
    th.Property(
        "replication",
        th.StringType,
        allowed_values=["auto", "attribute", "full", "etag"],
        default="auto",
        title="Replication",
        description="`attribute`: only rows whose `replication_key` is not older than the "
        "bookmark. `full`: the whole set in each run, which also shows what has vanished. "
        "`etag`: the whole set is read, but only rows come out whose ETag tells a change; it sees "
        "neither deletions nor changes of joined columns. "
        "`auto`: `attribute` if the set has a modification stamp by name and type, "
        "otherwise `full`.",
    ),
    th.Property(
        "replication_key",
        th.StringType,
        title="Replication key",
        description="The column that moves with every change, e.g. `Cf_Last_Modified`. Choose none "
        "that only tells when a row was created: changes would be missed.",
    ),
    th.Property(
        "key_properties",
        th.ArrayType(th.StringType),
        title="Key columns",
        description="Columns that identify a row, if the declared key does not serve: views by "
        "`Objid` lose it when data is moved. Pages are still walked by the declared key.",
    ),
    th.Property(
        "filter",
        th.StringType,
        title="Filter",
        description="An OData `$filter` that all rows must meet, e.g. `Company eq '100'`.",
    ),
    th.Property(
        "select",
        th.ArrayType(th.StringType),
        title="Columns",
        description="The only columns to offer; keys and replication key are always among them.",
    ),
    th.Property(
        "expand",
        th.ArrayType(th.StringType),
        title="References",
        description="References to one row whose columns come along as an object, each as "
        "`SupplierRef`, or as `SupplierRef($select=Name,Country)` for some of its columns. IFS "
        "expands no collections: read them as streams of their own.",
    ),
    th.Property(
        "send_select",
        th.BooleanType,
        default=True,
        title="Send $select",
        description="Whether requests name the columns wanted (`$select`). Set it to `false` for a "
        "projection that answers to it with an error; columns are then dropped after reading.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1),
        title="Rows per request",
        description="`$top` of this stream's requests, if it is not the general one.",
    ),
    th.Property(
        "time_zone_aware",
        th.BooleanType,
        default=False,
        title="Time zone aware",
        description="Ask for real UTC (`X-Ifs-Time-Zone-Aware-Request`). IFS otherwise writes "
        "times of the server, user or site with a `Z`. Only for APIs that are time zone aware: "
        "others refuse it. Changing it changes the clock of the bookmarks: refresh the stream in "
        "full.",
    ),
    th.Property(
        "paging",
        th.StringType,
        allowed_values=["auto", "keyset", "skip", "next_link"],
        default="auto",
        title="Paging",
        description="`keyset`: each page begins strictly behind the last row, so that changes "
        "meanwhile cannot move rows past the reader. `skip`: by `$skip`, for sets without a "
        "comparable key. `next_link`: only along the server's own links. `auto`: `keyset` where "
        "the key allows it, else `skip`, and along the server's links where it gives some; "
        "`keyset` and `skip` do not look at them.",
    ),
    th.Property(
        "completeness",
        th.StringType,
        allowed_values=["strict", "warn"],
        title="Completeness",
        description="What this stream does about rows that do not come, if it is not the general "
        "setting.",
    ),
    th.Property(
        "on_bad_value",
        th.StringType,
        allowed_values=list(_ON_BAD_VALUE),
        title="On a bad value",
        description="What becomes of a value of this stream that no record can hold, if it is not "
        "the general setting.",
    ),
    th.Property(
        "on_null_key",
        th.StringType,
        allowed_values=list(_ON_NULL_KEY),
        title="On a null key",
        description="What becomes of a row of this stream without a whole key, if it is not the "
        "general setting.",
    ),
    additional_properties=False,
)

SETTINGS: Final = th.PropertiesList(
    th.Property(
        "base_url",
        th.StringType,
        required=True,
        title="Address of IFS Cloud",
        description="Scheme and host, e.g. `https://acme.ifs.cloud`, with a path if a gateway "
        "needs one, but without `/main/…`. The token is sent to this origin only.",
    ),
    th.Property(
        "allow_http",
        th.BooleanType,
        default=False,
        title="Allow plain HTTP",
        description="Whether `base_url` and `token_url` may be `http` addresses of other machines. "
        "Secret, token and rows then travel unencrypted. This machine itself is always allowed.",
    ),
    th.Property(
        "realm",
        th.StringType,
        title="Realm",
        description="Keycloak realm of the IAM client, e.g. `acme1`; in general not the tenant's "
        "name. Gives the token address unless `token_url` is set.",
    ),
    th.Property(
        "token_url",
        th.StringType,
        title="Token address",
        description="Full address of the token endpoint, if it is not "
        "`<base_url>/auth/realms/<realm>/protocol/openid-connect/token`.",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Client id",
        description="Id of a confidential IAM client with service accounts enabled; case counts.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="Secret of the IAM client. Never logged.",
    ),
    th.Property(
        "scope",
        th.StringType,
        default="openid microprofile-jwt",
        title="Scope",
        description="Scope of the token request. The default is what IFS Cloud expects.",
    ),
    th.Property(
        "headers",
        th.ObjectType(additional_properties=th.StringType),
        secret=True,
        title="Extra headers",
        description="Headers of every request to IFS, e.g. the key of an API gateway. "
        "With no `client_id`, they alone are what lets the tap in.",
    ),
    th.Property(
        "gateway",
        th.StringType,
        allowed_values=list(_GATEWAYS),
        default="main",
        title="Gateway",
        description="`main` serves the web client's projections, `int` integration projections and "
        "entity services, `b2b` those of business partners.",
    ),
    th.Property(
        "streams",
        th.ArrayType(_STREAM),
        title="Streams",
        description="The entity sets to read. If set, only these are discovered; otherwise the "
        "presets, as far as the tenant offers them.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description="Incremental streams leave out rows last changed before this date "
        "(`2026-01-01`, or with a time) as long as they have no later bookmark.",
    ),
    th.Property(
        "lookback",
        th.IntegerType(minimum=0),
        default=3600,
        title="Look-back",
        description="Seconds that incremental streams read again before the bookmark. It catches "
        "changes committed late and the hour that comes twice when summer time ends.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1),
        default=5000,
        title="Rows per request",
        description="`$top` of each request. Lower it if IFS answers with time-outs.",
    ),
    th.Property(
        "completeness",
        th.StringType,
        allowed_values=["strict", "warn"],
        default="strict",
        title="Completeness",
        description="What happens when the server counts more rows than come, also when the set is "
        "read again. `strict`: the stream fails. `warn`: the run goes on, but the read is not "
        "whole: no ACTIVATE_VERSION. For services whose `$count` is wrong.",
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1),
        default=1000,
        title="Pace",
        description="Most requests in any 60 seconds. Lower it to leave room for other clients.",
    ),
    th.Property(
        "timeout",
        th.NumberType(minimum=1),
        default=330,
        title="Time-out",
        description="Seconds without an answer after which a request counts as failed and is "
        "repeated. IFS itself gives up after 300 (600 on the integration gateway): stay above.",
    ),
    th.Property(
        "ca_bundle",
        th.StringType,
        title="CA bundle",
        description="Path of a PEM file with the certificates to trust, if IFS uses a company's "
        "own.",
    ),
    th.Property(
        "metadata_cache",
        th.StringType,
        title="Cache of metadata",
        description="Folder that keeps `$metadata` from run to run where the server tells when it "
        "changes; by default the user's cache folder. `off` keeps nothing.",
    ),
    th.Property(
        "on_bad_value",
        th.StringType,
        allowed_values=list(_ON_BAD_VALUE),
        default="fail",
        title="On a bad value",
        description="What becomes of a value that no record can hold, such as NaN or a date of the "
        "year 10000. `fail` ends the stream. `null` leaves the value out, but never keys, "
        "modification stamps, numbers and columns that are never null. `skip` leaves the row out.",
    ),
    th.Property(
        "on_null_key",
        th.StringType,
        allowed_values=list(_ON_NULL_KEY),
        default="fail",
        title="On a null key",
        description="What becomes of a row without a value in a key column. `fail` ends the "
        "stream. `skip` leaves the row out.",
    ),
    th.Property(
        "max_skipped",
        th.IntegerType(minimum=0),
        default=0,
        title="Skipped rows allowed per run",
        description="Rows of all streams that may wait as skipped at the end of a run. With more, "
        "the run ends with exit code 1, although all other rows were read.",
    ),
    th.Property(
        "reject_folder",
        th.StringType,
        title="Folder of skipped rows",
        description="Folder of the files that name skipped rows by their keys, one per stream. The "
        "next run reads these rows again, so keep it. By default in the user's folder for states.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=True,
        title="Activate version",
        description="Whether a full read ends with ACTIVATE_VERSION, by which a target knows what "
        "has vanished. It is written only after the whole set was read.",
    ),
).to_dict()

# Settings that keep data in or rows on their boards: one that is misspelt ends the run.
GUARDS: Final = frozenset(
    {
        "allow_http",
        "emit_activate_version_messages",
        "on_bad_value",
        "on_null_key",
        "reject_folder",
        "stream_map_config",
        "stream_maps",
    }
)
SECRETS: Final = frozenset(
    name for name, each in SETTINGS["properties"].items() if each.get("secret")
)


def setting_secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that no log and no error may show."""
    for name in SECRETS:
        yield from texts(config.get(name))


def lost_by_meltano(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings in meltano.yml that Meltano does not hand over, a sentence each."""
    files = list(given_settings(variables, "extractor"))
    yield from lost_settings(files, variables, guards=GUARDS, secrets=SECRETS)


def environment_secrets(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the same of the settings in environment variables, and the passwords of proxies."""
    yield from setting_secrets(
        {name: variables.get(f"TAP_IFS_CLOUD_{name.upper()}") for name in SECRETS}
    )
    yield from proxy_secrets()


def token_url(config: Mapping[str, Any]) -> str:
    """Where tokens are asked for."""
    name = quote(config.get("realm") or "", safe="")
    realm = f"auth/realms/{name}/protocol/openid-connect/token"
    return config.get("token_url") or f"{config['base_url'].rstrip('/')}/{realm}"


def metadata_folder(config: Mapping[str, Any]) -> Path | None:
    """Where `$metadata` is kept; `None` if nowhere."""
    named = config.get("metadata_cache")
    if named == "off":
        return None
    return Path(named) if named else default_folder()


def reject_folder(config: Mapping[str, Any]) -> Path | None:
    """Where skipped rows are kept; `None` for a user without a home."""
    named = config.get("reject_folder")
    return Path(named) if named else default_reject_folder(config.get("base_url") or "")


def cleaned(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without what is empty, and without blanks and line breaks around texts.

    Values of `headers` stay as they are: a blank in one may count.
    """
    kept = {name: value if name == "headers" else _trimmed(value) for name, value in config.items()}
    if isinstance(kept.get("start_date"), int):
        kept["start_date"] = str(kept["start_date"])  # YAML takes 20260301 for a number
    return {name: value for name, value in kept.items() if value not in (None, "")}


def _trimmed(value: Any) -> Any:
    match value:
        case str():
            return value if (bare := value.strip()) == value else type(value)(bare)
        case list():
            return [_trimmed(each) for each in value]
        case dict():
            return {name: _trimmed(each) for name, each in value.items()}
    return value


def definitions(config: Mapping[str, Any]) -> list[StreamDefinition]:
    """The streams that the user has listed, in that order; empty without the setting."""
    return [StreamDefinition.of(entry) for entry in config.get("streams") or ()]


def setting_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between settings whose types are right: code and sentence, one per fault."""
    streams = definitions(config)
    yield from _address_faults(config, may_name_gateway=_all_by_url(streams))
    yield from _value_faults(config)
    yield from _credential_faults(config, anonymous=_all_by_url(streams))
    for definition in streams:
        yield from _stream_faults(definition, config)
    names = [definition.name for definition in streams]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"SETTING_DUPLICATE: several streams are called {name!r}: give each a `name`."


def _address_faults(config: Mapping[str, Any], *, may_name_gateway: bool) -> Iterator[str]:
    for setting in ("base_url", "token_url"):
        if config.get(setting):
            try:
                origin = Origin.of(config[setting])
            except ValueError as error:
                yield f"SETTING_INVALID: `{setting}`: {error}."
                continue
            if not origin.is_confidential and not config.get("allow_http"):
                yield (
                    f"SETTING_INVALID: `{setting}`: {origin} is plain http: the secret and the "
                    "token would travel unencrypted. Use https, or set `allow_http: true`."
                )
            if setting == "base_url" and not may_name_gateway:
                yield from _gateway_faults(origin)
    if not config.get("base_url"):
        yield "SETTING_MISSING: `base_url` is empty: set it to the address of IFS Cloud."
    realm = config.get("realm")
    if realm and (not _REALM.fullmatch(realm) or realm in (".", "..")):
        yield f"SETTING_INVALID: `realm`: {realm!r} is not the name of a realm."


def _gateway_faults(origin: Origin) -> Iterator[str]:
    """That an address goes on to a gateway, as those do that a browser shows."""
    root, *behind = re.split(rf"/(?:{'|'.join(_GATEWAYS)})/", origin.prefix, maxsplit=1)
    if behind:
        yield (
            "SETTING_INVALID: `base_url` goes on to a gateway or a page: leave out what follows "
            f"{f'{origin}{root}'!r}. The settings `gateway` and `projection` name the rest."
        )


def _value_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Values that would only fail in the first request, or in the middle of a run."""
    for name, value in (config.get("headers") or {}).items():
        if not _HEADER_NAME.fullmatch(name):
            yield f"SETTING_INVALID: `headers`: {name!r} is no name of a header."
        elif not _HEADER_VALUE.fullmatch(value):
            yield (
                f"SETTING_INVALID: `headers`: the value of {name!r} holds a line break, a blank "
                "at its start, or a character that a header cannot carry."
            )
    chosen = (config, *(config.get("streams") or ()))
    policies = {each.get(name) for each in chosen for name in ("on_bad_value", "on_null_key")}
    if "skip" in policies and reject_folder(config) is None:
        yield "SETTING_MISSING: `reject_folder` is empty: skipped rows must be kept somewhere."
    bundle = config.get("ca_bundle")
    if bundle and not Path(bundle).exists():
        yield f"SETTING_INVALID: `ca_bundle`: there is no file {bundle!r}."
    if config.get("start_date"):
        try:
            Stamp("start_date", "Edm.DateTimeOffset").start(config["start_date"])
        except BookmarkInvalid as error:
            yield f"SETTING_INVALID: {error.sentence}."


def _all_by_url(streams: list[StreamDefinition]) -> bool:
    return bool(streams) and all(each.service_url is not None for each in streams)


def _credential_faults(config: Mapping[str, Any], *, anonymous: bool) -> Iterator[str]:
    """All of the credentials or none; none only with `headers` or outside IFS."""
    names = ("client_id", "client_secret", "realm", "token_url")
    given = {name for name in names if config.get(name)}
    if not given and (config.get("headers") or anonymous):
        return
    for name in ("client_id", "client_secret"):
        if name not in given:
            yield f"SETTING_MISSING: `{name}` is empty: set it to that of the IAM client."
    if not given & {"realm", "token_url"}:
        yield "SETTING_MISSING: set `realm`, or `token_url` if a gateway stands before IFS."


def _stream_faults(definition: StreamDefinition, config: Mapping[str, Any]) -> Iterator[str]:
    name = definition.name
    if not definition.projection and definition.service_url is None:
        yield f"SETTING_MISSING: stream {name!r} needs `projection` (or `service_url`)."
    for setting, given in (
        ("projection", definition.projection),
        ("entity_set", definition.entity_set),
    ):
        if given and (not _NAME.fullmatch(given) or ".." in given):
            yield (
                f"SETTING_INVALID: stream {name!r}: `{setting}`: {given!r} is not a name. An "
                "address goes into `service_url`."
            )
    if definition.filter and (fault := expression_fault(definition.filter)):
        yield f"SETTING_INVALID: stream {name!r}: `filter` {fault}. Correct it."
    if definition.replication_key and definition.replication in ("full", "etag"):
        yield (
            f"SETTING_CONFLICT: stream {name!r} has a `replication_key`, but `replication: "
            f"{definition.replication}` uses none."
        )
    if definition.service_url is not None:
        base_url = config.get("base_url") or ""
        if fault := _service_fault(definition.url(base_url, ""), base_url):
            yield f"SETTING_INVALID: stream {name!r}: {fault}"


def _service_fault(address: str, base_url: str) -> str | None:
    """Why credentials may not be sent to the address of a service."""
    try:
        origin = Origin.of(base_url)
    except ValueError:
        return None  # that is a fault of its own
    try:
        Origin.of(address)
    except ValueError as error:
        return f"`service_url`: {error}."
    if origin.has(address):
        return None
    return "`service_url` must lie below `base_url`, the only origin that credentials are sent to."
