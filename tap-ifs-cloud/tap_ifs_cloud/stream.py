"""One entity set as a Singer stream: selection, records, bookmark, the end of a full read."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from msgspec import UNSET
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_ifs_cloud.bad_rows import BadRows
from tap_ifs_cloud.lines import write_records
from tap_ifs_cloud.odata.errors import IfsError, Incomplete, ReplicationKeyInvalid, RunStopper
from tap_ifs_cloud.odata.etag import version_time
from tap_ifs_cloud.odata.paging import PART
from tap_ifs_cloud.odata.rows import ETAG, ROW_VERSION
from tap_ifs_cloud.reading import Reading, Since, newer_versions, stamped_since
from tap_ifs_cloud.rejects import RejectFile
from tap_ifs_cloud.replication import Stamp, as_bookmark, horizon
from tap_ifs_cloud.schema import ENUM_MEMBERS, PLUMBING, stream_schema
from tap_ifs_cloud.settings import reject_folder
from tap_ifs_cloud.stamps import newest_stamp
from tap_ifs_cloud.uniqueness import uniqueness_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import MetadataMapping, SchemaMessage

    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.odata.rows import Row
    from tap_ifs_cloud.odata.whole import Completeness
    from tap_ifs_cloud.plan import StreamPlan
    from tap_ifs_cloud.tap import TapIfsCloud

__all__ = ["EntitySetStream"]

# In the state of a stream by row versions: the newest that its last read saw. What that read missed
# is later, so it can be the bookmark once the next read has brought what changed meanwhile.
NEWEST = "newest_row_version"
EMPTY = (
    "no row came: IFS also answers so when the service user lacks the company or site, and a "
    "`filter` may leave out all rows"
)
_COLUMN = 2  # length of the breadcrumb of a column; what lies inside it has a longer one


class EntitySetStream(Stream):
    """An entity set.

    The bookmark is kept here, not by the SDK: the SDK compares bookmarks as text, takes the rows of
    a look-back for a broken order, and mixes in this machine's clock.
    """

    # The row decoder has made every value fit the schema.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapIfsCloud, plan: StreamPlan) -> None:
        references = plan.references.values()
        schema = stream_schema(plan.properties, plan.metadata, key=plan.key, references=references)
        super().__init__(tap, schema=schema, name=plan.definition.name)
        self.tap = tap
        self.plan = plan
        self.primary_keys = list(plan.key)
        self.replication_key = plan.replication_key
        # Values of the replication key, each as it is compared and as it was received
        self._watermark: tuple[Any, str] | None = None  # the newest one
        self._limit: tuple[Any, str] | None = None  # what the walk cannot have missed: up to here
        self._is_held = False  # whether rows may be unread that lie before those that came
        self._begin: str | None = None  # the bookmark of the last run
        self._untold = 0  # rows since the last STATE

    # Discovery and schema

    @override
    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """As the SDK does, with the members of enumerations, which its schema class drops."""
        for message in super()._generate_schema_messages():
            for name, column in message.schema["properties"].items():
                members = self.schema["properties"].get(name, {}).get(ENUM_MEMBERS)
                if members is not None:
                    column[ENUM_MEMBERS] = members
            yield message

    @property
    @override
    def metadata(self) -> MetadataMapping:
        is_new = self._metadata is None
        mapping = super().metadata
        if is_new and self._tap_input_catalog is None:
            for name in PLUMBING.difference(self.primary_keys) & self.plan.properties.keys():
                mapping["properties", name].selected_by_default = False
        return mapping

    @property
    @override
    def is_sorted(self) -> bool:
        """Rows come in the order of the replication key, so each STATE can be resumed from."""
        return True

    # Reading

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """As dicts, for the SDK's own way from a record to a line."""
        reading = self._reading()
        rows = chain.from_iterable(page.rows for page in self._pages(reading))
        # Within the limit of a connection test; the SDK would end it by an error, and log that.
        yield from islice(map(reading.row_type.record, rows), self.ABORT_AT_RECORD_COUNT)

    def _write_pages(self) -> None:
        """As lines, a page at once."""
        reading = self._reading()
        name = self.stream_maps[0].stream_alias
        with self.get_record_counter() as counter, self.get_sync_timer():
            for page in self._pages(reading):
                with self.tap.termination.uninterrupted():
                    write_records(name, page, version=self._stream_version)
                    self.state_manager.is_flushed = False
                    counter.increment(len(page.rows))
                    self._move_behind(reading, page.rows)
        self._finalize_state(self.stream_state)
        self._write_state_message()

    @property
    def _needs_dicts(self) -> bool:
        """Whether something between row and line works on dicts."""
        transform = self.stream_maps[0]
        return (
            len(self.stream_maps) > 1
            or type(transform) is not SameRecordTransform
            or transform.flattening_enabled
            or self.ABORT_AT_RECORD_COUNT is not None
            or any(len(crumb) > _COLUMN and not chosen for crumb, chosen in self.mask.items())
        )

    def _reading(self) -> Reading:
        size = self.plan.definition.page_size or self.config["page_size"]
        limit = self.ABORT_AT_RECORD_COUNT or size
        completeness = self.plan.definition.completeness or self.config["completeness"]
        return Reading.of(
            self.plan,
            self._columns(),
            min(int(size), limit),
            self._bad_rows(),
            strict=completeness == "strict",
        )

    def _bad_rows(self) -> BadRows:
        definition, folder = self.plan.definition, reject_folder(self.config)
        is_kept = folder is not None and self.ABORT_AT_RECORD_COUNT is None
        return BadRows(
            self.plan,
            definition.on_bad_value or self.config["on_bad_value"],
            definition.on_null_key or self.config["on_null_key"],
            RejectFile.of(folder, self.name) if folder is not None and is_kept else None,
        )

    def _pages(self, reading: Reading) -> Iterator[Page]:
        """The rows of this run, and at their end what is to be told about them all."""
        uniqueness = uniqueness_of(self.plan, reading.row_type)
        for page in self._told(reading):
            if uniqueness is not None:
                uniqueness.note(page.rows)
            self._is_held = self._is_held or page.gap is not None
            if self.replication_key == ROW_VERSION and page.number == 1:
                version = attrgetter(reading.row_type.attributes[ROW_VERSION])
                self._limit_to(map(version, page.rows))
            yield page
        self.tap.skipped[self.name] = skipped = reading.bad_rows.close()
        if skipped:
            reading.completeness.doubt(f"{skipped} rows are skipped")
        if uniqueness is not None and uniqueness.shared:
            reading.completeness.doubt(self._shared_keys(uniqueness.shared))
        self._complete(reading.completeness)

    def _shared_keys(self, rows: int) -> str:
        """Say that `key_properties` do not tell rows apart, which a target takes for one row."""
        self.logger.warning(
            "key.duplicate stream=%s rows=%d key=%s hint=%r",
            self.name,
            rows,
            ",".join(self.plan.definition.key_properties),
            "`key_properties` are not unique: a target keeps one row of each key, so name more "
            "columns",
        )
        return f"{rows} rows share their key with others"

    def _told(self, reading: Reading) -> Iterator[Page]:
        """The pages, while the log tells how far they are."""
        try:
            with self.tap.session.progress.reading(self.name):
                yield from self._read(reading)
        finally:
            reading.sum_up()

    def _read(self, reading: Reading) -> Iterator[Page]:
        if self.replication_method != REPLICATION_INCREMENTAL:
            return reading.pages()
        since = Since(self._bookmark(), self.config.get("start_date"), self.config["lookback"])
        if since.is_ever and self.emit_activate_version_messages:
            self._stream_version = self._initialized_at
        if self.replication_key == ROW_VERSION:
            self._limit_to([since.bookmark, self.stream_state.get(NEWEST)])
            return newer_versions(reading, self._stamp, since)
        newest = newest_stamp(self.plan, self._stamp_name())
        if newest is not None and self._order(newest) is not None:
            self._limit_to([since.bookmark, newest])
        return stamped_since(reading, self._stamp, replace(since, newest=newest))

    def _stamp_name(self) -> str:
        if self.replication_key is None:
            raise ReplicationKeyInvalid(
                f"stream {self.name!r} is INCREMENTAL in the catalog but has no replication key: "
                "name one there or in the setting `streams`, or choose FULL_TABLE"
            )
        return self.replication_key

    def _columns(self) -> tuple[str, ...]:
        """The selected ones that are still there; a catalog may be older than the tenant."""
        known = self.effective_schema["properties"]
        offered = (*self.plan.properties, *self.plan.references, ETAG, ROW_VERSION)
        gone = known.keys() - set(offered)
        if gone:
            self.logger.warning("column.gone stream=%s columns=%s", self.name, sorted(gone))
        needed = {*self.primary_keys, *self.plan.unique, self.replication_key}
        return tuple(
            name
            for name in offered
            if name in needed or (name in known and self.mask["properties", name])
        )

    def _complete(self, completeness: Completeness) -> None:
        """All was read. If that is the whole set, a target may now know what has vanished."""
        if not completeness.rows:
            completeness.gap(EMPTY)
        if self.replication_method == REPLICATION_INCREMENTAL and not completeness.has_gap:
            self._is_held = False
            self._write_bookmark()
            self._keep_newest()
        if not completeness.is_whole:
            self.logger.warning(
                "%s stream=%s reason=%r hint=%r",
                "stream.incomplete" if completeness.rows else "stream.empty",
                self.name,
                "; ".join(completeness.reasons),
                "no ACTIVATE_VERSION, and no bookmark behind a gap: rows may be missing",
            )
        elif self._stream_version is not None and self.ABORT_AT_RECORD_COUNT is None:
            super()._write_activate_version_message(self._stream_version)

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Not yet: the SDK writes it before the first row, when nobody knows if all will come.

        The version is that of the SDK in milliseconds, as two runs may begin within one second.
        """
        self._stream_version = self._initialized_at

    # Bookmark

    def _bookmark(self) -> str | None:
        """That of the last run, as received; `None` also if it belongs to another column."""
        state = self.stream_state
        value = state.get("replication_key_value")
        if value is None:
            return None
        if state.get("replication_key") != self.replication_key:
            self.logger.warning(
                "bookmark.ignored stream=%s of=%s", self.name, state.get("replication_key")
            )
            return None
        self._begin = str(value)
        self._move_to(self._begin)
        return self._begin

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Move the bookmark on, never back: rows of the look-back are older than it."""
        if self.replication_method == REPLICATION_INCREMENTAL and self.replication_key:
            self._move_behind_values([latest_record.get(self.replication_key)])

    def _move_behind(self, reading: Reading, rows: Sequence[Row]) -> None:
        """Move the bookmark behind rows that were written, and tell it now and then."""
        if self.replication_method == REPLICATION_INCREMENTAL and self.replication_key:
            value = attrgetter(reading.row_type.attributes[self.replication_key])
            self._move_behind_values(list(map(value, rows)))
            self._untold += len(rows)
            if len(rows) < PART or self._untold >= self.STATE_MSG_FREQUENCY:
                self._write_state_message()
                self._untold = 0

    def _move_behind_values(self, values: Sequence[object]) -> None:
        """Row versions come in no order, and their bookmark is written when all were read.

        So is that of stamps once rows may be missing before them.
        """
        if self.replication_key == ROW_VERSION:
            for value in values:
                self._move_to(value)
            return
        # Stamps ascend; only placeholders far ahead can stand behind the last that counts.
        if any(self._move_to(value) for value in reversed(values)) and not self._is_held:
            self._write_bookmark()

    def _move_to(self, value: object) -> bool:
        """Whether the bookmark now stands at a value or behind it."""
        if value is None or value is UNSET:
            return False
        text = as_bookmark(value)
        if self._watermark is not None and self._watermark[1] == text:
            return True
        order = self._order(text)
        if order is None:
            return False
        if self._watermark is None or order >= self._watermark[0]:
            self._watermark = (order, text)
        return True

    def _order(self, value: str) -> Any:
        """What a value is compared by; `None` if no bookmark may stand there."""
        if self.replication_key == ROW_VERSION and version_time(value) is None:
            return None
        return self._stamp.order(value) if self._stamp.is_real(value) else None

    @cached_property
    def _stamp(self) -> Stamp:
        """The replication key, as it is when the stream begins."""
        ahead = horizon(self.tap.session.server_now())
        if self.replication_key == ROW_VERSION:
            return Stamp(ROW_VERSION, "Edm.String", ahead)
        return self.plan.stamp(self._stamp_name(), horizon=ahead)

    def _limit_to(self, values: Iterable[object]) -> None:
        """Let no bookmark pass the newest of these values: the server had them at the start.

        A row can change when its page has been read, and the walk go on to a later change.
        """
        for value in values:
            text = None if value is None or value is UNSET else as_bookmark(value)
            order = None if text is None else self._order(text)
            if order is not None and (self._limit is None or order > self._limit[0]):
                self._limit = order, text or ""

    def _write_bookmark(self) -> None:
        reached = self._watermark
        if self._limit is not None and reached is not None:
            reached = min(reached, self._limit, key=itemgetter(0))
        elif self.replication_key == ROW_VERSION:
            return
        if reached is not None:
            self.stream_state["replication_key"] = self.replication_key
            self.stream_state["replication_key_value"] = reached[1]

    def _keep_newest(self) -> None:
        """Note the newest row version for the next run, if no bookmark may stand there yet."""
        self.stream_state.pop(NEWEST, None)
        newest = self._watermark
        if self.replication_key != ROW_VERSION or newest is None:
            return
        if self._limit is None or self._limit[0] < newest[0]:
            self.stream_state[NEWEST] = newest[1]

    def _take_back_bookmark(self) -> None:
        """Put it where it was when the run began: rows are missing, nobody knows where."""
        for name, value in (
            ("replication_key", self.replication_key),
            ("replication_key_value", self._begin),
        ):
            if self._begin is None:
                self.stream_state.pop(name, None)
            else:
                self.stream_state[name] = value

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """None: a bookmark is in the server's frame, not in that of this machine's clock."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Nothing: `_bookmark` reads the state when the stream begins."""

    # Failure

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **more: Any) -> None:
        """As the SDK does, but what it knows as an unhandled error is told with its code later."""
        if level < logging.ERROR:
            super().log(message, *args, level=level, **more)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """A set that cannot be read does not keep the others from it."""
        try:
            if self._needs_dicts or not write_messages:
                yield from super()._sync_records(context, write_messages=write_messages)
            else:
                self._write_pages()
        except RunStopper:
            self._write_state_message()
            raise
        except IfsError as error:
            if isinstance(error, Incomplete):
                self._take_back_bookmark()
            self._write_state_message()
            self.tap.failed(self.name, error)
