"""The pages: all boards at a glance, one board as a table, and a snapshot of everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ifs_monday_sandbox.eyes.cells import ShownCell, grouped_digits, person, shown_cell
from ifs_monday_sandbox.eyes.colours import hex_of
from ifs_monday_sandbox.monday.records import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ifs_monday_sandbox.eyes.cells import Chip
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Board, Column, Group, Item, Writer

__all__ = ["board_page", "index_page", "snapshot"]

# A browser draws this many rows at once; the page says so where a board has more.
MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class ShownRow:
    """An item: its name, its cells, and who wrote it."""

    id: int
    name: str
    cells: Sequence[ShownCell]
    author: Chip
    when: str
    writes: int
    record: str


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group with its items."""

    title: str
    colour: str
    rows: Sequence[ShownRow]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a board's items that have one status label."""

    label: str
    count: int
    percent: float
    colour: str


@dataclass(frozen=True, slots=True)
class ShownBoard:
    """A board as the pages show it; `groups` are left out on the page of all boards.

    `columns` are those with a cell in any item; the titles of the others are `empty_columns`.
    """

    id: int
    name: str
    href: str
    items: int
    columns: Sequence[Column]
    groups: Sequence[ShownGroup]
    shares: Sequence[Share]
    last_write: str
    empty_columns: str = ""
    hidden: int = 0


def index_page(account: Account) -> str:
    """All boards, with what was used of the API."""
    with account.lock:
        boards = [_shown_board(account, one, live=True) for one in _boards(account)]
        return _template("index.html").render(
            boards=boards, usage=account.usage, number=lambda one: grouped_digits(str(one))
        )


def board_page(account: Account, board_id: str) -> str:
    """One board as a table; raises MondayError if there is none."""
    with account.lock:
        wanted = account.active_board(board_id)
        boards = [
            _shown_board(account, one, live=True, most_rows=MOST_ROWS if one is wanted else 0)
            for one in _boards(account)
        ]
        shown = [one for one in boards if one.id == wanted.id]
        return _template("board.html").render(
            menu=boards, boards=shown, current=wanted.id, snapshot=False
        )


def snapshot(account: Account) -> str:
    """All boards with all items in one file that needs nothing else."""
    with account.lock:
        boards = [
            _shown_board(account, one, live=False, most_rows=len(one.items))
            for one in _boards(account)
        ]
        return _template("board.html").render(
            menu=boards, boards=boards, current=None, snapshot=True
        )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("ifs_monday_sandbox.eyes"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> Template:
    return _templates().get_template(name)


def _boards(account: Account) -> list[Board]:
    return [board for board in account.boards.values() if board.state == ACTIVE]


def _shown_board(account: Account, board: Board, *, live: bool, most_rows: int = 0) -> ShownBoard:
    def item_link(item: Item) -> str:
        return f"/boards/{item.board_id}#item-{item.id}" if live else f"#item-{item.id}"

    columns, empty = _columns(board)

    def row(item: Item) -> ShownRow:
        cells = [shown_cell(account, item, column, item_link) for column in columns]
        return ShownRow(
            item.id,
            item.name,
            cells,
            person(item.written.user.name),
            _moment(item.written),
            item.writes,
            f"Created {_moment(item.created)} by {item.created.user.name} "
            f"(request {item.created.request_id}); last written by request "
            f"{item.written.request_id}",
        )

    def group(one: Group) -> ShownGroup:
        inside = (item for item in board.active_items() if item.group_id == one.id)
        return ShownGroup(one.title, one.color, [row(item) for item in islice(inside, most_rows)])

    groups = [group(one) for one in board.active_groups()] if most_rows else []
    shown = [one for one in groups if one.rows]  # an empty group says something only alone
    latest = max((item.written for item in board.active_items()), key=_when, default=None)
    return ShownBoard(
        board.id,
        board.name,
        f"/boards/{board.id}" if live else f"#board-{board.id}",
        board.active_count,
        columns,
        shown or groups[:1],
        _shares(board, columns),
        _moment(latest) if latest else "",
        empty_columns=", ".join(one.title for one in empty),
        hidden=board.active_count - sum(len(one.rows) for one in groups),
    )


def _columns(board: Board) -> tuple[list[Column], list[Column]]:
    """The columns that some item fills, and those that none does; all, on a board without items."""
    columns = [one for one in board.columns.values() if one.type != "name" and not one.archived]
    filled = {column_id for item in board.active_items() for column_id in item.cells}
    if not board.active_count:
        return columns, []
    return (
        [one for one in columns if one.id in filled],
        [one for one in columns if one.id not in filled],
    )


def _when(writer: Writer) -> datetime:
    return writer.at


def _moment(writer: Writer) -> str:
    return f"{writer.at.day} {writer.at:%b %H:%M}"


def _shares(board: Board, columns: Sequence[Column]) -> list[Share]:
    """How the items spread over the labels of the first status column."""
    column = next((one for one in columns if one.type == "status"), None)
    if column is None or not board.active_count:
        return []
    cells = (item.cells.get(column.id) for item in board.active_items())
    counts = Counter(cell.stored["index"] for cell in cells if cell is not None)
    return [
        Share(one.label, count, 100 * count / board.active_count, hex_of(one.color))
        for one in column.labels
        if (count := counts[one.id])
    ]
