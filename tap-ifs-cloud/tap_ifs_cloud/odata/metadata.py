"""`$metadata` (CSDL 4.0 and 4.01, XML) as frozen values: sets, types, keys, columns, enums, links.

Only what streams need: functions, actions and annotations are left out. Written for any OData v4
service; IFS's own habits (numbers are all `Edm.Decimal`, no `Nullable` anywhere) need no code.
A type is read from the document when it is first asked for, since a service may declare thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from sys import intern
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from tap_ifs_cloud.odata.errors import InvalidMetadata
from tap_ifs_cloud.odata.metadata_document import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tap_ifs_cloud.odata.metadata_document import Document, Node, Place

__all__ = [
    "EntityType",
    "EnumType",
    "Metadata",
    "Navigation",
    "Property",
    "StructuredType",
    "parse_metadata",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration; its name is qualified, its members are what rows carry."""

    name: str
    members: tuple[str, ...]
    underlying: str = "Edm.Int32"
    is_flags: bool = False  # rows may carry several members, joined by commas


@dataclass(frozen=True, slots=True)
class Property:
    """A column. `type` is qualified, without `Collection()`, aliases and type definitions."""

    name: str
    type: str
    collection: bool = False
    nullable: bool = True
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Navigation:
    """A link to the row or rows of another entity type, which `$expand` may follow."""

    name: str
    target: str  # the qualified name of an entity type, which need not be declared
    collection: bool = False
    nullable: bool = True
    constraints: Mapping[str, str] = field(default_factory=dict)  # own column -> the target's


