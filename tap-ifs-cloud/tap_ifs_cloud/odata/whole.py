"""A set as a whole: what a walk brought is compared with what the server counts.

No walk is proof against every server: text that is sorted otherwise than compared, empty keys and
offsets that shift can hide rows between two pages. What came is therefore held against `$count`, or
against the question whether one more row stands behind so many. If rows are missing that no
deletion explains, the set is swept again, and only what did not come yet comes out.
"""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_ifs_cloud.odata.errors import BadRequest, Incomplete
from tap_ifs_cloud.odata.paging import KeyRepeated, OrderBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.odata.rows import Row

__all__ = ["Whole", "whole_row"]

logger = logging.getLogger(__name__)

SWEEPS: Final = 10  # more than a set needs that people and jobs write to meanwhile
IDLE: Final = 2  # sweeps in a row that bring nothing: the server counts rows that it never gives

_bytes_of: Final = msgspec.json.Encoder().encode


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
    """Reads all rows of a set, each once, or tells that it could not."""

    stream: str  # for the log
    where: str  # for errors
    walk: Callable[[], Iterator[Page]]
    sweep: Callable[[], Iterator[Page]]  # the way that needs least of the server
    count: Callable[[], int | None]  # how many rows there are now, if the server tells
    has_more: Callable[[int], bool]  # whether there are more rows than so many
    identity: Callable[[Row], Any] | None  # what rows are told apart by, if they can be
    ascends: bool = False  # whether the walk itself makes sure that no row comes twice
    read: int = 0
    _seen: _Seen | None = None

    def pages(self) -> Iterator[Page]:
        """Pages of rows that did not come yet. Raises Incomplete when some cannot be had."""
        if self.identity is not None:
            self._seen = _Seen(self.identity)
        before, idle = self.count(), 0
        yield from self._walked()
        for _ in range(SWEEPS):
            there = self._shortfall(before, idle)
            if there is None:
                return
            if self._seen is None or idle == IDLE:
                break
            logger.warning(
                "rows.missing stream=%s counted=%d read=%d", self.stream, there, self.read
            )
            read = self.read
            yield from self._swept()
            idle = 0 if self.read > read else idle + 1
        raise Incomplete(self.where, counted=there or 0, read=self.read)

    def _walked(self) -> Iterator[Page]:
        """The rows of the walk; those of a sweep if it turns out to leave rows out."""
        try:
            yield from self._rows(self.walk, ascends=self.ascends)
        except (OrderBroken, BadRequest) as error:
            if self.walk is self.sweep:
                raise
            logger.warning("walk.skip stream=%s reason=%r", self.stream, str(error))
            self.ascends = False
            if isinstance(error, KeyRepeated):
                self._forget()
            yield from self._swept()

    def _swept(self) -> Iterator[Page]:
        try:
            yield from self._rows(self.sweep)
        except KeyRepeated:
            self._forget()
            yield from self._rows(self.sweep)

    def _rows(self, walk: Callable[[], Iterator[Page]], *, ascends: bool = False) -> Iterator[Page]:
        for page in walk():
            rows = self._unseen(page, ascends=ascends)
            self.read += len(rows)
            if rows:
                yield replace(page, rows=rows)

    def _forget(self) -> None:
        """Rows cannot be told apart, so those that came will come again."""
        logger.warning("key.repeated stream=%s", self.stream)
        self._seen, self.read = None, 0

    def _unseen(self, page: Page, *, ascends: bool) -> Sequence[Row]:
        if self._seen is None:
            return page.rows
        if ascends:
            self._seen.note(page)
            return page.rows
        return self._seen.new(page.rows)

    def _shortfall(self, before: int | None, idle: int) -> int | None:
        """How many rows there should be, if that is more than came and nothing explains it.

        Rows that went meanwhile explain it for a walk by key. They move others past a walk by
        offset, so there a sweep must have brought nothing more.
        """
        if before is None:
            return self.read + 1 if self.has_more(self.read) else None
        now = self.count() if self.read < before else before
        if now is not None and self.read < min(before, now):
            return now
        if self.read < before and not (self.ascends or idle or self._seen is None):
            return before
        if self.read != before:
            logger.info("rows.drift stream=%s before=%d read=%d", self.stream, before, self.read)
        return None
