"""Rows on their way to the loader: from lines that were not parsed yet, or from records.

Those that need nothing are told from the others first (`quiet`); the others learn which board they
go to, and what the account has to tell for their cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_monday.errors import InputFault
from target_monday.loading import Row
from target_monday.quiet import fingerprint, hashes_of, is_quiet, under
from target_monday.reader import page_of, parse_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.arrivals import Arrivals
    from target_monday.linking import Linking
    from target_monday.loading import Loader
    from target_monday.plan import BoardPlan
    from target_monday.preparation import Preparation
    from target_monday.quiet import Quiet, Sorted
    from target_monday.record_lines import Taken
    from target_monday.routing import Route
    from target_monday.versions import Versions

__all__ = ["Intake"]


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes the rows of all streams. `version` is the target's own.

    `board_of` gives the board of a part of a stream, found or made; None if it cannot be had.
    """

    settings: Mapping[str, Any]
    arrivals: Arrivals
    version: str
    loader: Loader
    links: Linking
    preparation: Preparation
    quiet: Quiet
    versions: Versions
    board_of: Callable[[Route, str], BoardPlan | None]
    _prints: dict[int, tuple[BoardPlan, bytes | None]] = field(default_factory=dict)  # by board
    _hits: dict[int, int] = field(default_factory=dict)  # quiet rows of a board in the last batch

    def load(self, route: Route, rows: Sequence[Row], version: int | None) -> None:
        """Rows of one stream and one version of it."""
        self.arrivals.records(route.spec, (row.record for row in rows))
        if self.versions.choice(route.stream) != "keep":
            keys = (route.spec.key_or_none(row.record) for row in rows)
            self.versions.see(route, version, (key for key in keys if key is not None))
        rows = self.loader.without_retired(route, rows)
        plan = route.only
        if plan is None:
            self._load_by_board(route, rows)
            return
        self.know(plan, [row.record for row in rows])
        self.loader.load(plan, rows)

    def know(self, plan: BoardPlan, records: Sequence[Mapping[str, Any]]) -> None:
        """Find out whom and what these records name, before their cells are made."""
        self.preparation.know_people(plan, records)
        self.links.know(plan, records)

    def fingerprint(self, plan: BoardPlan) -> bytes | None:
        """What the hashes of a board's records go by now; None if its rows are not quiet."""
        known, by = self._prints.get(plan.ledger_id, (None, None))
        if known is not plan:
            if is_quiet(plan, self.settings):
                weeks = self.preparation.week_begins
                by = fingerprint(plan, self.settings, self.version, weeks)
            self._prints[plan.ledger_id] = (plan, by)
        links = self.links.state(plan) if by is not None else None
        if by is None or links is None:
            return None
        rule = plan.spec.retire
        today = rule.today(self.loader.wall()).isoformat() if rule else None
        return under(by, links, today)

    def _sorted(self, route: Route, records: Sequence[bytes]) -> Sorted:
        """Which of these records need nothing, on whichever board."""
        plan = route.only
        if plan is not None:
            trusted = not self.loader.is_closed(plan)
            return self.quiet.sort(plan, self.fingerprint(plan), records, trusted=trusted)
        plans = [plan for plan in route.plans.values() if not self.loader.is_closed(plan)]
        plans.sort(key=lambda each: -self._hits.get(each.ledger_id, 0))
        asked = [(each, by) for each in plans if (by := self.fingerprint(each)) is not None]
        found = self.quiet.sort_by_board(asked, records)
        self._hits |= {each.ledger_id: rows for each, _, rows in found.quiet}
        return found

    def load_lines(self, route: Route, taken: Taken) -> None:
        """Rows of one stream that were not parsed yet. Raises InputFault.

        Those that need nothing are counted, the others take the usual path. What comes before a
        line that cannot be read is delivered, nothing after it.
        """
        found = self._sorted(route, taken.records)
        counts = [(plan, rows) for plan, _, rows in found.quiet]
        tickets = self.loader.unchanged(counts, taken.tickets, found.others)
        for _, keys, _ in found.quiet:
            self.versions.see(route, taken.version, keys, known=True)
            self.loader.stay(route, keys)
        rows: list[Row] = []
        for (at, record), ticket in zip(found.others.items(), tickets, strict=True):
            if record is not None:
                several = None if route.only else taken.records[at]
                rows.append(Row(record, ticket, found.hashes[at], taken.page(at), several))
                continue
            self.load(route, rows, taken.version)
            line, number = taken.line(at)
            message = parse_line(line, number)
            parsed = message.get("record")
            if message.get("stream") != route.stream or not isinstance(parsed, dict):
                raise InputFault(f"Input line {number} has members twice.")
            self.load(route, [Row(parsed, ticket, page=page_of(message))], message.get("version"))
            rows = []
        if rows:
            self.load(route, rows, taken.version)

    def _load_by_board(self, route: Route, rows: Sequence[Row]) -> None:
        """Rows of a stream whose records name their boards."""
        division = self.loader.divide(route, rows)
        lost = [key for row, _ in division.rejected if (key := route.spec.key_or_none(row.record))]
        for each in route.plans.values():
            self.quiet.beware(each.ledger_id, lost)
        for part, these in division.rows.items():
            plan = self.board_of(route, part)
            if plan is None:
                self.loader.carry_over(route.stream, these)
                continue
            here = self._hashed(plan, these)
            self.know(plan, [row.record for row in here])
            self.loader.load(plan, here, route.others(plan))

    def _hashed(self, plan: BoardPlan, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows with the hashes that they have on this board."""
        by = self.fingerprint(plan)
        if by is None:
            return rows
        return [
            row
            if row.bytes_ is None
            else msgspec.structs.replace(
                row, record_hash=hashes_of(by, [row.bytes_])[0], bytes_=None
            )
            for row in rows
        ]
