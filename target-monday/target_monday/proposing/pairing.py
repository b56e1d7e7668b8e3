"""Which name of one side means which of the other: the surest pairs first, no guess. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from target_monday.proposing.words import core, meaning, words

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

__all__ = ["Pairs", "Wanted", "pair_boards", "pair_columns"]

# What a column of each type can be filled from, by the type that a property would get itself.
_COMPATIBLE: Final[dict[str, frozenset[str]]] = {
    "checkbox": frozenset({"checkbox", "text"}),
    "numbers": frozenset({"numbers", "text", "rating"}),
    "date": frozenset({"date", "text", "week"}),
    "status": frozenset({"status", "dropdown", "text", "long_text"}),
    "dropdown": frozenset({"dropdown", "tags", "text", "long_text"}),
    "long_text": frozenset({"long_text", "text"}),
    "text": frozenset(
        {
            *("text", "long_text", "status", "dropdown", "email", "phone", "link"),
            *("country", "tags", "world_clock", "people"),
        }
    ),
}
_NEUTRAL: Final = frozenset(
    {"ifs", "cloud", "erp", "board", "list", "overview", "all", "our", "the", "of"}
)


class Titled(Protocol):
    """A column of a board."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def title(self) -> str:
        """What people read."""

    @property
    def type(self) -> str:
        """Its type."""


class Named(Protocol):
    """A board."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """What people read."""


C = TypeVar("C", bound=Titled)
B = TypeVar("B", bound=Named)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A property, and the type of column that it would get; None if nobody knows."""

    name: str
    column_type: str | None

    def fits(self, column_type: str) -> bool:
        """Whether a column of this type can hold its values."""
        if self.column_type is None:
            return True
        if column_type == "people" and "email" not in meaning(self.name):
            return False
        return column_type in _COMPATIBLE.get(self.column_type, frozenset())


@dataclass(slots=True)
class Pairs(Generic[R]):
    """Left name -> right one. `unsure`: several would do, or several want the same."""

    found: dict[str, R] = field(default_factory=dict)
    unsure: dict[str, list[R]] = field(default_factory=dict)


def pair_columns(wanted: Sequence[Wanted], columns: Sequence[C]) -> Pairs[C]:
    """Property -> column, by title and type, from the same letters to the same core."""
    pairs: Pairs[C] = Pairs()
    rounds: list[Callable[[Wanted, C], bool]] = [
        lambda each, column: each.name.casefold() == column.title.casefold(),
        lambda each, column: words(each.name) == words(column.title),
        lambda each, column: meaning(each.name) == meaning(column.title),
        lambda each, column: (
            each.column_type == column.type
            and bool(core(each.name))
            and core(each.name) == core(column.title)
        ),
    ]
    for same in rounds:
        open_ = [each for each in wanted if each.name not in pairs.found]
        taken = {column.id for column in pairs.found.values()}
        free = [column for column in columns if column.id not in taken]
        _round(
            pairs,
            {each.name: [c for c in free if each.fits(c.type) and same(each, c)] for each in open_},
            lambda column: column.id,
        )
    return pairs


def pair_boards(names: Mapping[str, Sequence[str]], boards: Sequence[B]) -> Pairs[B]:
    """Stream -> board. `names` are what a stream may be called, its own name among them."""
    pairs: Pairs[B] = Pairs()
    rounds: list[Callable[[str, str], bool]] = [
        lambda name, title: words(name) == words(title),
        lambda name, title: meaning(name) == meaning(title),
        lambda name, title: meaning(name) == _without_neutral(title),
    ]
    for same in rounds:
        taken = {board.id for board in pairs.found.values()}
        free = [board for board in boards if board.id not in taken]
        _round(
            pairs,
            {
                stream: [b for b in free if any(same(name, b.name) for name in called)]
                for stream, called in names.items()
                if stream not in pairs.found
            },
            lambda board: board.id,
        )
    return pairs


def _without_neutral(title: str) -> frozenset[str]:
    return frozenset(word for word in meaning(title) - _NEUTRAL if not word.isdigit())


def _round(
    pairs: Pairs[R], candidates: dict[str, list[R]], identity: Callable[[R], Hashable]
) -> None:
    """Take the pairs that are each other's only candidate."""
    asked: dict[Hashable, int] = {}
    for these in candidates.values():
        for each in these:
            asked[identity(each)] = asked.get(identity(each), 0) + 1
    for name, these in candidates.items():
        if len(these) == 1 and asked[identity(these[0])] == 1:
            pairs.found[name] = these[0]
            pairs.unsure.pop(name, None)
        elif these:
            pairs.unsure[name] = these
