"""The ends of runs, beside the ledger: what makes a cut tail of the chain show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from target_monday.ledger.runs import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Engine

__all__ = ["keep_seal", "kept_seals", "seals_beside"]


def seals_beside(address: URL) -> Path | None:
    """Where the seals of a ledger are kept: beside its file; None where it has no file."""
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    return Path(f"{address.database}.seals.jsonl")


def keep_seal(engine: Engine, seal: Seal) -> None:
    """Append a seal to the file of the ledger's seals, if it has one."""
    path = seals_beside(engine.url)
    if path is None:
        return
    line = msgspec.json.encode(seal) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def kept_seals(path: Path) -> Iterator[Seal | None]:
    """The seals of a file, in order; None for a line that is none."""
    for line in path.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=Seal)
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield None
