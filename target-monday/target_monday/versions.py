"""Rows that left the source: the items that a complete version of their stream did not name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.errors import BoardFailed
from target_monday.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_monday.ledger.items import ItemStore
    from target_monday.plan import BoardPlan
    from target_monday.routing import Route

__all__ = ["Leaving", "Versions", "hold_back"]

_FEW: Final = 5  # items that may leave, however large a share of a small board they are


@dataclass(frozen=True, slots=True)
class Leaving:
    """Number of items that are to leave a board, and of all that it has."""

    items: int
    of: int


@dataclass(slots=True)
class Versions:
    """Which keys each version of a stream held, and what may be archived for it."""

    items: ItemStore
    settings: Mapping[str, Any]
    _seen: dict[str, tuple[Route, Seen]] = field(default_factory=dict)  # by stream

    def choice(self, stream: str) -> str:
        """What happens to the stream's vanished rows: keep, archive or delete."""
        asked: Mapping[str, Any] = (self.settings.get("boards") or {}).get(stream) or {}
        choice: str = asked.get("vanished") or self.settings.get("vanished", "keep")
        return choice

    def see(
        self, route: Route, version: int | None, keys: Iterable[str], *, known: bool = False
    ) -> None:
        """These keys are in this version; also those of rejected rows, which exist after all.

        `known`: each of them has an item.
        """
        if self.choice(route.stream) == "keep" or version is None or route.spec.append:
            return
        _, seen = self._seen.get(route.stream, (route, None))
        if seen is None or seen.version != version:
            seen = Seen(version)
        seen.see(keys)
        seen.known = seen.known and known
        self._seen[route.stream] = (route, seen)

    def save(self) -> None:
        """Put what was seen into the ledger: a version may reach over several runs."""
        for route, seen in self._seen.values():
            if seen.changed:
                self.items.see([plan.ledger_id for plan in route.plans.values()], seen)

    def vanished(self, route: Route, version: int) -> list[tuple[BoardPlan, dict[str, str]]]:
        """By board, key -> item id of items to archive. Raises BoardFailed if the brake holds."""
        if self.choice(route.stream) == "keep" or route.spec.append:
            return []
        plans = list(route.plans.values())
        totals = [self.items.count(plan.ledger_id) for plan in plans]
        if self._saw_all(route, version, totals):
            return [(plan, {}) for plan in plans]
        self.save()
        gone = [self.items.unseen(plan.ledger_id, version) for plan in plans]
        items = sum(totals)
        if self._is_empty(route, version) and sum(map(len, gone)) == items > 0:
            raise BoardFailed(
                f"Stream {route.stream!r} came without any row, but its board has {items} items: "
                "none was touched. Lost permissions look just like an empty table. If it really "
                "is empty, archive the items by hand or run once with `vanished: keep`."
            )
        leaving = {
            plan.spec.part: Leaving(len(these), total)
            for plan, total, these in zip(plans, totals, gone, strict=True)
        }
        hold_back(self.settings, leaving, f"items vanished from stream {route.stream!r}")
        return list(zip(plans, gone, strict=True))

    def _is_empty(self, route: Route, version: int) -> bool:
        """Whether this run read no row of the version."""
        _, seen = self._seen.get(route.stream, (route, None))
        return seen is None or seen.version != version

    def _saw_all(self, route: Route, version: int, totals: Sequence[int]) -> bool:
        """Whether each item's row was read, by their number: no row was without an item."""
        _, seen = self._seen.get(route.stream, (route, None))
        if seen is None or seen.version != version or not seen.known or len(totals) != 1:
            return False
        if seen.count() != totals[0]:
            return False
        seen.changed = False  # nobody will ask which keys the version held
        return True


def hold_back(settings: Mapping[str, Any], leaving: Mapping[str, Leaving], what: str) -> None:
    """Refuse to let too many items leave the boards of a stream at once.

    The limits hold for each board, and for all of them as if they were one: a little from each
    of many boards is a lot. Either limit allows no items at 0.

    Args:
        settings: The limits.
        leaving: By the part that each board stands for.
        what: Subject of the error's sentence, such as "items vanished from stream 's'".

    Raises:
        BoardFailed: A limit is exceeded. Nothing has left yet.
    """
    boards = [(f" (board {part!r})" if part else "", one) for part, one in leaving.items()]
    if len(boards) > 1:
        counts = [(one.items, one.of) for one in leaving.values()]
        boards.append((f" ({len(boards)} boards)", Leaving(*map(sum, zip(*counts, strict=True)))))
    share, most = settings["vanished_max_share"], settings["vanished_max_count"]
    for where, one in boards:
        by_share = max(share * one.of, _FEW) if share > 0 else 0
        if one.items > min(by_share, most):
            raise BoardFailed(
                f"{one.items} of {one.of} {what}{where} at once: none was touched. If that is "
                "right, raise `vanished_max_share` or `vanished_max_count` for one run."
            )
