"""One stream's rows on their way to the loader, in batches that are compared at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_monday.errors import BoardFailed, SettingsFault
from target_monday.loading import Row
from target_monday.mapping import is_left_out
from target_monday.privacy import key_fault, misnamed, privacy_of
from target_monday.quiet import has_quiet_rows
from target_monday.record_lines import RecordLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.plan import BoardPlan
    from target_monday.routing import Route
    from target_monday.session import Session
    from target_monday.target import TargetMonday

__all__ = ["MondaySink"]

_log = logging.getLogger("target-monday")


class MondaySink(Sink):
    """A buffer in front of the loader; what becomes of the rows is decided there."""

    MAX_SIZE_DEFAULT = 1000

    def __init__(
        self,
        target: TargetMonday,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        self._privacy = privacy_of(stream_name, target.config)
        self._left_out = is_left_out(stream_name, target.config)
        properties = tuple(schema.get("properties") or ())
        faults: list[str] = []
        if not (self._left_out or target.replaying):
            sources = target.former_names(stream_name)
            faults += misnamed(stream_name, target.config, properties, sources)
        if self._privacy is not None:
            fault = key_fault(stream_name, self._privacy, key_properties or ())
            faults += [fault] if fault else []
            schema = self._privacy.schema(schema)
        if faults:
            raise SettingsFault(faults)
        super().__init__(target, stream_name, schema, key_properties)
        self._session: Session = target.session
        self._route: Route | None = None
        self._rows: list[Row] = []
        self._version: int | None = None
        self._session.arrivals.stream(stream_name, properties)
        self._told: set[str] = set()
        self._is_cut = False
        self._lines = RecordLines(self.max_size, self._session.loader.checkpoints.rows, self.flush)

    @property
    def lines(self) -> RecordLines | None:
        """Where lines of the stream wait that need not be parsed; None if all have to be."""
        return self._lines if self._is_cut else None

    @override
    def get_validator(self) -> None:
        """No JSON schema check: each codec checks what its column takes, and costs less."""

    @override
    def setup(self) -> None:
        if self._left_out:
            _log.info("stream.left_out stream=%s", self.stream_name)
            return
        try:
            self._route = self._session.route(self.stream_name, self.schema, self.key_properties)
        except BoardFailed as error:
            self._session.loader.fail_stream(self.stream_name, str(error))
            return
        if self._privacy is None:  # a hash would tell of what goes no further
            self._is_cut = has_quiet_rows(self._route.spec, self.config)

    def take(
        self, record: dict[str, Any], version: int | None = None, page: int | None = None
    ) -> None:
        """Buffer a record; a full buffer goes to the loader."""
        if self._left_out:
            self._session.books.at(self.stream_name).filter(1)
            return
        if version != self._version or len(self._lines):
            self.flush()
            self._version = version
        if self._privacy is not None:
            self._privacy.apply(record, again=self._session.replaying)
        self._rows.append(Row(record, self._session.loader.checkpoints.row(), page=page))
        if len(self._rows) >= self.max_size:
            self.flush()

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        self.take(record)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        self.flush()

    def flush(self) -> None:
        """Hand what waits to the loader; rows came before the lines, if there are both."""
        self._session.progress.show()
        rows, self._rows = self._rows, []
        if rows and self._route is None:
            self._session.loader.carry_over(self.stream_name, rows)
        if self._route is None:
            return
        if rows:
            self._session.intake.load(self._route, rows, self._version)
        if len(self._lines) and self._is_cut:
            self._session.intake.load_lines(self._route, self._lines.empty())
        for plan in self._route.plans.values():
            self._tell_what_was_cut(plan)

    def mark(self) -> None:
        """A bookmark comes: it stands behind all lines so far."""
        self._lines.mark()

    def _tell_what_was_cut(self, plan: BoardPlan) -> None:
        """Once a column: the summary counts the rest."""
        for column in plan.shortened.keys() - self._told:
            self._told.add(column)
            _log.warning(
                "text.shortened stream=%s column=%s: texts are longer than it holds, they are cut",
                *(self.stream_name, column),
            )

    def carry_over(self) -> None:
        """The run stops: buffered rows are for the next one."""
        waiting = [Row({}, ticket) for ticket, n in self._lines.empty().tickets for _ in range(n)]
        self._session.loader.carry_over(self.stream_name, [*self._rows, *waiting])
        self._rows = []

    @override
    def activate_version(self, new_version: int) -> None:
        self.flush()
        if self._route is not None:
            self._session.activate_version(self._route, new_version)
