"""What an account holds: boards, columns, groups, items and who wrote them. Plain, mutable data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = [
    "ACTIVE",
    "ARCHIVED",
    "DELETED",
    "Board",
    "Cell",
    "Column",
    "Group",
    "Item",
    "Label",
    "Tag",
    "Update",
    "User",
    "Writer",
]

ACTIVE: Final = "active"
ARCHIVED: Final = "archived"
DELETED: Final = "deleted"


@dataclass(frozen=True, slots=True)
class User:
    """A member of the account."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, by which request: goes into the record of every item that is touched."""

    user: User
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Label:
    """A choice of a status or dropdown column: `index` is its place, `id` what is stored."""

    id: int
    label: str
    index: int
    color: str | None = None
    is_done: bool = False
    is_deactivated: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the account."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is kept, and since when."""

    stored: Any
    changed_at: datetime


@dataclass(slots=True)
class Column:
    """A column; `options` are its settings without the labels."""

    id: str
    title: str
    type: str
    description: str | None = None
    width: int | None = None
    archived: bool = False
    labels: tuple[Label, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    @property
    def revision(self) -> str:
        """Changes with the settings; `update_*_column` must name the current one."""
        return f"{self.version:032x}"


@dataclass(slots=True)
class Group:
    """A part of a board; items stand in exactly one."""

    id: str
    title: str
    color: str
    archived: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Update:
    """A post on an item."""

    id: int
    item_id: int
    body: str
    writer: Writer


@dataclass(slots=True)
class Item:
    """A row, and who wrote it: `created`, the last write `written`, and how many `writes`."""

    id: int
    board_id: int
    group_id: str
    name: str
    created: Writer
    written: Writer
    state: str = ACTIVE
    writes: int = 1
    cells: dict[str, Cell] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)

    def touch(self, writer: Writer) -> None:
        """Record one more write."""
        self.written = writer
        self.writes += 1


@dataclass(slots=True)
class Board:
    """A board; `items` has archived ones too, in the order of their creation."""

    id: int
    name: str
    kind: str
    workspace_id: int | None
    created: Writer
    description: str | None = None
    state: str = ACTIVE
    item_nickname: str = "item"
    owners: list[User] = field(default_factory=list)
    subscribers: list[User] = field(default_factory=list)
    team_owners: list[int] = field(default_factory=list)
    team_subscribers: list[int] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    column_ids_ever: set[str] = field(default_factory=set)
    groups: list[Group] = field(default_factory=list)
    items: dict[int, Item] = field(default_factory=dict)
    active_count: int = 0
    updated_at: datetime | None = None

    def is_seen_by(self, user: User) -> bool:
        """Whether the board shows itself to a user: a private one only to its people."""
        return self.kind != "private" or user in (*self.owners, *self.subscribers)

    def active_items(self) -> Iterator[Item]:
        """Items that are neither archived nor deleted."""
        return (item for item in self.items.values() if item.state == ACTIVE)

    def active_groups(self) -> list[Group]:
        """Groups that can take items, from top to bottom."""
        return [group for group in self.groups if not (group.archived or group.deleted)]

    def group(self, group_id: str) -> Group | None:
        """The active group with this id."""
        return next((group for group in self.active_groups() if group.id == group_id), None)
