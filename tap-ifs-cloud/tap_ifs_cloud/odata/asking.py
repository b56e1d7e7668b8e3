"""Asks a service for pages of one set: in the background, and smaller where that is too much."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from tap_ifs_cloud.odata.errors import BrokenBody, IfsError, RunStopper, TooMuchAtOnce
from tap_ifs_cloud.odata.paging import Link
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.repeated import Repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_ifs_cloud.odata.paging import Page
    from tap_ifs_cloud.odata.rows import RowType
    from tap_ifs_cloud.odata.service import Service
    from tap_ifs_cloud.odata.transport import Body

__all__ = ["Asker", "in_background"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_UNHEARD: Final = 1.0  # seconds that a signal may wait to be handled
SMALLEST: Final = 1  # rows of a page; less than one cannot be asked for


def in_background(work: Callable[[], T]) -> Callable[[], T]:
    """Begin some work; the function that comes back waits for its result, or raises its error.

    The thread is a daemon, so that a run that is told to end does not wait for IFS.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 # raised where the result is waited for
            future.set_exception(error)

    def result() -> T:
        while not future.done():  # a signal just before a wait would be handled only behind it
            wait([future], timeout=_UNHEARD)
        return future.result()

    threading.Thread(target=run, daemon=True).start()
    return result


@dataclass(slots=True)
class Asker:
    """What walks of one entity set ask for pages, counts and single looks."""

    stream: str  # for the log
    service: Service
    entity_set: str
    row_type: RowType
    follows_links: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    most: int | None = None  # rows of a page that the service manages, once it did not
    counts: bool = True  # until the service refuses to
    asked: int = 0  # requests for pages so far
    broken: Repeated = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.broken = Repeated(logger, f"page.broken stream={self.stream}")

    def page(self, address: Query | Link) -> Callable[[], Page]:
        """Begins to fetch a page. What it returns waits for it, and reads it where it is used."""
        self.asked += 1
        coming = in_background(partial(self._managed, address, self._body))
        return partial(self._read, address, coming, self.asked)

    def _read(self, address: Query | Link, coming: Callable[[], Body], number: int) -> Page:
        try:
            page = self.service.read(
                coming(), row_type=self.row_type, follow_links=self.follows_links
            )
        except BrokenBody as error:
            self.broken.warn(str(error), f"page={number}")
            page = self._managed(address, self._page)
        logger.debug("page.read stream=%s page=%d rows=%d", self.stream, number, len(page.rows))
        return replace(page, number=number)

    def _body(self, address: Query | Link) -> Body:
        return self.service.body(self.entity_set, address, headers=self.headers)

    def _page(self, address: Query | Link) -> Page:
        return self.service.page(
            self.entity_set,
            address,
            self.row_type,
            follow_links=self.follows_links,
            headers=self.headers,
        )

    def _managed(self, address: Query | Link, get: Callable[[Query | Link], T]) -> T:
        """What `get` brings, with as many rows as the service manages. Raises TooMuchAtOnce."""
        while True:
            asked = address
            if isinstance(asked, Query) and asked.top is not None and self.most is not None:
                asked = replace(asked, top=min(asked.top, self.most))
            try:
                return get(asked)
            except TooMuchAtOnce as error:
                if isinstance(asked, Link) or asked.top is None or asked.top <= SMALLEST:
                    raise
                self.most = max(SMALLEST, asked.top // 2)
                logger.warning(
                    "page.halved stream=%s rows=%d reason=%r", self.stream, self.most, str(error)
                )

    def count(self, narrowed_by: str | None) -> int | None:
        """How many rows there are now; `None` if the service does not tell."""
        if not self.counts:
            return None
        try:
            rows = self.service.count(self.entity_set, narrowed_by, headers=self.headers)
        except RunStopper:
            raise
        except IfsError as error:
            self.counts = False
            logger.info("count.missing stream=%s reason=%r", self.stream, str(error))
            return None
        self.service.session.progress.counted(rows)
        return rows

    def has_more(self, query: Query, rows: int) -> bool | None:
        """Whether there are more rows than so many; `None` if the service does not tell."""
        try:
            return bool(self._page(replace(query, top=1, skip=rows or None)).rows)
        except RunStopper:
            raise
        except IfsError as error:
            logger.info("count.missing stream=%s reason=%r", self.stream, str(error))
            return None
