"""Root fields of queries, and fields of objects that are more than an attribute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday import search
from ifs_monday_sandbox.monday.cell_view import CellView
from ifs_monday_sandbox.monday.column_types import columns_settings
from ifs_monday_sandbox.monday.errors import bad_argument
from ifs_monday_sandbox.monday.records import (
    ACTIVE,
    Board,
    Column,
    Group,
    Item,
    Update,
    User,
    Writer,
)
from ifs_monday_sandbox.monday.versions import VERSIONS

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.call import Call

__all__ = ["FIELDS", "Resolver"]

Resolver = Callable[..., Any]

MOST_ITEMS = 100


def _account(info: GraphQLResolveInfo[Call]) -> Account:
    call: Call = info.context
    return call.account


def _page(values: Sequence[Any], limit: int, page: int) -> Sequence[Any]:
    if limit < 1 or page < 1:
        raise bad_argument("limit and page count from 1")
    return values[(page - 1) * limit : page * limit]


def boards(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Sequence[Board]:
    """The boards asked for, newest first; ids that are not there are left out."""
    account = _account(info)
    seen = [board for board in account.boards.values() if board.is_seen_by(account.me)]
    found = sorted(seen, key=lambda board: -board.id)
    state = asked["state"]
    if state != "all":
        found = [board for board in found if board.state == state]
    for argument, read in (("ids", lambda one: one.id), ("workspace_ids", _workspace_of)):
        wanted = asked.get(argument)
        if wanted is not None:
            texts = {str(one) for one in wanted}
            found = [board for board in found if str(read(board)) in texts]
    kind = asked.get("board_kind")
    found = [board for board in found if kind in (None, board.kind)]
    return _page(found, asked["limit"], asked["page"])


def _workspace_of(board: Board) -> int | None:
    return board.workspace_id


def items(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Sequence[Item]:
    """Items by id, archived ones too unless `exclude_nonactive`; at most 100."""
    ids = asked.get("ids") or []
    if len(ids) > MOST_ITEMS or asked["limit"] > MOST_ITEMS:
        raise bad_argument(f"items takes at most {MOST_ITEMS} ids and a limit up to {MOST_ITEMS}")
    account = _account(info)
    numbers = [int(one) for one in dict.fromkeys(ids) if str(one).isdecimal()]
    found = [account.item(one) for one in numbers if one in account.board_of_item]
    if asked.get("exclude_nonactive"):
        found = [item for item in found if item.state == ACTIVE]
    found.sort(key=lambda item: item.id, reverse=bool(asked.get("newest_first")))
    return _page(found, asked["limit"], asked["page"])


def board_items_page(board: Board, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, Any]:
    """A page of a board's items: by cursor, or the first that `query_params` want."""
    return _items_page(board, info, None, asked)


def group_items_page(group: Group, info: GraphQLResolveInfo[Call], **asked: Any) -> dict[str, Any]:
    """A page of a group's items."""
    account = _account(info)
    board = next(one for one in account.boards.values() if any(group is g for g in one.groups))
    return _items_page(board, info, group.id, asked)


def _items_page(
    board: Board, info: GraphQLResolveInfo[Call], group_id: str | None, asked: Mapping[str, Any]
) -> dict[str, Any]:
    account = _account(info)
    cursor, query = asked.get("cursor"), asked.get("query_params")
    if cursor is not None and query is not None:
        raise bad_argument("cursor and query_params exclude each other")
    if cursor is not None:
        page = account.cursors.next(cursor, asked["limit"])
    else:
        found = search.by_query(account, board, query or {}, group_id)
        page = account.cursors.first(found, asked["limit"])
    return search.page_of(account, *page)


def next_items_page(
    _: Any, info: GraphQLResolveInfo[Call], *, cursor: str, limit: int
) -> dict[str, Any]:
    """The page after a cursor."""
    account = _account(info)
    return search.page_of(account, *account.cursors.next(cursor, limit))


