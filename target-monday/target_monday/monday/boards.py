"""Boards and their items as they are: found, listed, read. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.foreign_json import NotJson, decode
from target_monday.monday.answers import part_of
from target_monday.monday.errors import (
    NO_GRAPHQL_ANSWER,
    AnswerLost,
    CursorExpired,
    Fault,
    Kind,
    TooComplex,
    error_for,
)
from target_monday.monday.operations import (
    BOARD_NAMES,
    BOARDS_BY_ID,
    FIRST_PAGE,
    ITEMS_BY_ID,
    LOOKUP,
    NEXT_PAGE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_monday.monday.answers import Answer
    from target_monday.monday.client import Call

__all__ = [
    "Board",
    "Column",
    "Group",
    "Item",
    "board_names",
    "boards_by_id",
    "items_by_id",
    "look_up",
    "read_items",
]

PAGE: Final = 500  # items a page, the most that monday gives
IDS: Final = 100  # items that one question by their ids gives, the most that monday takes
LOOKUP_KEYS: Final = 100  # no limit is documented; monday's own examples stay far below
_BOARDS_PAGE: Final = 500
_MAX_RESTARTS: Final = 3
_IDLE_PAGES: Final = 3  # pages in a row without a new item, after which a walk ends
_VALUE: Final = msgspec.json.Decoder()


class Column(msgspec.Struct, frozen=True):
    """A column as monday declares it; `settings` depends on its type."""

    id: str
    title: str
    type: str
    archived: bool = False
    settings: Any = None


class Group(msgspec.Struct, frozen=True):
    """A group of a board."""

    id: str
    title: str = ""
    archived: bool | None = False
    deleted: bool | None = False


class Board(msgspec.Struct, frozen=True):
    """A board without its items."""

    id: str
    name: str
    state: str = "active"
    hierarchy_type: str | None = None
    workspace_id: str | None = None  # null: the main workspace
    items_count: int | None = None
    items_limit: int | None = None
    columns: tuple[Column, ...] = ()
    groups: tuple[Group, ...] = ()

    def column(self, reference: str) -> tuple[Column, ...]:
        """The live columns that an id or, where no id fits, an exact title means.

        The column of the item names is none of them: `item_name` says what it holds.
        """
        live = [each for each in self.columns if not each.archived and each.type != "name"]
        by_id = tuple(column for column in live if column.id == reference)
        return by_id or tuple(column for column in live if column.title == reference)


class _ColumnValue(msgspec.Struct, frozen=True):
    id: str
    text: str | None = None
    value: str | None = None
    linked_item_ids: tuple[str, ...] | None = None  # of a link, whose text and value are null


class _Place(msgspec.Struct, frozen=True):
    id: str


class _Item(msgspec.Struct, frozen=True):
    id: str
    name: str
    state: str | None = None
    board: _Place | None = None
    group: Group | None = None
    column_values: tuple[_ColumnValue, ...] = ()


class _Page(msgspec.Struct, frozen=True):
    cursor: str | None = None
    items: tuple[_Item, ...] = ()


class _Walked(msgspec.Struct, frozen=True):
    items_page: _Page | None = None


class _Named(msgspec.Struct, frozen=True):
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item with the column values that were asked for: id -> (text, parsed value).

    `state` (active, archived, deleted) and `board_id` are told where items are asked for by id.
    """

    id: str
    name: str
    values: Mapping[str, tuple[str | None, Any]]
    group_id: str | None = None
    state: str | None = None
    board_id: str | None = None


def boards_by_id(call: Call, ids: Sequence[str]) -> dict[str, Board]:
    """The boards that exist among `ids`, also archived ones, in one call."""
    if not ids:
        return {}
    data = _data(call(BOARDS_BY_ID, {"ids": list(ids), "limit": len(ids)}))
    boards = part_of(data.get("boards") or [], list[Board | None])
    return {board.id: board for board in boards if board}


def board_names(call: Call, workspace: str | None) -> dict[str, list[str]]:
    """Name -> ids of all active boards of a workspace. One call for each 500 boards."""
    found: dict[str, list[str]] = {}
    variables = {"workspaces": [workspace] if workspace else None, "limit": _BOARDS_PAGE}
    page = 1
    seen: set[str] = set()
    while True:
        data = _data(call(BOARD_NAMES, {**variables, "page": page}))
        boards = part_of(data.get("boards") or [], list[_Named])
        new = [board for board in boards if board.id not in seen]
        for board in new:
            seen.add(board.id)
            found.setdefault(board.name, []).append(board.id)
        if len(boards) < _BOARDS_PAGE:
            return found
        if not new:
            raise _unreadable(f"page {page} of the boards repeats the ones before it")
        page += 1


