"""The ends of runs, in a file beside the ledger: what makes a cut tail of the chain show.

With a key of the user's each line carries an HMAC (RFC 2104): then nobody without the key can write
chain and seals anew.
"""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
from sqlalchemy import select
from typing_extensions import override

from target_monday.ledger import tables
from target_monday.ledger.runs import Seal
from target_monday.private import append_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL, Engine

__all__ = [
    "Anchor",
    "doubt",
    "first_signed",
    "is_signed",
    "keep_seal",
    "kept_seals",
    "last_line",
    "seals_beside",
]


_ANCHOR: Final = re.compile(r"([0-9]{1,18}):([0-9A-Fa-f]{12,64})")
_NOTED: Final = 32  # digits of a hash that are enough, and short enough for a column
_TAIL: Final = 4_096  # bytes, in which the last seal stands


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line of the chain, noted outside the ledger: its number, and how its hash begins."""

    seq: int
    hash: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The anchor in a text such as `1234:0a1b2c3d4e5f`. Raises ValueError."""
        found = _ANCHOR.fullmatch(text.strip())
        if found is None:
            raise ValueError("it is not NUMBER:HASH with 12 digits of the hash or more")
        return cls(int(found[1]), found[2].lower())

    @override
    def __str__(self) -> str:
        return f"{self.seq}:{self.hash[:_NOTED]}"


def last_line(engine: Engine) -> Anchor:
    """The end of the chain as it is now."""
    head = tables.chain_head.c
    with engine.connect() as connection:
        row = connection.execute(select(head.seq, head.hash)).one()
    return Anchor(row.seq, row.hash)


def seals_beside(address: URL) -> Path | None:
    """Where the seals of a ledger are kept: beside its file; None where it has no file."""
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    return Path(f"{address.database}.seals.jsonl")


def keep_seal(path: Path, seal: Seal, key: str | None = None) -> None:
    """Append a seal to a file of seals, signed with the key if there is one. Raises OSError."""
    signed = replace(seal, mac=_mac(seal, key)) if key else seal
    append_private(path, msgspec.json.encode(signed) + b"\n")


def kept_seals(path: Path) -> Iterator[Seal | None]:
    """The seals of a file, in order; None for a line that is none."""
    yield from map(_seal, path.read_bytes().splitlines())


def _seal(line: bytes) -> Seal | None:
    try:
        return msgspec.json.decode(line, type=Seal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def doubt(engine: Engine, path: Path) -> str | None:
    """Why the ledger may be older than its boards; None where it has all that was sealed.

    A copy of an earlier day is sound in itself: the last seal beside it tells what it lacks.
    """
    last = _last_seal(path)
    chain, ends = tables.chain, tables.run_ends
    with engine.connect() as connection:
        if last is None:
            ended = connection.execute(select(ends.c.run_id).limit(1)).first() is not None
            return (
                f"runs have ended in it, and {path.name} holds no seal of them" if ended else None
            )
        line = select(chain.c.hash).where(chain.c.seq == last.seq)
        found = connection.execute(line).scalar_one_or_none()
    if found == last.hash:
        return None
    return f"run {last.run} ended at line {last.seq} of its chain by {path.name}, which it lacks"


def _last_seal(path: Path) -> Seal | None:
    """The last line of the file that can be read; None if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _TAIL, 0))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    return next((seal for seal in map(_seal, reversed(lines)) if seal is not None), None)


def first_signed(seals: Sequence[Seal | None]) -> tuple[int, Seal] | None:
    """The first seal that carries a signature, and its place; None if none does."""
    signed = ((at, seal) for at, seal in enumerate(seals) if seal and seal.mac is not None)
    return next(signed, None)


def is_signed(seal: Seal, key: str) -> bool:
    """Whether a seal was made by who has the key."""
    return seal.mac is not None and hmac.compare_digest(seal.mac, _mac(seal, key))


def _mac(seal: Seal, key: str) -> str:
    said = f"{seal.run}\n{seal.seq}\n{seal.hash}"
    return hmac.digest(key.encode(), said.encode(), "sha256").hex()
