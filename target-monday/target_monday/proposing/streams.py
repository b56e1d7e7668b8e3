"""The streams that a tap has: from its catalog, or from the SCHEMA lines that it wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from target_monday.foreign_json import NotJson, decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KnownStream", "streams_of"]


_JSON = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class KnownStream:
    """A stream's name, JSON schema and key. `typed` is false if only names are known."""

    name: str
    schema: Mapping[str, Any]
    key: tuple[str, ...]
    typed: bool = True


def streams_of(text: str | bytes) -> list[KnownStream]:
    """The selected streams of a Singer catalog, or those of SCHEMA lines, in their order.

    Of several SCHEMA lines of a stream the last one counts. Raises ValueError if it is neither.
    """
    try:
        document = decode(text, _JSON)
    except NotJson:
        document = None
    if isinstance(document, dict) and isinstance(document.get("streams"), list):
        return list(_of_catalog(document["streams"]))
    found = {stream.name: stream for stream in _of_lines(text)}
    if not found:
        raise ValueError("neither a Singer catalog nor lines with SCHEMA messages")
    return list(found.values())


def _of_lines(text: str | bytes) -> Iterator[KnownStream]:
    lines = text.splitlines()
    for line in lines:
        try:
            message = decode(line, _JSON)
        except NotJson:
            continue
        if isinstance(message, dict) and message.get("type") == "SCHEMA":
            yield _stream(message["stream"], message, message.get("key_properties"))


def _of_catalog(entries: list[Any]) -> Iterator[KnownStream]:
    for entry in entries:
        metadata = {
            tuple(each.get("breadcrumb") or ()): each.get("metadata") or {}
            for each in entry.get("metadata") or ()
        }
        whole: Mapping[str, Any] = metadata.get((), {})
        if not _selected(whole):
            continue
        keys = entry.get("key_properties") or whole.get("table-key-properties")
        stream = _stream(entry.get("stream") or entry["tap_stream_id"], entry, keys)
        properties = {
            name: definition
            for name, definition in stream.schema["properties"].items()
            if _selected(metadata.get(("properties", name), {}))
        }
        yield replace(stream, schema={**stream.schema, "properties": properties})


def _selected(metadata: Mapping[str, Any]) -> bool:
    if metadata.get("inclusion") in {"automatic", "unsupported"}:
        return bool(metadata["inclusion"] == "automatic")
    return metadata.get("selected") is not False


def _stream(name: str, holder: Mapping[str, Any], keys: Any) -> KnownStream:
    schema: dict[str, Any] = holder.get("schema") or {}
    properties = schema.get("properties") or {}
    return KnownStream(name, {**schema, "properties": properties}, tuple(keys or ()))
