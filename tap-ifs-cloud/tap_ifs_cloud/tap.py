"""The tap: settings, discovery (which streams exist), and the verdict at the end of a run."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_ifs_cloud.command import OneLineCommand
from tap_ifs_cloud.diagnosis import diagnose
from tap_ifs_cloud.odata.auth import ClientCredentials, GivenHeaders
from tap_ifs_cloud.odata.errors import (
    BookmarkInvalid,
    EntitySetMissing,
    Forbidden,
    IfsError,
    NotFound,
    RunStopper,
)
from tap_ifs_cloud.odata.metadata_cache import MetadataCache
from tap_ifs_cloud.odata.origin import Origin
from tap_ifs_cloud.odata.pacing import Pacer
from tap_ifs_cloud.odata.redaction import Redactor, redact_logs
from tap_ifs_cloud.odata.service import Service
from tap_ifs_cloud.odata.session import Session
from tap_ifs_cloud.odata.token import Client, ask_token
from tap_ifs_cloud.plan import StreamPlan
from tap_ifs_cloud.presets import PRESETS
from tap_ifs_cloud.replication import is_stamp
from tap_ifs_cloud.settings import (
    GUARDS,
    SECRETS,
    SETTINGS,
    cleaned,
    definitions,
    lost_by_meltano,
    metadata_folder,
    reject_folder,
    setting_faults,
    setting_secrets,
    token_url,
)
from tap_ifs_cloud.settings_input import (
    environment_settings,
    misnamed_removals,
    typed,
    unknown_names,
    unused_maps,
)
from tap_ifs_cloud.stamps import with_tried_stamp
from tap_ifs_cloud.stream import EntitySetStream
from tap_ifs_cloud.termination import Termination
from tap_ifs_cloud.whereabouts import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    import click
    from singer_sdk.singerlib import CatalogEntry, Message
    from singer_sdk.streams import Stream

    from tap_ifs_cloud.definition import StreamDefinition
    from tap_ifs_cloud.odata.auth import Credentials
    from tap_ifs_cloud.odata.metadata import Metadata

__all__ = ["NoStreams", "RowsSkipped", "SettingsLost", "StreamsFailed", "TapIfsCloud"]

_UNEXPECTED = "Additional properties are not allowed"  # jsonschema's words for an unknown name

# Metadata documents are fetched side by side: each takes IFS a while.
FETCHERS = 8


class NoStreams(RunStopper):
    """Nothing that was asked for is there."""

    code = "NO_STREAMS"


class SettingsLost(RunStopper):
    """Settings that did not come through Meltano as they are written."""

    code = "SETTING_LOST"


class SettingUnknown(RunStopper):
    """A setting names what is not there, and most likely means something else."""

    code = "SETTING_UNKNOWN"


class StreamsFailed(RunStopper):
    """Some streams were not read to their end; the others were."""

    code = "STREAMS_FAILED"

    def __init__(self, failures: Mapping[str, IfsError]) -> None:
        self.failures = dict(failures)
        listed = "; ".join(f"{name}: {error}" for name, error in failures.items())
        super().__init__(f"not all streams could be read: {listed}")


class RowsSkipped(RunStopper):
    """More rows were skipped than the settings allow; all others were read."""

    code = "ROWS_SKIPPED"

    def __init__(self, skipped: Mapping[str, int], allowed: int, folder: Path | None) -> None:
        listed = ", ".join(f"{name} {rows}" for name, rows in skipped.items())
        super().__init__(
            f"{sum(skipped.values())} rows were skipped ({listed}), more than `max_skipped` "
            f"({allowed}). All others were read, and the next run reads these again. Correct them "
            f"in IFS: their keys are in {folder}"
        )


class TapIfsCloud(Tap):
    """Singer tap for IFS Cloud, and for any other OData v4 service."""

    name = "tap-ifs-cloud"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    dynamic_catalog = True
    message_writer_class = MsgSpecWriter  # decimals leave as the digits they came in
    # No BATCH: it would go past stream maps and the target's checks.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:
        self.failures: dict[str, IfsError] = {}
        self.skipped: dict[str, int] = {}  # stream -> rows that wait in its file of rejects
        self._missing_presets: dict[str, IfsError] = {}
        self._missing: dict[str, IfsError] = {}  # listed in `streams`, not offered by the tenant
        self.termination = Termination()
        super().__init__(**options)

    # Settings

    @classproperty
    @override
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        """The settings of the environment, not typed yet."""
        cls.append_builtin_config(cls.config_jsonschema)
        properties = cls.config_jsonschema["properties"]
        parse_environment_config({}, cls._env_var_prefix)  # reads a `.env` file
        objects = {name for name, each in properties.items() if "object" in each["type"]}
        return environment_settings(os.environ, cls._env_var_prefix, properties, objects)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """The SDK's checks by schema, then the rules between settings; all faults at once.

        Empty texts count as not set, so that an empty environment variable means the default.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        self._config = cleaned(typed(self._config, schema))
        redact_logs(Redactor(self._secrets))
        required = "'base_url' is a required property"  # told by the rules, in our words
        faults = [
            _typed_fault(fault)
            for fault in super()._validate_config(raise_errors=False)
            if fault != required and not fault.startswith(_UNEXPECTED)
        ]
        faults += self._unknown(schema)
        if faults:  # Meltano may be why
            faults += (f"{SettingsLost.code}: {each}" for each in lost_by_meltano(os.environ))
        faults = faults or list(setting_faults(self.config))
        if faults and raise_errors:
            raise ConfigValidationError("the settings cannot be used", errors=faults)
        return faults

    def _secrets(self) -> Iterator[str]:
        """What the log may not show, as far as it is known by now."""
        yield from setting_secrets(self._config)
        if "session" in self.__dict__:
            yield from self.session.secrets()

    def _unknown(self, schema: Mapping[str, Any]) -> Iterator[str]:
        """The unknown names that must not be overlooked; of the others the log warns."""
        for each in unknown_names(self._config, schema):
            if each.path or each.nearest in GUARDS or each.name.startswith("max_"):
                yield f"SETTING_UNKNOWN: {each.sentence}"
            else:
                nearest = each.nearest or "none"
                self.logger.warning("setting.unknown setting=%s nearest=%s", each.name, nearest)

    def _check_meltano(self) -> None:
        """Raise SettingsLost if Meltano changed settings on their way from meltano.yml."""
        lost = list(lost_by_meltano(os.environ))
        if lost:
            raise SettingsLost(" ".join(lost))

    @cached_property
    def session(self) -> Session:
        """What all streams share to read from IFS: connection, token, pace."""
        session = Session(
            origin=Origin.of(self.config["base_url"]),
            credentials=GivenHeaders(self.config.get("headers") or {}),
            user_agent=f"{self.name}/{self.plugin_version}",
            timeout=float(self.config["timeout"]),
            ca_bundle=self.config.get("ca_bundle") or None,
            pacer=Pacer(self.config["requests_per_minute"]),
            documents=MetadataCache(metadata_folder(self.config)),
            given_secrets=tuple(setting_secrets(self.config)),
        )
        if self.config.get("client_id"):
            session.credentials = self._client_credentials(session)
        return session

    def _client_credentials(self, session: Session) -> Credentials:
        client = Client(
            token_url=token_url(self.config),
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            scope=self.config["scope"],
        )
        return ClientCredentials(
            partial(ask_token, session, client), extra=self.config.get("headers") or {}
        )

    @override
    def load_state(self, state: Any) -> None:
        """Take the bookmarks of the last run. Raises BookmarkInvalid if they have another form."""
        bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
        if not isinstance(bookmarks, dict) or not all(
            isinstance(bookmark, dict) for bookmark in bookmarks.values()
        ):
            raise BookmarkInvalid(
                'the state is not of the form {"bookmarks": {"<stream>": {...}}}: correct it, or '
                "run with a full refresh"
            )
        super().load_state(state)

    # Discovery

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        """In the order of the settings; the SDK would sort by name, and refer before defining."""
        if self._streams is None:
            self._streams = {stream.name: stream for stream in self.discover_streams()}
            if self.input_catalog is not None:
                for stream in self._streams.values():
                    stream.apply_catalog(self.input_catalog)
        return self._streams

    @override
    def discover_streams(self) -> Sequence[Stream]:
        wanted = self._wanted()
        metadata = self._fetch({self._service_url(definition) for definition in wanted})
        plans = [self._plan(definition, metadata) for definition in wanted]
        self._tell_presets(wanted)
        self._check_stream_maps([plan for plan in plans if plan is not None])
        streams = [
            EntitySetStream(self, plan)
            for plan in plans
            if plan is not None and self._is_in_catalog(plan.definition.name)
        ]
        if wanted and not streams and not self.failures:
            raise NoStreams(
                "none of the streams is offered by this tenant: list those you need under "
                "`streams`, each with `projection` and `entity_set`"
            )
        return streams

    def _check_stream_maps(self, plans: Sequence[StreamPlan]) -> None:
        """Warn of stream maps without a stream. Raises SettingUnknown for misspelt properties."""
        maps = self.config.get("stream_maps") or {}
        names = {each.name for each in definitions(self.config) or PRESETS}
        for stream in unused_maps(maps, names):
            self.logger.warning("stream_map.unused stream=%s", stream)
        faults = [
            fault
            for plan in plans
            for fault in misnamed_removals(
                plan.definition.name, maps, [*plan.properties, *plan.references]
            )
        ]
        if faults:
            raise SettingUnknown(" ".join(faults))

    def _tell_presets(self, wanted: Sequence[StreamDefinition]) -> None:
        """One line on all presets, if some are not offered: they are proposals, not wishes."""
        if not self._missing_presets:
            return
        offered = [each.name for each in wanted if each.name not in self._missing_presets]
        self.logger.warning(
            "preset.missing %d of %d presets are offered: %s. Not offered: %s. "
            "`tap-ifs-cloud-explore` shows what is; list it under `streams`",
            len(offered),
            len(wanted),
            ", ".join(offered) or "none",
            ", ".join(f"{name} ({error.code})" for name, error in self._missing_presets.items()),
        )

    def _is_in_catalog(self, stream: str) -> bool:
        """Whether the catalog, if there is one, knows the stream; it is told if not."""
        known = self.input_catalog is None or self.input_catalog.get_stream(stream) is not None
        if not known:
            self.logger.warning("stream.not_in_catalog stream=%s hint='discover again'", stream)
        return known

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self.session, self.config["base_url"])

    def _wanted(self) -> list[StreamDefinition]:
        """All that the settings name, or those of them that the catalog does not deselect.

        A stream of `streams` that is not in the catalog was not there when that was made.
        """
        self._check_meltano()
        listed = definitions(self.config)
        known = listed or list(PRESETS)
        if self.input_catalog is None:
            return known
        entries = {entry.tap_stream_id: entry for entry in self.input_catalog.streams}
        selected = {name for name, entry in entries.items() if _is_selected(entry)}
        for name in selected - {definition.name for definition in known}:
            self.failed(name, NoStreams(f"stream {name!r} of the catalog is not in `streams`"))
        missing = {definition.name for definition in listed} - entries.keys()
        return [one for one in known if one.name in selected | missing]

    def _service_url(self, definition: StreamDefinition) -> str:
        return definition.url(self.config["base_url"], self.config["gateway"])

    def _fetch(self, urls: set[str]) -> dict[str, Metadata | IfsError]:
        """`$metadata` of each service, or why there is none. Raises RunStopper."""
        # Once and before the threads, so that a token endpoint in trouble is not asked by each.
        self.session.credentials.headers()
        ordered = sorted(urls)
        with ThreadPoolExecutor(FETCHERS) as pool:
            declared = pool.map(
                lambda url: Service(self.session, url).metadata_or_why_not(), ordered
            )
            return dict(zip(ordered, declared, strict=True))

    def _plan(
        self, definition: StreamDefinition, metadata: Mapping[str, Metadata | IfsError]
    ) -> StreamPlan | None:
        """What the stream is made of; `None` if it is not there, which is told.

        A stream that a catalog selects or `streams` lists must be there, or the run fails at its
        end. In discovery, only what the tenant does not offer is left out: after a fault of the
        connection the catalog would be short of it.
        """
        url = self._service_url(definition)
        declared = metadata[url]
        try:
            if isinstance(declared, IfsError):
                raise self._whereabouts.explained(definition, self.config["gateway"], declared)
            plan = StreamPlan.of(definition, Service(self.session, url), declared)
            if plan.unreadable:
                self.logger.info(
                    "column.unreadable stream=%s columns=%s", definition.name, plan.unreadable
                )
            asked = definition.replication_key
            if asked is not None and not is_stamp(plan.properties[asked]):
                self.logger.warning(
                    "replication_key.doubtful stream=%s column=%s hint=%r",
                    definition.name,
                    asked,
                    "nothing says that it moves with every change: where it does not, changes are "
                    "missed. `tap-ifs-cloud-explore` lists stamps; else set `replication: full`",
                )
            return with_tried_stamp(plan) if self.input_catalog is None else plan
        except IfsError as error:
            if self.input_catalog is not None:
                self.failed(definition.name, error)
            elif not isinstance(error, EntitySetMissing | Forbidden | NotFound):
                raise
            elif definition in PRESETS:
                self._missing_presets[definition.name] = error
            else:
                self.logger.warning("stream.missing stream=%s %s", definition.name, error)
                self._missing[definition.name] = error
            return None

    # The run

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        self.termination.handle(signum)

    @override  # type: ignore[misc] # final in the SDK, which guards no write
    def write_message(self, message: Message) -> None:
        with self.termination.uninterrupted():
            super().write_message(message)

    def failed(self, stream: str, error: IfsError) -> None:
        """Note that a stream could not be read; the run goes on and tells so at its end."""
        self.failures[stream] = error
        self.logger.error("stream.failed stream=%s %s", stream, error)

    # Both are final in the SDK, which calls nothing after the last stream.
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams. Raises StreamsFailed when the last one is done."""
        try:
            super().sync_all()
        finally:
            self.session.sum_up()
        self.failures |= self._missing
        self._judge()
        skipped = {name: rows for name, rows in self.skipped.items() if rows}
        if sum(skipped.values()) > self.config["max_skipped"]:
            raise RowsSkipped(skipped, self.config["max_skipped"], reject_folder(self.config))

    @override  # type: ignore[misc]
    def run_connection_test(self) -> bool:
        """Tell what is at fault, then read one row of each stream. Raises StreamsFailed."""
        self.failures |= diagnose(
            self._whereabouts,
            self.config,
            self._wanted(),
            self.logger,
            are_presets=not definitions(self.config),
        )
        self._judge()
        self.setup_mapper()
        works = super().run_connection_test()
        self.session.sum_up()
        self._judge()
        return works

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """As the SDK does, which discovers before the test, where the first fault ends it."""
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params.get("config")
        tap = cls(
            config=config.config if config else None,
            parse_env_config=bool(config and config.parse_env),
            validate_config=True,
            setup_mapper=False,
        )
        tap.run_connection_test()
        ctx.exit()

    def _judge(self) -> None:
        if self.failures:
            raise StreamsFailed(self.failures)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        return OneLineCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=cls.logger,
        )


def _typed_fault(fault: str) -> str:
    """A fault of the SDK's check by schema, which quotes values; never those of secrets."""
    for name in SECRETS:
        if f"config['{name}']" in fault:
            return f"SETTING_INVALID: `{name}` has a value of another type than it should."
    return f"SETTING_INVALID: {fault}"


def _is_selected(entry: CatalogEntry) -> bool:
    return entry.metadata.resolve_selection()[()]
