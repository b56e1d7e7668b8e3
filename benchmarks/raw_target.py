"""What the target is held against: `python -m benchmarks.raw_target [LEDGER] < LINES`.

Without a ledger: each line is parsed with exact decimals, and nothing is done with it. With one it
is a sketch of what a quiet run has to do at least: lines read by structs that know the schema, the
bytes of each record hashed, and key and hash looked up in batches; nothing else is kept right.
"""

from __future__ import annotations

import sqlite3
import sys
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from benchmarks.order_lines import KEY

__all__ = ["main"]

_BATCH = 1000
_Key: Any = msgspec.defstruct("_Key", [(name, Any) for name in KEY])


class _Line(msgspec.Struct):
    type: str
    record: msgspec.Raw = msgspec.Raw()


def main() -> None:
    """Read the lines on stdin; the sketch says how many it found as they were."""
    if len(sys.argv) == 1:
        parse = msgspec.json.Decoder(float_hook=Decimal).decode
        for line in sys.stdin.buffer:
            parse(line)
        return
    lines, keys = msgspec.json.Decoder(_Line), msgspec.json.Decoder(_Key)
    found, batch = 0, dict[str, bytes]()
    with sqlite3.connect(sys.argv[1]) as ledger:
        for line in sys.stdin.buffer:
            message = lines.decode(line)
            if message.type == "RECORD":
                key = keys.decode(message.record)
                name = "|".join(str(getattr(key, each)) for each in KEY)
                batch[name] = blake2b(message.record, digest_size=16).digest()
            if len(batch) == _BATCH:
                found += _look_up(ledger, batch)
                batch.clear()
        found += _look_up(ledger, batch)
    print(found)


def _look_up(ledger: sqlite3.Connection, batch: dict[str, bytes]) -> int:
    marks = ",".join("?" * len(batch))
    wanted = f"SELECT key, record_hash FROM items WHERE board = 1 AND key IN ({marks})"  # noqa: S608 - marks
    return sum(batch[key] is not None for key, _ in ledger.execute(wanted, list(batch)))


if __name__ == "__main__":
    main()
