"""Root fields of mutations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday import structure, writes
from ifs_monday_sandbox.monday.errors import MondayError, bad_argument, missing
from ifs_monday_sandbox.monday.records import ARCHIVED, DELETED, Board, Column, Group, Item, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphql import GraphQLResolveInfo

    from ifs_monday_sandbox.monday.call import Call
    from ifs_monday_sandbox.monday.records import Update
    from ifs_monday_sandbox.monday.resolve_queries import Resolver

__all__ = ["FIELDS"]


def create_board(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Board:
    """A new board."""
    call: Call = info.context
    owners, subscribers, *teams = structure.board_people(call.account, asked)
    board = structure.create_board(
        call.account,
        asked["board_name"],
        kind=asked["board_kind"],
        workspace_id=asked.get("workspace_id"),
        empty=bool(asked.get("empty")),
        description=asked.get("description"),
        item_nickname=(asked.get("item_nickname") or {}).get("singular") or "item",
        writer=call.writer(),
    )
    board.owners = owners or [call.account.me]
    board.subscribers = [*board.owners, *(each for each in subscribers if each not in owners)]
    board.team_owners, board.team_subscribers = teams
    return board


def create_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A new column of any type that can be created."""
    return _create_column(info, asked["column_type"], asked)


def _create_column(
    info: GraphQLResolveInfo[Call], column_type: str, asked: Mapping[str, Any]
) -> Column:
    call: Call = info.context
    return structure.create_column(
        call.account,
        call.account.active_board(asked["board_id"]),
        asked["title"],
        column_type=column_type,
        column_id=asked.get("id"),
        description=asked.get("description"),
        after=asked.get("after_column_id"),
        defaults=asked.get("defaults"),
    )


def create_status_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A new status column with its labels."""
    return _create_column(info, "status", asked)


def create_dropdown_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A new dropdown column with its labels."""
    return _create_column(info, "dropdown", asked)


def update_status_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A status column with other labels or title."""
    return structure.update_column(_column(info, asked, "id"), "status", asked)


def update_dropdown_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A dropdown column with other labels or title."""
    return structure.update_column(_column(info, asked, "id"), "dropdown", asked)


