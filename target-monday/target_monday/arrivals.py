"""Streams, properties and values that came, held against the settings that expect them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_monday.privacy import unused_entries
from target_monday.settings_input import unused_maps
from target_monday.trail import TRAIL, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from target_monday.mapping import BoardSpec

__all__ = ["Arrivals"]


@dataclass(slots=True)
class Arrivals:
    """What the input brought in one run.

    Attributes:
        settings: The configuration.
        raw: Streams as the tap names them, before stream maps.
        properties: Streams as they are delivered, each with the properties of its schema.
    """

    settings: Mapping[str, Any]
    raw: set[str] = field(default_factory=set)
    properties: dict[str, frozenset[str]] = field(default_factory=dict)
    _unfed: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)

    def stream(self, name: str, properties: Iterable[str]) -> None:
        """Take note of a SCHEMA."""
        self.properties[name] = self.properties.get(name, frozenset()) | frozenset(properties)

    def records(self, spec: BoardSpec, records: Iterable[Mapping[str, Any]]) -> None:
        """Take note of the properties that records have, until every mapped column is fed."""
        unfed = self._unfed.get(spec.stream)
        for record in records:
            if unfed is None:
                unfed = self._unfed[spec.stream] = self._mapped(spec)
            if not unfed:
                return
            for column in [each for each, names in unfed.items() if not names.isdisjoint(record)]:
                del unfed[column]

    def _mapped(self, spec: BoardSpec) -> dict[str, frozenset[str]]:
        """The columns that the settings name, each with the properties that feed it."""
        entry: Mapping[str, Any] = (self.settings.get("boards") or {}).get(spec.stream) or {}
        named: Collection[str] = entry.get("columns") or ()
        mapped = {
            each.reference: frozenset(each.fields())
            for each in spec.columns
            if each.property in named
        }
        versions = [each.reference for each in spec.columns if each.property == f"{TRAIL}version"]
        return mapped | dict.fromkeys(versions, frozenset(VERSIONS))

    def unused(self) -> Iterator[str]:
        """Yield the settings that nothing bore out, as lines for the log."""
        for stream in self.settings.get("boards") or ():
            if stream not in self.properties:
                yield f"mapping.unused stream={stream}: no such stream came"
        for source in unused_maps(self.settings.get("stream_maps") or {}, self.raw):
            yield f"stream_map.unused stream={source}: no such stream came"
        for setting, each in unused_entries(self.settings, self.properties):
            yield f"{setting}.unused entry={each}: no stream that came has this property"
        for stream, unfed in self._unfed.items():
            for column in unfed:
                yield f"column.unfed stream={stream} column={column!r}: no row brought its property"
