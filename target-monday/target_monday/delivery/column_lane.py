"""Boards, columns, groups and tags are made here: packed, in the ledger first, safe to repeat.

After a lost answer the account is asked what is there before the request goes out again, since
monday does not promise to have kept its answer.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from target_monday.delivery.searching import appeared
from target_monday.errors import BoardFailed, TargetError
from target_monday.monday.answers import Answer, part_of
from target_monday.monday.boards import Board, Column, board_names, boards_by_id
from target_monday.monday.client import encode_body
from target_monday.monday.errors import AnswerLost, Fault, Kind, Refused, TooComplex
from target_monday.monday.operations import (
    CREATE_BOARD,
    CreateColumn,
    CreateGroup,
    GetTag,
    Mutation,
    NewBoard,
    write_batch,
)
from target_monday.quoting import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.ledger.journal import Journal

__all__ = ["get_tags", "make_board", "make_columns", "make_groups"]

_MADE_A_REQUEST: Final = 50
_NOT_EVERYWHERE: Final = (
    "Not every plan of monday.com has private boards: if every member of the account may see its "
    "rows, set `board_kind: public`."
)
_SHOWN: Final = 3  # titles in a message
_WORDS: Final = {CreateColumn: "columns", CreateGroup: "groups", GetTag: "tags"}


Thing = TypeVar("Thing")


def make_board(calls: Calls, journal: Journal, new: NewBoard, others: Container[str]) -> Board:
    """A new, empty board. `others`: ids of boards of this name that are none of ours."""
    name, workspace = new.name, new.workspace

    def made_already() -> dict[str, Board]:
        named = board_names(calls.query, workspace).get(name, ())
        found = boards_by_id(calls.query, [each for each in named if each not in others]).values()
        return {each.name: each for each in found if workspace or each.workspace_id is None}

    body = encode_body(CREATE_BOARD, new.variables)
    try:
        answer = _send(
            calls, journal, body, "boards", ["boards"], _Looks([name], made_already, calls)
        )
    except _Ran as ran:
        found: Board = ran.found[name]
        return found
    except BoardFailed as error:
        if new.kind == "private" and not isinstance(error.__cause__, AnswerLost):
            raise BoardFailed(f"{error} {_NOT_EVERYWHERE}") from error
        raise
    with _named("boards", [name]):
        return part_of(answer.data.get("create_board"), Board)


def make_columns(
    calls: Calls, journal: Journal, board: Board, columns: Sequence[CreateColumn]
) -> list[Column]:
    """New columns of a board, in order."""
    before = {column.id for column in board.columns}

    def made_already() -> dict[str, Column]:
        now = boards_by_id(calls.query, [board.id]).get(board.id, board)
        return {column.title: column for column in now.columns if column.id not in before}

    titles = [column.title for column in columns]
    return _made(calls, journal, columns, titles, _column, made_already)


def make_groups(calls: Calls, journal: Journal, board_id: str, titles: Sequence[str]) -> list[str]:
    """The ids of new groups, in order; no live group of the board has one of these titles."""

    def made_already() -> dict[str, str]:
        board = boards_by_id(calls.query, [board_id]).get(board_id)
        groups = board.groups if board else ()
        return {each.title: each.id for each in groups if not (each.archived or each.deleted)}

    groups = [CreateGroup(board_id, title) for title in titles]
    return _made(calls, journal, groups, titles, _id, made_already)


def get_tags(calls: Calls, journal: Journal, names: Sequence[str]) -> list[int]:
    """The ids of tags, in order; those that the account does not have are made."""

    def made_already() -> dict[str, str]:
        return {}  # asking twice for a tag gives the same one

    made = _made(calls, journal, [GetTag(name) for name in names], names, _id, made_already)
    with _named("tags", names):
        return [part_of(each, int) for each in made]


def _column(answered: Any) -> Column:
    return part_of(answered, Column)


def _id(answered: Any) -> str:
    return part_of(answered, _Made).id


class _Made(msgspec.Struct, frozen=True):
    id: str


@contextmanager
def _named(word: str, titles: Sequence[str]) -> Iterator[None]:
    """Things as they were answered. They may be there although that cannot be read."""
    try:
        yield
    except AnswerLost as error:
        raise _failed(word, titles, str(error)) from error


def _made(
    calls: Calls,
    journal: Journal,
    mutations: Sequence[Mutation],
    titles: Sequence[str],
    read: Callable[[Any], Thing],
    made_already: Callable[[], Mapping[str, Thing]],
) -> list[Thing]:
    """What is made, in order; a request that never fits is cut, at the price it told."""
    made: dict[str, Thing] = {}
    most = _MADE_A_REQUEST
    word = _WORDS[type(mutations[0])] if mutations else ""
    while waiting := [one for one in zip(mutations, titles, strict=True) if one[1] not in made]:
        kinds = [word] * len(waiting)
        pack = waiting[: calls.budget.capacity(kinds, most)]
        body = encode_body(*write_batch([mutation for mutation, _ in pack]))
        packed = [title for _, title in pack]
        looks = _Looks(packed, made_already, calls)
        try:
            answer = _send(calls, journal, body, word, kinds[: len(pack)], looks)
        except _DoesNotFit:
            continue
        except _RefusedTogether:
            most = len(pack) // 2
        except _Ran as ran:
            made |= ran.found
        else:
            with _named(word, packed):
                made |= {title: read(answer.data.get(f"m{at}")) for at, title in enumerate(packed)}
    return [made[title] for title in titles]


class _DoesNotFit(Exception):
    """Nothing ran: so many cost more points than a request may."""


class _RefusedTogether(Exception):
    """Nothing ran, and monday does not say which part of the request it refuses."""


class _Ran(Exception):
    """The request did run, at least in part: what it made, by title."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.found = found
        super().__init__()


