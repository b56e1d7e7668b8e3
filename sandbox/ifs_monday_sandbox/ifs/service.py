"""From the path of a request to its answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from starlette.responses import Response

from ifs_monday_sandbox.ifs.errors import (
    insufficient_privileges,
    malformed,
    metadata_not_found,
    modified,
    not_implemented,
    resource_not_found,
)
from ifs_monday_sandbox.ifs.filter_eval import literal_for
from ifs_monday_sandbox.ifs.filter_syntax import Comparison, Logic, Member, parse_key
from ifs_monday_sandbox.ifs.metadata import metadata_xml, service_document
from ifs_monday_sandbox.ifs.payload import (
    JSON,
    encode,
    render,
    with_numbers_as_text,
    with_rounded_numbers,
)
from ifs_monday_sandbox.ifs.projections import PROJECTIONS
from ifs_monday_sandbox.ifs.query import Query, next_link, parse_options, parse_query
from ifs_monday_sandbox.ifs.walk import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifs_monday_sandbox.business import Business, Row
    from ifs_monday_sandbox.ifs.filter_syntax import Expression, Literal
    from ifs_monday_sandbox.ifs.model import EntitySet, Navigation, Projection
    from ifs_monday_sandbox.ifs.settings import IfsSettings

__all__ = ["Asked", "Services"]

_NOT_MODIFIED: Final = 304
# When the tenant's release was installed, which is when its metadata last changed.
_RELEASED: Final = datetime(2026, 9, 1, 2, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A GET on an OData service. `path` follows `/v1/` and is still percent-encoded."""

    origin: str
    gateway: str
    service: str
    path: str
    query_string: str
    accept: str
    if_none_match: str = ""
    if_modified_since: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    """The service and set that a path leads to."""

    projection: Projection
    entity_set: EntitySet
    url: str
    asked: Asked

    @property
    def set_url(self) -> str:
        return f"{self.url}/{self.entity_set.name}"

    def context(self, query: Query, ending: str = "") -> str:
        columns = f"({','.join(query.select)})" if query.selected else ""
        return f"{self.url}/$metadata#{self.entity_set.name}{columns}{ending}"


@dataclass(frozen=True, slots=True)
class _Document:
    """A `$metadata` document and what it is known by."""

    content: bytes
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        object.__setattr__(self, "etag", f'W/"{digest}"')

    def answer(self, asked: Asked) -> Response:
        """The document, or 304 if the client has it (RFC 9110, 13.2.2: the ETag counts first)."""
        told = {"ETag": self.etag, "Last-Modified": format_datetime(_RELEASED, usegmt=True)}
        if self._is_known(asked):
            return Response(status_code=_NOT_MODIFIED, headers=told)
        return Response(self.content, media_type="application/xml", headers=told)

    def _is_known(self, asked: Asked) -> bool:
        if asked.if_none_match:
            known = {each.strip() for each in asked.if_none_match.split(",")}
            return bool(known & {"*", self.etag, self.etag.removeprefix("W/")})
        try:
            return parsedate_to_datetime(asked.if_modified_since) >= _RELEASED
        except (ValueError, TypeError):  # no date, or one without a zone
            return False


