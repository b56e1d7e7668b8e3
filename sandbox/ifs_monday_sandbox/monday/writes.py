"""Writes to items. All of a write is checked before any of it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ifs_monday_sandbox.monday.errors import (
    MondayError,
    archived_item,
    bad_argument,
    bad_cell,
    board_full,
    item_name_length,
    missing,
    unknown_column,
)
from ifs_monday_sandbox.monday.records import (
    ACTIVE,
    ARCHIVED,
    DELETED,
    Board,
    Cell,
    Group,
    Item,
    Label,
    Update,
)
from ifs_monday_sandbox.monday.values import Reading, read_cell

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Column, Writer

__all__ = [
    "add_update",
    "archive_item",
    "change_values",
    "check_name",
    "create_item",
    "delete_item",
    "item_of_board",
    "move_item",
    "values_object",
]

NAME_LENGTH = 255


@dataclass(slots=True)
class _Plan:
    """A write that has been checked: what the item will hold."""

    cells: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, tuple[Label, ...]] = field(default_factory=dict)
    name: str | None = None

    def carry_out(self, board: Board, item: Item, writer: Writer) -> None:
        for column_id, labels in self.labels.items():
            column = board.columns[column_id]
            if column.labels != labels:
                column.labels = labels
                column.version += 1
        for column_id, stored in self.cells.items():
            if stored is None:
                item.cells.pop(column_id, None)
            else:
                item.cells[column_id] = Cell(stored, writer.at)
        item.name = self.name or item.name
        board.updated_at = writer.at


def values_object(column_values: object) -> dict[str, Any]:
    """The argument `column_values`: a JSON string that holds an object; null is no values."""
    if column_values is None:
        return {}
    if not isinstance(column_values, str):
        raise bad_argument("column_values must be a JSON string, not an object")
    try:
        values = json.loads(column_values)
    except ValueError as error:
        raise MondayError(
            "JsonParseException", f"column_values is no JSON: {error}", status_code=400
        ) from error
    if not isinstance(values, dict):
        raise bad_argument("column_values must hold a JSON object")
    return values


def check_name(name: str) -> None:
    """Item names have 1 to 255 characters."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise item_name_length(len(name))


def item_of_board(account: Account, board: Board, item_id: object) -> Item:
    """The item, which must be on this board and not archived."""
    item = account.item(item_id)
    if item.board_id != board.id:
        raise missing("item", item_id)
    if item.state != ACTIVE:
        raise archived_item(item.id)
    return item


def create_item(
    account: Account,
    board: Board,
    name: str,
    *,
    group: Group | None,
    values: dict[str, Any],
    writer: Writer,
    create_labels: bool = False,
) -> Item:
    """A new item at the end of the group, by default the first active one."""
    check_name(name)
    if board.active_count >= account.settings.items_limit:
        raise board_full(board.id, account.settings.items_limit)
    plan = _checked(account, board, values, create_labels=create_labels)
    home = group or board.active_groups()[0]
    item = Item(account.next_id(), board.id, home.id, name, created=writer, written=writer)
    plan.carry_out(board, item, writer)
    board.items[item.id] = item
    board.active_count += 1
    account.board_of_item[item.id] = board.id
    return item


def change_values(
    account: Account,
    board: Board,
    item: Item,
    values: dict[str, Any],
    *,
    writer: Writer,
    create_labels: bool,
) -> Item:
    """The item with new values; the key "name" renames it."""
    plan = _checked(account, board, values, create_labels=create_labels)
    plan.carry_out(board, item, writer)
    item.touch(writer)
    return item


def archive_item(account: Account, item: Item, *, writer: Writer) -> Item:
    """The item, out of sight and write-protected."""
    if item.state == ACTIVE:
        account.boards[item.board_id].active_count -= 1
        item.state = ARCHIVED
        item.touch(writer)
    return item


def delete_item(account: Account, item: Item) -> Item:
    """The item as it was; nobody finds it from now on."""
    board = account.boards[item.board_id]
    board.active_count -= item.state == ACTIVE
    del board.items[item.id]
    del account.board_of_item[item.id]
    item.state = DELETED
    return item


def move_item(board: Board, item: Item, group_id: str, *, writer: Writer) -> Item:
    """The item in another group of its board."""
    if item.state != ACTIVE:
        raise archived_item(item.id)
    group = board.group(group_id)
    if group is None:
        raise missing("group", group_id)
    item.group_id = group.id
    item.touch(writer)
    return item


def add_update(account: Account, item: Item, body: str, *, writer: Writer) -> Update:
    """A post on the item; `body` is HTML."""
    if not body:
        raise bad_argument("An update needs a body")
    update = Update(account.next_id(), item.id, body, writer)
    item.updates.append(update)
    return update


def _checked(
    account: Account, board: Board, values: dict[str, Any], *, create_labels: bool
) -> _Plan:
    """The values as cells to keep; raises for the first that its column does not take."""
    plan = _Plan()
    for column_id, value in values.items():
        column = board.columns.get(column_id)
        if column is None or column.archived:
            raise unknown_column(column_id, board.id)
        if column.type == "name":
            plan.name = str(value)
            check_name(plan.name)
            continue
        reading = _reading(account, column, create_labels=create_labels)
        try:
            plan.cells[column_id] = read_cell(reading, value)
        except ValueError as error:
            raise bad_cell(column_id, column.type, str(error)) from error
        plan.labels[column_id] = reading.labels
    return plan


def _reading(account: Account, column: Column, *, create_labels: bool) -> Reading:
    def boards_of_items(item_ids: list[int]) -> list[int | None]:
        found = (account.find_item(one) for one in item_ids)
        return [item.board_id if item else None for item in found]

    return Reading(
        column,
        column.labels,
        create_labels,
        boards_of_items=boards_of_items,
        is_person=lambda number, kind: (
            kind == "person" and any(user.id == number for user in account.users)
        ),
        is_tag=lambda number: any(tag.id == number for tag in account.tags),
        week_begins=6 if account.settings.week_begins == "sunday" else 0,
    )