def change_column_title(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """A column with another title."""
    column = _column(info, asked, "column_id")
    column.title = asked["title"]
    column.version += 1
    return column


def delete_column(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Column:
    """The column as it was, with its cells gone."""
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    column = _column(info, asked, "column_id")
    if column.type == "name":
        raise bad_argument("The name column cannot be deleted")
    del board.columns[column.id]
    for item in board.items.values():
        item.cells.pop(column.id, None)
    column.archived = True
    return column


def _column(info: GraphQLResolveInfo[Call], asked: Mapping[str, Any], argument: str) -> Column:
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    return structure.active_column(board, asked[argument])


def create_group(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Group:
    """A new group at the top."""
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    return structure.create_group(
        call.account, board, asked["group_name"], asked.get("group_color")
    )


def create_item(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Item:
    """A new item with its cells."""
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    group = None
    if asked.get("group_id") is not None:
        group = board.group(asked["group_id"])
        if group is None:
            raise missing("group", asked["group_id"])
    return writes.create_item(
        call.account,
        board,
        asked["item_name"],
        group=group,
        values=writes.values_object(asked.get("column_values")),
        writer=call.writer(),
        create_labels=bool(asked.get("create_labels_if_missing")),
    )


def change_multiple_column_values(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Item:
    """The item with several new cells."""
    return _change(info, asked, writes.values_object(asked["column_values"]))


def change_column_value(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Item:
    """The item with one new cell, given as a JSON string."""
    value = asked["value"]
    if not isinstance(value, str):
        raise bad_argument("value must be a JSON string")
    try:
        read = json.loads(value)
    except ValueError as error:
        raise MondayError(
            "JsonParseException", f"value is no JSON: {error}", status_code=400
        ) from error
    return _change(info, asked, {asked["column_id"]: None if read == {} else read})


def change_simple_column_value(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Item:
    """The item with one new cell, given as a plain text; the empty text clears."""
    return _change(info, asked, {asked["column_id"]: asked.get("value") or None})


def _change(
    info: GraphQLResolveInfo[Call], asked: Mapping[str, Any], values: dict[str, Any]
) -> Item:
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    item = writes.item_of_board(call.account, board, asked.get("item_id"))
    return writes.change_values(
        call.account,
        board,
        item,
        values,
        writer=call.writer(),
        create_labels=bool(asked.get("create_labels_if_missing")),
    )


def create_subitem(_: Any, __: GraphQLResolveInfo[Call], **___: Any) -> Item:
    """Refused: the sandbox has classic boards without subitems."""
    raise MondayError("UnsupportedInSandbox", "The sandbox keeps no subitems")


def archive_item(_: Any, info: GraphQLResolveInfo[Call], item_id: str | None = None) -> Item:
    """The item, archived."""
    call: Call = info.context
    return writes.archive_item(call.account, call.account.item(item_id), writer=call.writer())


def delete_item(_: Any, info: GraphQLResolveInfo[Call], item_id: str | None = None) -> Item:
    """The item as it was."""
    call: Call = info.context
    return writes.delete_item(call.account, call.account.item(item_id))


def move_item_to_group(
    _: Any, info: GraphQLResolveInfo[Call], group_id: str, item_id: str | None = None
) -> Item:
    """The item in another group of its board."""
    call: Call = info.context
    item = call.account.item(item_id)
    board = call.account.boards[item.board_id]
    return writes.move_item(board, item, group_id, writer=call.writer())


def create_update(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Update:
    """A post on an item."""
    call: Call = info.context
    item = call.account.item(asked.get("item_id"))
    return writes.add_update(call.account, item, asked["body"], writer=call.writer())


def create_or_get_tag(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Tag:
    """The tag with this name, made if need be; blanks are removed from names."""
    call: Call = info.context
    name = (asked.get("tag_name") or "").replace(" ", "")
    if not name:
        raise bad_argument("A tag needs a name")
    for tag in call.account.tags:
        if tag.name == name:
            return tag
    tag = Tag(call.account.next_id(), name)
    call.account.tags.append(tag)
    return tag


def create_webhook(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, Any]:
    """A webhook that is remembered by nobody: the sandbox calls no one."""
    call: Call = info.context
    board = call.account.active_board(asked["board_id"])
    return {"id": call.account.next_id(), "board_id": board.id, "event": asked["event"]}


def bulk_archive_items(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, int]:
    """A job that archives items."""
    return _bulk(info, asked["board_id"], asked["item_ids"], archive=True)


def bulk_delete_items(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, int]:
    """A job that deletes items."""
    return _bulk(info, asked["board_id"], asked["item_ids"], archive=False)


def _bulk(
    info: GraphQLResolveInfo[Call], board_id: str, item_ids: Sequence[str], *, archive: bool
) -> dict[str, int]:
    call: Call = info.context
    board = call.account.active_board(board_id)
    job = call.account.jobs.remove(board, item_ids, archive=archive, writer=call.writer())
    return {"job_id": job.id}


def archive_board(_: Any, info: GraphQLResolveInfo[Call], board_id: str) -> Board:
    """The board, archived."""
    return _end_board(info, board_id, ARCHIVED)


def delete_board(_: Any, info: GraphQLResolveInfo[Call], board_id: str) -> Board:
    """The board, deleted."""
    return _end_board(info, board_id, DELETED)


def _end_board(info: GraphQLResolveInfo[Call], board_id: str, state: str) -> Board:
    call: Call = info.context
    board = call.account.active_board(board_id)
    board.state = state
    return board


MUTATIONS: Final[Mapping[str, Resolver]] = {
    "complexity": lambda _, info: info.context.complexity,
    "create_board": create_board,
    "create_column": create_column,
    "create_status_column": create_status_column,
    "create_dropdown_column": create_dropdown_column,
    "update_status_column": update_status_column,
    "update_dropdown_column": update_dropdown_column,
    "change_column_title": change_column_title,
    "delete_column": delete_column,
    "create_group": create_group,
    "create_item": create_item,
    "change_multiple_column_values": change_multiple_column_values,
    "change_column_value": change_column_value,
    "change_simple_column_value": change_simple_column_value,
    "create_subitem": create_subitem,
    "archive_item": archive_item,
    "delete_item": delete_item,
    "move_item_to_group": move_item_to_group,
    "create_update": create_update,
    "create_or_get_tag": create_or_get_tag,
    "create_webhook": create_webhook,
    "bulk_archive_items": bulk_archive_items,
    "bulk_delete_items": bulk_delete_items,
    "archive_board": archive_board,
    "delete_board": delete_board,
}

OF_ITEMS: Final = frozenset(
    [
        "create_item",
        "change_multiple_column_values",
        "change_column_value",
        "change_simple_column_value",
        "archive_item",
        "delete_item",
        "move_item_to_group",
    ]
)


def _unless_failing(resolver: Resolver) -> Resolver:
    def resolve(source: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Any:
        if info.context.account.settings.failing_writes:
            raise MondayError("INTERNAL_SERVER_ERROR", "Internal server error", status_code=500)
        return resolver(source, info, **asked)

    return resolve


FIELDS: Final[Mapping[str, Resolver]] = {
    f"Mutation.{name}": _unless_failing(resolver) if name in OF_ITEMS else resolver
    for name, resolver in MUTATIONS.items()
}