class Services:
    """All services of the tenant."""

    def __init__(self, business: Business, settings: IfsSettings) -> None:
        self._reader = Reader(business, settings)
        self._metadata = {each.name: _Document(metadata_xml(each)) for each in PROJECTIONS}
        self._settings = settings
        self._denied = settings.denied
        self._outdated = set(settings.outdated)

    def answer(self, asked: Asked) -> Response:
        """The answer to `asked`. Raises ODataError."""
        first, _, rest = asked.path.partition("/")
        projection = _projection(asked, first)
        if projection.name in self._denied:
            raise metadata_not_found()
        url = f"{asked.origin}/{asked.gateway}/ifsapplications/{asked.service}/v1/{first}"
        match unquote(rest):
            case "":
                return Response(encode(service_document(projection, url)), media_type=JSON)
            case "$metadata":
                return self._metadata[projection.name].answer(asked)
        resource, _, tail = rest.partition("/")
        name, _, key = unquote(resource).partition("(")
        entity_set = projection.entity_set(name)
        if entity_set is None:
            raise resource_not_found(f"The entity set '{name}' is not defined in this service.")
        if f"{projection.name}/{name}" in self._denied:
            raise insufficient_privileges()
        if projection.name in self._outdated:
            self._outdated.discard(projection.name)
            raise modified()
        target = _Target(projection, entity_set, url, asked)
        return self._of_set(target, key, unquote(tail))

    def _of_set(self, target: _Target, key: str, tail: str) -> Response:
        options = parse_options(target.asked.query_string)
        query = parse_query(options, target.entity_set.type, target.projection)
        match bool(key), tail:
            case True, "":
                return self._row(target, query, _key_filter(target.entity_set, key))
            case False, "":
                return self._page(target, query, options)
            case False, "$count":
                count = self._reader.count(target.projection, target.entity_set, query)
                told = max(0, count + self._settings.count_offset)
                return Response(str(told), media_type="text/plain")
        raise resource_not_found(f"The path segment '{tail}' is not served.")

    def _page(self, target: _Target, query: Query, options: Mapping[str, str]) -> Response:
        if self._settings.comparison_refused and " gt " in options.get("$filter", ""):
            raise not_implemented("The operator 'gt' is not supported.")
        rows, more = self._reader.page(target.projection, target.entity_set, query)
        body: dict[str, Any] = {"@odata.context": target.context(query)}
        if query.count:
            counted = self._reader.count(target.projection, target.entity_set, query)
            body["@odata.count"] = counted
        rendered = self._rendered(target, query, rows)
        compatible = "ieee754compatible=true" in target.asked.accept.lower()
        body["value"] = self._numbered(rendered, compatible=compatible)
        if more:
            body["@odata.nextLink"] = next_link(target.set_url, options, query.skip + len(rows))
        return _json(body, compatible=compatible)

    def _numbered(self, rows: list[dict[str, Any]], *, compatible: bool) -> list[dict[str, Any]]:
        if compatible:
            return with_numbers_as_text(rows)
        return with_rounded_numbers(rows) if self._settings.rounded_numbers else rows

    def _rendered(self, target: _Target, query: Query, rows: list[Row]) -> list[dict[str, Any]]:
        """The rows as they are shown, each with the rows that it refers to and were asked for."""
        rendered = render(rows, target.entity_set.type, query, target.set_url)
        for way in query.expand:
            found = self._referenced(target, way)
            for row, shown in zip(rows, rendered, strict=True):
                shown[way.name] = found.get(tuple(row[own] for own, _ in way.constraints))
        return rendered

    def _referenced(self, target: _Target, way: Navigation) -> dict[tuple[object, ...], Any]:
        """All rows that a reference can lead to, as they are shown, by the columns it names."""
        projection = target.projection
        entity_set = projection.entity_set(way.binding)
        if entity_set is None:
            raise not_implemented(f"'{way.name}' is bound to no entity set.")
        query = parse_query({}, entity_set.type, projection)
        rows = list(self._reader.rows(projection, entity_set, query))
        rendered = render(rows, entity_set.type, query, f"{target.url}/{entity_set.name}")
        return {
            tuple(row[referenced] for _, referenced in way.constraints): shown
            for row, shown in zip(rows, rendered, strict=True)
        }

    def _row(self, target: _Target, query: Query, key: Expression) -> Response:
        one = replace(query, filter=key, order=(), top=1, skip=0)
        rows, _ = self._reader.page(target.projection, target.entity_set, one)
        if not rows:
            raise resource_not_found("There is no row of that key.")
        rendered = self._rendered(target, query, rows)
        compatible = "ieee754compatible=true" in target.asked.accept.lower()
        (shown,) = self._numbered(rendered, compatible=compatible)
        body = {"@odata.context": target.context(query, "/$entity"), **shown}
        return _json(body, compatible=compatible)


def _json(body: object, *, compatible: bool) -> Response:
    ending = ";IEEE754Compatible=true" if compatible else ""
    return Response(encode(body), media_type=JSON + ending)


def _projection(asked: Asked, segment: str) -> Projection:
    name = unquote(segment).removesuffix(".svc")
    for each in PROJECTIONS:
        if (each.name, each.service.value) == (name, asked.service):
            if asked.gateway in each.gateways and segment.endswith(".svc"):
                return each
            break
    raise metadata_not_found()


def _key_filter(entity_set: EntitySet, predicate: str) -> Expression:
    """The condition that a key predicate stands for. Raises ODataError (400)."""
    if not predicate.endswith(")"):
        raise malformed(f"The key predicate ({predicate} is not closed.")
    given = parse_key(predicate.removesuffix(")"))
    key = entity_set.type.key
    if set(given) == {""} and len(key) == 1:
        given = {key[0]: given[""]}
    if set(given) != set(key):
        raise malformed(f"The key of '{entity_set.name}' is ({', '.join(key)}).")
    conditions = [_key_condition(entity_set, name, value) for name, value in given.items()]
    condition = conditions[0]
    for each in conditions[1:]:
        condition = Logic("and", condition, each)
    return condition


def _key_condition(entity_set: EntitySet, name: str, value: Literal) -> Expression:
    declared = entity_set.type.property(name)
    if declared is None or not literal_for(value, declared.kind):
        raise malformed(f"The key '{name}' cannot have a value of this type.")
    return Comparison("eq", Member(name), value)
