"""Asks the account for what cells need beyond their board: people, tags, how weeks begin.

Users and the first day of the week are remembered in the ledger for a day, so that a run in which
nothing changed asks for neither. Addresses are kept as hashes; one without a user is asked for
again by each run, since the user may have been invited meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from target_monday.board_access import split
from target_monday.delivery.column_lane import get_tags
from target_monday.directory import Directory, address_key
from target_monday.errors import SettingsFault
from target_monday.monday.answers import part_of
from target_monday.monday.operations import ME, PEOPLE, WEEK_BEGIN, NewBoard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_monday.board_access import BoardAccess
    from target_monday.delivery.calls import Calls
    from target_monday.ledger.journal import Journal

__all__ = ["Lookups"]

_PEOPLE_A_CALL: Final = 500  # `users` gives at most 1,000
_TRUSTED: Final = 86_400.0  # seconds
_WEEKS: Final = "week begins"


class _User(msgspec.Struct, frozen=True):
    id: int
    email: str


class _Me(msgspec.Struct, frozen=True):
    id: str


class _Account(msgspec.Struct, frozen=True):
    first_day_of_the_week: str | None = None


@dataclass(slots=True)
class Lookups:
    """Fills the directory; nothing is asked for twice in a run."""

    calls: Calls
    journal: Journal
    directory: Directory = field(default_factory=Directory)
    _weeks_known: bool = False
    _remembered: dict[str, float] | None = None

    def _recalled(self) -> dict[str, float]:
        """What earlier runs learned in the last day."""
        if self._remembered is None:
            self._remembered = self.calls.store.recent(_TRUSTED)
        return self._remembered

    def know_people(self, addresses: Iterable[str]) -> None:
        """The users with these e-mail addresses, one call for 500 new ones.

        monday gives active and invited users; an address that two of them share is nobody's.
        """
        people = self.directory.people
        new = [each for each in dict.fromkeys(addresses) if each not in people]
        for each in new:
            number = self._recalled().get(_person(each))
            if number is not None:
                people[each] = int(number)
        new = [each for each in new if each not in people]
        for start in range(0, len(new), _PEOPLE_A_CALL):
            asked = new[start : start + _PEOPLE_A_CALL]
            answer = self.calls.query(PEOPLE, {"emails": asked, "limit": 2 * _PEOPLE_A_CALL})
            found: dict[str, list[int]] = {}
            for user in part_of(answer.data.get("users") or [], list[_User]):
                found.setdefault(address_key(user.email), []).append(user.id)
            for address in asked:
                ids = found.get(address, [])
                people[address] = ids[0] if len(ids) == 1 else None
        known = {_person(each): people[each] for each in new}
        self.calls.store.save({name: float(id_) for name, id_ in known.items() if id_ is not None})

    def new_board(self, name: str, workspace: str | None, access: BoardAccess) -> NewBoard:
        """Return a board to create, with the ids of the people who may see it.

        The token's user stays an owner where others are named: without it the target could not
        see its own private board. Raises SettingsFault for addresses that are no user's.
        """
        self.know_people(access.addresses)
        people = self.directory.people
        strange = [each for each in access.addresses if people.get(each) is None]
        if strange:
            raise SettingsFault(
                [
                    f"Board {name!r}: no user, or more than one, has the address {each!r} "
                    "(`board_owners`, `board_subscribers`). Give the user's id."
                    for each in strange
                ]
            )
        owners, owner_teams = split(access.owners, people)
        subscribers, teams = split(access.subscribers, people)
        if owners or owner_teams:
            me = part_of(self.calls.query(ME, {}).data.get("me"), _Me)
            owners = list(dict.fromkeys([me.id, *owners]))
        return NewBoard(name, workspace, access.kind, owners, owner_teams, subscribers, teams)

    def know_weeks(self) -> None:
        """On which day the account's weeks begin, asked for once."""
        if self._weeks_known:
            return
        begins = self._recalled().get(_WEEKS)
        if begins is None:
            told = self.calls.query(WEEK_BEGIN, {}).data.get("account")
            account = part_of(told or {}, _Account)
            sunday = str(account.first_day_of_the_week).casefold() == "sunday"
            begins = 6 if sunday else 0
            self.calls.store.save({_WEEKS: begins})
        self.directory.week_begins = int(begins)
        self._weeks_known = True

    def know_tags(self, names: Iterable[str]) -> None:
        """The ids of tags; those that the account does not have are made. Raises BoardFailed."""
        new = [each for each in dict.fromkeys(names) if each not in self.directory.tags]
        if new:
            ids = get_tags(self.calls, self.journal, new)
            self.directory.tags.update(zip(new, ids, strict=True))


def _person(address: str) -> str:
    """What the ledger calls the user with this address."""
    return f"person {sha256(address.encode()).hexdigest()[:32]}"
