"""Rows as IFS sends them -> rows as JSON takes them: exact, checked, nothing of OData left.

Numbers arrive as int or Decimal (no binary float exists between the HTTP body and the record), or
as strings where a server writes `IEEE754Compatible` numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tap_ifs_cloud.odata.errors import ValueInvalid
from tap_ifs_cloud.odata.etag import row_version

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.metadata import EntityType, Metadata, Property

__all__ = ["ETAG", "READABLE", "ROW_VERSION", "RowDecoder", "is_readable"]

ETAG: Final = "_ifs_etag"
ROW_VERSION: Final = "_ifs_row_version"

Decode = Callable[[Any], Any]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError


def _exact(value: object) -> int | Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise TypeError


def _whole(value: object) -> int:
    number = _exact(value)
    if number != int(number):
        raise TypeError
    return int(number)


def _date(value: object) -> str:
    date.fromisoformat(_text(value))
    return _text(value)


def _moment(value: object) -> str:
    datetime.fromisoformat(_text(value))
    return _text(value)


# One row per type. What is not here (Binary, Stream, Geography...) is left out of streams.
READABLE: Final[Mapping[str, Decode]] = {
    "Edm.String": _text,
    "Edm.Boolean": _boolean,
    "Edm.Decimal": _exact,
    "Edm.Double": _exact,
    "Edm.Single": _exact,
    "Edm.Byte": _whole,
    "Edm.SByte": _whole,
    "Edm.Int16": _whole,
    "Edm.Int32": _whole,
    "Edm.Int64": _whole,
    "Edm.Date": _date,
    "Edm.DateTimeOffset": _moment,
    "Edm.TimeOfDay": _text,
    "Edm.Duration": _text,
    "Edm.Guid": _text,
}


def is_readable(declared: Property, metadata: Metadata) -> bool:
    """Whether values of the property can stand in a record."""
    return (
        declared.type in READABLE
        or declared.type in metadata.enums
        or declared.type in metadata.complex_types
    )


@dataclass(frozen=True, slots=True)
class Decoders:
    """Gives the decoder of a property, for one service."""

    metadata: Metadata

    def of(self, declared: Property) -> Decode:
        """The decoder; it raises TypeError or ValueError on a value of another type."""
        one = self._one(declared.type)
        return _many(one) if declared.collection else one

    def _one(self, type_name: str) -> Decode:
        if type_name in READABLE:
            return READABLE[type_name]
        if type_name in self.metadata.enums:
            return _text
        return self._structured(type_name)

    def _structured(self, type_name: str) -> Decode:
        """Its members' decoders are made when a value comes: such types can hold themselves."""

        def decode(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise TypeError
            members = self.metadata.complex_types[type_name].properties
            return {
                name: None if item is None else self.of(members[name])(item)
                for name, item in value.items()
                if name in members and is_readable(members[name], self.metadata)
            }

        return decode


def _many(one: Decode) -> Decode:
    def decode(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError
        return [None if item is None else one(item) for item in value]

    return decode


@dataclass(frozen=True, slots=True)
class RowDecoder:
    """Turns rows of one entity set into records with the chosen properties.

    Unknown fields are dropped; a property that the server left out stays out, so that nobody takes
    it for an empty value.
    """

    entity_set: str
    entity_type: EntityType
    decoders: Mapping[str, Decode]
    key: tuple[str, ...]
    etag: bool = True
    row_version: bool = True
    pairs: tuple[tuple[str, Decode], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Keep what the hot loop walks over."""
        object.__setattr__(self, "pairs", tuple(self.decoders.items()))

    @classmethod
    def compile(
        cls,
        entity_set: str,
        metadata: Metadata,
        *,
        names: Iterable[str],
        key: tuple[str, ...],
    ) -> RowDecoder:
        """A decoder for `names`, which may hold `_ifs_etag` and `_ifs_row_version`."""
        entity_type, chosen = metadata.entity_sets[entity_set], set(names)
        decoders = Decoders(metadata)
        return cls(
            entity_set,
            entity_type,
            {n: decoders.of(p) for n, p in entity_type.properties.items() if n in chosen},
            key,
            etag=ETAG in chosen,
            row_version=ROW_VERSION in chosen,
        )

    def record(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The record of a row. Raises ValueInvalid."""
        try:
            record = {
                name: None if row[name] is None else decode(row[name])
                for name, decode in self.pairs
                if name in row
            }
        except (TypeError, ValueError, OverflowError) as error:
            raise self._fault(row) from error
        etag = row.get("@odata.etag")
        if self.etag:
            record[ETAG] = etag
        if self.row_version:
            record[ROW_VERSION] = row_version(etag)
        return record

    def _fault(self, row: Mapping[str, Any]) -> ValueInvalid:
        """Finds the value that `record` stumbled over."""
        name = next(name for name, decode in self.pairs if not _fits(decode, row.get(name)))
        declared = self.entity_type.properties[name]
        where = ", ".join(f"{part}={row.get(part)!r}" for part in self.key)
        return ValueInvalid(
            f"{self.entity_set} ({where}): {name} holds a {type(row[name]).__name__} that is no "
            f"{declared.type}. Deselect the property, or ask who writes it"
        )


def _fits(decode: Decode, value: Any) -> bool:
    try:
        return value is None or decode(value) is not NotImplemented
    except (TypeError, ValueError, OverflowError):
        return False
