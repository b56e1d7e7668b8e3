"""`$metadata` and the service document, written from the model.

The shape follows a real tenant's document: one schema, no Nullable anywhere, every number a
decimal of precision 130 and scale 65, functions unbound, plumbing among the complex types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from ifs_monday_sandbox.ifs.model import (
    EntitySet,
    EntityType,
    EnumType,
    Kind,
    Navigation,
    Projection,
    Property,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["metadata_xml", "service_document"]

_PLUMBING_TYPES: Final = {
    "StreamInfoRec": ("FileName", "MimeType"),
    "EntityDec": ("ETag", "Info", "Attr"),
    "ConfigEntityDec": ("ETag", "Info", "Attr"),
}
_EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"


def metadata_xml(projection: Projection) -> bytes:
    """The whole document, one line of UTF-8."""
    schema = "".join(
        (
            *map(_enum_type, projection.used_enums()),
            *(_entity_type(projection, each) for each in projection.types),
            *_complex_types(projection),
            *(_function(projection, name) for name in projection.functions),
            _container(projection),
        )
    )
    schema = _element("Schema", schema, xmlns=_EDM, Namespace=projection.namespace)
    services = _element("edmx:DataServices", schema)
    edmx = _element("edmx:Edmx", services, Version="4.0", **{"xmlns:edmx": _EDMX})
    return f'<?xml version="1.0" encoding="UTF-8"?>{edmx}'.encode()


def service_document(projection: Projection, url: str) -> dict[str, Any]:
    """The sets and function imports that the service at `url` offers."""
    sets = [(each.name, "EntitySet") for each in projection.sets]
    functions = [(name, "FunctionImport") for name in projection.functions]
    return {
        "@odata.context": f"{url}/$metadata",
        "value": [{"name": name, "kind": kind, "url": name} for name, kind in (*sets, *functions)],
    }


def _element(tag: str, content: str = "", /, **attributes: str) -> str:
    """An element that is closed by a tag of its own, also where it is empty."""
    return f"<{tag}{_attributes(attributes)}>{content}</{tag}>"


def _empty(tag: str, /, **attributes: str) -> str:
    """An element in the short form."""
    return f"<{tag}{_attributes(attributes)}/>"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())


def _enum_type(enum: EnumType) -> str:
    members = "".join(
        _element("Member", Name=name, Value=str(place)) for place, name in enumerate(enum.members)
    )
    return _element(
        "EnumType", members, Name=enum.name, IsFlags="false", UnderlyingType="Edm.Int32"
    )


def _entity_type(projection: Projection, kind: EntityType) -> str:
    key = "".join(_empty("PropertyRef", Name=name) for name in kind.key)
    properties = "".join(_property(projection, each) for each in kind.properties)
    ways = "".join(_navigation(projection, each) for each in kind.navigations)
    return _element("EntityType", _element("Key", key) + properties + ways, Name=kind.name)


def _property(projection: Projection, each: Property) -> str:
    match each.kind:
        case Kind.TEXT:
            facets = {"Type": each.kind.value, "MaxLength": str(each.length)}
        case Kind.NUMBER:
            facets = {"Type": each.kind.value, "Precision": "130", "Scale": "65"}
        case Kind.CHOICE:
            facets = {"Type": f"{projection.namespace}.{each.enum}"}
        case _:
            facets = {"Type": each.kind.value}
    return _element("Property", Name=each.name, **facets)


def _navigation(projection: Projection, each: Navigation) -> str:
    target = f"{projection.namespace}.{each.target}"
    constraints = "".join(
        _element("ReferentialConstraint", Property=own, ReferencedProperty=referenced)
        for own, referenced in each.constraints
    )
    kind = f"Collection({target})" if each.many else target
    return _element("NavigationProperty", constraints, Name=each.name, Type=kind)


def _complex_types(projection: Projection) -> Iterator[str]:
    structures = {f"{name}Structure": ("Value",) for name in projection.functions}
    for name, columns in (structures | _PLUMBING_TYPES).items():
        properties = "".join(
            _element("Property", Name=column, Type=Kind.TEXT.value) for column in columns
        )
        yield _element("ComplexType", properties, Name=name)


def _function(projection: Projection, name: str) -> str:
    parameter = _element("Parameter", Name="Company", Type=Kind.TEXT.value)
    result = _empty("ReturnType", Type=f"{projection.namespace}.{name}Structure")
    return _element("Function", parameter + result, Name=name)


def _container(projection: Projection) -> str:
    sets = "".join(_entity_set(projection, each) for each in projection.sets)
    functions = "".join(
        _element(
            "FunctionImport",
            Name=name,
            Function=f"{projection.namespace}.{name}",
            IncludeInServiceDocument="true",
        )
        for name in projection.functions
    )
    return _element("EntityContainer", sets + functions, Name="DefaultContainer")


def _entity_set(projection: Projection, each: EntitySet) -> str:
    bindings = "".join(
        _empty("NavigationPropertyBinding", Path=way.name, Target=way.binding)
        for way in each.type.navigations
        if way.binding
    )
    kind = f"{projection.namespace}.{each.type.name}"
    return _element("EntitySet", bindings, Name=each.name, EntityType=kind)