def items_page_by_column_values(
    _: Any, info: GraphQLResolveInfo[Call], **asked: Any
) -> dict[str, Any]:
    """Items whose columns have one of the given values each."""
    account = _account(info)
    board = account.active_board(asked["board_id"])
    cursor, columns = asked.get("cursor"), asked.get("columns")
    if cursor is not None:
        return search.page_of(account, *account.cursors.next(cursor, asked["limit"]))
    if not columns:
        raise bad_argument("columns or a cursor is needed")
    found = search.by_column_values(account, board, columns)
    return search.page_of(account, *account.cursors.first(found, asked["limit"]))


def users(_: Any, info: GraphQLResolveInfo[Call], **asked: Any) -> Sequence[User]:
    """Members of the account by id or e-mail address."""
    found: Sequence[User] = _account(info).users
    if asked.get("ids") is not None:
        ids = {str(one) for one in asked["ids"]}
        found = [user for user in found if str(user.id) in ids]
    if asked.get("emails") is not None:
        emails = {one.casefold() for one in asked["emails"]}
        found = [user for user in found if user.email.casefold() in emails]
    return _page(found, asked["limit"], asked["page"])


def tags(_: Any, info: GraphQLResolveInfo[Call], ids: Sequence[str] | None = None) -> Sequence[Any]:
    """Tags of the account."""
    found = _account(info).tags
    return found if ids is None else [tag for tag in found if str(tag.id) in ids]


def platform_api(_: Any, info: GraphQLResolveInfo[Call]) -> dict[str, Any]:
    """The daily limit and what was used of it."""
    account = _account(info)
    limit = account.limits.plan.daily_calls
    days = [
        {"day": day.isoformat(), "usage": calls}
        for day, calls in account.limits.calls_by_day().items()
    ]
    analytics = {"last_updated": account.wall().isoformat(), "by_day": days}
    return {"daily_limit": {"base": limit, "total": limit}, "daily_analytics": analytics}


def _versions(_: Any, __: GraphQLResolveInfo[Call]) -> list[dict[str, str]]:
    return [_version(value) for value in VERSIONS]


def _version(value: str) -> dict[str, str]:
    return {"value": value, "kind": VERSIONS.get(value, "current"), "display_name": value}


def board_columns(
    board: Board,
    _: GraphQLResolveInfo[Call],
    ids: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    **__: Any,
) -> list[Column]:
    """The board's columns from left to right."""
    return [
        column
        for column in board.columns.values()
        if (ids is None or column.id in ids) and (types is None or column.type in types)
    ]


def item_column_values(
    item: Item,
    info: GraphQLResolveInfo[Call],
    ids: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    **__: Any,
) -> list[CellView]:
    """The item's cells, empty ones too; the name is no column value."""
    account = _account(info)
    columns = account.boards[item.board_id].columns.values()
    return [
        CellView(account, item, column, item.cells.get(column.id))
        for column in columns
        if column.type != "name"
        and not column.archived
        and (ids is None or column.id in ids)
        and (types is None or column.type in types)
    ]


def _workspace(number: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": "Main workspace",
        "kind": "open",
        "state": "active",
        "is_default_workspace": True,
    }


def _team(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"Team {number}"}


def _item_group(item: Item, info: GraphQLResolveInfo[Call]) -> Group | None:
    groups = _account(info).boards[item.board_id].groups
    return next((group for group in groups if group.id == item.group_id), None)


def _link(info: GraphQLResolveInfo[Call], path: str) -> str:
    call: Call = info.context
    return f"{call.base_url}{path}"


def _at(writer: Writer) -> str:
    return writer.at.isoformat()


def _text_body(update: Update, _: GraphQLResolveInfo[Call]) -> str:
    return update.body


ROOT: Final[Mapping[str, Resolver]] = {
    "complexity": lambda _, info: info.context.complexity,
    "boards": boards,
    "items": items,
    "next_items_page": next_items_page,
    "items_page_by_column_values": items_page_by_column_values,
    "users": users,
    "me": lambda _, info: _account(info).me,
    "tags": tags,
    "version": lambda _, info: _version(info.context.version),
    "versions": _versions,
    "platform_api": platform_api,
    "workspaces": lambda _, __, **___: [_workspace(1)],
    "account": lambda _, info: {
        "id": 1,
        "name": "Sandbox",
        "slug": "sandbox",
        "tier": _account(info).settings.plan,
        "first_day_of_the_week": _account(info).settings.week_begins,
    },
    "job_status": lambda _, info, job_id: _account(info).jobs.bulk_status(job_id),
}


