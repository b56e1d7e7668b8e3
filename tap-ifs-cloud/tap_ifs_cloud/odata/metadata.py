"""`$metadata` (CSDL 4.0, XML) as frozen values: entity sets, types, keys, properties, enums.

Only what streams need: navigation, functions and actions are left out. Written for any OData v4
service; IFS's own habits (numbers are all `Edm.Decimal`, no `Nullable` anywhere) need no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tap_ifs_cloud.odata.errors import InvalidMetadata, UnsafeMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

__all__ = ["EntityType", "EnumType", "Metadata", "Property", "StructuredType", "parse_metadata"]


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration; its name is qualified, its members are what rows carry."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """A column. `type` is qualified, without `Collection()`, aliases and type definitions."""

    name: str
    type: str
    collection: bool = False
    nullable: bool = True
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class StructuredType:
    """A complex type with what it inherits."""

    name: str
    properties: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class EntityType(StructuredType):
    """An entity type with what it inherits."""

    key: tuple[str, ...]  # declared order; empty for views without a key


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one service declares. All names of types are qualified."""

    entity_sets: Mapping[str, EntityType]
    entity_types: Mapping[str, EntityType]
    complex_types: Mapping[str, StructuredType]
    enums: Mapping[str, EnumType]


def parse_metadata(document: bytes, source: str) -> Metadata:
    """Read a `$metadata` document; `source` is its address, for errors.

    Raises UnsafeMetadata on a DOCTYPE, InvalidMetadata on what is no CSDL.
    """
    try:
        root = fromstring(document, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnsafeMetadata(f"{source} declares a DOCTYPE or entities: refused") from error
    except ParseError as error:
        raise InvalidMetadata(f"{source} is not XML: {error}") from error
    schemas = [Schema(element) for element in root.iter() if _tag(element) == "Schema"]
    if not schemas:
        raise InvalidMetadata(f"{source} declares no Schema: is it an OData v4 service?")
    return Declarations(schemas, source).metadata()


@dataclass(frozen=True, slots=True)
class Schema:
    """One `Schema` element."""

    element: Element

    @property
    def namespace(self) -> str:
        """The namespace that its types are qualified with."""
        return self.element.get("Namespace", "")

    @property
    def alias(self) -> str | None:
        """The short name by which other elements may call the namespace."""
        return self.element.get("Alias")

    def named(self, tag: str) -> Iterator[tuple[str, Element]]:
        """Its children of one kind with their qualified names."""
        for child in _children(self.element, tag):
            yield f"{self.namespace}.{child.get('Name', '')}", child


class Declarations:
    """The elements of all schemas by qualified name; types are built from them on demand."""

    def __init__(self, schemas: list[Schema], source: str) -> None:
        self.source = source
        self.schemas = schemas
        self.aliases = {schema.alias: schema.namespace for schema in schemas if schema.alias}
        self.definitions = self._named("TypeDefinition")
        self.entities = self._named("EntityType")
        self.complexes = self._named("ComplexType")

    def metadata(self) -> Metadata:
        """Everything as frozen values."""
        entity_types = {name: self._entity_type(name) for name in self.entities}
        return Metadata(
            entity_sets=dict(self._entity_sets(entity_types)),
            entity_types=entity_types,
            complex_types={
                name: StructuredType(name, self._properties(name, self.complexes))
                for name in self.complexes
            },
            enums={
                name: EnumType(name, tuple(m.get("Name", "") for m in _children(enum, "Member")))
                for name, enum in self._named("EnumType").items()
            },
        )

    def _named(self, tag: str) -> dict[str, Element]:
        return dict(pair for schema in self.schemas for pair in schema.named(tag))

    def _qualified(self, name: str) -> str:
        """A type's name with its namespace's alias written out."""
        namespace, _, last = name.rpartition(".")
        return f"{self.aliases.get(namespace, namespace)}.{last}" if namespace else name

    def _entity_sets(self, types: Mapping[str, EntityType]) -> Iterator[tuple[str, EntityType]]:
        for schema in self.schemas:
            for container in _children(schema.element, "EntityContainer"):
                for entity_set in _children(container, "EntitySet"):
                    yield self._entity_set(entity_set, types)

    def _entity_set(
        self, element: Element, types: Mapping[str, EntityType]
    ) -> tuple[str, EntityType]:
        name, type_name = element.get("Name", ""), self._qualified(element.get("EntityType", ""))
        if type_name not in types:
            raise InvalidMetadata(
                f"{self.source}: entity set {name!r} is of type {type_name!r}, "
                "which is not declared"
            )
        return name, types[type_name]

    def _entity_type(self, name: str) -> EntityType:
        properties = self._properties(name, self.entities)
        key = next(
            filter(None, (self._own_key(line) for line in self._ancestry(name, self.entities))), ()
        )
        return EntityType(name, properties, tuple(part for part in key if part in properties))

    def _own_key(self, element: Element) -> tuple[str, ...]:
        refs = (ref for key in _children(element, "Key") for ref in _children(key, "PropertyRef"))
        return tuple(ref.get("Name", "") for ref in refs)

    def _properties(self, name: str, pool: Mapping[str, Element]) -> dict[str, Property]:
        """Those of the base types first, as the server lists them."""
        lineage = reversed(list(self._ancestry(name, pool)))
        declared = (
            self._property(child) for line in lineage for child in _children(line, "Property")
        )
        return {declared_one.name: declared_one for declared_one in declared}

    def _ancestry(self, name: str, pool: Mapping[str, Element]) -> Iterator[Element]:
        """The type and its base types, nearest first."""
        seen: set[str] = set()
        while name in pool and name not in seen:
            seen.add(name)
            yield pool[name]
            name = self._qualified(pool[name].get("BaseType", ""))

    def _property(self, element: Element) -> Property:
        declared = element.get("Type", "Edm.String")
        collection = declared.startswith("Collection(")
        type_name = self._qualified(declared[len("Collection(") : -1] if collection else declared)
        definition = self.definitions.get(type_name)
        max_length = element.get("MaxLength")
        if definition is not None:
            type_name = definition.get("UnderlyingType", "Edm.String")
            max_length = max_length or definition.get("MaxLength")
        return Property(
            name=element.get("Name", ""),
            type=type_name,
            collection=collection,
            nullable=element.get("Nullable", "true") != "false",
            max_length=int(max_length) if max_length and max_length.isdigit() else None,
        )


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if _tag(child) == tag)


def _tag(element: Element) -> str:
    """The name without its XML namespace: servers use several versions of it."""
    return element.tag.rpartition("}")[2]
