"""What the ledger's rows are sealed by: digests, their running sums, hashes of chain lines. Pure.

A row's digest covers its table's name and each column that is not null, by name, as MessagePack; so
a column that a later version adds leaves the digests of older rows as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "FIRST_HASH",
    "Entry",
    "Id",
    "Shape",
    "Sum",
    "combined",
    "expanded",
    "line_hash",
    "ranges",
]

Id: TypeAlias = int | str | list[Any]  # a primary key; a list where it has several columns

FIRST_HASH: Final = "0" * 64  # what the first line of the chain follows
_SIZE: Final = 16  # bytes
_MODULUS: Final = 1 << (8 * _SIZE)
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table that its rows' digests cover, and the places of those with floats."""

    table: str
    columns: tuple[str, ...]  # sorted
    floats: tuple[int, ...]

    def digest(self, row: Mapping[str, Any]) -> bytes:
        """The digest of a row; columns that are not in it count as null."""
        return self.digest_of(list(map(row.get, self.columns)))

    def digest_of(self, values: Sequence[Any]) -> bytes:
        """The digest of the row that has these values in the columns, in their order."""
        for at in self.floats:
            if type(values[at]) is int:
                values = [*values[:at], float(values[at]), *values[at + 1 :]]
        parts: list[Any] = [self.table]
        for pair in zip(self.columns, values, strict=False):  # the values may be more
            if pair[1] is not None:
                parts += pair
        return sha256(_encode(parts)).digest()[:_SIZE]


class Sum(msgspec.Struct, array_like=True):
    """Of the digests of all rows of a table, or of one board in it, in whatever order.

    `moved`: whether that is since the last line of the chain.
    """

    total: str = "0" * (2 * _SIZE)
    rows: int = 0
    moved: bool = False

    def move(self, *, added: Iterable[bytes] = (), removed: Iterable[bytes] = ()) -> None:
        """Count rows in and out."""
        total = int(self.total, 16)
        for digest in added:
            total += int.from_bytes(digest)
            self.rows += 1
        for digest in removed:
            total -= int.from_bytes(digest)
            self.rows -= 1
        self.total = f"{total % _MODULUS:0{2 * _SIZE}x}"
        self.moved = True


class Entry(msgspec.Struct):
    """The rows of one table in one line of the chain: their ids, and a digest over theirs."""

    ids: list[Any]  # [first, last] for a range of numbers, else the ids themselves
    digest: str


def combined(digests: Iterable[bytes]) -> str:
    """One digest over those of several rows, in this order."""
    return sha256(b"".join(digests)).hexdigest()[: 2 * _SIZE]


def ranges(ids: Sequence[Id]) -> list[Any]:
    """Ids as a line holds them: neighbouring numbers as `[first, last]`, others as they are."""
    found: list[Any] = []
    for each in ids:
        if not isinstance(each, int):
            found.append({"id": each})
        elif found and isinstance(found[-1], list) and found[-1][1] == each - 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return found


def expanded(entries: Sequence[Any]) -> Iterator[Id]:
    """The ids again, in order."""
    for each in entries:
        if isinstance(each, dict):
            yield each["id"]
        else:
            yield from range(each[0], each[1] + 1)


def line_hash(before: str, line: Mapping[str, Any]) -> str:
    """The hash of a line of the chain, with that of the line before in it."""
    names = ("seq", "at", "run_id", "kind", "entries", "sums")
    return sha256(before.encode() + _encode([line[name] for name in names])).hexdigest()