def _count(account: Account, board: Board) -> int:
    late = account.settings.read_delay
    return sum(1 for _ in account.readable_items(board)) if late else board.active_count


OBJECTS: Final[Mapping[str, Resolver]] = {
    "Board.board_kind": lambda board, _: board.kind,
    "Board.hierarchy_type": lambda _, __: "classic",
    "Board.columns": board_columns,
    "Board.groups": lambda board, _, ids=None: [
        group for group in board.groups if ids is None or group.id in ids
    ],
    "Board.top_group": lambda board, _: board.active_groups()[0],
    "Board.items_count": lambda board, info: _count(_account(info), board),
    "Board.items_limit": lambda _, info: _account(info).settings.items_limit,
    "Board.items_page": board_items_page,
    "Board.item_terminology": lambda board, _: board.item_nickname,
    "Board.permissions": lambda _, __: "everyone",
    "Board.created_at": lambda board, _: _at(board.created),
    "Board.updated_at": lambda board, _: (board.updated_at or board.created.at).isoformat(),
    "Board.url": lambda board, info: _link(info, f"/boards/{board.id}"),
    "Board.workspace": lambda board, _: _workspace(board.workspace_id or 1),
    "Board.creator": lambda board, _: board.created.user,
    "Board.owners": lambda board, _: board.owners,
    "Board.subscribers": lambda board, _: board.subscribers,
    "Board.team_owners": lambda board, _, **__: list(map(_team, board.team_owners)),
    "Board.team_subscribers": lambda board, _, **__: list(map(_team, board.team_subscribers)),
    "Board.type": lambda _, __: "board",
    "Column.settings": lambda column, _: columns_settings(column),
    "Column.settings_str": lambda column, _: json.dumps(columns_settings(column)),
    "Group.position": lambda group, _: group.id,
    "Group.items_page": group_items_page,
    "Item.board": lambda item, info: _account(info).boards[item.board_id],
    "Item.group": _item_group,
    "Item.column_values": item_column_values,
    "Item.created_at": lambda item, _: _at(item.created),
    "Item.updated_at": lambda item, _: _at(item.written),
    "Item.creator": lambda item, _: item.created.user,
    "Item.creator_id": lambda item, _: str(item.created.user.id),
    "Item.url": lambda item, info: _link(info, f"/boards/{item.board_id}#item-{item.id}"),
    "Item.relative_link": lambda item, _: f"/boards/{item.board_id}/pulses/{item.id}",
    "Item.updates": lambda item, _, limit, page, **__: _page(item.updates, limit, page),
    "Item.parent_item": lambda _, __: None,
    "Item.subitems": lambda _, __: [],
    "User.kind": lambda _, __: "member",
    "User.status": lambda _, __: "ACTIVE",
    "User.title": lambda _, __: "",
    "User.url": lambda user, info: _link(info, f"/users/{user.id}"),
    "User.account_id": lambda _, __: 1,
    "User.created_at": lambda _, info: _account(info).wall().isoformat(),
    "User.is_deleted": lambda _, __: False,
    "Tag.color": lambda _, __: "#579bfc",
    "Update.text_body": _text_body,
    "Update.creator_id": lambda update, _: str(update.writer.user.id),
    "Update.creator": lambda update, _: update.writer.user,
    "Update.created_at": lambda update, _: _at(update.writer),
    "Update.updated_at": lambda update, _: _at(update.writer),
    "Update.edited_at": lambda update, _: _at(update.writer),
    "Update.item": lambda update, info: _account(info).find_item(update.item_id),
}

FIELDS: Final[Mapping[str, Resolver]] = {
    **{f"Query.{name}": resolver for name, resolver in ROOT.items()},
    **OBJECTS,
}
