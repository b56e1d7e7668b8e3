"""What was measured: a figure with its values, goal and verdict; as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Figure", "Goal", "as_json", "as_table", "machine"]

_HEADINGS: Final = ("", "unit", "median", "min", "max", "goal", "")
_NUMBERS: Final = {"median", "min", "max"}


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median shall reach; `aim` is what is wished for beyond it."""

    direction: Literal["at least", "at most"]
    value: float
    aim: float | None = None

    def is_met(self, median: float) -> bool:
        """Whether the median is good enough."""
        return median >= self.value if self.direction == "at least" else median <= self.value

    @override
    def __str__(self) -> str:
        aim = "" if self.aim is None else f", aim {self.aim:g}"
        return f"{self.direction} {self.value:g}{aim}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured several times.

    `unit`: rows/s, times, MB (10^6 bytes), bytes, calls, s, us or %.
    """

    benchmark: str
    name: str
    unit: str
    values: tuple[float, ...]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the goal is met; empty without one."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.median) else "missed"


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "load": round(os.getloadavg()[0], 2),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "singer-sdk": version("singer-sdk"),
        "tap-ifs-cloud": version("tap-ifs-cloud"),
        "target-monday": version("target-monday"),
    }


def as_json(figures: Sequence[Figure], settings: dict[str, Any], where: dict[str, Any]) -> str:
    """All of it, for programs."""
    told = [
        {
            **asdict(figure),
            "median": figure.median,
            "min": min(figure.values),
            "max": max(figure.values),
            "verdict": figure.verdict,
        }
        for figure in figures
    ]
    return json.dumps({"machine": where, "settings": settings, "figures": told}, indent=2) + "\n"


def as_table(figures: Sequence[Figure], where: dict[str, Any]) -> str:
    """All of it, for people."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for benchmark, group in groupby(figures, key=lambda figure: figure.benchmark):
        rows += [(benchmark, *[""] * (len(_HEADINGS) - 1)), *map(_row, group)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_aligned, row, widths, _HEADINGS)).rstrip() for row in rows]
    told = ", ".join(f"{name} {value}" for name, value in where.items())
    return "\n".join([*lines, "", told])


def _row(figure: Figure) -> tuple[str, ...]:
    spread = (figure.median, min(figure.values), max(figure.values))
    numbers = (_number(figure.unit, number) for number in spread)
    goal = "" if figure.goal is None else str(figure.goal)
    return (f"  {figure.name}", figure.unit, *numbers, goal, figure.verdict)


def _aligned(cell: str, width: int, heading: str) -> str:
    return cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)


def _number(unit: str, number: float) -> str:
    match unit:
        case "rows/s":
            return f"{number:,.0f}"
        case "calls" | "bytes":
            return f"{number:,.0f}"
        case "MB" | "us" | "%":
            return f"{number:.1f}"
        case _:
            return f"{number:.2f}"
