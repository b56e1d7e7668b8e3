"""Errors in monday's words: stable codes, HTTP status and facts for the client.

Source of codes and layout: developer.monday.com/api-reference/docs/error-handling.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "MondayError",
    "archived_item",
    "bad_argument",
    "bad_cell",
    "bad_cursor",
    "board_full",
    "item_name_length",
    "missing",
    "unknown_board",
    "unknown_column",
]


class MondayError(Exception):
    """An error that the API tells its client; `extensions` is what GraphQL sends along."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status_code: int = 200,
        error_data: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self.code = code
        self.status_code = status_code
        self.extensions: dict[str, Any] = {
            "code": code,
            "status_code": status_code,
            "error_data": error_data or {},
            **more,
        }
        super().__init__(message)


def unknown_board(board_id: object) -> MondayError:
    """No active board has this id."""
    return MondayError(
        "InvalidBoardIdException",
        f"This board does not exist or is not active: {board_id}",
        error_data={"board_id": str(board_id)},
    )


def unknown_column(column_id: str, board_id: int) -> MondayError:
    """The board has no column with this id."""
    return MondayError(
        "InvalidColumnIdException",
        "This column ID doesn't exist for the board",
        error_data={"column_id": column_id, "board_id": str(board_id)},
    )


def missing(what: str, key: object) -> MondayError:
    """An item, group or job that is not there; `what` is its kind."""
    return MondayError(
        "ResourceNotFoundException",
        f"{what.capitalize()} not found: {key}",
        error_data={"resource_type": what, "resource_id": str(key)},
    )


def archived_item(item_id: int) -> MondayError:
    """The item is archived, so that it takes no values."""
    return MondayError(
        "ResourceNotFoundException",
        f"Item {item_id} is archived: restore it before it is changed",
        error_data={"resource_type": "item", "resource_id": str(item_id), "state": "archived"},
    )


def bad_cell(column_id: str, column_type: str, why: str) -> MondayError:
    """A value that its column does not take."""
    return MondayError(
        "ColumnValueException",
        f"invalid value, please check our API documentation for the correct data structure "
        f"for this column ({column_type} {column_id}): {why}",
        error_data={"column_id": column_id, "column_type": column_type},
    )


def bad_argument(why: str, **data: Any) -> MondayError:
    """An argument that is understood and wrong."""
    return MondayError("InvalidArgumentException", why, error_data=data)


def item_name_length(length: int) -> MondayError:
    """Item names have 1 to 255 characters."""
    return MondayError(
        "ItemNameTooLongException",
        f"Item name must have 1 to 255 characters, this one has {length}",
        error_data={"item_name_length": length},
    )


def board_full(board_id: int, limit: int) -> MondayError:
    """The board holds as many items as it may."""
    return MondayError(
        "ItemsLimitationException",
        f"Board {board_id} has reached its limit of {limit} items",
        error_data={"board_id": str(board_id), "items_limit": limit},
    )


def bad_cursor() -> MondayError:
    """Cursors live 60 minutes from the first request of their chain."""
    return MondayError(
        "CursorException",
        "The cursor provided for pagination has expired or is invalid. "
        "Please refresh your query and obtain a new cursor.",
    )
