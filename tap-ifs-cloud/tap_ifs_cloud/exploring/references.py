"""References to one row of another type (`NavigationProperty`), which `$expand` can follow.

IFS follows references to one row only; one to many rows is a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

__all__ = ["references"]


def references(document: bytes) -> Mapping[str, tuple[str, ...]]:
    """The references of each entity type by its qualified name, those of its base types first.

    Empty for what is no `$metadata`: who needs more than the names has read it elsewhere.
    """
    try:
        root = fromstring(document, forbid_dtd=True)
    except (DefusedXmlException, ParseError):
        return {}
    types = dict(_entity_types(root))
    return {name: tuple(_inherited(name, types)) for name in types}


def _entity_types(root: Element) -> Iterator[tuple[str, Element]]:
    for schema in root.iter():
        if _tag(schema) == "Schema":
            namespace = schema.get("Namespace", "")
            for child in schema:
                if _tag(child) == "EntityType":
                    yield f"{namespace}.{child.get('Name', '')}", child


def _inherited(name: str, types: Mapping[str, Element]) -> Iterator[str]:
    lineage: list[Element] = []
    while name in types and types[name] not in lineage:
        lineage.insert(0, types[name])
        name = types[name].get("BaseType", "")
    for element in lineage:
        for child in element:
            is_one = not child.get("Type", "").startswith("Collection(")
            if _tag(child) == "NavigationProperty" and is_one:
                yield child.get("Name", "")


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
