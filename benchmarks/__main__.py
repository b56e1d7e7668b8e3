"""Runs the benchmarks and prints one table: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.discovery import discovery
from benchmarks.figures import as_json, as_table, machine
from benchmarks.plans import plans
from benchmarks.processes import ChildFailed
from benchmarks.settings import Settings
from benchmarks.start_up import start_up, target_start_up
from benchmarks.tap_memory import tap_memory
from benchmarks.tap_speed import tap_speed
from benchmarks.target_ledger import target_ledger
from benchmarks.target_speed import target_speed
from benchmarks.target_work import target_memory, target_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.figures import Figure

BENCHMARKS: Final[Mapping[str, Callable[[Settings], Iterator[Figure]]]] = {
    "start-up": start_up,
    "discovery": discovery,
    "tap-speed": tap_speed,
    "tap-memory": tap_memory,
    "target-start-up": target_start_up,
    "target-speed": target_speed,
    "target-work": target_work,
    "target-ledger": target_ledger,
    "target-memory": target_memory,
    "plans": plans,
}


def main() -> None:
    """Measure what was asked for. Exit code 1 if something does not do its work; goals are told."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all")
    parser.add_argument("--rows", type=int, default=usual.rows, help="of tap-speed")
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--memory-rows", type=int, nargs="+", default=usual.memory_rows)
    parser.add_argument("--entity-types", type=int, default=usual.entity_types, help="of discovery")
    parser.add_argument("--target-rows", type=int, default=usual.target_rows, help="in its ledger")
    parser.add_argument("--changed-rows", type=int, default=usual.changed_rows)
    parser.add_argument("--ledger-rows", type=int, default=usual.ledger_rows, help="of a load")
    parser.add_argument("--plan-rows", type=int, nargs="+", default=usual.plan_rows, help="new")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    unknown = set(given.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    settings = Settings(
        given.rows,
        given.rounds,
        tuple(given.memory_rows),
        given.entity_types,
        given.target_rows,
        given.changed_rows,
        given.ledger_rows,
        tuple(given.plan_rows),
    )
    where, figures = machine(), []
    if where["load"] > where["cores"] / 2:
        print("the machine is busy: only figures by CPU time mean much", file=sys.stderr)
    for name in given.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr)
        try:
            figures += list(BENCHMARKS[name](settings))
        except ChildFailed as error:
            sys.exit(f"{name}: {error}")
    print(as_table(figures, where))
    if given.json:
        given.json.write_text(as_json(figures, asdict(settings), where), encoding="utf-8")


if __name__ == "__main__":
    main()
