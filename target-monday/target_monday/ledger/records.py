"""Records that led to something: what the source said, in which version, from which page."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from target_monday.ledger import tables
from target_monday.ledger.sealed import writing
from target_monday.unreadable import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from target_monday.ledger.sealed import Writing

__all__ = ["Records", "SourceRecord"]

ETAG: Final = "_ifs_etag"  # as tap-ifs-cloud names them
ROW_VERSION: Final = "_ifs_row_version"
_REMEMBERED: Final = 20_000  # records that are not written twice when they are sent again
_payload = msgspec.json.Encoder(decimal_format="number", enc_hook=stored)
_sorted = msgspec.json.Encoder(order="deterministic", enc_hook=str)


class SourceRecord(msgspec.Struct, frozen=True):
    """A record as it came, of a stream; `key` is its canonical key, None where it has none.

    `page`: of the source, where it was read; its number in the run that read it, from 1.
    """

    stream: str
    key: str | None
    record: Mapping[str, object]
    page: int | None = None


@dataclass(slots=True)
class Records:
    """What one run writes down of its records. `keeps_payloads`: whether also what they say."""

    run_id: str
    keeps_payloads: bool = True
    _schemas: dict[str, str] = field(default_factory=dict)  # stream -> hash
    _written: dict[tuple[str, str | None], tuple[bytes, int]] = field(default_factory=dict)

    def announce(
        self,
        engine: Engine,
        stream: str,
        schema: Mapping[str, Any],
        key_properties: Sequence[str],
        now: float,
    ) -> None:
        """From now on records of this stream come under this schema."""
        text, keys = _sorted.encode(schema), _sorted.encode(list(key_properties))
        digest = sha256(stream.encode() + b"\0" + text + keys).hexdigest()[:16]
        self._schemas[stream] = digest
        table = tables.schemas
        with engine.connect() as connection:
            known = connection.execute(select(table.c.hash).where(table.c.hash == digest))
            if known.scalar_one_or_none() is not None:
                return
        row = {"hash": digest, "stream": stream, "schema": text.decode()}
        with writing(engine, "announce", self.run_id) as ledger:
            again = ledger.connection.execute(select(table.c.hash).where(table.c.hash == digest))
            if again.scalar_one_or_none() is None:
                ledger.append(table, [{**row, "key_properties": keys.decode(), "at": now}])

    def append(
        self, ledger: Writing, sources: Sequence[SourceRecord | None], now: float
    ) -> list[int | None]:
        """The ids of these records, None for none; one that was written before has its id again."""
        numbers: list[int | None] = [None] * len(sources)
        rows: list[dict[str, Any]] = []
        places: list[tuple[int, tuple[str, str | None], bytes]] = []
        for at, source in enumerate(sources):
            if source is None:
                continue
            payload = _payload.encode(source.record)
            digest = sha256(payload).digest()[:16]
            place = (source.stream, source.key)
            known = self._written.get(place)
            if known is not None and known[0] == digest:
                numbers[at] = known[1]
                continue
            rows.append(self._row(source, payload, digest, now))
            places.append((at, place, digest))
        if len(self._written) > _REMEMBERED:
            self._written.clear()
        for (at, place, digest), number in zip(
            places, ledger.append(tables.records, rows), strict=True
        ):
            numbers[at] = number
            self._written[place] = (digest, number)
        return numbers

    def _row(
        self, source: SourceRecord, payload: bytes, digest: bytes, now: float
    ) -> dict[str, Any]:
        record = source.record
        return {
            "run_id": self.run_id,
            "stream": source.stream,
            "key": source.key,
            "at": now,
            "etag": _text(record.get(ETAG)),
            "row_version": _text(record.get(ROW_VERSION)),
            "page": source.page,
            "schema_hash": self._schemas.get(source.stream),
            "payload": payload if self.keeps_payloads else None,
            "payload_size": len(payload) if self.keeps_payloads else None,
            "payload_hash": digest,
        }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