def read_items(call: Call, board_id: str, columns: Sequence[str]) -> list[Item]:
    """All items of a board.

    Starts again if the cursor dies on the way (60 minutes a walk), and with smaller pages if
    monday finds one too complex.
    """
    restarts, page = 0, PAGE
    while True:
        try:
            return list(_walk(call, board_id, columns, page))
        except CursorExpired:
            restarts += 1
            if restarts == _MAX_RESTARTS:
                raise
        except TooComplex:
            page //= 2
            if page == 0:
                raise


def _walk(call: Call, board_id: str, columns: Sequence[str], page_size: int) -> Iterator[Item]:
    variables = {"limit": page_size, "columns": list(columns)}
    data = _data(call(FIRST_PAGE, {"board": board_id, **variables}))
    boards = part_of(data.get("boards") or [], list[_Walked | None])
    page = boards[0].items_page if boards and boards[0] else None
    if page is None:  # which is not the same as a board without items
        raise _unreadable(f"board {board_id} was not among the boards of the answer")
    walk = _Walk(f"the items of board {board_id}")
    while True:
        yield from walk.through(page)
        if page.cursor is None:
            return
        answer = call(NEXT_PAGE, {"cursor": page.cursor, **variables})
        page = part_of(_data(answer).get("next_items_page"), _Page)


@dataclass(slots=True)
class _Walk:
    """A walk from page to page, which ends if its pages bring nothing new."""

    what: str
    _seen: set[str] = field(default_factory=set)
    _idle: int = 0

    def through(self, page: _Page) -> Iterator[Item]:
        """The items of a page that are new. Raises AnswerLost if pages bring nothing new."""
        new = {item.id: item for item in page.items if item.id not in self._seen}
        self._seen |= new.keys()
        self._idle = 0 if new else self._idle + 1
        if self._idle > _IDLE_PAGES:
            raise _unreadable(f"{self.what} go round: {self._idle} pages brought nothing new")
        yield from map(_item, new.values())


def _unreadable(message: str) -> AnswerLost:
    return AnswerLost(Fault(None, NO_GRAPHQL_ANSWER, message, Kind.LOST))


def items_by_id(call: Call, ids: Sequence[str], columns: Sequence[str]) -> dict[str, Item]:
    """The items that exist among `ids`, also archived and deleted ones. One call for each 100."""
    found: dict[str, Item] = {}
    for start in range(0, len(ids), IDS):
        these = list(ids[start : start + IDS])
        asked = {"ids": these, "limit": IDS, "columns": list(columns)}
        data = _data(call(ITEMS_BY_ID, asked))
        items = part_of(data.get("items") or [], list[_Item | None])
        found |= {each.id: _item(each) for each in items if each}
    return found


def look_up(
    call: Call, board_id: str, key_column: str, keys: Sequence[str], *, columns: Sequence[str]
) -> dict[str, list[Item]]:
    """The items that carry one of `keys`, letter by letter; keys that no item has are left out.

    monday compares texts without case, so it may answer with other items too.
    """
    wanted = set(keys)
    found: dict[str, list[Item]] = {}
    for item in _looked_up(call, board_id, key_column, keys, columns):
        key = item.values.get(key_column, (None, None))[0]
        if key is not None and key in wanted:
            found.setdefault(key, []).append(item)
    return found


def _looked_up(
    call: Call, board_id: str, key_column: str, keys: Sequence[str], columns: Sequence[str]
) -> Iterator[Item]:
    for start in range(0, len(keys), LOOKUP_KEYS):
        cursor: str | None = None
        walk = _Walk(f"the items of board {board_id} that have these keys")
        while True:
            variables = {
                "board": board_id,
                "key_column": key_column,
                "keys": list(keys[start : start + LOOKUP_KEYS]),
                "limit": PAGE,
                "cursor": cursor,
                "columns": list(columns),
            }
            page = _lookup_page(call, variables)
            yield from walk.through(page)
            cursor = page.cursor
            if cursor is None:
                break


def _lookup_page(call: Call, variables: Mapping[str, Any]) -> _Page:
    if variables["cursor"] is None:
        raw = _data(call(LOOKUP, variables)).get("items_page_by_column_values")
    else:
        following = {name: variables[name] for name in ("cursor", "limit", "columns")}
        raw = _data(call(NEXT_PAGE, following)).get("next_items_page")
    return part_of(raw, _Page)


def _item(item: _Item) -> Item:
    values = {each.id: (each.text, _value(each)) for each in item.column_values}
    group = item.group.id if item.group else None
    board = item.board.id if item.board else None
    return Item(item.id, item.name, values, group, item.state, board)


def _value(each: _ColumnValue) -> Any:
    if each.linked_item_ids is not None:
        return {"linked_item_ids": list(each.linked_item_ids)}
    return _parsed(each.value)


def _parsed(value: str | None) -> Any:
    try:
        return decode(value, _VALUE) if value else None
    except NotJson:
        return value


def _data(answer: Answer) -> Mapping[str, Any]:
    """The data of a query: half an answer is none."""
    if answer.faults:
        raise error_for(answer.faults[0], answer.request_id)
    return answer.data
