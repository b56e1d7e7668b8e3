"""One OData service: its `$metadata`, and the pages and counts of its entity sets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from tap_ifs_cloud.odata.decoding import Undecodable
from tap_ifs_cloud.odata.envelope import excerpt, no_page, refuse_web_page, without_query
from tap_ifs_cloud.odata.errors import (
    BrokenBody,
    ForeignLink,
    IfsError,
    InvalidMetadata,
    NotJson,
    RunStopper,
    UnsafeMetadata,
)
from tap_ifs_cloud.odata.metadata import Metadata, parse_metadata
from tap_ifs_cloud.odata.metadata_cache import conditions
from tap_ifs_cloud.odata.paging import Link, Page
from tap_ifs_cloud.odata.query import ROWS, Query
from tap_ifs_cloud.odata.session import NOT_MODIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.metadata_cache import Stored
    from tap_ifs_cloud.odata.rows import PageBody, RowType
    from tap_ifs_cloud.odata.session import Body, Session

__all__ = ["Service"]

_BOM = b"\xef\xbb\xbf"


LONGEST_COUNT: Final = 18  # digits of what a set can hold


@dataclass(frozen=True, slots=True)
class Service:
    """A projection or entity service of IFS, or any OData v4 service; `url` ends in "/"."""

    session: Session
    url: str

    def metadata(self) -> Metadata:
        """What the service declares; asked for only if it is not what it was at the last time."""
        url = f"{self.url}$metadata"
        stored = self.session.documents.stored(url)
        try:
            return self._metadata(url, stored)
        except (InvalidMetadata, UnsafeMetadata):
            if stored is None:
                raise
            return self._metadata(url, None)  # what was stored may be at fault

    def metadata_or_why_not(self) -> Metadata | IfsError:
        """The same, or the error that concerns this service alone. Raises RunStopper."""
        try:
            return self.metadata()
        except RunStopper:
            raise
        except IfsError as error:
            return error

    def _metadata(self, url: str, stored: Stored | None) -> Metadata:
        def read(body: Body) -> Metadata:
            if stored is not None and body.status == NOT_MODIFIED:
                return parse_metadata(stored.body, url)
            metadata = _metadata(body)
            etag, modified = body.headers.get("ETag"), body.headers.get("Last-Modified")
            self.session.documents.store(url, body.content, etag, modified)
            return metadata

        headers = conditions(stored)
        return self.session.get(url, accept="application/xml", read=read, headers=headers)

    def body(
        self, entity_set: str, address: Query | Link, *, headers: Mapping[str, str] | None = None
    ) -> Body:
        """The answer that holds a page, as it came."""
        return self.session.get(
            self._address(entity_set, address), accept=ROWS, read=_as_it_is, headers=headers
        )

    def page(
        self,
        entity_set: str,
        address: Query | Link,
        row_type: RowType,
        *,
        follow_links: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """One page, with its link if it is to be followed; a broken one is asked for again.

        Raises ForeignLink before anything is sent to a foreign address.
        """
        tries = count()

        def read(body: Body) -> Page:
            tolerant = next(tries) > 0
            return self.read(body, row_type=row_type, follow_links=follow_links, tolerant=tolerant)

        url = self._address(entity_set, address)
        return self.session.get(url, accept=ROWS, read=read, headers=headers)

    def _address(self, entity_set: str, address: Query | Link) -> str:
        if isinstance(address, Link):
            return address.url
        return f"{self.url}{entity_set}?{address.encoded()}"

    def count(
        self,
        entity_set: str,
        narrowed_by: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """How many rows meet a `$filter` now. Raises IfsError; not every service offers it."""
        query = Query(filter=narrowed_by).encoded()
        url = f"{self.url}{entity_set}/$count{'?' if query else ''}{query}"
        return self.session.get(url, accept="text/plain", read=_number, headers=headers)

    def read(
        self, body: Body, *, row_type: RowType, follow_links: bool = True, tolerant: bool = False
    ) -> Page:
        """The page that an answer holds. Raises BrokenBody, NotJson, ForeignLink."""
        answer = _answer(body, row_type, tolerant=tolerant)
        if answer.error is not None:
            raise BrokenBody(
                f"{without_query(body.url)}: an error inside a 200: {answer.error.sentence()}"
            )
        if answer.value is msgspec.UNSET:
            raise no_page(body)
        if not follow_links:
            return Page(answer.value, has_unfollowed_link=answer.next_link is not None)
        return Page(answer.value, self._link(answer.next_link, body.url))

    def _link(self, link: str | None, current: str) -> Link | None:
        if link is None:
            return None
        resolved = self.session.origin.resolve(link, current)
        if resolved is None:
            raise ForeignLink(without_query(link), str(self.session.origin))
        return Link(resolved)


def _as_it_is(body: Body) -> Body:
    return body


def _metadata(body: Body) -> Metadata:
    refuse_web_page(body, "$metadata", is_xml=True)
    return parse_metadata(body.content, body.url)


def _number(body: Body) -> int:
    text = body.content.removeprefix(_BOM).strip()
    if not text.isdigit() or len(text) > LONGEST_COUNT:
        shown = excerpt(text.decode(errors="replace"))[:80]
        raise NotJson(f"{without_query(body.url)} answered with no number ({shown})")
    return int(text)


def _answer(body: Body, row_type: RowType, *, tolerant: bool) -> PageBody:
    refuse_web_page(body, "rows")
    try:
        return row_type.decode(body.content.removeprefix(_BOM), tolerant=tolerant)
    except Undecodable as error:
        raise BrokenBody(f"{without_query(body.url)}: the rows cannot be read ({error})") from error
