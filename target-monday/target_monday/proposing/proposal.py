"""What a mapping of one stream to one board could be: proposed for a person to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from target_monday.binding import declared_labels
from target_monday.cells import SUPPORTED_TYPES
from target_monday.columns import ColumnSpec, default_columns
from target_monday.labels import label_of
from target_monday.mapping import KEY_TITLE
from target_monday.presets import preset_of
from target_monday.proposing.pairing import Pairs, Wanted, pair_columns
from target_monday.proposing.words import words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from target_monday.monday.boards import Board, Column
    from target_monday.presets import PresetLink
    from target_monday.proposing.streams import KnownStream

__all__ = ["ColumnProposal", "Memory", "Proposal", "propose"]

_WITH_LABELS: Final = frozenset({"status", "dropdown"})


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger knows of a stream: its board, and where its properties and key went."""

    board_id: str
    key_column: str | None
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """A property and its column; for one with labels also what they have in common.

    `labels` says which label a value means that is spelt otherwise. `unlabelled` are values
    without a label, `unused` labels without a value.
    """

    property: str
    column: Column
    labels: Mapping[str, str]
    unlabelled: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stream on a board. `key_column` is None where the usual one is there or will be made."""

    stream: str
    board: Board
    key: tuple[str, ...]
    key_column: Column | None
    has_key_column: bool
    item_name: str | None
    columns: tuple[ColumnProposal, ...]
    links: tuple[tuple[PresetLink, Column], ...]
    without_column: tuple[ColumnSpec, ...]
    without_property: tuple[Column, ...]
    unsure: Mapping[str, Sequence[Column]]


def propose(
    stream: KnownStream, board: Board, memory: Memory | None, streams: Collection[str]
) -> Proposal:
    """The mapping of a stream to a board that is there, as far as names and types tell it.

    `streams` are those that are known, to which its items may have links.
    """
    specs = {spec.property: spec for spec in default_columns(stream.schema)}
    live = [column for column in board.columns if not column.archived]
    usable = [column for column in live if column.type in SUPPORTED_TYPES - {"board_relation"}]
    pairs = _pairs(stream, specs, usable, memory)
    key_column = _key_column(stream, pairs, usable, memory)
    found = {
        name: column
        for name, column in pairs.found.items()
        if key_column is None or column.id != key_column.id
    }
    links = tuple(_links(stream, live, streams))
    taken = {column.id for column in found.values()} | {column.id for _, column in links}
    ours = {key_column.id} if key_column else set()
    key = [column for column in usable if column.title == KEY_TITLE and column.type == "text"]
    usual = key_column is None and len(key) == 1
    ours |= {column.id for column in key if usual}
    return Proposal(
        stream=stream.name,
        board=board,
        key=stream.key,
        key_column=key_column,
        has_key_column=usual,
        item_name=_item_name(stream, live, memory),
        columns=tuple(_column(specs[name], column) for name, column in found.items()),
        links=links,
        without_column=tuple(
            spec
            for name, spec in specs.items()
            if name not in pairs.found and name not in pairs.unsure
        ),
        without_property=tuple(
            column for column in live if column.id not in taken | ours and column.type != "name"
        ),
        unsure=pairs.unsure,
    )


def _pairs(
    stream: KnownStream,
    specs: Mapping[str, ColumnSpec],
    usable: Sequence[Column],
    memory: Memory | None,
) -> Pairs[Column]:
    """By title, but first of all as it was: the ledger knows ids."""
    by_id = {column.id: column for column in usable}
    before = memory.columns if memory else {}
    known = {name: by_id[before[name]] for name in specs if before.get(name) in by_id}
    taken = {column.id for column in known.values()}
    key = {memory.key_column} if memory else set()
    free = [
        column for column in usable if column.id not in taken | key and column.title != KEY_TITLE
    ]
    wanted = [
        Wanted(name, spec.column_type if stream.typed else None)
        for name, spec in specs.items()
        if name not in known
    ]
    pairs = pair_columns(wanted, free)
    in_order = {**known, **pairs.found}
    pairs.found = {name: in_order[name] for name in specs if name in in_order}
    return pairs


def _key_column(
    stream: KnownStream, pairs: Pairs[Column], usable: Sequence[Column], memory: Memory | None
) -> Column | None:
    """The known one; else the text column that holds the only key property already."""
    if memory and memory.key_column:
        known = [column for column in usable if column.id == memory.key_column]
        return known[0] if known and known[0].title != KEY_TITLE else None
    if len(stream.key) != 1 or any(column.title == KEY_TITLE for column in usable):
        return None
    column = pairs.found.get(stream.key[0])
    return column if column is not None and column.type == "text" else None


def _links(
    stream: KnownStream, live: Sequence[Column], streams: Collection[str]
) -> Iterator[tuple[PresetLink, Column]]:
    """The columns of links that a preset knows by their titles."""
    preset = preset_of(stream.schema, stream.key)
    for link in preset.links if preset else ():
        fitting = [
            column
            for column in live
            if column.type == "board_relation" and words(column.title) == words(link.title)
        ]
        has_parts = all(name in stream.schema["properties"] for name in link.column.fields())
        if len(fitting) == 1 and has_parts and link.stream in streams:
            yield link, fitting[0]


def _item_name(stream: KnownStream, live: Sequence[Column], memory: Memory | None) -> str | None:
    """As a preset has it, or the property that the head of the items' column names.

    Items that the target has named already keep their names.
    """
    preset = preset_of(stream.schema, stream.key)
    if preset is not None:
        return preset.item_name
    if memory is not None:
        return None
    titles = {words(column.title) for column in live if column.type == "name"}
    fitting = [name for name in stream.schema["properties"] if words(name) in titles]
    return f"{{{fitting[0]}}}" if len(fitting) == 1 else None


def _column(spec: ColumnSpec, column: Column) -> ColumnProposal:
    if column.type not in _WITH_LABELS:
        return ColumnProposal(spec.property, column, {})
    labels = [label.text for label in declared_labels(column)]
    same = {label_of(label): label for label in labels}
    by_words: dict[tuple[str, ...], list[str]] = {}
    for label in labels:
        by_words.setdefault(words(label), []).append(label)
    mapped: dict[str, str] = {}
    unlabelled: list[str] = []
    used: set[str] = set()
    for value in spec.labels:
        spelt = by_words.get(words(value), [])
        if label_of(value) in same:
            used.add(same[label_of(value)])
        elif len(spelt) == 1:
            mapped[value] = spelt[0]
            used.add(spelt[0])
        else:
            unlabelled.append(value)
    unused = [label for label in labels if label not in used] if spec.labels else []
    return ColumnProposal(spec.property, column, mapped, tuple(unlabelled), tuple(unused))
