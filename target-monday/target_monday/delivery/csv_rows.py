"""Operations as rows of an upload, and why some cannot be one. Pure.

Forms of cells: developer.monday.com/api-reference/docs/importing-items-in-bulk. An empty cell
keeps what is there, `<NULL>` clears. What the guide leaves open goes by aliases: the boards must
be the same whichever lane is taken.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from target_monday.diff import Archive, Update
from target_monday.monday.operations import CreateItem, UpdateItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.delivery.pending import Pending
    from target_monday.monday.boards import Board, Column
    from target_monday.plan import BoardPlan

__all__ = [
    "CsvRow",
    "LiveLabels",
    "MissingLabel",
    "NotByUpload",
    "columns_of",
    "csv_file",
    "csv_row",
    "folded",
    "refreshed",
]

NULL: Final = "<NULL>"
_RELATION_COLUMNS: Final = 5
_RELATED_ITEMS: Final = 50
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INSIDE: Final = str.maketrans("\r\n\t", "---")
_PLAIN_LABEL: Final = str.maketrans("", "", "0123456789.,+- ")


class NotByUpload(Exception):
    """Why an operation goes by aliases, in a few words."""


class MissingLabel(NotByUpload):
    """A label that has to exist before an upload can name it."""

    def __init__(self, column_id: str, label: str) -> None:
        self.column_id, self.label = column_id, label
        super().__init__(f"column {column_id}: label {label!r} is not on the board yet")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of a file: the item's name, and column id -> text.

    `group` is that of a new item; None for one that is there, which stays where it is.
    """

    name: str
    cells: Mapping[str, str]
    group: str | None = None


