"""What the ledger says a board holds against what it does hold: every difference, once. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from target_monday.diff import GROUP, Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_monday.diff import KnownItem

__all__ = ["Difference", "Match", "RowPair", "cell_text", "differences", "matched", "row_hash"]

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a board is not as the ledger says.

    `kind` is one of `board`, `column`, `group`, `label`, `missing`, `archived`, `deleted`, `moved`,
    `extra`, `unkeyed`, `duplicate`, `key`, `name` and `cell`. `rows`: how many rows it shows in.
    """

    kind: str
    explanation: str
    key: str | None = None
    item_id: str | None = None
    column_id: str | None = None
    ledger: Cell = None
    board: Cell = None
    rows: int = 1


@dataclass(frozen=True, slots=True)
class RowPair:
    """A row on both sides, as far as it is there: name and cells without what is not mapped."""

    key: str
    item_id: str
    ledger: KnownItem | None
    board: KnownItem | None


@dataclass(slots=True)
class Match:
    """The items of both sides beside each other.

    `edited`: pairs whose item carries another key than the ledger says. `duplicates`: items with a
    key that another item has by right. `extra`: those with a key that the ledger does not know;
    `unkeyed`: those without one.
    """

    pairs: list[tuple[str, KnownItem]] = field(default_factory=list)
    edited: list[tuple[str, KnownItem]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    duplicates: list[KnownItem] = field(default_factory=list)
    extra: list[KnownItem] = field(default_factory=list)
    unkeyed: list[KnownItem] = field(default_factory=list)


def row_hash(key: str, item: KnownItem | None, columns: Sequence[str]) -> str:
    """What a row is, in 32 hex digits: its key, name and cells that are not empty; "" if absent."""
    if item is None:
        return ""
    cells = {each: item.cells[each] for each in columns if item.cells.get(each) is not None}
    return hashlib.sha256(_encode([key, item.name, cells])).hexdigest()[:32]


def matched(
    expected: Mapping[str, KnownItem], found: Iterable[KnownItem], key_column: str | None
) -> Match:
    """Which item on the board is which row: by its id, else by its key, else by what it holds."""
    match = Match()
    owners = {item.item_id: key for key, item in expected.items() if item.item_id}
    open_keys = dict.fromkeys(expected)
    strangers: list[KnownItem] = []
    for item in found:
        key = owners.get(item.item_id)
        if key is None:
            strangers.append(item)
            continue
        open_keys.pop(key, None)
        has = item.cells.get(key_column) if key_column else key
        (match.pairs if has == key else match.edited).append((key, item))
    left = _by_key(match, strangers, open_keys, key_column)
    blind: dict[bytes, list[str]] = defaultdict(list)
    for key in open_keys:
        if not expected[key].item_id:
            blind[_content(expected[key], key_column)].append(key)
    for item in left:
        alike = blind.get(_content(item, key_column)) or []
        if alike and (key_column is None or len(alike) == 1):
            key = alike.pop(0)
            open_keys.pop(key)
            (match.edited if key_column else match.pairs).append((key, item))
        else:
            _sort_stranger(match, item, expected, key_column)
    match.missing = list(open_keys)
    return match


def _by_key(
    match: Match,
    strangers: Iterable[KnownItem],
    open_keys: dict[str, None],
    key_column: str | None,
) -> list[KnownItem]:
    """Rows whose items' ids are not known are found by their keys; what is left is given back."""
    left = []
    for item in strangers:
        key = item.cells.get(key_column) if key_column else None
        if isinstance(key, str) and key in open_keys:
            open_keys.pop(key)
            match.pairs.append((key, item))
        else:
            left.append(item)
    return left


def _content(item: KnownItem, key_column: str | None) -> bytes:
    """What an item holds beside its key."""
    cells = {
        column: cell
        for column, cell in item.cells.items()
        if cell is not None and column != key_column
    }
    return _encode([item.name, cells])


def _sort_stranger(
    match: Match, item: KnownItem, expected: Mapping[str, KnownItem], key_column: str | None
) -> None:
    key = item.cells.get(key_column) if key_column else None
    if not isinstance(key, str):
        match.unkeyed.append(item)
    elif key in expected:
        match.duplicates.append(item)
    else:
        match.extra.append(item)


def differences(
    pairs: Sequence[RowPair],
    types: Mapping[str, str],
    known_texts: Mapping[str, frozenset[str]],
) -> Iterator[Difference]:
    """How rows that are on both sides differ.

    `types` maps the columns that are compared, ":group" among them, to their types; `known_texts`
    has of status and dropdown columns the labels, and of ":group" the titles, that the board has. A
    label or group that was renamed is one difference, however many rows show it.
    """
    renamed: dict[str, dict[str, str]] = {}
    for column, texts in known_texts.items():
        renamed[column] = dict(_renames(pairs, column, texts))
        for old, new in renamed[column].items():
            rows = sum(old in _texts(pair.ledger, column) for pair in pairs)
            what = "group" if column == GROUP else "label"
            yield Difference(
                what,
                f"The {what} {old!r} is called {new!r} on the board.",
                column_id=column,
                ledger=old,
                board=new,
                rows=rows,
            )
    for pair in pairs:
        yield from _of_a_row(pair, types, renamed)


def _of_a_row(
    pair: RowPair, types: Mapping[str, str], renamed: Mapping[str, Mapping[str, str]]
) -> Iterator[Difference]:
    if pair.ledger is None or pair.board is None:
        return
    if pair.ledger.name != pair.board.name:
        yield Difference(
            *("name", "The item's name is not the one that was written.", pair.key, pair.item_id),
            column_id="name",
            ledger=pair.ledger.name,
            board=pair.board.name,
        )
    for column in types:
        wanted = _renamed(pair.ledger.cells.get(column), renamed.get(column) or {})
        found = pair.board.cells.get(column)
        if wanted != found:
            what = "group" if column == GROUP else "cell"
            yield Difference(
                *(what, _sentence(column, wanted, found), pair.key, pair.item_id, column),
                ledger=pair.ledger.cells.get(column),
                board=found,
            )


def _sentence(column: str, wanted: Cell, found: Cell) -> str:
    if column == GROUP:
        return "The item stands in another group."
    if found is None:
        return "The cell was emptied."
    return "The cell was filled." if wanted is None else "The cell holds another value."


def _texts(item: KnownItem | None, column: str) -> frozenset[str]:
    cell = item.cells.get(column) if item else None
    if isinstance(cell, list):
        return frozenset(cell)
    return frozenset({cell} if isinstance(cell, str) else ())


def _renamed(cell: Cell, names: Mapping[str, str]) -> Cell:
    if isinstance(cell, list):
        return sorted(names.get(each, each) for each in cell)
    return names.get(cell, cell) if isinstance(cell, str) else cell


def _renames(
    pairs: Sequence[RowPair], column: str, texts: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Texts that the board has no more, where all rows that had one show the same new one."""
    seen: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = defaultdict(list)
    for pair in pairs:
        if pair.ledger is not None and pair.board is not None:
            before, after = _texts(pair.ledger, column), _texts(pair.board, column)
            for text in before - texts:
                seen[text].append((before - after, after - before))
    for old, changes in seen.items():
        news = {each for _, after in changes for each in after}
        if len(news) == 1 and all(after == news and old in lost for lost, after in changes):
            yield old, news.pop()


def cell_text(value: Cell) -> str:
    """A cell for a table: texts as they are, all else as JSON; "" if it is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _encode(value).decode()
