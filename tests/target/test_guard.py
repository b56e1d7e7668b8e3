"""Deletions are limited for each board of a stream, and for all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.errors import BoardFailed
from target_monday.versions import Leaving, hold_back

from tests.target.test_several_boards import BY_YEAR, lines, row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

YEARS = [str(year) for year in range(2000, 2010)]
ENOUGH = 1_000_000


def is_held(leaving: Mapping[str, Leaving], share: float, most: int) -> bool:
    settings = {"vanished_max_share": share, "vanished_max_count": most}
    try:
        hold_back(settings, leaving, "items vanished from stream 's'")
    except BoardFailed:
        return True
    return False


@pytest.mark.parametrize(
    ("leaving", "share", "most", "held"),
    [
        pytest.param({}, 0.2, 500, False, id="nothing"),
        pytest.param({"": (5, 8)}, 0.2, 500, False, id="five items of one board"),
        pytest.param({"": (6, 8)}, 0.2, 500, True, id="six of eight"),
        pytest.param({"": (200, 1000)}, 0.2, 500, False, id="just the share"),
        pytest.param({"": (200, 1000)}, 0.2, 199, True, id="more than the number"),
        pytest.param({"a": (5, 8), "b": (0, 100)}, 0.2, 500, False, id="five of the stream"),
        pytest.param({"a": (5, 8), "b": (1, 8)}, 0.2, 500, True, id="five of a board, six in all"),
        pytest.param({"a": (5, 8), "b": (5, 92)}, 0.2, 500, False, id="within the share of all"),
        pytest.param({"a": (20, 20), "b": (0, 980)}, 0.2, 500, True, id="all of one board"),
        pytest.param(dict.fromkeys(YEARS, (5, 8)), 0.2, 500, True, id="a little from each"),
        pytest.param(dict.fromkeys(YEARS, (60, 900)), 0.2, 500, True, id="600 by 60"),
        pytest.param(dict.fromkeys(YEARS, (50, 900)), 0.2, 500, False, id="500 by 50"),
        pytest.param(dict.fromkeys(YEARS, (0, 900)), 0, 0, False, id="none where none may"),
        pytest.param({"a": (0, 9), "b": (1, 9)}, 0, 500, True, id="a share of 0"),
        pytest.param({"a": (0, 9), "b": (1, 9)}, 1, 0, True, id="a number of 0"),
    ],
)
def test_what_may_leave_the_boards_of_a_stream(
    leaving: Mapping[str, tuple[int, int]], share: float, most: int, *, held: bool
) -> None:
    given = {part: Leaving(*one) for part, one in leaving.items()}

    assert is_held(given, share, most) is held


counts = st.integers(0, 3000)


@given(st.dictionaries(st.text(max_size=2), st.tuples(counts, counts)), st.floats(0, 1), counts)
def test_no_stream_loses_more_for_having_several_boards(
    boards: dict[str, tuple[int, int]], share: float, most: int
) -> None:
    """Boards are held if one of them alone is held, or a single board with all items would be."""
    leaving = {part: Leaving(*sorted(one)) for part, one in boards.items()}
    items, of = (sum(getattr(one, name) for one in leaving.values()) for name in ("items", "of"))
    alone = [is_held({part: one}, share, most) for part, one in leaving.items()]

    held = is_held(leaving, share, most)

    as_one = bool(leaving) and is_held({"": Leaving(items, of)}, share, most)
    assert held is (any(alone) or as_one)


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """A stream with a board a year, four items on each."""
    made = simulate()
    made.settings |= {"boards": BY_YEAR, "vanished": "archive"}
    return made


def everything() -> list[dict[str, Any]]:
    return [row(f"{year}-{at}", f"{year}-05-05") for year in YEARS[:5] for at in range(4)]


def test_rows_that_vanish_by_ones_and_twos_from_many_boards_are_held(
    twin: Any, messages: Any
) -> None:
    """Two of four a board are few; ten of twenty of the stream are not."""
    twin.run(lines(messages, *everything(), version=1))
    left = [each for each in everything() if each["Id"][-1] > "1"]

    held = twin.run(lines(messages, *left, version=2, state=2))

    assert (held.code, "10 of 20 items vanished from stream 's' (5 boards)" in held.message) == (
        1,
        True,
    )
    assert (held.books.of("s").archived, held.books.balanced) == (0, True)
    let = twin.run(lines(messages, *left, version=3, state=3), vanished_max_share=0.5)
    assert (let.code, let.books.of("s").archived) == (0, 10)


def test_documents_that_are_done_on_many_boards_are_held(twin: Any, messages: Any) -> None:
    rule = {"property": "Note", "in": ["done"], "since": "Day", "days": 90}
    twin.settings["boards"] = {"s": {**BY_YEAR["s"], "retire_when": rule}}
    twin.run(lines(messages, *everything()))
    done = [{**each, "Note": "done"} for each in everything() if each["Id"][-1] < "2"]

    held = twin.run(lines(messages, *done, state=2))

    assert (held.code, "10 of 20 items are to be retired" in held.message) == (1, True)
    assert (held.books.of("s").archived, held.books.balanced) == (0, True)
    let = twin.run(lines(messages, *done, state=3), vanished_max_count=10, vanished_max_share=0.5)
    assert (let.code, let.books.of("s").archived) == (0, 10)
