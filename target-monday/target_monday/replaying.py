"""Rows of the ledger on their way to the boards once more, by the same way as those of a tap.

A replay is a run of the target: its input are SCHEMA and RECORD lines made of what the ledger
keeps, so that locks, budgets, books and exit codes are those of any run.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from singer_sdk.plugin_base import _ConfigInput

from target_monday.target import TargetMonday
from target_monday.unreadable import as_input

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping

    from target_monday.ledger.known_rows import KnownRow

__all__ = ["Feed", "ReplayingTarget", "told"]

# What was done to the rows before the ledger kept them, and is not done twice.
_DONE: Final = (
    *("stream_maps", "stream_map_config", "faker_config"),
    *("flattening_enabled", "flattening_max_depth", "flattening_separator"),
    "flattening_max_key_length",
)
_EXTRACTED: Final = "_sdc_extracted_at"
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class ReplayingTarget(TargetMonday):
    """The target over rows that the ledger knows."""

    replaying: ClassVar[bool] = True

    @classmethod
    def settings_of(cls, given: _ConfigInput) -> dict[str, Any]:
        """The settings of a run, without what was done to the rows already.

        Raises ConfigValidationError where they cannot be used.
        """
        config = cls(config=given.config, parse_env_config=given.parse_env).config
        return {name: value for name, value in config.items() if name not in _DONE}

    @classmethod
    def replay(cls, settings: Mapping[str, Any], rows: Iterable[KnownRow]) -> None:
        """Run over these rows; ends the process if that fails."""
        cls.run(_ConfigInput(config=dict(settings)), Feed(rows))


class Feed:
    """Singer lines for these rows, as a file that is read in pieces."""

    def __init__(self, rows: Iterable[KnownRow]) -> None:
        self._lines = self._made(rows)

    def read(self, size: int) -> bytes:
        """At least `size` bytes in whole lines, less at the end; empty behind it."""
        piece = bytearray()
        for line in self._lines:
            piece += line
            if len(piece) >= size:
                break
        return bytes(piece)

    @staticmethod
    def _made(rows: Iterable[KnownRow]) -> Iterator[bytes]:
        stream: str | None = None
        for row in rows:
            if row.stream != stream:
                stream = row.stream
                schema = {
                    "type": "SCHEMA",
                    "stream": row.stream,
                    "schema": msgspec.Raw(row.schema.encode()),
                    "key_properties": list(row.key_properties),
                }
                yield msgspec.json.encode(schema) + b"\n"
            record: dict[str, Any] = {
                "type": "RECORD",
                "stream": row.stream,
                "record": msgspec.Raw(as_input(row.payload)),
            }
            extracted = _decode(row.payload).get(_EXTRACTED)
            if extracted is not None:
                record["time_extracted"] = extracted
            if row.page is not None:
                record["page"] = row.page
            yield msgspec.json.encode(record) + b"\n"


def told(missing: Mapping[str, Counter[str]]) -> Iterator[str]:
    """What cannot be replayed, a sentence for each stream and reason."""
    for stream, reasons in missing.items():
        for reason, count in reasons.items():
            yield f"{count} rows of stream {stream!r} cannot be replayed: {reason}."