@dataclass(frozen=True, slots=True)
class _Looks:
    """Looks for what a request with a lost answer was to make."""

    titles: Sequence[str]
    made_already: Callable[[], Mapping[str, Any]]
    calls: Calls

    def look(self, late: bool) -> None:  # noqa: FBT001 - the one thing that Calls tells
        """Raise _Ran if some of it is there; otherwise it may be sent again."""
        found = appeared(self.calls, self._found, len(self.titles), late=late)
        if found:
            raise _Ran(found)

    def _found(self) -> dict[str, Any]:
        there = self.made_already()
        return {title: there[title] for title in self.titles if title in there}


def _send(
    calls: Calls,
    journal: Journal,
    body: bytes,
    word: str,
    kinds: Sequence[str],
    looks: _Looks,
) -> Answer:
    """The answer to a request, all of which ran. Raises BoardFailed with what cannot be made."""
    request, key = journal.intend(body, [], lane="structure")
    try:
        answer = calls.mutate(body, key, kinds, before_resend=looks.look)
    except _Ran:
        journal.settle_by_reading(request)
        raise
    except AnswerLost as error:  # the request stays open: it may still arrive
        raise _failed(word, looks.titles, str(error)) from error
    except Refused as error:
        journal.settle_by_reading(request, how="answer", request_id=error.request_id)
        if isinstance(error, TooComplex) and len(kinds) > 1:
            calls.budget.learn_too_large(kinds)
            raise _DoesNotFit from error
        if error.kind is Kind.REJECT and len(kinds) > 1:
            raise _RefusedTogether from error
        raise _failed(word, looks.titles, str(error)) from error
    except TargetError:
        if not calls.uncertain:
            journal.settle_by_reading(request)
        raise
    # What was made is found by name and title.
    journal.settle_by_reading(request, how="answer", request_id=answer.request_id)
    if answer.faults:
        fault = answer.faults[0]
        culprits = [
            looks.titles[at]
            for each in answer.faults
            if (at := _place(each)) is not None and at < len(looks.titles)
        ]
        reason = f"monday answered {fault.code}: {fault.message}"
        raise _failed(word, culprits or looks.titles, reason)
    return answer


def _place(fault: Fault) -> int | None:
    """Which of a request's mutations a fault concerns, by its alias; None if it does not say."""
    found = re.fullmatch(r"m([0-9]{1,9})", fault.alias or "")
    return int(found[1]) if found else None


def _failed(word: str, titles: Sequence[str], reason: str) -> BoardFailed:
    shown = listed(titles[:_SHOWN])
    more = f" and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else ""
    what = word.removesuffix("s") if len(titles) == 1 else word
    return BoardFailed(f"The {what} {shown}{more} cannot be made: {reason.rstrip('.')}.")
