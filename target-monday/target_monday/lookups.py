"""Asks the account for what cells need beyond their board: people, tags, how weeks begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.delivery.column_lane import get_tags
from target_monday.directory import Directory
from target_monday.monday.operations import PEOPLE, WEEK_BEGIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_monday.delivery.calls import Calls
    from target_monday.ledger.journal import Journal

__all__ = ["Lookups"]

_PEOPLE_A_CALL: Final = 500  # `users` gives at most 1,000


@dataclass(slots=True)
class Lookups:
    """Fills the directory; nothing is asked for twice in a run."""

    calls: Calls
    journal: Journal
    directory: Directory = field(default_factory=Directory)
    _weeks_known: bool = False

    def know_people(self, addresses: Iterable[str]) -> None:
        """The users with these e-mail addresses, one call for 500 new ones.

        monday gives active and invited users; an address that two of them share is nobody's.
        """
        people = self.directory.people
        new = [each for each in dict.fromkeys(addresses) if each not in people]
        for start in range(0, len(new), _PEOPLE_A_CALL):
            asked = new[start : start + _PEOPLE_A_CALL]
            answer = self.calls.query(PEOPLE, {"emails": asked, "limit": 2 * _PEOPLE_A_CALL})
            found: dict[str, list[int]] = {}
            for user in answer.data["users"] or ():
                found.setdefault(user["email"].casefold(), []).append(int(user["id"]))
            for address in asked:
                ids = found.get(address, [])
                people[address] = ids[0] if len(ids) == 1 else None

    def know_weeks(self) -> None:
        """On which day the account's weeks begin, asked for once."""
        if not self._weeks_known:
            account = self.calls.query(WEEK_BEGIN, {}).data["account"] or {}
            sunday = str(account.get("first_day_of_the_week")).casefold() == "sunday"
            self.directory.week_begins = 6 if sunday else 0
            self._weeks_known = True

    def know_tags(self, names: Iterable[str]) -> None:
        """The ids of tags; those that the account does not have are made. Raises BoardFailed."""
        new = [each for each in dict.fromkeys(names) if each not in self.directory.tags]
        if new:
            ids = get_tags(self.calls, self.journal, new)
            self.directory.tags.update(zip(new, ids, strict=True))
