"""Documents that are done for good leave their boards, and come back when they are opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

STATE = {"type": ["string", "null"], "x-extensible-enum": ["Open", "Closed", "Cancelled"]}
DAY = {"type": ["string", "null"], "format": "date"}
RULE = {"property": "State", "in": ["Closed", "cancelled"], "since": "Done", "days": 90}
# The twin's clock begins on 2026-11-23: 90 days before that is 2026-08-25.


def lines(messages: Any, *rows: tuple[str, str, str | None], state: int = 1) -> str:
    schema = messages.schema("s", {"Id": "string", "State": STATE, "Done": DAY})
    records = [messages.record("s", Id=one, State=its, Done=done) for one, its, done in rows]
    return str(messages.lines([schema, *records, messages.state(state)]))


def keys(twin: Any) -> list[str]:
    return sorted(row["Record key"] for row in twin.account.rows("S"))


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """An account and a target that retires what is closed for 90 days."""
    made = simulate()
    made.settings["boards"] = {"s": {"retire_when": RULE}}
    return made


def test_documents_that_are_done_make_no_items(twin: Any, messages: Any) -> None:
    """They are filtered, by name in the books; state, day and case are judged exactly."""
    ended = twin.run(
        lines(
            messages,
            ("done", "Closed", "2026-08-25"),
            ("twin", "CANCELLED", "2020-01-01"),
            ("late", "Closed", "2026-08-26"),
            ("open", "Open", "2020-01-01"),
            ("when", "Closed", None),
        )
    )

    counts = ended.books.of("s")
    assert (ended.code, keys(twin)) == (0, ["late", "open", "when"])
    assert (counts.read, counts.created, counts.filtered) == (5, 3, 2)
    assert ended.books.balanced


def test_an_item_whose_row_is_done_is_archived(twin: Any, messages: Any) -> None:
    """Once, and a document that is opened again gets a new item."""
    twin.run(lines(messages, ("a", "Open", None), ("b", "Open", None)))

    done = twin.run(lines(messages, ("a", "Closed", "2026-01-01")))
    again = twin.run(lines(messages, ("a", "Closed", "2026-01-01")))
    assert (done.code, done.books.of("s").archived, keys(twin)) == (0, 1, ["b"])
    assert (done.books.of("s").filtered, again.books.of("s").filtered) == (1, 1)
    assert (again.calls, again.mutations) == (1, 0)

    opened = twin.run(lines(messages, ("a", "Open", None)))

    assert (opened.code, opened.books.of("s").created, keys(twin)) == (0, 1, ["a", "b"])


def test_what_does_not_come_is_judged_by_the_ledger(twin: Any, messages: Any) -> None:
    """A stream that brings changes only says nothing of documents that grow old."""
    twin.run(lines(messages, ("a", "Closed", "2026-11-20"), ("b", "Open", None)))
    twin.time.seconds += 87 * 86400

    ended = twin.run(lines(messages, ("b", "Open", None), state=2))

    assert (ended.code, ended.books.of("s").archived, keys(twin)) == (0, 1, ["b"])


def test_a_row_that_came_open_is_not_judged_by_what_it_was(twin: Any, messages: Any) -> None:
    """Also if it is rejected and the ledger still knows it as closed."""
    twin.run(lines(messages, ("a", "Closed", "2026-11-20")))
    twin.time.seconds += 87 * 86400

    ended = twin.run(lines(messages, ("a", "x" * 31, "2026-11-20"), state=2))

    assert (ended.code, keys(twin)) == (3, ["a"])


@pytest.mark.parametrize("last", ["Open", "Closed"])
@pytest.mark.parametrize("batch", [1, 1000])
def test_the_last_row_of_a_document_says(twin: Any, messages: Any, last: str, batch: int) -> None:
    """In one batch or in two, and whether its item is on the board or waits to be sent."""
    twin.run(lines(messages, ("a", "Open", None), ("z", "Open", None)))
    first = "Closed" if last == "Open" else "Open"
    rows = [(one, its, "2026-01-01") for one in "ab" for its in (first, last)]

    ended = twin.run(lines(messages, *rows), batch_size_rows=batch)

    assert (ended.code, ended.books.balanced) == (0, True)
    assert keys(twin) == (["a", "b", "z"] if last == "Open" else ["z"])


def test_the_brake_holds_documents_that_would_leave_at_once(twin: Any, messages: Any) -> None:
    """As for vanished rows: beyond a share none is touched, and the bookmark stays."""
    ids = [f"k{number}" for number in range(8)]
    twin.run(lines(messages, *((one, "Open", None) for one in ids)))
    rows = [(one, "Closed", "2026-01-01") for one in ids[:6]]

    held = twin.run(lines(messages, *rows))
    assert (held.code, "vanished_max_share" in held.message, len(keys(twin))) == (1, True, 8)
    assert (held.books.of("s").carried_over, held.books.balanced) == (6, True)

    let = twin.run(lines(messages, *rows), vanished_max_share=1)
    assert (let.code, keys(twin)) == (0, ids[6:])


def test_documents_leave_whichever_board_they_are_on(twin: Any, messages: Any) -> None:
    """Where a stream has several boards, the item of a done document may be on any."""
    boards = {"s": {"board_name": "Docs {Done:%Y}", "board_if_null": "Docs", "retire_when": RULE}}
    twin.run(lines(messages, ("a", "Open", None), ("b", "Open", "2026-01-01")), boards=boards)

    ended = twin.run(
        lines(messages, ("a", "Closed", "2025-01-01"), ("b", "Open", "2026-01-01")), boards=boards
    )

    assert (ended.code, ended.books.balanced, twin.account.rows("Docs")) == (0, True, [])
    assert len(twin.account.rows("Docs 2026")) == 1


def test_what_cannot_be_judged_is_said_and_what_is_not_there_refused(
    rehearsal: Any, messages: Any
) -> None:
    """Without columns of their own only rows that come are judged; a misspelt property ends it."""
    said = [lines(messages, ("a", "Open", None)).rstrip("\n")]
    blind = {"s": {"columns": {"Done": None}, "retire_when": RULE}}
    misspelt = {"s": {"retire_when": {**RULE, "property": "Stat"}}}

    warned = rehearsal.run(said, boards=blind)
    refused = rehearsal.run(said, boards=misspelt)

    assert (warned.code, "retire.unjudged stream=s" in warned.log) == (0, True)
    assert (refused.code, "'Stat'" in refused.log) == (2, True)
