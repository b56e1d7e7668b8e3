"""Which rows of which boards are read back, within so many calls. Pure."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Share", "chosen", "shares"]

_ITEMS_A_CALL: Final = 500
_KEYS_A_CALL: Final = 100
_BOARDS_CALL: Final = 1  # all boards are looked at in one call first
_LOST_CALL: Final = 1  # where up to 100 items are that are not found on their board


@dataclass(frozen=True, slots=True)
class Share:
    """How a board is read: whole, or a `sample` of so many rows."""

    sample: int | None = None


def shares(
    sizes: Mapping[int, int], *, sample: int | None, max_calls: int | None
) -> dict[int, Share]:
    """Board -> how it is read; `sizes` are the items on the boards, by the ledger's numbers.

    What the calls do not read whole is read as a sample as large as they allow: 500 items a call,
    or 100 rows of a sample. One call is kept, where there is one, to look for what is missing.
    Boards that the calls do not reach have no share, the largest first.
    """
    if sample is not None:
        return dict.fromkeys(sizes, Share(sample))
    if max_calls is None:
        return dict.fromkeys(sizes, Share())
    left = max_calls - _BOARDS_CALL
    left -= _LOST_CALL if left > len(sizes) else 0
    found: dict[int, Share] = {}
    small_first = sorted(sizes, key=lambda board: (sizes[board], board))[: max(left, 0)]
    for at, board in enumerate(small_first):
        others = len(small_first) - at - 1
        whole = max(1, math.ceil(sizes[board] / _ITEMS_A_CALL))
        calls = min(whole, left - others)
        found[board] = Share() if calls == whole else Share(calls * _KEYS_A_CALL)
        left -= calls
    return found


def chosen(keys: Collection[str], sample: int, seed: str) -> list[str]:
    """So many of the keys, the same ones whoever draws them: by the hashes of seed and key."""

    def lot(key: str) -> bytes:
        return hashlib.sha256(f"{seed}\n{key}".encode()).digest()

    return sorted(keys, key=lot)[:sample]
