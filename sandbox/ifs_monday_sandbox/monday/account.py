"""One monday account in memory: its boards and people, its clock, its lock, and what was used.

Also what a test or a demonstration does as a person at the board: read rows, edit cells.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ifs_monday_sandbox.monday import writes
from ifs_monday_sandbox.monday.cell_view import display_text
from ifs_monday_sandbox.monday.cursors import Cursors
from ifs_monday_sandbox.monday.errors import missing, unknown_board
from ifs_monday_sandbox.monday.idempotency import Replies
from ifs_monday_sandbox.monday.jobs import Jobs
from ifs_monday_sandbox.monday.limits import Limits
from ifs_monday_sandbox.monday.records import ACTIVE, Board, Column, Item, Tag, User, Writer
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.monday.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Account", "Usage"]

PEOPLE = (
    ("Anna Lindqvist", "anna.lindqvist@example.com"),
    ("Marek Nowak", "marek.nowak@example.com"),
    ("Priya Raman", "priya.raman@example.com"),
)


@dataclass(slots=True)
class Usage:
    """What clients did since the start or the last reset; points are of admitted requests."""

    calls: int = 0
    refused: int = 0
    replayed: int = 0
    mutations: int = 0
    queries: int = 0
    points: int = 0
    mutations_by_name: dict[str, int] = field(default_factory=dict)


def _wall() -> datetime:
    return datetime.now(UTC)


class Account:
    """Everything behind `POST /v2`.

    `wall` tells the time that is written into records, `elapsed` measures durations in seconds.
    Ids count up from the time of the start in steps of ten microseconds, so that none of an
    earlier run or before a reset comes again: a client's stale cache cannot match by chance.
    """

    def __init__(
        self,
        settings: MondaySettings | None = None,
        *,
        wall: Callable[[], datetime] = _wall,
        elapsed: Callable[[], float] = time.monotonic,
        id_start: int | None = None,
    ) -> None:
        self.settings = settings or MondaySettings()
        self.wall = wall
        self.elapsed = elapsed
        self.lock = threading.RLock()
        self._next_id = int(wall().timestamp() * 100_000) if id_start is None else id_start
        self.random = random.Random(self._next_id)  # noqa: S311  (column ids are no secret)
        self.locked_boards: set[int] = set()
        self.poison: set[bytes] = set()  # mutations and files that hold one of them fail
        self.unsearchable: Callable[[Item], bool] = lambda _: False  # what no search finds yet
        self._open = threading.Event()
        self._open.set()
        people = ((self.settings.user_name, "integration@example.com"), *PEOPLE)
        self.users = tuple(User(self.next_id(), name, email) for name, email in people)
        self.reset()

    def reset(self) -> None:
        """Start over: no boards, no jobs, full budgets, nothing counted. Ids go on counting."""
        with self.lock:
            self.boards: dict[int, Board] = {}
            self.board_of_item: dict[int, int] = {}
            self.tags: list[Tag] = []
            self.usage = Usage()
            self.cursors = Cursors(self.elapsed)
            self.replies = Replies(self.elapsed)
            self.limits = Limits(self.settings, self.elapsed, self.wall)
            self.jobs = Jobs(self)
            self.uploads = Uploads(self)
            self.locked_boards.clear()

    @property
    def me(self) -> User:
        """Whose the API token is."""
        return self.users[0]

    def next_id(self) -> int:
        """An id that was never given before."""
        with self.lock:
            self._next_id += 1
            return self._next_id

    def writer(self, request_id: str, user: User | None = None) -> Writer:
        """Who writes now; the token's user unless another is given."""
        return Writer(user or self.me, request_id, self.wall())

    def readable_items(self, board: Board) -> Iterator[Item]:
        """The active items as reads of a board show them: as late as the settings say."""
        if not self.settings.read_delay:
            return board.active_items()
        shown = self.wall() - timedelta(seconds=self.settings.read_delay)
        return (
            item
            for item in board.items.values()
            if item.created.at <= shown and (item.state == ACTIVE or item.written.at > shown)
        )

    # Finding things by id, as clients name them.

    def active_board(self, board_id: object) -> Board:
        """The active board with this id; raises MondayError."""
        board = self.boards.get(int(str(board_id))) if str(board_id).isdecimal() else None
        if board is None or board.state != ACTIVE or not board.is_seen_by(self.me):
            raise unknown_board(board_id)
        return board

    def item(self, item_id: object) -> Item:
        """The item with this id, archived ones too; raises MondayError."""
        number = int(str(item_id)) if str(item_id).isdecimal() else 0
        board_id = self.board_of_item.get(number)
        if board_id is None or board_id not in self.boards:
            raise missing("item", item_id)
        return self.boards[board_id].items[number]

    def find_item(self, item_id: int) -> Item | None:
        """The item if it is active on an active board."""
        board = self.boards.get(self.board_of_item.get(item_id, 0))
        if board is None or board.state != ACTIVE:
            return None
        item = board.items[item_id]
        return item if item.state == ACTIVE else None

    # Standing in the way, for tests.

    @contextmanager
    def board_locked(self, board_id: int) -> Iterator[None]:
        """While it lasts, mutations on the board are answered by 423."""
        self.locked_boards.add(board_id)
        try:
            yield
        finally:
            self.locked_boards.discard(board_id)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While it lasts, admitted requests wait before they are executed."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_until_released(self) -> None:
        """Wait for the end of `held`."""
        self._open.wait()

    # As a person at the boards.

    def board(self, board_name: str) -> Board:
        """The active board with this name; raises KeyError."""
        for board in self.boards.values():
            if board.name == board_name and board.state == ACTIVE:
                return board
        names = [board.name for board in self.boards.values()]
        raise KeyError(f"no active board is called {board_name!r}; boards: {names}")

    def items(self, board_name: str) -> list[Item]:
        """The board's active items, oldest first."""
        with self.lock:
            return list(self.board(board_name).active_items())

    def items_named(self, board_name: str, item_name: str) -> list[Item]:
        """The active items with this name."""
        return [item for item in self.items(board_name) if item.name == item_name]

    def column(self, board_name: str, title: str) -> Column:
        """The board's column with this title; raises KeyError."""
        columns = self.board(board_name).columns.values()
        for column in columns:
            if column.title == title and not column.archived:
                return column
        raise KeyError(f"no column of {board_name!r} has the title {title!r}")

    def rows(self, board_name: str) -> list[dict[str, str]]:
        """The active items as column title -> text, oldest first; links as the items' names."""
        with self.lock:
            columns = [one for one in self.board(board_name).columns.values() if not one.archived]
            return [
                {column.title: display_text(self, item, column) for column in columns}
                for item in self.items(board_name)
            ]

    def set_cell(self, board_name: str, item_name: str, column_title: str, value: Any) -> Item:
        """Write a cell of the one item with this name by hand, in the API's JSON form."""
        with self.lock:
            (item,) = self.items_named(board_name, item_name)
            column = self.column(board_name, column_title)
            board = self.board(board_name)
            return writes.change_values(
                self, board, item, {column.id: value}, writer=self._person(), create_labels=False
            )

    def rename_column(self, board_name: str, title: str, new_title: str) -> Column:
        """Give a column another title, by hand."""
        with self.lock:
            column = self.column(board_name, title)
            column.title = new_title
            column.version += 1
            return column

    def archive_item(self, board_name: str, item_name: str) -> Item:
        """Archive the one item with this name, by hand."""
        with self.lock:
            (item,) = self.items_named(board_name, item_name)
            return writes.archive_item(self, item, writer=self._person())

    def delete_item(self, board_name: str, item_name: str) -> Item:
        """Delete the one item with this name, by hand."""
        with self.lock:
            (item,) = self.items_named(board_name, item_name)
            return writes.delete_item(self, item)

    def _person(self) -> Writer:
        return self.writer("by hand", self.users[1])
