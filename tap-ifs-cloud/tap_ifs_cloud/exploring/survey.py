"""What the metadata tells of a service, in the words of the tap's settings. Asks nobody anything.

These values are also the document that `--json` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from tap_ifs_cloud.definition import stream_name
from tap_ifs_cloud.odata.rows import is_readable
from tap_ifs_cloud.replication import modification_stamp
from tap_ifs_cloud.schema import PLUMBING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.metadata import EntityType, Metadata, Property
    from tap_ifs_cloud.whereabouts import Place

__all__ = [
    "Column",
    "Dates",
    "EntitySet",
    "Service",
    "columns_of",
    "entity_set_of",
    "stream_entry",
]

CUSTOM_FIELD: Final = "cf_"
LOOKUP: Final = "Reference_"  # what pick lists are filled from
WIZARD: Final = "Virtual"  # what a wizard writes through

Dates = Literal["auto", "stamp", "doubtful", "unsafe"]
"""What a date or time is good for as a replication key: `auto` takes it; it would take it if the
first were not there; its name says so, but it tells the day only; it is set when the row is made,
or nothing is known of when it moves."""

_DATES: Final = frozenset({"Edm.Date", "Edm.DateTimeOffset"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `members` are those of an enumeration; `filled` counts in a sample of rows."""

    name: str
    type: str
    key: bool = False
    custom: bool = False
    selected: bool = True
    left_out: bool = False  # binary, or of a type that has no place in a record
    dates: Dates | None = None
    members: tuple[str, ...] = ()
    filled: int | None = None


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One set. Where `rows` is unknown, `not_counted` says why, if they were to be counted.

    Metadata does not tell what can be filtered by, so that is tried: `stamp_refused` is what the
    service says to the replication key, if it does not take it.
    """

    name: str
    stream: str
    key: tuple[str, ...]
    columns: int
    replication_key: str | None
    stamps: tuple[str, ...]
    doubtful_dates: tuple[str, ...]
    unsafe_dates: tuple[str, ...]
    custom_fields: tuple[str, ...]
    enums: Mapping[str, tuple[str, ...]]
    references: tuple[str, ...]
    rows: int | None = None
    not_counted: str | None = None
    stamp_refused: str | None = None

    @property
    def is_lookup(self) -> bool:
        """Whether it fills pick lists or is written through, so that few would read it."""
        return self.name.startswith(LOOKUP) or self.name.endswith(WIZARD)


@dataclass(frozen=True, slots=True)
class Service:
    """One service with its sets, and the settings that read those that are no lookups."""

    projection: str
    gateway: str
    service: str
    url: str
    entity_sets: tuple[EntitySet, ...]
    streams: tuple[Mapping[str, Any], ...]


def columns_of(kind: EntityType, metadata: Metadata) -> tuple[Column, ...]:
    """All columns of a type, as declared."""
    readable = {name: p for name, p in kind.properties.items() if is_readable(p, metadata)}
    auto = modification_stamp(readable)
    return tuple(
        Column(
            name=name,
            type=_type_name(declared),
            key=name in kind.key,
            custom=name.lower().startswith(CUSTOM_FIELD),
            selected=name in readable and (name not in PLUMBING or name in kind.key),
            left_out=name not in readable,
            dates="auto" if name == auto else _dates(declared),
            members=metadata.enums[declared.type].members
            if declared.type in metadata.enums
            else (),
        )
        for name, declared in kind.properties.items()
    )


def _dates(declared: Property) -> Dates | None:
    if declared.type not in _DATES or declared.collection:
        return None
    if modification_stamp({declared.name: declared}):
        return "stamp"
    timed = replace(declared, type="Edm.DateTimeOffset")
    return "doubtful" if modification_stamp({declared.name: timed}) else "unsafe"


def _type_name(declared: Property) -> str:
    """Without the namespace, as all types of a service have the same."""
    name = declared.type if declared.type.startswith("Edm.") else declared.type.rpartition(".")[2]
    if declared.max_length and declared.type == "Edm.String":
        name = f"{name}({declared.max_length})"
    return f"Collection({name})" if declared.collection else name


def entity_set_of(name: str, kind: EntityType, metadata: Metadata) -> EntitySet:
    """A set as its type tells; its rows are not counted yet."""
    columns = columns_of(kind, metadata)

    def dated(*wanted: Dates) -> tuple[str, ...]:
        return tuple(column.name for column in columns if column.dates in wanted)

    return EntitySet(
        name=name,
        stream=stream_name(name),
        key=kind.key,
        columns=len(columns),
        replication_key=next(iter(dated("auto")), None),
        stamps=dated("auto", "stamp"),
        doubtful_dates=dated("doubtful"),
        unsafe_dates=dated("unsafe"),
        custom_fields=tuple(column.name for column in columns if column.custom),
        enums={column.name: column.members for column in columns if column.members},
        # IFS expands references to one row only; one to many is a stream of its own.
        references=tuple(way.name for way in kind.navigations.values() if not way.collection),
    )


def stream_entry(
    entity_set: EntitySet, projection: str, place: Place, gateway: str
) -> dict[str, str]:
    """The entry of the setting `streams` that reads a set; `gateway` is the general one."""
    entry = {"entity_set": entity_set.name, "projection": projection}
    if place.service != "projection":
        entry["service"] = place.service
    if place.gateway != gateway:
        entry["gateway"] = place.gateway
    return {**entry, "name": entity_set.stream}
