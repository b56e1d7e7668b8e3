"""Which items of a board a query wants: by values of columns, or by rules."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday.cell_view import display_text
from ifs_monday_sandbox.monday.errors import MondayError, bad_argument, unknown_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.records import Board, Column, Item

__all__ = ["by_column_values", "by_query", "page_of"]

# developer.monday.com/api-reference/reference/items-page-by-column-values
NOT_SEARCHED: Final = frozenset(
    [
        "auto_number",
        "color_picker",
        "board_relation",
        "creation_log",
        "file",
        "formula",
        "item_id",
        "last_updated",
        "location",
        "mirror",
        "rating",
        "tags",
        "time_tracking",
        "vote",
        "dependency",
    ]
)
ITEMS_QUERY_IDS = 100


def page_of(account: Account, ids: Sequence[int], cursor: str | None) -> dict[str, Any]:
    """An ItemsResponse; items that went since the list was taken are left out."""
    found = (account.find_item(one) for one in ids)
    return {"cursor": cursor, "items": [item for item in found if item is not None]}


def by_column_values(
    account: Account, board: Board, wanted: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Ids of the items that match one of the values in each of the columns."""
    tests = [_value_test(account, _column(board, one), one["column_values"]) for one in wanted]
    found = (item for item in account.readable_items(board) if not account.unsearchable(item))
    return [item.id for item in found if all(test(item) for test in tests)]


def by_query(
    account: Account, board: Board, query: Mapping[str, Any], group_id: str | None = None
) -> list[int]:
    """Ids of the active items that `query_params` want, in the order that it asks for."""
    items = [
        one for one in account.readable_items(board) if group_id is None or one.group_id == group_id
    ]
    ids = query.get("ids")
    if ids is not None:
        if len(ids) > ITEMS_QUERY_IDS:
            raise bad_argument(f"query_params take at most {ITEMS_QUERY_IDS} ids")
        wanted = {str(one) for one in ids}
        items = [item for item in items if str(item.id) in wanted]
    test = _group_test(account, board, query)
    items = [item for item in items if test(item)]
    for order in reversed(query.get("order_by") or ()):
        column = _column(board, order)
        items.sort(
            key=lambda item, column=column: _sortable(display_text(account, item, column)),  # type: ignore[misc]
            reverse=order.get("direction") == "desc",
        )
    return [item.id for item in items]


def _column(board: Board, named: Mapping[str, Any]) -> Column:
    column = board.columns.get(str(named["column_id"]))
    if column is None or column.archived:
        raise unknown_column(str(named["column_id"]), board.id)
    return column


def _value_test(
    account: Account, column: Column, values: Sequence[str | None]
) -> Callable[[Item], bool]:
    if column.type in NOT_SEARCHED:
        raise MondayError(
            "InvalidColumnTypeException",
            f"items_page_by_column_values does not support {column.type} columns",
            error_data={"column_id": column.id, "column_type": column.type},
        )
    wanted = {value or "" for value in values}
    if column.type in ("long_text", "email"):
        return lambda item: display_text(account, item, column) in wanted
    if column.type == "numbers":
        numbers = {_number(value) for value in wanted}
        return lambda item: _number(display_text(account, item, column)) in numbers
    if column.type == "dropdown":
        parts = [value.casefold() for value in wanted]
        return lambda item: any(
            part in display_text(account, item, column).casefold() for part in parts
        )
    folded = {value.casefold() for value in wanted}
    return lambda item: display_text(account, item, column).casefold() in folded


def _number(text: str) -> Decimal | str:
    return Decimal(text) if re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", text) else text


def _sortable(text: str) -> tuple[bool, Decimal, str]:
    number = _number(text)
    return (text == "", number if isinstance(number, Decimal) else Decimal(0), text.casefold())


def _group_test(account: Account, board: Board, group: Mapping[str, Any]) -> Callable[[Item], bool]:
    tests = [_rule_test(account, board, rule) for rule in group.get("rules") or ()]
    tests += [_group_test(account, board, inner) for inner in group.get("groups") or ()]
    if not tests:
        return lambda _: True
    combine = any if group.get("operator") == "or" else all
    return lambda item: combine(test(item) for test in tests)


def _rule_test(account: Account, board: Board, rule: Mapping[str, Any]) -> Callable[[Item], bool]:
    column = _column(board, rule)
    operator = rule.get("operator") or "any_of"
    if operator not in OPERATORS:
        raise bad_argument(f"The sandbox does not know the operator {operator}", operator=operator)
    compare = OPERATORS[operator]
    if column.type == "numbers" and operator in NUMBER_OPERATORS:
        compare = NUMBER_OPERATORS[operator]
    value = rule["compare_value"]
    values = [str(one) for one in (value if isinstance(value, list) else [value])]
    if column.type in ("status", "dropdown"):
        values = [_label_text(column, one) for one in values]
    return lambda item: compare(display_text(account, item, column), values)


def _label_text(column: Column, value: str) -> str:
    """Rules on labels name them by id."""
    return next((label.label for label in column.labels if str(label.id) == value), value)


def _equal(text: str, values: list[str]) -> bool:
    return text.casefold() in {value.casefold() for value in values}


def _equal_number(text: str, values: list[str]) -> bool:
    return _number(text) in {_number(value) for value in values}


def _compare(text: str, value: str) -> int:
    """Sign of text against value: as numbers if both are, else as texts; dates sort as texts."""
    one, other = _number(text), _number(value)
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return (one > other) - (one < other)
    return (text > value) - (text < value)


OPERATORS: Final[Mapping[str, Callable[[str, list[str]], bool]]] = {
    "any_of": _equal,
    "not_any_of": lambda text, values: not _equal(text, values),
    "is_empty": lambda text, _: text == "",
    "is_not_empty": lambda text, _: text != "",
    "contains_text": lambda text, values: values[0].casefold() in text.casefold(),
    "not_contains_text": lambda text, values: values[0].casefold() not in text.casefold(),
    "starts_with": lambda text, values: text.casefold().startswith(values[0].casefold()),
    "ends_with": lambda text, values: text.casefold().endswith(values[0].casefold()),
    "greater_than": lambda text, values: text != "" and _compare(text, values[-1]) > 0,
    "greater_than_or_equals": lambda text, values: text != "" and _compare(text, values[-1]) >= 0,
    "lower_than": lambda text, values: text != "" and _compare(text, values[-1]) < 0,
    "lower_than_or_equal": lambda text, values: text != "" and _compare(text, values[-1]) <= 0,
    "between": lambda text, values: (
        text != "" and _compare(text, values[0]) >= 0 >= _compare(text, values[-1])
    ),
}

NUMBER_OPERATORS: Final[Mapping[str, Callable[[str, list[str]], bool]]] = {
    "any_of": _equal_number,
    "not_any_of": lambda text, values: not _equal_number(text, values),
}
