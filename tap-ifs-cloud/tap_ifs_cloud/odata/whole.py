"""A set as a whole: all of its rows, each once, and whether it is known that these are all.

Totals prove nothing: as many rows may come as others are missed. What proves a read is a walk
without a gap (`Page.gap`). Where the walk of choice leaves one, the set is swept by offset, and
only what did not come yet comes out. Totals can only speak against a read: rows are missing that no
deletion explains if fewer came than `$count` tells, or if one more stands behind so many.
"""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_ifs_cloud.odata.errors import (
    QUESTION_REFUSED,
    IfsError,
    Incomplete,
    PagingLoop,
    RunStopper,
)
from tap_ifs_cloud.odata.paging import KeyRepeated, OrderBroken, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_ifs_cloud.odata.rows import Row

__all__ = ["Completeness", "Whole", "whole_row"]

logger = logging.getLogger(__name__)

SWEEPS: Final = 10  # more than a set needs that people and jobs write to meanwhile
IDLE_SWEEPS: Final = 2  # in a row that bring nothing: the server counts rows that it never gives
PATIENCE: Final = 20  # pages beyond what the server counted, until it is asked how many follow
FAILURES: Final = 2  # times that the end has come no nearer
UNCOUNTED: Final = "the server does not tell whether more rows follow"
ENDLESS: Final = "rows come as fast as they are read, or again and again"

