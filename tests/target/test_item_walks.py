"""Reading a board page by page: whole, each item once, and never without end."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from target_monday.monday.answers import Answer
from target_monday.monday.boards import board_names, look_up, read_items
from target_monday.monday.errors import AnswerLost
from target_monday.monday.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_monday.monday.client import Call


def item(number: int) -> dict[str, Any]:
    values = [{"id": "key", "text": f"k{number}", "value": None}]
    return {"id": str(number), "name": f"Item {number}", "column_values": values}


def page(cursor: str | None, *numbers: int) -> dict[str, Any]:
    return {"cursor": cursor, "items": [item(number) for number in numbers]}


def answering(replies: Iterable[Mapping[str, Any]]) -> Call:
    """A call that takes one reply after another."""
    left = iter(replies)

    def call(document: str, variables: Mapping[str, Any]) -> Answer:
        assert document
        assert variables
        return Answer(next(left), (), None, Limits(), None)

    return call


def board(first: Any, *following: Any) -> list[dict[str, Any]]:
    """Replies to a walk through a board."""
    pages = [{"next_items_page": each} for each in following]
    return [{"boards": [{"items_page": first}]}, *pages]


def endless(pages: Iterator[Any]) -> Iterator[dict[str, Any]]:
    yield from board(page("first", 1))
    for each in pages:
        yield {"next_items_page": each}


def test_a_board_is_read_to_its_last_page() -> None:
    """An empty page in between is not the end."""
    replies = board(page("a", 1, 2), page("b"), page("c", 3), page(None))

    found = read_items(answering(replies), "7", ["key"])

    assert [each.id for each in found] == ["1", "2", "3"]


def test_an_item_that_moves_between_pages_is_one_item() -> None:
    """Twice the same id is not two items of one key."""
    found = read_items(answering(board(page("a", 1, 2), page(None, 2, 3))), "7", ["key"])

    assert [each.id for each in found] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param((page("first", 1) for _ in count()), id="the same page"),
        pytest.param((page(f"c{at}") for at in count()), id="empty pages"),
        pytest.param((page("ab"[at % 2], at % 2) for at in count(1)), id="two pages in turn"),
    ],
)
def test_a_walk_that_goes_round_ends(pages: Iterator[Any]) -> None:
    with pytest.raises(AnswerLost, match="go round"):
        read_items(answering(endless(pages)), "7", ["key"])


def test_a_look_up_that_goes_round_ends() -> None:
    first = [{"items_page_by_column_values": page("first", 1)}]
    following = ({"next_items_page": page("first", 1)} for _ in count())

    def replies() -> Iterator[dict[str, Any]]:
        yield from first
        yield from following

    with pytest.raises(AnswerLost, match="go round"):
        look_up(answering(replies()), "7", "key", ["k1"], columns=["key"])


@pytest.mark.parametrize("boards", [[], None, [None], [{"items_page": None}]])
def test_a_board_that_is_not_in_the_answer_is_not_an_empty_board(boards: Any) -> None:
    """A lost right or a lagging replica leaves it out; its items exist all the same."""
    with pytest.raises(AnswerLost, match="board 7"):
        read_items(answering([{"boards": boards}]), "7", ["key"])


def test_a_list_of_boards_that_repeats_itself_ends() -> None:
    boards = [{"id": str(at), "name": f"Board {at}"} for at in range(500)]

    with pytest.raises(AnswerLost, match="repeats"):
        board_names(answering({"boards": boards} for _ in count()), None)
