"""A stream definition resolved against live metadata: columns, key, replication key, paging."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tap_ifs_cloud.expansion import expanded
from tap_ifs_cloud.odata.errors import (
    ColumnMissing,
    EntitySetMissing,
    KeyNull,
    ReplicationKeyInvalid,
)
from tap_ifs_cloud.odata.query import ORDERABLE
from tap_ifs_cloud.odata.rows import ROW_VERSION, is_readable
from tap_ifs_cloud.replication import Stamp, modification_stamp

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from datetime import datetime

    from tap_ifs_cloud.definition import StreamDefinition
    from tap_ifs_cloud.odata.metadata import Metadata, Property
    from tap_ifs_cloud.odata.rows import Reference
    from tap_ifs_cloud.odata.service import Service

__all__ = ["StreamPlan"]

# Asks a time zone aware API for real UTC; others refuse it (IFS technical documentation, "Time zone
# aware APIs").
TIME_ZONE_AWARE: Final[Mapping[str, str]] = {"X-Ifs-Time-Zone-Aware-Request": "true"}
# Beyond this many characters `$select` is left out: some proxies cut addresses at 8 kB.
LONGEST_SELECT: Final = 4000
SURROGATE = "keyref"  # IFS's own text of a row's key, where a view declares none


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What a stream is made of.

    `key` is what records are told apart by; `unique` is what a walk by key is ordered by: the
    declared key, whose values are known to be unique, or nothing.
    """

    definition: StreamDefinition
    service: Service
    metadata: Metadata
    properties: Mapping[str, Property]
    key: tuple[str, ...]
    unique: tuple[str, ...]
    replication_key: str | None
    references: Mapping[str, Reference] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: StreamDefinition, service: Service, metadata: Metadata) -> Self:
        """Resolve a definition.

        Raises EntitySetMissing, ColumnMissing, ExpandInvalid, ReplicationKeyInvalid.
        """
        entity_type = metadata.entity_sets.get(definition.entity_set)
        if entity_type is None:
            sets = sorted(metadata.entity_sets)
            raise EntitySetMissing(definition.entity_set, service.url, sets)
        readable = {n: p for n, p in entity_type.properties.items() if is_readable(p, metadata)}
        where = f"{service.url}{definition.entity_set}"
        _check_columns(where, (*definition.select, *definition.key_properties), readable)
        unique = entity_type.key if all(part in readable for part in entity_type.key) else ()
        key = definition.key_properties or unique or _surrogate(readable)
        replication_key = _replication_key(definition, readable, where)
        wanted = {*definition.select, *key, *unique, replication_key}
        chosen = wanted if definition.select else readable
        offered = {name: declared for name, declared in readable.items() if name in chosen}
        references = expanded(definition.expand, entity_type, metadata, where)
        return cls(definition, service, metadata, offered, key, unique, replication_key, references)

    @property
    def where(self) -> str:
        """The address of the entity set, for messages."""
        return f"{self.service.url}{self.definition.entity_set}"

    @property
    def unreadable(self) -> list[str]:
        """Columns of types that a record cannot hold: binary data, streams, places."""
        declared = self.metadata.entity_sets[self.definition.entity_set].properties
        return [name for name, each in declared.items() if not is_readable(each, self.metadata)]

    @property
    def headers(self) -> Mapping[str, str]:
        """What requests for rows of this stream carry beside what all do."""
        return TIME_ZONE_AWARE if self.definition.time_zone_aware else {}

    def select(self, columns: Container[str]) -> tuple[str, ...]:
        """The `$select` for some columns; empty if all are to be asked for."""
        names = tuple(name for name in self.properties if name in columns)
        is_sent = self.definition.send_select and len(",".join(names)) <= LONGEST_SELECT
        return names if is_sent else ()

    def stamp(self, name: str, *, horizon: datetime | None = None) -> Stamp:
        """The replication key `name`. Raises ReplicationKeyInvalid."""
        return Stamp.of(name, self.properties, self.where, horizon=horizon)

    @property
    def follows_links(self) -> bool:
        """Whether the server's own links are followed: not if the user has chosen another way."""
        return self.definition.paging in ("auto", "next_link")

    @property
    def skip_order(self) -> tuple[str, ...]:
        """What a walk by offset is ordered by: a key, or everything that can be compared."""
        return self.unique or self.key or tuple(filter(self._is_comparable, self.properties))

    @property
    def walk_key(self) -> tuple[str, ...]:
        """Columns that may not be unique order a keyset walk only if the user vouches for them."""
        if self.unique or self.definition.paging != "keyset":
            return self.unique
        return self.definition.key_properties

    def paging(self, order: tuple[str, ...]) -> str:
        """The way to walk the set in this order: keyset, skip or next_link. Raises KeyNull."""
        asked = self.definition.paging
        if asked == "auto":
            return "keyset" if self._has_keyset(order) else "skip"
        if asked == "keyset" and not self._has_keyset(order):
            raise KeyNull(
                f"{self.where} has no key that can be compared: set `paging: skip`, or "
                "`key_properties` to columns that identify a row"
            )
        return asked

    def _has_keyset(self, order: tuple[str, ...]) -> bool:
        return bool(self.walk_key) and all(map(self._is_comparable, order))

    def _is_comparable(self, column: str) -> bool:
        declared = self.properties[column]
        comparable = declared.type in ORDERABLE or declared.type in self.metadata.enums
        return comparable and not declared.collection


def _check_columns(where: str, wanted: Iterable[str], offered: Mapping[str, Property]) -> None:
    missing = [name for name in wanted if name not in offered]
    if missing:
        raise ColumnMissing(where, missing, list(offered))


def _surrogate(readable: Mapping[str, Property]) -> tuple[str, ...]:
    return (SURROGATE,) if SURROGATE in readable else ()


def _replication_key(
    definition: StreamDefinition, readable: Mapping[str, Property], where: str
) -> str | None:
    match definition.replication:
        case "full":
            return None
        case "etag":
            return ROW_VERSION
    found = definition.replication_key or modification_stamp(readable)
    if found is not None:
        return Stamp.of(found, readable, where).name
    if definition.replication == "attribute":
        raise ReplicationKeyInvalid(
            f"{where} has no column that is a modification stamp by its name and type: set "
            "`replication_key` to the column that moves with every change, or `replication: full`"
        )
    return None
