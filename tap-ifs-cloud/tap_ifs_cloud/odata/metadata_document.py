"""A CSDL document (`$metadata`, XML) as an index: where each type stands in it, which sets exist.

A service of IFS may declare thousands of types, of which a run needs a few. So the document is
walked once without building anything, and a declaration is read when somebody asks for it. Nothing
is fetched and no entity is expanded: a DOCTYPE is refused before a parser sees it.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.parsers.expat import ExpatError, ParserCreate

import msgspec

from tap_ifs_cloud.odata.errors import InvalidMetadata, UnsafeMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

__all__ = ["Document", "Node", "Place", "read_document"]

# All that may stand before the first element (XML 1.0, production 22), but for a DOCTYPE.
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_TAG: Final = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>")
_UTF_16: Final = (BOM_UTF16_LE, BOM_UTF16_BE, b"<\0", b"\0<")


class Node(msgspec.Struct, frozen=True, gc=False):
    """One element; its name is without a prefix."""

    tag: str
    attributes: dict[str, str]
    children: list[Node]

    def named(self, tag: str) -> Iterator[Node]:
        """Its children of one kind."""
        return (child for child in self.children if child.tag == tag)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a declaration stands: its first byte, and the first one of its end tag.

    Both are the same for an element that is a single tag.
    """

    start: int
    stop: int
    base: str  # `BaseType` as written; empty without one


@dataclass(frozen=True, slots=True)
class Document:
    """The index. Names are qualified with their namespace, not with its alias."""

    content: bytes
    encoding: str | None
    source: str
    aliases: Mapping[str, str]
    enums: Mapping[str, Place]
    definitions: Mapping[str, Place]
    entities: Mapping[str, Place]
    complexes: Mapping[str, Place]
    sets: Mapping[str, str]  # entity set -> type, both as written; singletons are none

    def qualified(self, name: str) -> str:
        """A type's name with its namespace's alias written out."""
        namespace, _, last = name.rpartition(".")
        return f"{self.aliases.get(namespace, namespace)}.{last}" if namespace else name

    def read(self, place: Place) -> Node:
        """The declaration with all that it holds."""
        tag = _TAG.match(self.content, place.start)
        stop = max(place.stop, tag.end() if tag else 0)
        root = Node("", {}, [])
        path = [root]

        def start(name: str, attributes: dict[str, str]) -> None:
            node = Node(name.rpartition(":")[2], attributes, [])
            path[-1].children.append(node)
            path.append(node)

        def end(_: str) -> None:
            path.pop()

        parser = ParserCreate(self.encoding)
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.Parse(self.content[place.start : stop], False)  # noqa: FBT003 # no keyword
        return root.children[0]


def read_document(content: bytes, source: str) -> Document:
    """Index a document; `source` is its address, for errors.

    Raises UnsafeMetadata on a DOCTYPE, InvalidMetadata on what is no CSDL.
    """
    encoding = None
    if content.startswith(_UTF_16):  # the index counts bytes, and finds a DOCTYPE by them
        content, encoding = _as_utf_8(content, source), "utf-8"
    prolog = _PROLOG.match(content)
    if prolog and content.startswith(b"<!DOCTYPE", prolog.end()):
        raise _unsafe(source)
    return _Indexer(source, encoding).document(content)


class _Indexer:
    """Follows the elements of a document as far down as names reach.

    What a declaration holds is passed over by the parser itself, which is most of the document.
    """

    def __init__(self, source: str, encoding: str | None) -> None:
        self.source, self.encoding = source, encoding
        self.parser = ParserCreate(encoding)
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._outside
        self.namespace: str | None = None
        self.aliases: dict[str, str] = {}
        self.sets: dict[str, str] = {}
        self.found: dict[str, dict[str, Place]] = {
            "EnumType": {},
            "TypeDefinition": {},
            "EntityType": {},
            "ComplexType": {},
        }
        self.schema = ""  # the element as written, with its prefix
        self.inside = ""  # likewise, of a child of the schema
        self.open: tuple[dict[str, Place], str, int, str] | None = None

    def document(self, content: bytes) -> Document:
        """Index all of it."""
        try:
            self.parser.Parse(content, True)  # noqa: FBT003 # it takes no keyword
        except (ExpatError, LookupError, ValueError) as error:
            raise InvalidMetadata(f"{self.source} is not XML: {error}") from error
        if self.namespace is None:
            raise InvalidMetadata(f"{self.source} declares no Schema: is it an OData v4 service?")
        return Document(
            content,
            self.encoding,
            self.source,
            self.aliases,
            enums=self.found["EnumType"],
            definitions=self.found["TypeDefinition"],
            entities=self.found["EntityType"],
            complexes=self.found["ComplexType"],
            sets=self.sets,
        )

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = self.encoding or encoding

    def _doctype(self, *_: object) -> NoReturn:
        raise _unsafe(self.source)

    def _outside(self, name: str, attributes: dict[str, str]) -> None:
        """Above the schemas; an included one is declared elsewhere, but its alias is used here."""
        tag = _local(name)
        if tag not in ("Schema", "Include"):
            return
        namespace, alias = attributes.get("Namespace", ""), attributes.get("Alias")
        if alias:
            self.aliases[alias] = namespace
        if tag == "Schema":
            self.namespace, self.schema = namespace, name
            self.parser.StartElementHandler = self._child
            self.parser.EndElementHandler = self._after_child

    def _child(self, name: str, attributes: dict[str, str]) -> None:
        """A child of a schema begins."""
        tag = _local(name)
        self.inside = name
        if tag in self.found:
            self.open = (
                self.found[tag],
                f"{self.namespace}.{attributes.get('Name', '')}",
                self.parser.CurrentByteIndex,
                attributes.get("BaseType", ""),
            )
        # All containers count: one that `Extends` another of this document has its sets too.
        self.parser.StartElementHandler = self._member if tag == "EntityContainer" else None
        self.parser.EndElementHandler = self._within_child

    def _member(self, name: str, attributes: dict[str, str]) -> None:
        """An element in a container begins."""
        if _local(name) == "EntitySet":
            self.sets[attributes.get("Name", "")] = attributes.get("EntityType", "")

    def _within_child(self, name: str) -> None:
        """An element in a child of a schema ends, or that child itself."""
        if name != self.inside:
            return
        if self.open is not None:
            pool, qualified, start, base = self.open
            pool[qualified] = Place(start, self.parser.CurrentByteIndex, base)
            self.open = None
        self.parser.StartElementHandler = self._child
        self.parser.EndElementHandler = self._after_child

    def _after_child(self, name: str) -> None:
        """The schema ends; anything else has been inside one of its own kind, which has no end."""
        if name != self.schema:
            raise InvalidMetadata(f"{self.source} has a {_local(name)} inside a {_local(name)}")
        self.parser.StartElementHandler = self._outside
        self.parser.EndElementHandler = None


def _as_utf_8(content: bytes, source: str) -> bytes:
    big_endian = content.startswith((BOM_UTF16_BE, b"\0"))
    try:
        return content.decode("utf-16-be" if big_endian else "utf-16-le").encode()
    except UnicodeError as error:
        raise InvalidMetadata(f"{source} is not XML: {error}") from error


def _unsafe(source: str) -> UnsafeMetadata:
    return UnsafeMetadata(f"{source} declares a DOCTYPE or entities: refused")


def _local(name: str) -> str:
    """The name without its prefix: servers use several versions of the XML namespace."""
    return name.rpartition(":")[2]