@dataclass(slots=True)
class LiveLabels:
    """Column id -> id -> label, of labels that are on a board and active."""

    texts: dict[str, dict[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Iterable[Column]) -> LiveLabels:
        """The labels that these columns' settings declare."""
        return cls({column.id: dict(_labels(column.settings)) for column in columns})

    def exact(self, column_id: str, label: str) -> str:
        """The label if an upload finds it by its text. Raises NotByUpload."""
        if label not in self.texts.get(column_id, {}).values():
            raise MissingLabel(column_id, label)
        return self._plain(column_id, label)

    def by_id(self, column_id: str, label_id: object) -> str:
        """The label with this id, if an upload finds it by its text. Raises NotByUpload."""
        known = self.texts.get(column_id, {})
        label = known.get(label_id) if isinstance(label_id, int) else None
        if label is None:
            raise NotByUpload(f"column {column_id}: label {label_id} has no text")
        return self._plain(column_id, label)

    def _plain(self, column_id: str, label: str) -> str:
        twins = [each for each in self.texts[column_id].values() if folded(each) == folded(label)]
        if len(twins) > 1:
            raise NotByUpload(f"column {column_id}: several labels are spelt like {label!r}")
        if not label.translate(_PLAIN_LABEL) or "," in label or label != label.strip():
            raise NotByUpload(f"column {column_id}: a file cannot name label {label!r}")
        return label


def _labels(settings: object) -> Iterable[tuple[int, str]]:
    entries = settings.get("labels") if isinstance(settings, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        text, number = entry.get("label") or entry.get("name"), entry.get("id", entry.get("index"))
        if text and isinstance(number, int) and not entry.get("is_deactivated"):
            yield number, text


def folded(text: str) -> str:
    """What texts share that monday may take for one: it compares without case."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def csv_row(pending: Pending, columns: Mapping[str, Column], labels: LiveLabels) -> CsvRow:
    """The operation as a row. Raises NotByUpload with the reason why it cannot be one.

    `columns` are the board's columns that the plan writes to, without the key's.
    """
    plan = pending.plan
    key_column = _key_column(pending)
    mutation = plan.mutation(pending.operation)
    if not isinstance(mutation, CreateItem | UpdateItem):
        raise NotByUpload("a file only creates and updates")
    if isinstance(mutation, UpdateItem) and mutation.group_id is not None:
        raise NotByUpload("a file moves no items")
    values = dict(mutation.column_values)
    values.pop(key_column, None)
    name = _name(pending, values.pop("name", None), mutation)
    cells = {key_column: _text(pending.key)}
    relations = [each for each in columns.values() if each.type == "board_relation"]
    if len(relations) > _RELATION_COLUMNS and any(each.id in values for each in relations):
        raise NotByUpload(f"a file takes at most {_RELATION_COLUMNS} columns of links")
    for column_id, value in values.items():
        if column_id not in columns:
            raise NotByUpload(f"column {column_id} is not known")
        column = columns[column_id]
        if column.type == "board_relation" and value is not None:
            cells[column_id] = _links(column, value["item_ids"], plan.connected_boards(column_id))
        else:
            cells[column_id] = _cell(column, value, labels)
    group = None
    if isinstance(mutation, CreateItem):
        group = mutation.group_id or plan.first_group
    return CsvRow(name, cells, group)


def _key_column(pending: Pending) -> str:
    """The column by which its item is found, if an upload can do what it asks for at all."""
    column, operation = pending.plan.key_column, pending.operation
    if column is None:
        raise NotByUpload("items without a key cannot be told apart in a file")
    if pending.by_alias:
        raise NotByUpload("an upload did not take it")
    if isinstance(operation, Archive):
        raise NotByUpload("a file archives nothing")
    if isinstance(operation, Update) and column in operation.cells:
        raise NotByUpload("the key on the board is not the row's")
    return column


def _name(pending: Pending, renamed: object, mutation: CreateItem | UpdateItem) -> str:
    """A file must name each item; a name that is not ours would be overwritten."""
    if isinstance(mutation, CreateItem):
        name: object = mutation.name
    elif renamed is not None:
        name = renamed
    else:
        operation, before = pending.operation, pending.before
        wanted = operation.row.name if isinstance(operation, Update) else None
        if before is None or wanted is None or wanted != before.name:
            raise NotByUpload("the item's name is not known")
        name = before.name
    return _text(name)


def _cell(column: Column, value: Any, labels: LiveLabels) -> str:
    if value is None:
        return NULL
    form = _FORMS.get(column.type)
    if form is None:
        raise NotByUpload(f"column {column.id}: a file takes no {column.type} columns")
    try:
        return form(column, value, labels)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotByUpload(f"column {column.id}: not a form that a file takes") from error


def _text(value: object) -> str:
    """A text that comes through a file as it is: nothing that an import may trim or drop."""
    if not isinstance(value, str) or not value or value == NULL:
        raise NotByUpload("an empty text, or one that a file reads as empty")
    if value != value.strip() or _CONTROL.search(value):
        raise NotByUpload("blanks at the edges, or control characters")
    return value


def _prose(value: object) -> str:
    """A text that may have line breaks and tabs inside: RFC 4180 quotes them."""
    if not isinstance(value, str) or value != value.strip():
        raise NotByUpload("blanks at the edges")
    _text(value.translate(_INSIDE))
    return value


def _status(column: Column, value: Any, labels: LiveLabels) -> str:
    if "index" in value:
        return labels.by_id(column.id, value["index"])
    return labels.exact(column.id, value["label"])


def _dropdown(column: Column, value: Any, labels: LiveLabels) -> str:
    if value.get("ids"):
        return ",".join(labels.by_id(column.id, each) for each in value["ids"])
    return ",".join(labels.exact(column.id, each) for each in value["labels"]) or NULL


def _date(_: Column, value: Any, __: LiveLabels) -> str:
    if value.get("time"):
        raise NotByUpload("a file takes no time of day")
    return _text(value["date"])


def _checkbox(_: Column, value: Any, __: LiveLabels) -> str:
    return "true" if str(value["checked"]).lower() == "true" else NULL


def _email(_: Column, value: Any, __: LiveLabels) -> str:
    address, text = _text(value["email"]), _text(value["text"])
    if any(mark in address + text for mark in "<>"):
        raise NotByUpload("an e-mail with angle brackets")
    return address if text == address else f"{text} <{address}>"


def _link(_: Column, value: Any, __: LiveLabels) -> str:
    url, text = _text(value["url"]), value.get("text") or ""
    if any(mark in url for mark in "()[] ") or any(mark in text for mark in "()[]\n"):
        raise NotByUpload("a link with brackets")
    return f"[{_text(text) if text else ''}]({url})"


def _phone(_: Column, value: Any, __: LiveLabels) -> str:
    if value.get("countryShortName"):
        raise NotByUpload("a file takes no country of a phone")
    return _text(value["phone"])


def _timeline(_: Column, value: Any, __: LiveLabels) -> str:
    return f"{_text(value['from'])}/{_text(value['to'])}"


def _people(_: Column, value: Any, __: LiveLabels) -> str:
    kinds = {"person": "user", "team": "team"}
    named = [f"{kinds[each['kind']]}:{each['id']}" for each in value["personsAndTeams"]]
    return ",".join(named) or NULL


def _location(_: Column, value: Any, __: LiveLabels) -> str:
    address = _text(value["address"])
    if "|" in address:
        raise NotByUpload("an address with a bar")
    return f"{value['lat']}|{value['lng']}|{address}"


def _links(column: Column, item_ids: Sequence[int], boards: Sequence[str]) -> str:
    """Items by their ids, with their board where the column connects several."""
    settings = column.settings if isinstance(column.settings, dict) else {}
    connected = settings.get("boardIds") or settings.get("board_ids") or ()
    if len(boards) != 1 or not connected or len(item_ids) > _RELATED_ITEMS:
        raise NotByUpload(f"column {column.id}: links to several boards, or too many of them")
    prefix = f"{boards[0]}:" if len(connected) > 1 else ""
    return ",".join(f"{prefix}{each}" for each in item_ids) or NULL


_FORMS: Final[Mapping[str, Callable[[Column, Any, LiveLabels], str]]] = {
    "text": lambda _, value, __: _prose(value),
    "numbers": lambda _, value, __: _text(value),
    "long_text": lambda _, value, __: _prose(value["text"]),
    "status": _status,
    "dropdown": _dropdown,
    "date": _date,
    "checkbox": _checkbox,
    "email": _email,
    "link": _link,
    "phone": _phone,
    "timeline": _timeline,
    "people": _people,
    "location": _location,
}


def columns_of(plan: BoardPlan) -> dict[str, Column]:
    """The columns that the plan writes to, by id, without the key's."""
    return {cell.column.id: cell.column for cell in plan.cells}


def refreshed(board: Board, plan: BoardPlan) -> LiveLabels:
    """The labels of the plan's columns as the board has them now."""
    wanted = columns_of(plan)
    return LiveLabels.of(column for column in board.columns if column.id in wanted)


def csv_file(rows: Sequence[CsvRow]) -> bytes:
    """The rows as a file: `name` first, then every column that a row of it has."""
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(("name", *columns))
    lines.writerows((row.name, *(row.cells.get(column, "") for column in columns)) for row in rows)
    return out.getvalue().encode()
