"""Rows that left the source: the items that a complete version of their stream did not name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.errors import BoardFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan

__all__ = ["Versions"]

_FEW: Final = 5  # up to so many items may vanish whatever share of a small board they are


@dataclass(slots=True)
class Versions:
    """Which keys each version of a stream held, and what may be archived for it."""

    items: ItemStore
    settings: Mapping[str, Any]
    _seen: dict[int, tuple[int, set[str]]] = field(default_factory=dict)  # board -> version, keys

    @property
    def wanted(self) -> bool:
        """Whether the settings ask for anything to happen to vanished rows."""
        choice: str = self.settings.get("vanished", "keep")
        return choice != "keep"

    @property
    def delete(self) -> bool:
        """Whether items are deleted, not archived."""
        choice: str = self.settings.get("vanished", "keep")
        return choice == "delete"

    def see(self, plan: BoardPlan, version: int | None, keys: Iterable[str]) -> None:
        """These keys are in this version; also those of rejected rows, which exist after all."""
        if not self.wanted or version is None or plan.spec.append:
            return
        current, known = self._seen.get(plan.ledger_id, (version, set()))
        if current != version:
            known = set()
        known.update(keys)
        self._seen[plan.ledger_id] = (version, known)

    def save(self) -> None:
        """Put what was seen into the ledger: a version may reach over several runs.

        At the end of the run once more, for the items that were created since.
        """
        for board, (version, keys) in self._seen.items():
            self.items.see(board, list(keys), version)

    def vanished(self, plan: BoardPlan, version: int) -> dict[str, str]:
        """Key -> item id of items to archive. Raises BoardFailed if the brake holds them."""
        if not self.wanted or plan.spec.append:
            return {}
        self.save()
        total = self.items.count(plan.ledger_id)
        gone = self.items.unseen(plan.ledger_id, version)
        if self._is_empty(plan, version) and len(gone) == total > 0:
            raise BoardFailed(
                f"Stream {plan.stream!r} came without any row, but its board has {total} items: "
                "none was touched. Lost permissions look just like an empty table. If it really "
                "is empty, archive the items by hand or run once with `vanished: keep`."
            )
        if len(gone) > self._allowed(total):
            raise BoardFailed(
                f"{len(gone)} of {total} items vanished from stream {plan.stream!r} at once: none "
                "was touched. If that is right, raise `vanished_max_share` or "
                "`vanished_max_count` for one run."
            )
        return gone

    def _is_empty(self, plan: BoardPlan, version: int) -> bool:
        """Whether this run read no row of the version."""
        seen, _ = self._seen.get(plan.ledger_id, (None, set()))
        return seen != version

    def _allowed(self, total: int) -> float:
        """How many of a board's items may vanish at once. Neither setting allows any at 0."""
        share, most = self.settings["vanished_max_share"], self.settings["vanished_max_count"]
        by_share = max(share * total, _FEW) if share > 0 else 0
        return float(min(by_share, most))
