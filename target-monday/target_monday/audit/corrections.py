"""A rejected record, corrected by hand: only properties that its stream has, in their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from target_monday.foreign_json import ANYTHING, DEEPEST, NotJson, decode, is_shallow
from target_monday.keys import key_of, key_text, part_text
from target_monday.ledger import tables
from target_monday.privacy import is_mask, is_masked
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Engine

    from target_monday.ledger.reject_book import Filed

__all__ = ["Corrections"]


class Corrections:
    """What may be made of the record of a reject. All that cannot be is a ValueError."""

    def __init__(self, engine: Engine, reject: Filed) -> None:
        self._engine, self._reject = engine, reject
        table, rejects, records = tables.schemas, tables.rejects, tables.records
        came = select(rejects.c.key, records.c.payload).outerjoin(
            records, records.c.id == rejects.c.record
        )
        with engine.connect() as connection:
            row = connection.execute(
                select(table).where(table.c.hash == reject.schema_hash)
            ).one_or_none()
            own = connection.execute(came.where(rejects.c.id == reject.id)).one()
            self._schema: dict[str, Any] = decode(row.schema, ANYTHING)["properties"] if row else {}
            self._key: list[str] = decode(row.key_properties, ANYTHING) if row else []
            self._own_key: str | None = own.key
            self._own_record: dict[str, Any] = decode(own.payload, ANYTHING) if own.payload else {}

    def changed(self, changes: Iterable[str]) -> dict[str, Any]:
        """The record with `Property=value` and `Property:=JSON` laid over it."""
        if self._reject.payload is None:
            raise ValueError("its record was not kept, or was purged: give it whole by --file")
        record: dict[str, Any] = decode(self._reject.payload, ANYTHING)
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
        if not value.isascii() and value != value.encode(errors="replace").decode():
            raise ValueError(f"the value of {name} is not UTF-8")
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
        """The key of the corrected record.

        A row without a key may get one that no item has. All other keys, and the parts that a key
        lacks nothing of, stay: with another one the record would overwrite another row's item.
        """
        self._check_masks(record)
        if not self._key:
            return self._own_key
        try:
            key = key_text(key_of(record, self._key)) or None
        except Reject as error:
            raise ValueError(str(error)) from error
        if self._own_key not in (None, key) or self._moved_parts(record):
            came = ", ".join(f"{name} {self._own_record.get(name)!s}" for name in self._key)
            kept = repr(self._own_key) if self._own_key is not None else came
            raise ValueError(
                f"its key would be {key!r}, which is another row's; a key that came stays "
                f"({kept}). Correct the key in the source and waive this reject"
            )
        if self._own_key is None and key is not None and self._has_item(key):
            raise ValueError(
                f"key {key!r} has an item already, which this record would overwrite. "
                "Give it its own key, or waive this reject"
            )
        return key

    def _moved_parts(self, record: Mapping[str, Any]) -> bool:
        """Whether a part of the key that came with a value has another one now."""
        came = ((_part(self._own_record.get(name)), name) for name in self._key)
        return any(part is not None and part != _part(record.get(name)) for part, name in came)

    def _has_item(self, key: str) -> bool:
        """Whether the stream has an item of this key, on whichever board."""
        items, boards = tables.items, tables.boards
        of_stream = (boards.c.scope == self._reject.scope) & (
            boards.c.stream == self._reject.stream
        )
        wanted = select(items.c.key).join(boards, boards.c.id == items.c.board)
        with self._engine.connect() as connection:
            these = wanted.where(of_stream, items.c.key == key).limit(1)
            return connection.execute(these).scalar_one_or_none() is not None

    def _check_masks(self, record: Mapping[str, Any]) -> None:
        """Nobody may write into the ledger what the settings keep out of it."""
        for name, value in record.items():
            if value is not None and not is_mask(value) and is_masked(self._schema.get(name)):
                raise ValueError(
                    f"property {name!r} is masked (`mask`), so its value has no place in the "
                    "ledger. Leave it as it is, or give the mask that other rows of this value have"
                )


def _part(value: object) -> str | None:
    """A part of a key as text; None where there is none."""
    try:
        return None if value is None else part_text(value, "")
    except Reject:
        return None


def _json(text: str | bytes, where: str) -> Any:
    try:
        if is_shallow(text):
            return decode(text, ANYTHING)
    except NotJson as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    raise ValueError(f"{where} is nested more than {DEEPEST} levels deep")
