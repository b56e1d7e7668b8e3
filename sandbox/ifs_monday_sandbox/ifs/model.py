"""What a service declares: the one source of `$metadata`, of types in `$filter` and of the rows.

The shape is that of a real tenant's `$metadata`: enum types, entity types that begin with pseudo
columns, all numbers decimals of one size, nothing said about nulls, filtering or ordering.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "PLUMBING",
    "EntitySet",
    "EntityType",
    "EnumType",
    "Kind",
    "Navigation",
    "Projection",
    "Property",
    "Service",
    "choice",
    "date",
    "flag",
    "number",
    "plumbing",
    "text",
    "timestamp",
]

PLUMBING: Final = frozenset({"luname", "keyref", "Objgrants"})
"""Pseudo columns, declared like any other; an explicit `$select` drops them."""


class Kind(Enum):
    """The kinds of values that properties and filter expressions have."""

    TEXT = "Edm.String"
    NUMBER = "Edm.Decimal"
    DATE = "Edm.Date"
    TIMESTAMP = "Edm.DateTimeOffset"
    FLAG = "Edm.Boolean"
    CHOICE = "enum"
    NULL = "null"


class Service(Enum):
    """The two families of services, by the path segment that leads to them."""

    PROJECTION = "projection"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration; a member's number is its place, which differs between variants."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """A column. `length` is for text, `enum` (a bare type name) for choices."""

    name: str
    kind: Kind
    length: int = 0
    enum: str = ""


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to another type: to one row by `constraints` (own, referenced), or to `many`."""

    name: str
    target: str
    constraints: tuple[tuple[str, str], ...] = ()
    binding: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """A type of rows; `lu` is the logical unit, which rows carry as `luname`."""

    name: str
    lu: str
    key: tuple[str, ...]
    properties: tuple[Property, ...]
    navigations: tuple[Navigation, ...] = ()

    def property(self, name: str) -> Property | None:
        """The property called `name`, if declared."""
        return next((each for each in self.properties if each.name == name), None)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A set that a service offers; its rows are those of a business's `table`."""

    name: str
    type: EntityType
    table: str


@dataclass(frozen=True, slots=True)
class Projection:
    """One `.svc`: sets, types without a set, functions by name, and where it is served."""

    name: str
    description: str
    category: str
    sets: tuple[EntitySet, ...]
    enums: Mapping[str, EnumType]
    more_types: tuple[EntityType, ...] = ()
    functions: tuple[str, ...] = ()
    service: Service = Service.PROJECTION
    gateways: frozenset[str] = frozenset({"main", "int"})

    @property
    def namespace(self) -> str:
        """The XML namespace of its schema."""
        return f"IfsApp.{self.name}"

    @property
    def types(self) -> tuple[EntityType, ...]:
        """All entity types, each once, those of the last sets (the main ones) first."""
        typed = {each.type.name: each.type for each in reversed(self.sets)}
        return (*typed.values(), *self.more_types)

    def entity_set(self, name: str) -> EntitySet | None:
        """The set called `name`, if offered."""
        return next((each for each in self.sets if each.name == name), None)

    def used_enums(self) -> Iterator[EnumType]:
        """The enum types that its properties have."""
        names = {each.enum for kind in self.types for each in kind.properties if each.enum}
        return (self.enums[name] for name in sorted(names))


def text(name: str, length: int) -> Property:
    """An Edm.String of at most `length` characters."""
    return Property(name, Kind.TEXT, length=length)


def number(name: str) -> Property:
    """An Edm.Decimal; integer keys too are declared so."""
    return Property(name, Kind.NUMBER)


def date(name: str) -> Property:
    """An Edm.Date."""
    return Property(name, Kind.DATE)


def timestamp(name: str) -> Property:
    """An Edm.DateTimeOffset, to the second."""
    return Property(name, Kind.TIMESTAMP)


def flag(name: str) -> Property:
    """An Edm.Boolean."""
    return Property(name, Kind.FLAG)


def choice(name: str, enum: str) -> Property:
    """A property of the enum type `enum`."""
    return Property(name, Kind.CHOICE, enum=enum)


def plumbing(states: str = "") -> tuple[Property, ...]:
    """The pseudo columns that every entity type begins with; `states` is the enum of Objstate."""
    columns = (text("luname", 80), text("keyref", 4000), text("Objgrants", 2000))
    return (*columns, choice("Objstate", states)) if states else columns
