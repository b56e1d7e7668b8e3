"""What a plan's limits make of a load: calls and finishing time by a clock of their own.

The sandbox counts as monday does, and no time passes unless the target waits, so what is told is
what the limits ask for and no more; beside it stands the least that any sender could do with them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.monday.settings import PLANS, MondaySettings, PlanName
from target_monday.delivery.budget import least_seconds

from benchmarks.figures import Figure, Goal
from benchmarks.processes import ChildFailed
from benchmarks.simulation import Simulation, Took
from benchmarks.target_rows import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["plans"]

_PLANS: Final[tuple[PlanName, ...]] = ("free", "standard", "pro", "enterprise")
_PRICES: Final = (10_000, 30_001)  # points a mutation
_ALIASES: Final = 100
_SLACK: Final = 1.1  # of the least time
_STRUCTURE: Final = 25  # mutations that make the board and its columns
_MORE: Final = 1.1  # calls than full requests alone


def plans(settings: Settings) -> Iterator[Figure]:
    """First loads by each lane, then an hour in which a hundredth changed, then one without."""
    for plan in _PLANS:
        for price in _PRICES:
            for rows in settings.plan_rows:
                for lane in ("ingest", "alias"):
                    yield from _loads(plan, price, rows, lane)


def _loads(plan: PlanName, price: int, rows: int, lane: str) -> Iterator[Figure]:
    limits = PLANS[plan]
    requests = -(-rows // min(_ALIASES, 5_000_000 // price, limits.minute_points // price))
    if lane == "alias" and _MORE * requests > limits.daily_calls:
        return  # days of work: what a day allows is not what is measured here
    name = f"plans, {plan}, {price:,} points"
    monday = MondaySettings(plan=plan, points_per_mutation=price, items_limit=10 * rows)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with Simulation(folder, monday, settings={"lane": lane, "backfill": False}) as simulation:
            new = _run(simulation, write_lines(folder / "new.jsonl", rows, times=False))
            changed = _run(
                simulation,
                write_lines(
                    folder / "1%.jsonl", rows, is_changed=lambda at: not at % 100, times=False
                ),
                "auto",
            )
            quiet = _run(simulation, folder / "1%.jsonl", "auto")
    what = f"{rows:,} new rows by {lane}"
    most = {"alias": int(_MORE * requests), "ingest": 15 * max(1, rows // 10_000)}[lane]
    yield Figure(name, f"{what}: calls", "calls", (new.calls,), Goal("at most", most))
    if lane == "alias":
        least = least_seconds(
            points=(rows + _STRUCTURE) * price,
            requests=requests,
            minute_points=limits.minute_points,
            minute_requests=limits.minute_requests,
        )
        yield Figure(name, f"{what}: least time", "s", (least,))
        yield Figure(name, f"{what}: time", "s", (new.seconds,), Goal("at most", _SLACK * least))
    else:
        yield Figure(name, f"{what}: time", "s", (new.seconds,))
    yield Figure(name, f"{what}: refused", "calls", (new.refused,))
    if lane == "ingest":
        hour = f"of {rows:,} rows 1 % changed"
        yield Figure(name, f"{hour}: calls", "calls", (changed.calls,), Goal("at most", 5))
        yield Figure(name, f"{hour}: time", "s", (changed.seconds,))
        refused = changed.refused + quiet.refused
        yield Figure(name, f"{hour}: refused", "calls", (refused,), Goal("at most", 0))
        same = f"of {rows:,} rows none changed"
        yield Figure(name, f"{same}: calls", "calls", (quiet.calls,), Goal("at most", 1))
        yield Figure(name, f"{same}: mutations", "calls", (quiet.mutations,), Goal("at most", 0))


def _run(simulation: Simulation, lines: Path, lane: str | None = None) -> Took:
    text = lines.read_text(encoding="utf-8")
    with redirect_stdout(io.StringIO()):  # its bookmarks
        took = simulation.run(text, **({"lane": lane} if lane else {}))
    if took.code:
        raise ChildFailed(f"the run over {lines.name} ended with {took.code}: {took.message}")
    print(f"  {lines.name}: {took.calls} calls, {took.seconds:.0f} s", file=sys.stderr)
    return took
