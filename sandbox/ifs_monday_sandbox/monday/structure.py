"""Writes to the shape of boards: boards themselves, columns, groups."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday.column_types import ID_PREFIXES, defaults_object, first_settings
from ifs_monday_sandbox.monday.errors import MondayError, bad_argument, unknown_column
from ifs_monday_sandbox.monday.labels import dropdown_labels, merge_labels, status_labels
from ifs_monday_sandbox.monday.records import Board, Column, Group
from ifs_monday_sandbox.monday.writes import NAME_LENGTH, create_item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import User, Writer

__all__ = [
    "GROUP_COLOURS",
    "active_column",
    "board_people",
    "create_board",
    "create_column",
    "create_group",
    "update_column",
]

GROUP_COLOURS: Final = [
    "#579bfc",
    "#a25ddc",
    "#00c875",
    "#fdab3d",
    "#e2445c",
    "#037f4c",
    "#0086c0",
    "#ffcb00",
    "#bb3354",
    "#784bd1",
]


def create_board(  # noqa: PLR0913  (what a board begins with)
    account: Account,
    name: str,
    *,
    kind: str,
    workspace_id: object,
    empty: bool,
    description: str | None,
    item_nickname: str,
    writer: Writer,
) -> Board:
    """A new board with a name column and a group; unless `empty`, with sample items too."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise bad_argument(f"A board's name has 1 to {NAME_LENGTH} characters")
    workspace = int(str(workspace_id)) if workspace_id is not None else None
    board = Board(account.next_id(), name, kind, workspace, writer, description)
    board.item_nickname = item_nickname
    board.columns["name"] = Column("name", "Name", "name")
    board.column_ids_ever.add("name")
    board.groups.append(Group("topics", "Group Title", GROUP_COLOURS[0]))
    account.boards[board.id] = board
    if not empty:
        for title, column_type in (("Person", "people"), ("Status", "status"), ("Date", "date")):
            create_column(account, board, title, column_type=column_type)
        for number in range(1, 4):
            create_item(account, board, f"Item {number}", group=None, values={}, writer=writer)
    return board


def board_people(
    account: Account, asked: Mapping[str, Any]
) -> tuple[list[User], list[User], list[int], list[int]]:
    """Owners and subscribers of a new board, and the teams that are; raises MondayError.

    Named owners take the place of the user who creates the board: how far monday.com keeps that
    user on the board is not documented.
    """
    users = {str(user.id): user for user in account.users}

    def people(argument: str) -> list[User]:
        ids = [str(each) for each in asked.get(argument) or ()]
        strange = [each for each in ids if each not in users]
        if strange:
            raise MondayError("InvalidUserIdException", f"there is no user {strange[0]}")
        return [users[each] for each in ids]

    def teams(argument: str) -> list[int]:
        return [int(str(each)) for each in asked.get(argument) or ()]

    return (
        people("board_owner_ids"),
        people("board_subscriber_ids"),
        teams("board_owner_team_ids"),
        teams("board_subscriber_teams_ids"),
    )


def create_column(  # noqa: PLR0913  (what a column begins with)
    account: Account,
    board: Board,
    title: str,
    *,
    column_type: str,
    column_id: str | None = None,
    description: str | None = None,
    after: str | None = None,
    defaults: object = None,
) -> Column:
    """A new column at the right end, or right of `after`."""
    if not 1 <= len(title) <= NAME_LENGTH:
        raise bad_argument(f"A column's title has 1 to {NAME_LENGTH} characters")
    if column_type in ("name", "unsupported", "group"):
        raise bad_argument(f"A column of type {column_type} cannot be created")
    labels, options = first_settings(column_type, defaults_object(defaults))
    for connected in options.get("boardIds", ()):
        account.active_board(connected)
    new_id = _chosen_id(board, column_id) if column_id else _generated_id(account, column_type)
    column = Column(new_id, title, column_type, description, labels=labels, options=options)
    board.column_ids_ever.add(new_id)
    board.columns[new_id] = column
    if after is not None:
        active_column(board, after)
        _place_after(board, new_id, after)
    return column


def active_column(board: Board, column_id: str) -> Column:
    """The board's column with this id; raises MondayError."""
    column = board.columns.get(column_id)
    if column is None or column.archived:
        raise unknown_column(column_id, board.id)
    return column


def update_column(column: Column, column_type: str, arguments: Mapping[str, Any]) -> Column:
    """New title, description, width or settings, if the caller knows the current revision."""
    if column.type != column_type:
        raise bad_argument(f"Column {column.id} has the type {column.type}, not {column_type}")
    if arguments["revision"] != column.revision:
        raise MondayError(
            "InvalidRevisionException",
            f"Column {column.id} has changed since: read its revision again",
            error_data={"column_id": column.id, "revision": column.revision},
        )
    settings = arguments.get("settings")
    if settings is not None:
        read = status_labels if column_type == "status" else dropdown_labels
        options = {**settings}
        column.labels = read(merge_labels(column.labels, options.pop("labels")))
        column.options |= {key: value for key, value in options.items() if value is not None}
    for attribute in ("title", "description", "width"):
        if arguments.get(attribute) is not None:
            setattr(column, attribute, arguments[attribute])
    column.version += 1
    return column


def create_group(account: Account, board: Board, name: str, colour: str | None) -> Group:
    """A new group at the top of the board."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise bad_argument(f"A group's name has 1 to {NAME_LENGTH} characters")
    colour = colour or GROUP_COLOURS[len(board.groups) % len(GROUP_COLOURS)]
    group = Group(f"group_mk{_noise(account, 6)}", name, colour)
    board.groups.insert(0, group)
    return group


def _generated_id(account: Account, column_type: str) -> str:
    return f"{ID_PREFIXES.get(column_type, column_type)}_mk{_noise(account, 6)}"


def _noise(account: Account, length: int) -> str:
    return "".join(account.random.choices(string.ascii_lowercase + string.digits, k=length))


def _chosen_id(board: Board, column_id: str) -> str:
    if not re.fullmatch(r"[a-z_]{1,20}", column_id):
        raise bad_argument(f"A column id has 1 to 20 characters of a-z and _: {column_id}")
    if column_id in board.column_ids_ever:
        raise bad_argument(f"The column id {column_id} is or was used on this board")
    return column_id


def _place_after(board: Board, column_id: str, after: str) -> None:
    order = [one for one in board.columns if one != column_id]
    order.insert(order.index(after) + 1, column_id)
    board.columns = {one: board.columns[one] for one in order}
