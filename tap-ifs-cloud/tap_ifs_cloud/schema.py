"""An entity type as JSON schema: what the SCHEMA message and the catalog say about a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tap_ifs_cloud.odata.rows import ETAG, ROW_VERSION, is_readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_ifs_cloud.odata.metadata import Metadata, Property
    from tap_ifs_cloud.odata.rows import Reference

__all__ = ["ENUM_MEMBERS", "PLUMBING", "stream_schema"]

JsonSchema = dict[str, Any]

# An open list of members, as API guidelines write it; `enum` would refuse new ones.
ENUM_MEMBERS: Final = "x-extensible-enum"

# Columns by which IFS describes a row to its own web client; not selected unless asked for.
PLUMBING: Final = frozenset({"luname", "keyref", "Objgrants"})

_TYPES: Final[Mapping[str, JsonSchema]] = {
    "Edm.String": {"type": "string"},
    "Edm.Boolean": {"type": "boolean"},
    # IFS declares Precision 130, Scale 65 for every number: no bound or `multipleOf` follows.
    "Edm.Decimal": {"type": "number"},
    "Edm.Double": {"type": "number"},
    "Edm.Single": {"type": "number"},
    "Edm.Byte": {"type": "integer"},
    "Edm.SByte": {"type": "integer"},
    "Edm.Int16": {"type": "integer"},
    "Edm.Int32": {"type": "integer"},
    "Edm.Int64": {"type": "integer"},
    "Edm.Date": {"type": "string", "format": "date"},
    "Edm.DateTimeOffset": {"type": "string", "format": "date-time"},
    "Edm.TimeOfDay": {"type": "string", "format": "time"},
    "Edm.Duration": {"type": "string", "format": "duration"},
    "Edm.Guid": {"type": "string", "format": "uuid"},
}

_IFS_COLUMNS: Final[Mapping[str, JsonSchema]] = {
    ETAG: {"type": ["string", "null"], "description": "ETag of the row, as IFS sent it"},
    ROW_VERSION: {
        "type": ["string", "null"],
        "description": "Row version inside the ETag: the last update (YYYYMMDDHH24MISS in "
        "database-local time) or a counter",
    },
}


def stream_schema(
    properties: Mapping[str, Property],
    metadata: Metadata,
    *,
    key: tuple[str, ...],
    references: Iterable[Reference] = (),
) -> JsonSchema:
    """The schema of a record. Key columns are not nullable, all else is unless declared so."""
    writer = _Writer(metadata)
    columns = {
        name: writer.column(declared, nullable=declared.nullable and name not in key)
        for name, declared in properties.items()
        if is_readable(declared, metadata)
    }
    # A row may refer to none, or to one that the service user may not see.
    expanded = {each.name: _nullable(writer.structure(each.properties)) for each in references}
    return {
        "type": "object",
        "properties": {**columns, **expanded, **_IFS_COLUMNS},
        "required": list(key),
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes columns of one service; `inside` holds the complex types that are being written."""

    metadata: Metadata
    inside: frozenset[str] = frozenset()

    def column(self, declared: Property, *, nullable: bool) -> JsonSchema:
        one = self._one(declared)
        if declared.collection:
            return _nullable({"type": "array", "items": _nullable(one)}, nullable=nullable)
        return _nullable(one, nullable=nullable)

    def _one(self, declared: Property) -> JsonSchema:
        if declared.type in self.metadata.enums:
            return self._enum(declared.type)
        if declared.type in self.metadata.complex_types:
            return self._complex(declared.type)
        bound = {"maxLength": declared.max_length} if declared.max_length else {}
        return {**_TYPES[declared.type], **(bound if declared.type == "Edm.String" else {})}

    def _enum(self, name: str) -> JsonSchema:
        """An open list: a release of IFS may add members at any time."""
        members = list(self.metadata.enums[name].members)
        return {
            "type": "string",
            "description": f"{name}: {', '.join(members)}",
            ENUM_MEMBERS: members,
        }

    def _complex(self, name: str) -> JsonSchema:
        if name in self.inside:
            return {"type": "object"}
        inner = _Writer(self.metadata, self.inside | {name})
        return inner.structure(self.metadata.complex_types[name].properties)

    def structure(self, members: Mapping[str, Property]) -> JsonSchema:
        """The schema of a value that has columns of its own."""
        return {
            "type": "object",
            "properties": {
                member: self.column(declared, nullable=declared.nullable)
                for member, declared in members.items()
                if is_readable(declared, self.metadata)
            },
        }


def _nullable(schema: JsonSchema, *, nullable: bool = True) -> JsonSchema:
    return {**schema, "type": [schema["type"], "null"] if nullable else schema["type"]}
