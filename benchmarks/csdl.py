"""`$metadata` documents in the shape that real tenants have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.order_lines import COLUMNS, KEY, NAMESPACE, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["order_lines_document", "tenant_document"]

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><edmx:Edmx Version="4.0" '
    'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{}">'
)
_TAIL: Final = "</Schema></edmx:DataServices></edmx:Edmx>"
_PLUMBING: Final = {"luname": 80, "keyref": 4000, "Objgrants": 2000}

# What a projection of a real tenant declares, per 17 entity types: how many properties each has,
# 26 enumerations of about three members, 7 complex types that repeat the wide ones, 16 links.
_PROPERTIES: Final = (88, 60, 30, 28, 24, 20, 16, 13, 11, 10, 9, 8, 7, 6, 5, 4, 3)
_ENUMS: Final = 26
_COMPLEX: Final = (2, 88, 2, 60, 2, 30, 24)
_LINKS: Final = 16
# Of ten properties this many are texts, and so on.
_KINDS: Final = (*["text"] * 6, "enum", "number", "date", "flag")


def order_lines_document(entity_sets: Iterable[str]) -> bytes:
    """One entity type under several names, one for each size of the set."""
    parts = [
        _HEAD.format(NAMESPACE),
        _enum("OrderLineState", STATES),
        _entity("OrderLine", KEY, (_property(n, t) for n, t in COLUMNS.items())),
        _container((name, f"{NAMESPACE}.OrderLine") for name in entity_sets),
        _TAIL,
    ]
    return "".join(parts).encode()


def tenant_document(entity_types: int) -> bytes:
    """As many entity types as asked for, each with an entity set of its own."""
    namespace = "IfsApp.BenchTenant"
    projections = range(-(-entity_types // len(_PROPERTIES)))
    parts = [_HEAD.format(namespace)]
    parts += [_enum(f"Enum{p}x{e}", STATES[:3]) for p in projections for e in range(_ENUMS)]
    names = [f"Entity{number}" for number in range(entity_types)]
    parts += [_tenant_entity(namespace, number, name) for number, name in enumerate(names)]
    parts += [
        _complex(f"Structure{p}x{c}", _tenant_columns(namespace, p, width))
        for p in projections
        for c, width in enumerate(_COMPLEX)
    ]
    parts += [_container((f"{name}Set", f"{namespace}.{name}") for name in names), _TAIL]
    return "".join(parts).encode()


def _tenant_entity(namespace: str, number: int, name: str) -> str:
    projection, place = divmod(number, len(_PROPERTIES))
    key = ("Company", "Column0")
    columns = [
        _property("Company", "Edm.String"),
        *_tenant_columns(namespace, projection, _PROPERTIES[place]),
    ]
    links = _links(namespace, name) if place == 0 else ()
    return _entity(name, key, [*columns, *links])


def _tenant_columns(namespace: str, projection: int, count: int) -> Iterator[str]:
    types = {"text": "Edm.String", "number": "Edm.Decimal", "date": "Edm.Date"}
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        enum = f"{namespace}.Enum{projection}x{number % _ENUMS}"
        type_name = enum if kind == "enum" else types.get(kind, "Edm.Boolean")
        yield _property(f"Column{number}", type_name)


def _links(namespace: str, name: str) -> Iterator[str]:
    for number in range(_LINKS):
        yield (
            f'<NavigationProperty Name="Link{number}Ref" Type="{namespace}.{name}">'
            '<ReferentialConstraint Property="Company" ReferencedProperty="Company">'
            f'</ReferentialConstraint><ReferentialConstraint Property="Column{number}" '
            'ReferencedProperty="Column0"></ReferentialConstraint></NavigationProperty>'
        )


def _enum(name: str, members: Iterable[str]) -> str:
    written = "".join(
        f'<Member Name="{member}" Value="{place}"></Member>' for place, member in enumerate(members)
    )
    return (
        f'<EnumType Name="{name}" IsFlags="false" UnderlyingType="Edm.Int32">{written}</EnumType>'
    )


def _entity(name: str, key: Iterable[str], columns: Iterable[str]) -> str:
    references = "".join(f'<PropertyRef Name="{column}"/>' for column in key)
    plumbing = (_text(column, length) for column, length in _PLUMBING.items())
    return (
        f'<EntityType Name="{name}"><Key>{references}</Key>'
        f"{''.join(plumbing)}{''.join(columns)}</EntityType>"
    )


def _complex(name: str, columns: Iterable[str]) -> str:
    return f'<ComplexType Name="{name}">{"".join(columns)}</ComplexType>'


def _property(name: str, type_name: str) -> str:
    if type_name == "Edm.String":
        return _text(name, 100)
    # IFS declares this of every number.
    facets = ' Precision="130" Scale="65"' if type_name == "Edm.Decimal" else ""
    return f'<Property Name="{name}" Type="{type_name}"{facets}></Property>'


def _text(name: str, length: int) -> str:
    return f'<Property Name="{name}" Type="Edm.String" MaxLength="{length}"></Property>'


def _container(sets: Iterable[tuple[str, str]]) -> str:
    written = "".join(
        f'<EntitySet Name="{name}" EntityType="{entity_type}"></EntitySet>'
        for name, entity_type in sets
    )
    return f'<EntityContainer Name="DefaultContainer">{written}</EntityContainer>'
