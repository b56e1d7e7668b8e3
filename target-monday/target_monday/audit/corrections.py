"""A rejected record, corrected by hand: only properties that its stream has, in their types."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from target_monday.keys import key_of, key_text
from target_monday.ledger import tables
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Engine

    from target_monday.ledger.reject_book import Filed

__all__ = ["Corrections"]

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Corrections:
    """What may be made of the record of a reject. All that cannot be is a ValueError."""

    def __init__(self, engine: Engine, reject: Filed) -> None:
        self._reject = reject
        table = tables.schemas
        with engine.connect() as connection:
            row = connection.execute(
                select(table).where(table.c.hash == reject.schema_hash)
            ).one_or_none()
        self._schema: dict[str, Any] = _decode(row.schema)["properties"] if row else {}
        self._key: list[str] = _decode(row.key_properties) if row else []

    def changed(self, changes: Iterable[str]) -> dict[str, Any]:
        """The record with `Property=value` and `Property:=JSON` laid over it."""
        if self._reject.payload is None:
            raise ValueError("its record was not kept, or was purged: give it whole by --file")
        record: dict[str, Any] = _decode(self._reject.payload)
        given = dict(self._change(each) for each in changes)
        if not given:
            raise ValueError("say what to change, by --set or --file")
        return {**record, **given}

    def _change(self, text: str) -> tuple[str, Any]:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise ValueError(f"{text!r} is not Property=value")
        as_json = name.endswith(":")
        name = name.removesuffix(":")
        self._check([name])
        if as_json or not self._is_text(name):
            return name, _json(value, name)
        return name, value

    def _check(self, names: Iterable[str]) -> None:
        unknown = [name for name in names if self._schema and name not in self._schema]
        if unknown:
            raise ValueError(f"the stream has no property {', '.join(map(repr, unknown))}")

    def _is_text(self, name: str) -> bool:
        """Whether a plain value is meant as it stands; numbers and the like are JSON."""
        kinds = self._schema.get(name, {}).get("type", "string")
        return "string" in ([kinds] if isinstance(kinds, str) else kinds)

    def whole(self, text: bytes) -> dict[str, Any]:
        """The record as a JSON object."""
        record = _json(text, "the file")
        if not isinstance(record, dict):
            raise ValueError("the file holds no JSON object")  # noqa: TRY004 - of what was given
        self._check(record)
        return record

    def key_of(self, record: Mapping[str, Any]) -> str | None:
        """The key that the record has now."""
        if not self._key:
            return None
        try:
            return key_text(key_of(record, self._key)) or None
        except Reject as error:
            raise ValueError(str(error)) from error


def _json(text: str | bytes, where: str) -> Any:
    try:
        return _decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"{where} is no JSON: {error}") from error
