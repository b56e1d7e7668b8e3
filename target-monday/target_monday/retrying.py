"""Rejects of earlier runs, which go before all rows of this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.loading import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.finding import Finding
    from target_monday.ledger.items import ItemStore
    from target_monday.ledger.reject_book import Filed
    from target_monday.ledger.rejects import Rejects
    from target_monday.loading import Loader
    from target_monday.plan import BoardPlan
    from target_monday.privacy import Privacy
    from target_monday.routing import Route

__all__ = ["Retrying"]

_NO_TICKET: Final = -1  # of a row that no bookmark waits for


@dataclass(slots=True)
class Retrying:
    """Sends what was rejected once more, unless it was tried `attempts` times.

    `know` finds out what records name, before their cells are made. `privacy` says what of a
    stream's records goes no further, by the settings of this run. What `finding` knows of a board
    says since when rejects are believed: older ones may have been delivered by runs that the ledger
    knows nothing of.
    """

    rejects: Rejects
    items: ItemStore
    loader: Loader
    know: Callable[[BoardPlan, Sequence[Mapping[str, Any]]], None]
    attempts: int
    privacy: Callable[[str], Privacy | None]
    finding: Finding
    _tried: set[int] = field(default_factory=set)  # boards
    _waiting: dict[str, dict[str | None, list[Filed]]] = field(default_factory=dict)

    def retry(self, route: Route, plan: BoardPlan) -> None:
        """Those of a board, once a run."""
        if not self.attempts or plan.spec.append or plan.ledger_id in self._tried:
            return
        self._tried.add(plan.ledger_id)
        since = self.finding.entries[plan.spec.place].doubted_at
        due = [
            (each.id, Row(self._record(each), _NO_TICKET, page=each.page))
            for each in self._of(plan)
            if each.attempts < self.attempts
            and (since is None or each.last_at > since)
            and self.rejects.is_still_open(each)
        ]
        if due and route.only is None:
            due = self._at_home(route, plan, due)
        if due:
            self.know(plan, [row.record for _, row in due])
            self.loader.retry(plan, due)

    def _record(self, reject: Filed) -> dict[str, Any]:
        record, privacy = reject.record_of(), self.privacy(reject.stream)
        if privacy is not None:
            privacy.apply(record, again=True)
        return record

    def _of(self, plan: BoardPlan) -> list[Filed]:
        """The open rejects for this board, or for none; read once a stream."""
        if plan.stream not in self._waiting:
            by_board: dict[str | None, list[Filed]] = {}
            for each in self.rejects.waiting(plan.stream):
                by_board.setdefault(each.board_id, []).append(each)
            self._waiting[plan.stream] = by_board
        waiting = self._waiting[plan.stream]
        these = [*waiting.pop(plan.board_id, ()), *waiting.get(None, ())]
        return sorted(these, key=lambda each: each.id)

    def _at_home(
        self, route: Route, plan: BoardPlan, due: Sequence[tuple[int, Row]]
    ) -> list[tuple[int, Row]]:
        """Those whose records name this one of the stream's boards, and have no item on another."""
        keys = {number: route.spec.key_or_none(row.record) for number, row in due}
        asked = [key for key in keys.values() if key is not None]
        elsewhere: set[str] = set()
        for other in route.others(plan):
            elsewhere.update(self.items.items(other.ledger_id, asked))
        return [
            (number, row)
            for number, row in due
            if route.names(row.record, plan) and keys[number] not in elsewhere
        ]
