"""Which keys a version of a stream held, in eight bytes for each. Pure.

Two keys that share these bytes are one in a billion million; the worst that comes of it is an item
that stays on its board.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Seen", "Sightings"]

_SIZE: Final = 8  # bytes of a key's hash


def _sighting(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=_SIZE).digest()


@dataclass(slots=True)
class Seen:
    """The keys of one version that this run has read.

    `known`: whether each of them has an item. `changed`: since they were last `joined`.
    """

    version: int
    known: bool = True
    changed: bool = True
    # By the first byte of the hash.
    _parts: dict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))

    def see(self, keys: Iterable[str]) -> None:
        """Note keys."""
        parts, self.changed = self._parts, True
        for one in [blake2b(key.encode(), digest_size=_SIZE).digest() for key in keys]:
            parts[one[0]] += one

    def joined(self, before: bytes = b"") -> bytes:
        """The hashes of all keys, each once and in order; with those of an earlier run."""
        own = self.count()
        for at in range(0, len(before), _SIZE):
            self._parts[before[at]] += before[at : at + _SIZE]
        if before:
            both = self.count()
            self.known = self.known and both == own
        self.changed = False
        return b"".join(self._parts[first] for first in sorted(self._parts))

    def count(self) -> int:
        """How many different keys were seen; their hashes are put in order on the way."""
        for first, part in self._parts.items():
            self._parts[first] = bytearray(b"".join(sorted(set(_cut(part)))))
        return sum(map(len, self._parts.values())) // _SIZE


def _cut(part: bytearray) -> Iterable[bytes]:
    whole = bytes(part)
    return (whole[at : at + _SIZE] for at in range(0, len(whole), _SIZE))


class Sightings:
    """Joined hashes, to ask whether a key is among them."""

    def __init__(self, joined: bytes) -> None:
        self._hashes = array("Q", joined)
        if sys.byteorder == "little":
            self._hashes.byteswap()

    def __contains__(self, key: str) -> bool:
        wanted = int.from_bytes(_sighting(key))
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted
