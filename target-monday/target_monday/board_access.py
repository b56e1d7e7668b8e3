"""Access to the boards that the target creates: their kind, owners and subscribers. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_monday.directory import address_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["BOARD_KINDS", "PEOPLE", "BoardAccess", "access_faults", "board_access", "split"]

BOARD_KINDS: Final = ["private", "public", "share"]
PEOPLE: Final[dict[str, Any]] = {"type": ["string", "integer"], "minLength": 1}
_TEAM: Final = "team:"
_SETTINGS: Final = ("board_owners", "board_subscribers")
_PERSON: Final = re.compile(r"(?:team:)?[0-9]+|[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class BoardAccess:
    """Who may see a new board.

    Attributes:
        kind: `private` (its owners and subscribers), `public` (every member of the account) or
            `share` (guests too, where they are subscribed).
        owners: E-mail addresses or ids of users, and `team:ID`.
        subscribers: The same.
    """

    kind: str = "private"
    owners: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()

    @property
    def addresses(self) -> list[str]:
        """The e-mail addresses among them, in lower case."""
        return [address_key(each) for each in (*self.owners, *self.subscribers) if "@" in each]


def board_access(asked: Mapping[str, Any], settings: Mapping[str, Any]) -> BoardAccess:
    """Return the access that a stream's entry asks for, else the run's settings."""

    def people(name: str) -> tuple[str, ...]:
        named: Iterable[Any] = asked.get(name, settings.get(name)) or ()
        return tuple(dict.fromkeys(str(each).strip() for each in named))

    kind = asked.get("board_kind") or settings.get("board_kind") or "private"
    return BoardAccess(kind, *map(people, _SETTINGS))


def access_faults(where: str, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what names neither a user nor a team, one sentence each."""
    for setting in _SETTINGS:
        for each in given.get(setting) or ():
            if not _PERSON.fullmatch(str(each).strip()):
                yield (
                    f"{where}`{setting}` {str(each)!r} must be the e-mail address or id of a user, "
                    "or `team:` and the id of a team."
                )


def split(people: Iterable[str], users: Mapping[str, int | None]) -> tuple[list[str], list[str]]:
    """Return the ids of the users and of the teams among them; `users` knows the addresses."""
    everyone = list(people)
    teams = [each.removeprefix(_TEAM) for each in everyone if each.startswith(_TEAM)]
    ids = [
        str(users.get(address_key(each))) if "@" in each else each
        for each in everyone
        if not each.startswith(_TEAM)
    ]
    return list(dict.fromkeys(ids)), teams
