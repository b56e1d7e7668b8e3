"""The Singer target: messages in, bookmarks out once everything before them is settled.

The SDK acknowledges nothing before all sinks are drained, and on a signal acknowledges rows that
were never written (github.com/meltano/sdk, issue 3775); so the queue of checkpoints and the
termination are our own. Private members of the SDK are touched in this module only.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property
from json import JSONDecodeError
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
import simplejson  # type: ignore[import-untyped] # it ships no types
from singer_sdk import Target
from singer_sdk._logging import _setup_console_logging
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.plugin_base import _ConfigInput, _plugin_log_level
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from target_monday.batches import batch_records
from target_monday.errors import (
    BoardFailed,
    BoardReplaced,
    BooksDoNotBalance,
    InputFault,
    RejectsAboveLimit,
    RowsIncomplete,
    RowsWithoutKey,
    RunFailed,
    SchemaMissing,
    SettingsFault,
    Stopped,
    StreamMapFailed,
    TargetError,
)
from target_monday.monday.errors import MondayError
from target_monday.reader import LineReader, page_of
from target_monday.redaction import Redactor, proxy_secrets, redact_logs
from target_monday.session import Session
from target_monday.settings import (
    GUARDS,
    SETTINGS,
    lost_by_meltano,
    setting_secrets,
    without_secret_values,
)
from target_monday.settings_input import (
    environment_settings,
    misnamed_removals,
    typed,
    unknown_names,
)
from target_monday.sink import MondaySink
from target_monday.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.mapper import StreamMap

    from target_monday.clock import Clock
    from target_monday.record_lines import RecordLines

__all__ = ["TargetMonday"]

_UNEXPECTED = "Additional properties are not allowed"  # jsonschema's words for an unknown name
_FLUSH_SECONDS = 60.0  # a slow tap's rows do not wait longer than this for a full request


class TargetMonday(Target):
    """Singer target for monday.com: only changes are sent, every row is accounted for."""

    name = "target-monday"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    default_sink_class = MondaySink
    message_reader_class = LineReader
    replaying: ClassVar[bool] = False  # whether the rows come from the ledger, not from a tap
    # What the SDK offers and this target keeps; a setting that is not honoured is not shown.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.ACTIVATE_VERSION,
        TargetCapabilities.HARD_DELETE,
    ]

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        self.termination = Termination()
        self._clock = clock
        super().__init__(
            message_reader=LineReader(self.termination, self._input_failed, self._lines_of),
            **kwargs,
        )
        self.max_parallelism = 1  # monday asks for one mutation at a time on a board
        self._last_flush = time.monotonic()
        self._finished = False

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Only the SDK's settings that are honoured: `mode` says what load_method would."""
        ours = dict(config_jsonschema["properties"])
        super().append_builtin_config(config_jsonschema)
        if "load_method" not in ours:
            config_jsonschema["properties"].pop("load_method", None)

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
        """The SDK's check by schema, with names that do not exist; all faults at once.

        Empty texts count as not set, so that an empty environment variable means the default.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        given = typed(self._config, schema)
        self._config = {name: each for name, each in given.items() if each not in (None, "")}
        redact_logs(self._redact)  # from here on no secret is logged
        found = super()._validate_config(raise_errors=False)
        found = [fault for fault in found if not fault.startswith(_UNEXPECTED)]
        faults = [without_secret_values(fault) for fault in found]
        faults += self._unknown(schema)
        faults += lost_by_meltano(os.environ) if faults else ()  # it may be why
        if faults and raise_errors:
            raise ConfigValidationError("the settings cannot be used", errors=faults)
        return faults

    @cached_property
    def _redact(self) -> Redactor:
        secrets = (*setting_secrets(self._config), *proxy_secrets())
        return Redactor(lambda: secrets)

    def _unknown(self, schema: Mapping[str, Any]) -> Iterator[str]:
        """The unknown names that must not be overlooked; of the others the log warns."""
        for each in unknown_names(self._config, schema):
            if each.path or each.nearest in GUARDS or each.name.startswith("max_"):
                yield each.sentence
            else:
                nearest = each.nearest or "none"
                self.logger.warning("setting.unknown setting=%s nearest=%s", each.name, nearest)

    @cached_property
    def session(self) -> Session:
        """The run's ledger, API and boards; opened when the first stream announces itself."""
        return Session(
            self.config,
            self.termination,
            version=self.plugin_version,
            after_pack=self._emit,
            clock=self._clock,
            replaying=self.replaying,
            redact=self._redact,
        )

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream, properties = message_dict["stream"], message_dict["schema"]["properties"]
        maps = self.config.get("stream_maps") or {}
        faults = list(misnamed_removals(stream, maps, properties))
        if faults:
            raise SettingsFault(faults)
        try:
            super()._process_schema_message(message_dict)
        except MappingError as error:
            raise SettingsFault([f"Stream {stream!r}, `stream_maps`: {error}"]) from None
        self.session.arrivals.raw.add(stream)
        for replaced in self._sinks_to_clear:  # its rows come before those of the new schema
            self._flush_sink(replaced)
        self._sinks_to_clear = []

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        for stream_map in self._maps_of(message_dict):
            try:
                record = stream_map.transform({**message_dict["record"]})
            except Exception as error:  # noqa: BLE001 - an expression may raise anything
                raise StreamMapFailed.because(stream_map.stream_alias, error) from None
            if record is None:
                self.session.books.at(stream_map.stream_alias).filter(1)
                continue
            sink = self._sink(stream_map.stream_alias)
            if sink.include_sdc_metadata_properties:
                sink._add_sdc_metadata_to_record(record, message_dict, {})  # noqa: SLF001
            sink.take(record, message_dict.get("version"), page_of(message_dict))

    def _maps_of(self, message: Mapping[str, Any]) -> Sequence[StreamMap]:
        """The stream maps of a message's stream. Raises SchemaMissing."""
        stream = message["stream"]
        if stream not in self.mapper.stream_maps:
            kind = message.get("type", "RECORD")
            raise SchemaMissing.of(kind, stream)
        return self.mapper.stream_maps[stream]

    def former_names(self, stream: str) -> set[str]:
        """The names that a stream had before stream maps, and that no stream has behind them."""
        names = {
            raw: {each.stream_alias for each in maps}
            for raw, maps in self.mapper.stream_maps.items()
        }
        delivered = set().union(*names.values())
        return {raw for raw, given in names.items() if stream in given} - delivered

    def _lines_of(self, stream: str) -> RecordLines | None:
        """Where lines of a stream wait that nothing on the way needs to look into."""
        maps = self.mapper.stream_maps.get(stream, ())
        sink = self._sinks_active.get(stream)
        as_they_are = all(type(each) is SameRecordTransform for each in maps)
        if len(maps) != 1 or not as_they_are or maps[0].flattening_enabled:
            return None
        return sink.lines if isinstance(sink, MondaySink) else None

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        self._maps_of(message_dict)
        for record in batch_records(message_dict):
            self._process_record_message({"stream": message_dict["stream"], "record": record})

    def _sink(self, stream: str) -> MondaySink:
        sink = self.get_sink(stream)
        if not isinstance(sink, MondaySink):
            raise TypeError(stream)
        return sink

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        state: Mapping[str, Any] | None = message_dict["value"]
        if not state:  # an empty state would wipe the bookmarks that stand
            return
        for sink in self._sinks_active.values():
            if isinstance(sink, MondaySink):
                sink.mark()
        self.session.loader.checkpoints.state(state)
        if time.monotonic() - self._last_flush > _FLUSH_SECONDS:
            self._flush()
        self._emit()

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        for stream_map in self._maps_of(message_dict):
            self._sink(stream_map.stream_alias).activate_version(message_dict["version"])
        self._emit()

    def _flush(self) -> None:
        for sink in self._sinks_active.values():
            self._flush_sink(sink)
        self.session.loader.deliver_all()
        self._last_flush = time.monotonic()

    @staticmethod
    def _flush_sink(sink: object) -> None:
        if isinstance(sink, MondaySink):
            sink.flush()

    def _emit(self) -> None:
        """Pass on the newest bookmark behind which nothing is open."""
        state = self.session.loader.bookmark()
        if state is not None:
            sys.stdout.write(simplejson.dumps(state, use_decimal=True) + "\n")
            sys.stdout.flush()
            self.session.loader.bookmark_passed()

    @override
    def process_endofpipe(self) -> None:
        try:
            self._flush()
            self.session.retire()
            self._emit()
            self.session.link()
            self._emit()
            self.session.warn_of_unused_settings()
            error = self._verdict()
            if error is None:
                self.session.loader.appending.ended_well()
        except Exception as failure:
            self._input_failed(failure)  # lines that wait are looked into only now
            raise
        self._finish(error)
        if error is not None:
            raise error

    def _verdict(self) -> TargetError | None:
        """What stands against an all-settled end of the run."""
        books, loader = self.session.books, self.session.loader
        if loader.failed:
            reasons = "; ".join(f"{stream}: {why}" for stream, why in loader.failed.items())
            sentence = f"Not all streams were delivered. {reasons}"
            return (
                Stopped(sentence)
                if loader.failed.keys() == loader.parked
                else BoardFailed(sentence)
            )
        if books.carried_over or not books.balanced:
            return BooksDoNotBalance(
                f"{books.carried_over} rows are not settled; balanced: {books.balanced}."
            )
        if self.session.replaced:
            sentences = "; ".join(self.session.replaced.values())
            return BoardReplaced(
                f"{sentences}. Bring the old board back, or read once with --full-refresh."
            )
        if books.partial:
            return RowsIncomplete(
                f"{books.partial} rows lack cells that cost more points than a request may; the "
                "next run sends them again."
            )
        allowed = self.config["max_rejects"]
        rejected = books.rejected + self.session.links.rejects
        if rejected > allowed:
            kind = RowsWithoutKey if loader.without_key else RejectsAboveLimit
            return kind(
                f"{rejected} rows were rejected, {allowed} are allowed (`max_rejects`). "
                "`target-monday-audit rejects` lists them."
            )
        return None

    def _input_failed(self, error: BaseException) -> None:
        """Something ended the run before the input's end.

        What came before an unreadable line is as good as ever: it is delivered, so that the
        bookmark moves on and the next run does not repeat it.
        """
        if isinstance(error, InputFault) and "session" in self.__dict__:
            try:
                self._flush()
            except Exception as failure:  # noqa: BLE001 - said, and the run fails anyway
                self.logger.warning("flush.failed reason=%r", _sentence(failure))
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        """Once: pass on what is settled, write the books, give everything back."""
        if self._finished or "session" not in self.__dict__:
            return
        self._finished = True
        if error is not None:
            for sink in [*self._sinks_to_clear, *self._sinks_active.values()]:
                if isinstance(sink, MondaySink):
                    sink.carry_over()
            self.session.loader.carry_over_rest()
            self._emit()
        status = "done" if error is None else getattr(error, "code", "FAILED").lower()
        message = None if error is None else _sentence(error)
        self.session.close(status=status, exit_code=_exit_code(error), message=message)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        self.termination.request(signum)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        try:
            return super().cb_config(ctx, param, value)
        except OSError as error:
            raise click.BadParameter(_reason(error)) from error
        except JSONDecodeError as error:
            raise click.BadParameter(f"It is not JSON: {error}.") from error
        except (TypeError, ValueError) as error:
            raise click.BadParameter("Settings must be a JSON object.") from error

    @classmethod
    @override
    def invoke(  # type: ignore[override] # as in the SDK's own Target
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run; the exit code tells how it ended, one line on stderr says why."""
        if about:
            cls.print_about(about_format)
            return
        cls.run(config or _ConfigInput(), file_input)

    @classmethod
    def log_to_stderr(cls) -> None:
        """Log as the SDK's command line does, from a command of our own that makes a run."""
        _setup_console_logging(log_level=_plugin_log_level(plugin_name=cls.name))

    @classmethod
    def run(cls, given: _ConfigInput, file_input: Any = None) -> None:
        """Run over this input, by default that of the process; ends the process if it fails."""
        try:
            target = cls(config=given.config, parse_env_config=given.parse_env)
            target.listen(file_input)
        except ConfigValidationError as error:
            for fault in error.errors:
                cls.logger.error("SETTINGS %s", fault)  # noqa: TRY400 - no traceback for users
            sys.exit(2)
        except Exception as error:
            cls.logger.debug("The run ended here.", exc_info=True)
            code = getattr(error, "code", "FAILED")
            cls.logger.error("%s %s", code, _sentence(error))  # noqa: TRY400 - no traceback
            sys.exit(_exit_code(error))


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    return error.exit_code if isinstance(error, TargetError) else RunFailed.exit_code


def _sentence(error: BaseException) -> str:
    """One line about the error; a database's own text only, never the values it was given."""
    if isinstance(error, SQLAlchemyError):
        return f"The ledger failed: {' '.join(str(getattr(error, 'orig', error)).split())}"
    if isinstance(error, OSError):
        return _reason(error)
    text = " ".join(str(error).split())
    return (
        text if isinstance(error, TargetError | MondayError) else f"{type(error).__name__}: {text}"
    )


def _reason(error: OSError) -> str:
    """What the operating system says, and of which file."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}."
