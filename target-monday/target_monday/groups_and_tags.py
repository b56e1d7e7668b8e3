"""Groups of boards and tags of the account, made when the first operation needs them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_monday.delivery.column_lane import make_groups
from target_monday.errors import BoardFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.diff import Operation
    from target_monday.ledger.journal import Journal
    from target_monday.lookups import Lookups
    from target_monday.plan import BoardPlan

__all__ = ["GroupsAndTags"]

_log = logging.getLogger("target-monday")


@dataclass(slots=True)
class GroupsAndTags:
    """Makes what operations need on their boards."""

    calls: Calls
    journal: Journal
    lookups: Lookups
    _unmade: dict[int, str] = field(default_factory=dict)  # boards without some of it, and why
    _in_doubt: dict[str, str] = field(default_factory=dict)  # monday's ids of boards -> why

    def complete(self, operations: Sequence[tuple[BoardPlan, Operation]]) -> dict[int, str]:
        """Make the groups and tags that these operations need and that are not there yet.

        Gives the boards, by the ledger's numbers, for which that cannot be, with the reason; it is
        not tried again in this run, since some of what was asked for may be there.
        """
        boards = {plan.ledger_id for plan, _ in operations}
        unmade = {board: why for board, why in self._unmade.items() if board in boards}
        self._make_tags(operations, unmade)
        missing: dict[int, tuple[BoardPlan, dict[str, None]]] = {}
        for plan, operation in operations:
            title = plan.group_title(operation)
            if title is not None and title not in plan.groups and plan.ledger_id not in unmade:
                missing.setdefault(plan.ledger_id, (plan, {}))[1][title] = None
        for plan, titles in missing.values():
            if plan.board_id not in self._in_doubt:
                try:
                    self._make_groups(plan, [title for title in titles if title not in plan.groups])
                except BoardFailed as error:
                    self._in_doubt[plan.board_id] = str(error)
            if plan.board_id in self._in_doubt:
                unmade[plan.ledger_id] = self._in_doubt[plan.board_id]
        self._unmade |= unmade
        return unmade

    def _make_tags(
        self, operations: Sequence[tuple[BoardPlan, Operation]], unmade: dict[int, str]
    ) -> None:
        names: dict[int, list[str]] = {}
        for plan, operation in operations:
            names.setdefault(plan.ledger_id, []).extend(plan.tag_names(operation))
        try:
            self.lookups.know_tags(name for these in names.values() for name in these)
        except BoardFailed as error:
            unmade |= {board: str(error) for board, these in names.items() if these}

    def _make_groups(self, plan: BoardPlan, titles: Sequence[str]) -> None:
        if titles:
            made = make_groups(self.calls, self.journal, plan.board_id, titles)
            plan.groups.update(zip(titles, made, strict=True))
            _log.info(
                "groups.created stream=%s board=%s groups=%d",
                *(plan.stream, plan.board_id, len(made)),
            )
