"""Links that cannot be made, as rejects: their targets do not come, or are out of their reach."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from target_monday.ledger.rejects import RejectedRow
from target_monday.quoting import listed
from target_monday.rejects import LinkBoardUnconnected, LinkTargetMissing
from target_monday.target_ids import TargetIds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.ledger.journal import Journal
    from target_monday.ledger.links import PendingLink
    from target_monday.plan import BoardPlan
    from target_monday.rejects import Reject

__all__ = ["LinkRejects"]

_UNCONNECTED: Final = 2  # PendingLink.told
_log = logging.getLogger("target-monday")


@dataclass(slots=True, kw_only=True)
class LinkRejects(TargetIds):
    """Reports links, once each for a reason.

    `rejects` counts the links that this run reported, or that monday refused.
    """

    journal: Journal
    missing_targets: str = "reject"
    rejects: int = 0

    def elsewhere(self, plan: BoardPlan, name: str, keys: Sequence[str]) -> dict[str, str]:
        """Targets that are on live boards of their stream that the column does not connect.

        Key -> the board, by its id and its name where it is one of several.
        """
        targets = plan.targets[name]
        boards = {
            entry.id: f"board {entry.board_id}" + (f" ({entry.part!r})" if entry.part else "")
            for entry in self.boards_of(targets.link.stream)
            if entry.id not in targets.boards
        }
        found = self.store.ids(list(boards), keys) if boards and keys else {}
        return {key: boards[board] for key, (board, _) in found.items()}

    def ended(
        self, plan: BoardPlan, key: str, name: str, link: PendingLink, elsewhere: Mapping[str, str]
    ) -> PendingLink:
        """The link after one more run that did not find its targets."""
        targets = plan.targets[name]
        if any(each in elsewhere for each in link.keys):  # waiting does not help
            told = link.told == _UNCONNECTED or self.tell(plan, key, name, link, elsewhere)
            return replace(link, told=_UNCONNECTED if told else link.told)
        lasting = link.runs >= 1
        if not lasting:
            return replace(link, runs=link.runs + 1)
        if link.told or (targets.link.missing or self.missing_targets) == "wait":
            return link
        return replace(link, told=int(self.tell(plan, key, name, link, {})))

    def tell(
        self,
        plan: BoardPlan,
        key: str | None,
        name: str,
        link: PendingLink,
        elsewhere: Mapping[str, str],
    ) -> bool:
        """Report a link whose targets are not to be linked to; False if they are."""
        targets = plan.targets[name]
        there = self.found(plan, name, link.keys)
        missing = [each for each in link.keys if each not in there]
        if not missing:  # monday refused it: that stands as a reject of its own
            return False
        boards: dict[str, list[str]] = {}
        for each in missing:
            if each in elsewhere:
                boards.setdefault(elsewhere[each], []).append(each)
        stream = targets.link.stream
        error: Reject = LinkTargetMissing(name, stream, missing)
        if boards:
            error = LinkBoardUnconnected(name, stream, boards)
        _log.warning(
            "link.missing stream=%s key=%r column=%r targets=%s unconnected=%s",
            *(plan.stream, key, name, listed(missing), listed(boards)),
        )
        row = RejectedRow(
            *(plan.stream, key, error.code, str(error), link.record), board_id=plan.board_id
        )
        self.journal.rejects.add([row])
        self.rejects += 1
        return True
