"""Proposals as a YAML file: what loads is the setting `boards`, what is open stands in comments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_monday.monday.boards import Board, Column
    from target_monday.proposing.proposal import ColumnProposal, Proposal

__all__ = ["HEAD", "board_lines", "open_lines", "unsure_lines"]

HEAD: Final = """\
# A proposed mapping: boards that are there, matched by titles and types. Nothing was written to
# them. Read it, correct it, and put what is left under `boards` in the settings of target-monday
# (docs/map-a-board.md). Only what stands here is written; all other columns belong to people.
# Column ids survive renaming; the titles stand behind them.
"""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[ -][A-Za-z0-9_]+)*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDTH: Final = 100


def board_lines(proposal: Proposal) -> Iterator[str]:
    """The entry of a stream whose board was found."""
    board = proposal.board
    if not proposal.columns:
        yield (
            f"# {_said(proposal.stream)}: board {board.id} ({_said(board.name)}) has its name, but "
            "no column for any of its properties."
        )
        yield from _note(_columns(board.columns), "Its columns: ", indent="")
        return
    yield f"{_text(proposal.stream)}:"
    yield f"  board_id: {_text(board.id)}  # {_said(board.name)}"
    yield from _key_lines(proposal)
    yield from _name_lines(proposal)
    groups = [group.title for group in board.groups if not (group.archived or group.deleted)]
    if len(groups) > 1:
        yield from _note((_said(title) for title in groups), "group: one of these, or by a value: ")
    yield "  columns:"
    for each in proposal.columns:
        yield from _column_lines(each)
    for link, column in proposal.links:
        key = ", ".join(_text(part) for part in link.key)
        options = f"column: {_text(column.id)}, stream: {link.stream}, key: [{key}]"
        yield f"    {link.title}: {{{options}, missing_targets: wait}}  # {_said(column.title)}"
    for name, columns in proposal.unsure.items():
        yield from _note(_columns(columns), f"{_said(name)} could go to: ", indent="    ")
    if proposal.without_column:
        yield "    # Without a column; take the # away to have one made:"
        for spec in proposal.without_column:
            options = f"{{title: {_text(spec.property)}, type: {spec.column_type}}}"
            yield f"    # {_text(spec.property)}: {options}"
    yield from _note(
        _columns(proposal.without_property), "Columns that no property fits: ", indent="    "
    )


def _key_lines(proposal: Proposal) -> Iterator[str]:
    key = ", ".join(_said(name) for name in proposal.key)
    column = proposal.key_column
    if column is not None:
        holds = f", which holds {key}" if len(proposal.key) == 1 else ""
        yield f"  key_column: {_text(column.id)}  # {_said(column.title)}{holds}"
    elif proposal.has_key_column:
        return
    elif not proposal.key:
        yield "  # The stream has no key: every record makes an item (mode append)."
    else:
        yield (
            f"  # key_column: a text column that holds {key}. Without one the column `Record key` "
            "is made,"
        )
        yield "  # and items that are on the board already are not known by it."


def _name_lines(proposal: Proposal) -> Iterator[str]:
    if proposal.item_name:
        yield f"  item_name: {_text(proposal.item_name)}"
    else:
        yield '  # item_name: "{Property}"; without it a preset or the key names them.'


def _column_lines(proposal: ColumnProposal) -> Iterator[str]:
    column = proposal.column
    told = f"# {_said(column.title)} ({column.type})"
    if proposal.labels:
        yield f"    {_text(proposal.property)}:"
        yield f"      column: {_text(column.id)}  {told}"
        yield "      labels:"
        for value, label in proposal.labels.items():
            yield f"        {_text(value)}: {_text(label)}"
    else:
        yield f"    {_text(proposal.property)}: {_text(column.id)}  {told}"
    yield from _note(
        map(_said, proposal.unlabelled),
        "No label yet, so one is made unless `missing_labels: reject`: ",
        indent="    ",
    )
    yield from _note(map(_said, proposal.unused), "Labels that no value means: ", indent="    ")


def unsure_lines(stream: str, boards: Sequence[Board]) -> Iterator[str]:
    """A stream that several boards fit."""
    named = (f"{board.id} ({_said(board.name)})" for board in boards)
    yield f"# {_said(stream)}: several boards may be its own; name one by `--board STREAM=ID`."
    yield from _note(named, "Candidates: ", indent="")


def open_lines(stream: str) -> Iterator[str]:
    """A stream that no board fits."""
    yield (
        f"# {_said(stream)}: no board has its name. Name one by `--board STREAM=ID`, or leave it"
    )
    yield "# as it is to get a new board. To leave the stream out:"
    yield f"# {_text(stream)}: false"


def _columns(columns: Iterable[Column]) -> Iterator[str]:
    return (f"{_said(each.title)} ({each.type})" for each in columns)


def _note(parts: Iterable[str], head: str, *, indent: str = "  ") -> Iterator[str]:
    """A list in a comment, over several lines if it is long; nothing if it is empty."""
    line = ""
    for part in parts:
        if line and len(line) + len(part) > _WIDTH - len(indent):
            yield f"{indent}# {line},"
            line = f"  {part}"
        else:
            line = f"{line}, {part}" if line else f"{head}{part}"
    if line:
        yield f"{indent}# {line}"


def _text(text: str) -> str:
    """A text as a YAML scalar that is read as that text."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS_OF_YAML:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in quoted)


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08x}"


def _said(text: str) -> str:
    """A text in a comment: what people typed must not end it."""
    shown = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in shown)
