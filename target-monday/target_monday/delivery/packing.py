"""How many operations one request takes. Pure.

Calls are the scarcest good (1,000 a day on small plans), so a request is filled up and waits for
its points rather than leaving early with a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from target_monday.monday.limits import POINTS_PER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["POINTS_PER_REQUEST", "capacity", "packs"]

T = TypeVar("T")


def capacity(*, max_aliases: int, price: int, minute_points: int | None) -> int:
    """Operations that fit one request at `price` points each; at least one."""
    ceiling = min(POINTS_PER_REQUEST, minute_points or POINTS_PER_REQUEST)
    return max(1, min(max_aliases, ceiling // max(1, price)))


def packs(operations: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The operations in order, `size` at a time."""
    for start in range(0, len(operations), size):
        yield operations[start : start + size]
