"""Looks at a tenant: where a projection is, what its sets hold, how many rows, and a sample."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tap_ifs_cloud.definition import service_name
from tap_ifs_cloud.exploring.survey import (
    Column,
    EntitySet,
    Service,
    columns_of,
    entity_set_of,
    stream_entry,
)
from tap_ifs_cloud.odata.errors import (
    BadRequest,
    EntitySetMissing,
    Forbidden,
    IfsError,
    InvalidMetadata,
    NotFound,
)
from tap_ifs_cloud.odata.peek import peek
from tap_ifs_cloud.odata.query import Query, literal
from tap_ifs_cloud.odata.service import Service as ODataService
from tap_ifs_cloud.whereabouts import EntitySetRefused, GatewayWrong, Place, Whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ifs_cloud.odata.metadata import Metadata

__all__ = ["Found", "Sample", "find", "sampled", "survey"]

logger = logging.getLogger(__name__)

COUNTERS: Final = 8  # sets that are counted side by side
SAMPLE: Final = 100  # rows
EVER: Final = "1900-01-01T00:00:00Z"  # older than any change


@dataclass(frozen=True, slots=True)
class Found:
    """A projection at its place, with what it declares."""

    projection: str
    place: Place
    service: ODataService
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Sample:
    """One set of a service, column by column; `filled` of the columns counts in `sample` rows."""

    projection: str
    gateway: str
    service: str
    url: str
    entity_set: EntitySet
    sample: int | None
    columns: tuple[Column, ...]
    streams: tuple[Mapping[str, str], ...]
    not_sampled: str | None = None


def find(whereabouts: Whereabouts, projection: str, asked: Place, *, only_there: bool) -> Found:
    """The projection at `asked`, or wherever else it is served if that is allowed.

    Raises IfsError; for a 403 or 404 one that tells the cause.
    """
    name = service_name(projection)
    try:
        return _found(whereabouts, name, asked)
    except (Forbidden, NotFound):
        cause = whereabouts.why_not(name, asked)
    if only_there or not isinstance(cause, GatewayWrong):
        raise cause
    return _found(whereabouts, name, cause.found)


def _found(whereabouts: Whereabouts, projection: str, place: Place) -> Found:
    service = ODataService(whereabouts.session, place.url(whereabouts.base_url, projection))
    return Found(projection, place, service, service.metadata())


def survey(found: Found, gateway: str, *, count: bool) -> Service:
    """All sets of the service; `gateway` is the general one of the settings."""
    sets = list(_sound_sets(found))
    sets = _read(found, sets) if count else sets
    worth_reading = [each for each in sets if not each.is_lookup] or sets
    return Service(
        projection=found.projection,
        gateway=found.place.gateway,
        service=found.place.service,
        url=found.service.url,
        entity_sets=tuple(sets),
        streams=tuple(
            stream_entry(each, found.projection, found.place, gateway) for each in worth_reading
        ),
    )


def sampled(found: Found, entity_set: str, gateway: str, *, count: bool) -> Sample:
    """One set of the service, with how many rows of a sample have a value in each column.

    Raises EntitySetMissing. A set whose rows cannot be read is shown without them.
    """
    kind = found.metadata.entity_sets.get(entity_set)
    if kind is None:
        raise EntitySetMissing(entity_set, found.service.url, sorted(found.metadata.entity_sets))
    one = entity_set_of(entity_set, kind, found.metadata)
    columns = columns_of(kind, found.metadata)
    rows, why = None, None
    if count:
        [one] = _read(found, [one])
        columns, rows, why = _filled(found, entity_set, columns)
    return Sample(
        projection=found.projection,
        gateway=found.place.gateway,
        service=found.place.service,
        url=found.service.url,
        entity_set=one,
        sample=rows,
        columns=columns,
        streams=(stream_entry(one, found.projection, found.place, gateway),),
        not_sampled=why,
    )


def _filled(
    found: Found, entity_set: str, columns: tuple[Column, ...]
) -> tuple[tuple[Column, ...], int | None, str | None]:
    try:
        rows = peek(found.service.session, f"{found.service.url}{entity_set}", Query(top=SAMPLE))
    except IfsError as error:
        return columns, None, _why(entity_set, error)
    told = tuple(
        replace(column, filled=sum(row.get(column.name) is not None for row in rows))
        for column in columns
    )
    return told, len(rows), None


def _sound_sets(found: Found) -> Iterator[EntitySet]:
    """All sets; one whose declaration leads nowhere is only told of, as the others are of use."""
    for name in found.metadata.entity_sets:
        try:
            yield entity_set_of(name, found.metadata.entity_sets[name], found.metadata)
        except InvalidMetadata as error:
            logger.warning("explore.invalid entity_set=%s %s", name, error)


def _why(entity_set: str, error: IfsError) -> str:
    """Why rows cannot be read of a set that the metadata declares."""
    if isinstance(error, Forbidden | NotFound):
        return str(EntitySetRefused(entity_set, error))
    return str(error)


def _uncounted(entity_set: str, error: IfsError) -> str:
    """The same for `$count`, which not every service offers."""
    if isinstance(error, NotFound):
        return f"{error.code}: {error.said.rstrip('.')}: the service may offer no `$count`"
    return _why(entity_set, error)


def _read(found: Found, sets: Sequence[EntitySet]) -> list[EntitySet]:
    """The sets with their rows counted and their stamps tried, side by side."""
    with ThreadPoolExecutor(COUNTERS) as pool:
        counted = pool.map(partial(_counted, found.service), sets)
        return list(pool.map(partial(_tried, found), list(counted)))


def _counted(service: ODataService, entity_set: EntitySet) -> EntitySet:
    try:
        return replace(entity_set, rows=service.count(entity_set.name))
    except IfsError as error:
        return replace(entity_set, not_counted=_uncounted(entity_set.name, error))


def _tried(found: Found, entity_set: EntitySet) -> EntitySet:
    """Ask for a row by the replication key, as an incremental run does."""
    stamp = entity_set.replication_key
    if stamp is None:
        return entity_set
    kind = found.metadata.entity_sets[entity_set.name].properties[stamp].type
    since = f"{stamp} ge {literal(kind, EVER)}"
    query = Query(select=(stamp,), filter=since, orderby=(stamp,), top=1)
    try:
        peek(found.service.session, f"{found.service.url}{entity_set.name}", query)
    except BadRequest as error:
        return replace(entity_set, stamp_refused=str(error))
    except IfsError:  # says nothing of the stamp; why rows do not come is told by their count
        return entity_set
    return entity_set
