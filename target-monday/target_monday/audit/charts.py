"""The geometry of small charts, in units of their own; templates draw them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "Chart", "columns"]

WIDTH, HEIGHT = 480.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 8.0, 12.0, 30.0
_WIDEST: Final = 34.0
_TICKS: Final = 4
_LABELS: Final = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `kind` counts the parts of a column from the bottom, 0 first."""

    x: float
    y: float
    width: float
    height: float
    kind: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns with an axis: `ticks` are (y, text), `labels` (x, text) below the columns.

    `mark` is the height of a limit's line, None without one.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, str], ...]
    mark: float | None = None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    floor: float = HEIGHT - _BOTTOM


def columns(
    values: Sequence[tuple[str, Sequence[tuple[str, int]]]], *, limit: int | None = None
) -> Chart:
    """A column for each label, made of (name, number) parts from the bottom up."""
    highest = max((sum(number for _, number in parts) for _, parts in values), default=0)
    step = _step(max(highest, 1))
    top = step * math.ceil(max(highest, 1) / step)
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _TOP - _BOTTOM
    pitch = (WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    width = min(pitch * 0.7, _WIDEST)
    bars: list[Bar] = []
    labels: list[tuple[float, str]] = []
    every = max(1, math.ceil(len(values) / _LABELS))
    for at, (label, parts) in enumerate(values):
        x, y = _LEFT + pitch * at + (pitch - width) / 2, floor
        if (len(values) - 1 - at) % every == 0:
            labels.append((x + width / 2, label))
        for kind, (name, number) in enumerate(parts):
            height = room * number / top
            y -= height
            if number:
                bars.append(Bar(x, y, width, height, kind, f"{label}: {number:,} {name}"))
    ticks = tuple(
        (floor - room * each * step / top, f"{each * step:,}") for each in range(top // step + 1)
    )
    mark = floor - room * limit / top if limit is not None and limit <= top else None
    return Chart(tuple(bars), ticks, tuple(labels), mark)


def _step(highest: int) -> int:
    """A round distance of ticks, so that there are about four."""
    least = highest / _TICKS
    power = int(10 ** max(math.floor(math.log10(least)), 0)) if least >= 1 else 1
    return next(each * power for each in (1, 2, 5, 10) if each * power >= least)