@dataclass(frozen=True, slots=True)
class StructuredType:
    """A complex type with what it inherits. Rows of an open one may hold undeclared values."""

    name: str
    properties: Mapping[str, Property]
    is_open: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class EntityType(StructuredType):
    """An entity type with what it inherits.

    The key is in declared order. It is empty for views without one, and where a part of it is no
    column of its own (such as `Address/Zip`): the rest of a key would not tell rows apart.
    """

    key: tuple[str, ...]
    navigations: Mapping[str, Navigation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one service declares. All names of types are qualified.

    What is declared is there; asking for an entity set or type whose declaration leads nowhere
    raises InvalidMetadata. A complex type of that kind is left out, so that a property of it is
    one of unknown type.
    """

    entity_sets: Mapping[str, EntityType]
    entity_types: Mapping[str, EntityType]
    complex_types: Mapping[str, StructuredType]
    enums: Mapping[str, EnumType]


def parse_metadata(document: bytes, source: str) -> Metadata:
    """Read a `$metadata` document; `source` is its address, for errors.

    Raises UnsafeMetadata on a DOCTYPE, InvalidMetadata on what is no CSDL.
    """
    types = _Types(read_document(document, source))
    return Metadata(
        entity_sets=_Lazy(types.document.sets, types.of_set),
        entity_types=types.entities,
        complex_types=_Lazy(types.sound_complexes(), types.complex_type),
        enums=_Lazy(types.document.enums, types.enum_type),
    )


class _Lazy(Mapping[str, T]):
    """Values that are made when they are first asked for. Names are known before."""

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Collection[str], make: Callable[[str], T]) -> None:
        self._names, self._make = names, make
        self._made: dict[str, T] = {}

    @override
    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._names

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @override
    def __len__(self) -> int:
        return len(self._names)


class _Unresolved(Exception):
    """A type is built upon one that is not declared, or upon itself."""


class _Types:
    """Builds types from what a document declares."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.entities = _Lazy(document.entities, self.entity_type)
        self.simple = cache(self._simple)  # a few types stand at many thousand properties

    def of_set(self, name: str) -> EntityType:
        """The type of an entity set's rows. Raises InvalidMetadata."""
        type_name = self.document.qualified(self.document.sets[name])
        where = f"{self.document.source}: entity set {name!r}"
        if type_name not in self.entities:
            raise InvalidMetadata(f"{where} is of type {type_name!r}, which is not declared")
        try:
            return self.entities[type_name]
        except InvalidMetadata as error:
            raise InvalidMetadata(f"{where} cannot be read: {error.sentence}") from error

    def entity_type(self, name: str) -> EntityType:
        """An entity type. Raises InvalidMetadata."""
        try:
            lineage = self._lineage(name, self.document.entities)
        except _Unresolved as error:
            raise InvalidMetadata(f"{self.document.source}: {error}") from error
        properties = self._properties(lineage)
        return EntityType(
            name,
            properties,
            _key(lineage, properties),
            {
                one.name: one
                for node in lineage
                for one in map(self._navigation, node.named("NavigationProperty"))
            },
            is_open=_is_open(lineage),
        )

    def sound_complexes(self) -> Collection[str]:
        """The complex types of which all base types are declared."""
        pool = self.document.complexes
        return {name: None for name in pool if not pool[name].base or self._is_sound(name, pool)}

    def complex_type(self, name: str) -> StructuredType:
        """A complex type, which must be sound."""
        lineage = self._lineage(name, self.document.complexes)
        return StructuredType(name, self._properties(lineage), is_open=_is_open(lineage))

    def enum_type(self, name: str) -> EnumType:
        """An enumeration."""
        node = self.document.read(self.document.enums[name])
        return EnumType(
            name,
            tuple(member.attributes.get("Name", "") for member in node.named("Member")),
            node.attributes.get("UnderlyingType", "Edm.Int32"),
            is_flags=node.attributes.get("IsFlags") == "true",
        )

    def _is_sound(self, name: str, pool: Mapping[str, Place]) -> bool:
        try:
            self._ancestry(name, pool)
        except _Unresolved:
            return False
        return True

    def _lineage(self, name: str, pool: Mapping[str, Place]) -> list[Node]:
        """The declarations of the type and its base types, the topmost first, as servers list."""
        return [self.document.read(pool[one]) for one in self._ancestry(name, pool)]

    def _ancestry(self, name: str, pool: Mapping[str, Place]) -> Collection[str]:
        """The type and its base types, the topmost first. Raises _Unresolved."""
        line = {name: None}
        while base := self.document.qualified(pool[name].base):
            if base not in pool:
                raise _Unresolved(f"{name!r} has the base type {base!r}, which is not declared")
            if base in line:
                raise _Unresolved(f"{base!r} is a base type of itself")
            line[base] = None
            name = base
        return tuple(reversed(line))

    def _properties(self, lineage: list[Node]) -> dict[str, Property]:
        return {
            one.name: one for node in lineage for one in map(self._property, node.named("Property"))
        }

    def _property(self, node: Node) -> Property:
        attributes = node.attributes
        type_name, collection, longest = self.simple(attributes.get("Type", "Edm.String"))
        return Property(
            attributes.get("Name", ""),
            type_name,
            collection,
            attributes.get("Nullable") != "false",
            _whole(attributes["MaxLength"]) if "MaxLength" in attributes else longest,
        )

    def _simple(self, declared: str) -> tuple[str, bool, int | None]:
        """What a property's type stands for once definitions are followed, with their MaxLength."""
        name, collection = self._type(declared)
        definitions, passed, longest = self.document.definitions, {""}, None
        while name in definitions and name not in passed:
            passed.add(name)
            definition = self.document.read(definitions[name]).attributes
            name = self.document.qualified(definition.get("UnderlyingType", "Edm.String"))
            longest = longest or definition.get("MaxLength")
        return intern(name), collection, _whole(longest)

    def _navigation(self, node: Node) -> Navigation:
        target, collection = self._type(node.attributes.get("Type", ""))
        pairs = (each.attributes for each in node.named("ReferentialConstraint"))
        return Navigation(
            name=node.attributes.get("Name", ""),
            target=intern(target),
            collection=collection,
            nullable=node.attributes.get("Nullable") != "false",
            constraints={
                pair["Property"]: pair["ReferencedProperty"]
                for pair in pairs
                if "Property" in pair and "ReferencedProperty" in pair
            },
        )

    def _type(self, declared: str) -> tuple[str, bool]:
        """The qualified name, and whether it stands for many values."""
        inner = declared.strip().removeprefix("Collection(")
        collection = inner != declared.strip()
        return self.document.qualified(inner.removesuffix(")").strip()), collection


def _key(lineage: list[Node], properties: Mapping[str, Property]) -> tuple[str, ...]:
    """Of the nearest type that declares one."""
    for node in reversed(lineage):
        refs = [ref for key in node.named("Key") for ref in key.named("PropertyRef")]
        if refs:
            parts = tuple(ref.attributes.get("Name", "") for ref in refs)
            return parts if all(part in properties for part in parts) else ()
    return ()


def _is_open(lineage: list[Node]) -> bool:
    """A type derived from an open one is open."""
    return any(node.attributes.get("OpenType") == "true" for node in lineage)


def _whole(text: str | None) -> int | None:
    """A `MaxLength`; it may also be `max`."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004
