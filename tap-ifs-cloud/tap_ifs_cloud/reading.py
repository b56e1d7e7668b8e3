"""What one run reads of an entity set, by its replication mode. Knows no Singer messages."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import UNSET

from tap_ifs_cloud.odata.asking import Asker
from tap_ifs_cloud.odata.errors import QUESTION_REFUSED
from tap_ifs_cloud.odata.etag import version_time
from tap_ifs_cloud.odata.query import Query, both
from tap_ifs_cloud.odata.rows import ROW_VERSION, RowType
from tap_ifs_cloud.odata.whole import Completeness
from tap_ifs_cloud.walking import whole_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_ifs_cloud.bad_rows import BadRows
    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.plan import StreamPlan
    from tap_ifs_cloud.replication import Stamp

__all__ = ["Reading", "Since", "newer_versions", "stamped_since"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Since:
    """Where an incremental run begins, and what the server had then."""

    bookmark: str | None = None
    start_date: str | None = None
    lookback: int = 0  # seconds
    newest: str | None = None  # the newest stamp at the server when the run began, if it tells

    @property
    def is_ever(self) -> bool:
        """Whether nothing is left out: the whole set is read."""
        return self.bookmark is None and self.start_date is None


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads a set, or the part of it that meets a filter, with some of its columns."""

    plan: StreamPlan
    columns: tuple[str, ...]  # may hold `_ifs_etag` and `_ifs_row_version`
    page_size: int
    asker: Asker
    bad_rows: BadRows
    strict: bool = True  # whether rows that are counted and do not come are an error
    completeness: Completeness = field(default_factory=Completeness)

    @classmethod
    def of(
        cls,
        plan: StreamPlan,
        columns: tuple[str, ...],
        page_size: int,
        bad_rows: BadRows,
        *,
        strict: bool = True,
    ) -> Reading:
        """A reading of some columns of a stream."""
        name = plan.definition.entity_set
        references = plan.references.values()
        row_type = RowType.compile(
            name, plan.metadata, names=columns, key=plan.key, references=references
        )
        asker = Asker(
            plan.definition.name,
            plan.service,
            name,
            row_type,
            follows_links=plan.follows_links,
            headers=plan.headers,
        )
        return cls(plan, columns, page_size, asker, bad_rows, strict)

    @property
    def row_type(self) -> RowType:
        """What the rows are."""
        return self.asker.row_type

    def pages(
        self, narrowed_by: str | None = None, *, ordered_by: tuple[str, ...] = ()
    ) -> Iterator[Page]:
        """The rows page by page, ordered by some columns and the key."""
        query = Query(
            select=self.plan.select(self.columns),
            expand=tuple(o.option for n, o in self.plan.references.items() if n in self.columns),
            filter=both(self.plan.definition.filter, narrowed_by),
            top=self.page_size,
        )
        whole = whole_set(
            self.plan,
            self.asker,
            query,
            ordered_by,
            strict=self.strict,
            completeness=self.completeness,
        )
        for page in whole.pages():
            self.completeness.rows += len(page.rows)
            self.plan.service.session.progress.came(len(page.rows))
            yield replace(page, rows=self.bad_rows.checked(self.row_type, page.rows))

    def again(self, narrowed_by: str | None = None) -> Iterator[Page]:
        """Rows that earlier runs have skipped, as far as the service can be asked for them."""
        for condition, rejects in self.bad_rows.again():
            try:
                yield from self.pages(both(condition, narrowed_by))
            except QUESTION_REFUSED as error:
                name = self.plan.definition.name
                logger.warning("rejects.unread stream=%s reason=%r", name, str(error))
                self.bad_rows.keep(rejects)

    def sum_up(self) -> None:
        """At its end, also an early one: log the warnings that were not logged each."""
        self.asker.broken.close()
        self.bad_rows.sum_up()


def stamped_since(reading: Reading, stamp: Stamp, since: Since) -> Iterator[Page]:
    """Rows without a stamp, then rows stamped at or after a moment, oldest first.

    A row that was never modified may have no stamp, and `ge` leaves such rows out: they are read
    in each run, before the others, so that they cannot hold up the bookmark. So are rows that the
    last run has skipped; those that have changed since come with the others.
    """
    if since.bookmark is not None:
        passed = f"{stamp.name} le {stamp.as_literal(since.bookmark)}"
        yield from reading.again(f"{passed} or {stamp.name} eq null")
    if reading.plan.properties[stamp.name].nullable and stamp.name not in reading.plan.key:
        value = attrgetter(reading.row_type.attributes[stamp.name])
        for page in reading.pages(f"{stamp.name} eq null"):
            is_filtered = all(value(row) in (None, UNSET) for row in page.rows)
            yield page if is_filtered else replace(page, gap="the server does not filter by stamps")
    end = _end(reading, stamp, since)
    yield from reading.pages(both(_begin(stamp, since), end), ordered_by=(stamp.name,))


def _end(reading: Reading, stamp: Stamp, since: Since) -> str | None:
    """Up to the newest stamp of the start, so that rows that change meanwhile wait.

    The server's own stamp, since its frame is known to nobody else. A read of the whole set has no
    such end: what it left out would be taken for vanished.
    """
    newest = since.newest
    if newest is None or since.is_ever:
        return None
    if since.bookmark is not None and stamp.order(newest) < stamp.order(since.bookmark):
        logger.warning(
            "bookmark.ahead stream=%s bookmark=%s newest=%s hint='was the newest row deleted?'",
            reading.plan.definition.name,
            since.bookmark,
            newest,
        )
    return f"{stamp.name} le {stamp.as_literal(newest)}"


def _begin(stamp: Stamp, since: Since) -> str:
    """The filter; inclusive, because rows of one second can straddle two runs."""
    begins = []
    if since.bookmark is not None:
        begins.append(stamp.back(since.bookmark, since.lookback))
    if since.start_date is not None and stamp.is_dated:
        begins.append(stamp.start(since.start_date))
    if not begins:
        return f"{stamp.name} ne null"
    return f"{stamp.name} ge {stamp.as_literal(max(begins, key=stamp.order))}"


def newer_versions(reading: Reading, stamp: Stamp, since: Since) -> Iterator[Page]:
    """All rows are read; those come out whose version is not older than the bookmark.

    Rows without a version, or with a counter for a version, always come out: counters of two rows
    cannot be compared.
    """
    begin = None
    if since.bookmark is not None:
        yield from reading.again()
        begin = version_time(stamp.back(since.bookmark, since.lookback))
    version = attrgetter(reading.row_type.attributes[ROW_VERSION])
    for page in reading.pages():
        if begin is None:
            yield page
            continue
        times = [version_time(version(row)) for row in page.rows]
        both_of = zip(page.rows, times, strict=True)
        yield replace(page, rows=[row for row, at in both_of if at is None or at >= begin])
