"""Boards, columns, groups and tags are made here: packed, in the ledger first, safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.errors import BoardFailed, TargetError
from target_monday.monday.boards import Board, Column
from target_monday.monday.client import Answer, encode_body
from target_monday.monday.errors import AnswerLost, MondayError, Refused, TooComplex
from target_monday.monday.operations import (
    CREATE_BOARD,
    CreateColumn,
    CreateGroup,
    GetTag,
    Mutation,
    write_batch,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.ledger.journal import Journal

__all__ = ["get_tags", "make_board", "make_columns", "make_groups"]

_MADE_A_REQUEST: Final = 50
_WORDS: Final = {CreateColumn: "columns", CreateGroup: "groups", GetTag: "tags"}


def make_board(calls: Calls, journal: Journal, name: str, workspace: str | None) -> Board:
    """A new, empty board. After a lost answer the next run asks again, then finds it by name."""
    body = encode_body(CREATE_BOARD, {"name": name, "workspace": workspace})
    answer = _send(calls, journal, body, f"board {name!r}", ["boards"])
    return msgspec.convert(answer.data["create_board"], Board)


def make_columns(calls: Calls, journal: Journal, columns: Sequence[CreateColumn]) -> list[Column]:
    """New columns, in order. After a lost answer the next run asks again, then finds them."""
    titles = [column.title for column in columns]
    return [msgspec.convert(each, Column) for each in _made(calls, journal, columns, titles)]


def make_groups(calls: Calls, journal: Journal, board_id: str, titles: Sequence[str]) -> list[str]:
    """The ids of new groups, in order. After a lost answer the next run finds them by title."""
    groups = [CreateGroup(board_id, title) for title in titles]
    return [str(each["id"]) for each in _made(calls, journal, groups, titles)]


def get_tags(calls: Calls, journal: Journal, names: Sequence[str]) -> list[int]:
    """The ids of tags, in order; those that the account does not have are made."""
    made = _made(calls, journal, [GetTag(name) for name in names], names)
    return [int(each["id"]) for each in made]


def _made(
    calls: Calls, journal: Journal, mutations: Sequence[Mutation], titles: Sequence[str]
) -> list[dict[str, Any]]:
    """What monday answers for each; a request that never fits is cut, at the price it told."""
    made: list[dict[str, Any]] = []
    waiting = list(zip(mutations, titles, strict=True))
    word = _WORDS[type(mutations[0])] if mutations else ""
    while waiting:
        kinds = [word] * len(waiting)
        pack = waiting[: calls.budget.capacity(kinds, _MADE_A_REQUEST)]
        body = encode_body(*write_batch([mutation for mutation, _ in pack]))
        things = ", ".join(repr(title) for _, title in pack)
        try:
            answer = _send(calls, journal, body, f"{word} {things}", kinds[: len(pack)])
        except _DoesNotFit:
            continue
        made += [answer.data[f"m{at}"] for at in range(len(pack))]
        waiting = waiting[len(pack) :]
    return made


class _DoesNotFit(Exception):
    """Nothing ran: so many cost more points than a request may."""


def _send(calls: Calls, journal: Journal, body: bytes, what: str, kinds: Sequence[str]) -> Answer:
    request, key = journal.intend(body, [])
    try:
        answer = calls.mutate(body, key, kinds)
    except AnswerLost as error:  # the request stays open: it may still arrive
        raise _failed(what, error) from error
    except Refused as error:
        journal.settle_by_reading(request)
        if isinstance(error, TooComplex) and len(kinds) > 1:
            calls.budget.learn_too_large(kinds)
            raise _DoesNotFit from error
        raise _failed(what, error) from error
    except TargetError:
        if not calls.uncertain:
            journal.settle_by_reading(request)
        raise
    journal.settle_by_reading(request)  # what was made is found by name and title
    if answer.faults:
        fault = answer.faults[0]
        raise BoardFailed(f"The {what} cannot be made: {fault.code}: {fault.message}.")
    return answer


def _failed(what: str, error: MondayError) -> BoardFailed:
    return BoardFailed(f"The {what} cannot be made: {error}.")