_bytes_of: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Completeness:
    """Whether a read brought every row that was there all the time, and why that is not known.

    This is the one place that says so. Whatever leaves a row out, or cannot make sure that none is
    left out, gives its reason here; a read with a reason ends without ACTIVATE_VERSION.
    """

    rows: int = 0  # that came
    reasons: list[str] = field(default_factory=list)
    has_gap: bool = False  # whether rows may lie unread that the next run would not ask for

    @property
    def is_whole(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def doubt(self, reason: str) -> None:
        """The read is not known to be whole."""
        self.reasons.append(reason)

    def gap(self, reason: str) -> None:
        """Nor may a bookmark pass what was read."""
        self.doubt(reason)
        self.has_gap = True


def whole_row(row: Row) -> Row:
    """All that a row holds, as what it is told apart by."""
    return row


def _hashes(identities: Iterable[Any]) -> Iterator[int]:
    """Of texts: those of numbers are not good enough, as `hash(-1) == hash(-2)`."""
    return map(hash, map(_bytes_of, identities))


@dataclass(slots=True)
class _Seen:
    """Which rows came: eight bytes a row, and a set to look up in once that is needed."""

    identity: Callable[[Row], Any]
    hashes: list[array[int]] = field(default_factory=list)  # in pieces, as one would be copied
    known: set[int] | None = None

    def note(self, page: Page) -> None:
        """Rows that cannot have come before."""
        places = map(self.identity, page.rows) if page.places is None else page.places
        self.hashes.append(array("q", _hashes(places)))

    def new(self, rows: Sequence[Row]) -> list[Row]:
        """Those that did not come yet. Raises KeyRepeated."""
        if self.known is None:
            self.known = set(chain.from_iterable(self.hashes))
        hashes = list(_hashes(map(self.identity, rows)))
        if self.identity is not whole_row and len(set(hashes)) < len(hashes):
            raise KeyRepeated("several rows of one page have the same key")
        fresh = [row for row, one in zip(rows, hashes, strict=True) if one not in self.known]
        self.known.update(hashes)
        return fresh


@dataclass(slots=True)
class Whole:
    """Reads all rows of a set, each once, and says whether they are all."""

    stream: str  # for the log
    where: str  # for errors
    walk: Callable[[], Iterator[Page]]
    sweep: Callable[[], Iterator[Page]]  # the way that needs least of the server
    count: Callable[[], int | None]  # how many rows there are now, if the server tells
    has_more: Callable[[int], bool | None]  # whether there are more rows than so many, if it tells
    identity: Callable[[Row], Any] | None  # what rows are told apart by, if they can be
    ascends: bool = False  # whether the walk itself makes sure that no row comes twice
    strict: bool = True  # whether rows that are counted and do not come are an error
    completeness: Completeness = field(default_factory=Completeness)
    read: int = 0
    _before: int | None = None  # rows that the server counted at first
    _gap: str | None = None  # why rows may be missing after the last walk or sweep
    _seen: _Seen | None = None

    def pages(self) -> Iterator[Page]:
        """Pages of rows that did not come yet. Raises Incomplete when some cannot be had."""
        if self.identity is not None:
            self._seen = _Seen(self.identity)
        self._before, idle = self.count(), 0
        yield from self._walked()
        missing = self._missing()
        for sweep in range(SWEEPS):
            is_doubted = self._gap is not None and not sweep  # one sweep proves it, or none will
            if not (missing or is_doubted) or self._seen is None or idle == IDLE_SWEEPS:
                break
            read, gap = self.read, self._gap
            if missing:
                logger.warning(
                    "rows.missing stream=%s counted=%d read=%d", self.stream, missing, read
                )
            else:
                logger.warning("walk.doubted stream=%s reason=%r", self.stream, gap)
            try:
                yield from self._swept(gap or "the server counts more rows than came")
            except RunStopper:
                raise
            except IfsError as error:  # a check that cannot be made
                self._gap = gap or str(error)
                break
            idle = 0 if self.read > read else idle + 1
            missing = self._missing()
        self._judge(missing)

    def _judge(self, missing: int | None) -> None:
        if self._gap is not None:
            self.completeness.gap(self._gap)
        if missing is not None:
            incomplete = Incomplete(self.where, counted=missing, read=self.read)
            if self.strict:
                raise incomplete
            self.completeness.doubt(str(incomplete))

    def _walked(self) -> Iterator[Page]:
        """The rows of the walk; those of a sweep if it turns out to leave rows out."""
        try:
            yield from self._rows(self.walk)
        except (OrderBroken, PagingLoop, *QUESTION_REFUSED) as error:
            if not self.ascends:
                raise
            logger.warning("walk.skip stream=%s reason=%r", self.stream, str(error))
            if isinstance(error, KeyRepeated):
                self._forget()
            yield from self._swept(str(error))

    def _swept(self, reason: str) -> Iterator[Page]:
        """What a sweep still brings; until its end, rows may be missing for the `reason` given."""
        self.ascends = False
        try:
            yield from self._rows(self.sweep, reason)
        except KeyRepeated:
            self._forget()
            yield from self._rows(self.sweep, reason)

    def _rows(
        self, walk: Callable[[], Iterator[Page]], gap_before: str | None = None
    ) -> Iterator[Page]:
        self._gap, stale = None, 0
        for page in self._bounded(walk):
            rows = self._unseen(page)
            self.read += len(rows)
            self._gap = self._gap or page.gap
            stale = stale + 1 if page.rows and not rows else 0
            if gap_before is None and stale > PATIENCE:  # a sweep brings mostly rows that came
                self._gap = ENDLESS
                return
            if rows:
                yield replace(page, rows=rows, gap=self._gap or gap_before)

    def _bounded(self, walk: Callable[[], Iterator[Page]]) -> Iterator[Page]:
        """The pages of a walk, as long as they lead nearer to its end.

        Rows can come as fast as they are read, or come again by ever new links. So when a walk has
        brought more than was there, the server is asked now and then how many rows still follow.
        """
        rows = pages = failures = 0
        number: int | None = None
        until, mark = PATIENCE, 0
        least: int | None = None  # rows that were ahead so far
        for page in walk():
            yield page
            rows += len(page.rows)
            is_part = number is not None and page.number == number
            number = page.number
            pages += not is_part and rows > (self._before or 0)
            if is_part or pages < until:
                continue
            read, mark = rows - mark, rows
            ahead = self._ahead(rows, precision=read // 10)
            is_nearer = ahead is None or least is None or least - ahead >= read / 2
            failures = 0 if is_nearer else failures + 1
            least = ahead if least is None or ahead is None else min(least, ahead)
            if failures == FAILURES:
                yield Page((), gap=ENDLESS)
                return
            until = pages + PATIENCE if failures else pages * 2

    def _ahead(self, rows: int, *, precision: int) -> int | None:
        """How many rows follow the first so many, if the server tells."""
        counted = self.count()
        if counted is not None and counted > rows:
            return counted - rows
        low, high = 0, max(1, precision)
        has_more = self.has_more(rows + high)
        while has_more:
            low, high = high, high * 2
            has_more = self.has_more(rows + high)
        if has_more is None:
            return None
        while high - low > max(1, precision):
            middle = (low + high) // 2
            low, high = (middle, high) if self.has_more(rows + middle) else (low, middle)
        return high

    def _forget(self) -> None:
        """Rows cannot be told apart, so those that came will come again."""
        logger.warning("key.repeated stream=%s", self.stream)
        self._seen, self.read = None, 0

    def _unseen(self, page: Page) -> Sequence[Row]:
        if self._seen is None:
            return page.rows
        if self.ascends:
            self._seen.note(page)
            return page.rows
        return self._seen.new(page.rows)

    def _missing(self) -> int | None:
        """How many rows there should be, if that is more than came and nothing explains it.

        Rows that went meanwhile explain it.
        """
        if self._before is None:
            if self._gap == ENDLESS:  # more rows follow whenever that is asked
                return None
            has_more = self.has_more(self.read)
            if has_more is None:
                self._gap = self._gap or UNCOUNTED
            return self.read + 1 if has_more else None
        now = self.count() if self.read < self._before else self._before
        if now is None:
            self._gap = self._gap or UNCOUNTED
            return None
        if self.read < min(self._before, now):
            return now
        if self.read != self._before:
            logger.info(
                "rows.drift stream=%s before=%d read=%d", self.stream, self._before, self.read
            )
        return None
