"""A stream on several boards: each row on the board of its period or company, one item a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.link_rows import linked, open_rejects

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

PROPERTIES = {
    "Id": "string",
    "Day": {"type": ["string", "null"], "format": "date"},
    "Note": "string",
}
BY_YEAR = {"s": {"board_name": "Invoices {Day:%Y}"}}


def lines(messages: Any, *rows: dict[str, Any], version: int | None = None, state: int = 1) -> str:
    records = [messages.record("s", version=version, **row) for row in rows]
    ends = [] if version is None else [messages.activate("s", version)]
    schema = messages.schema("s", PROPERTIES)
    return str(messages.lines([schema, *records, *ends, messages.state(state)]))


def row(one: str, day: str | None, note: str = "n") -> dict[str, Any]:
    return {"Id": one, "Day": day, "Note": note}


def keys(twin: Any) -> dict[str, list[str]]:
    """Board name -> the keys of its items."""
    return {
        board.name: sorted(one["Record key"] for one in twin.account.rows(board.name))
        for board in twin.account.boards.values()
    }


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """An account and a target whose stream has a board a year."""
    made = simulate()
    made.settings["boards"] = BY_YEAR
    return made


ROWS = [row("a", "2025-12-31"), row("b", "2026-01-01"), row("c", "2026-02-01")]


def test_each_row_goes_to_the_board_of_its_period(twin: Any, messages: Any) -> None:
    """Boards are made as they are needed, with the same columns; each has books of its own."""
    ended = twin.run(lines(messages, *ROWS))

    assert (ended.code, keys(twin)) == (0, {"Invoices 2025": ["a"], "Invoices 2026": ["b", "c"]})
    titles = [
        [column.title for column in board.columns.values()]
        for board in twin.account.boards.values()
    ]
    assert titles[0] == titles[1]
    assert sorted(books.created for books in ended.books.streams["s"].values()) == [1, 2]


def test_an_unchanged_run_costs_one_call_for_all_boards(twin: Any, messages: Any) -> None:
    """However many boards a stream has, they are looked at together."""
    twin.run(lines(messages, *ROWS))

    ended = twin.run(lines(messages, *ROWS))

    assert (ended.code, ended.calls, ended.mutations) == (0, 1, 0)
    assert ended.books.of("s").unchanged == 3


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_a_row_whose_period_changes_leaves_its_board(twin: Any, messages: Any, lane: str) -> None:
    """The old item is archived, then a new one comes; what the row does not hold goes along."""
    twin.run(lines(messages, *ROWS), lane=lane)

    moved = {"Id": "a", "Day": "2026-05-05"}
    ended = twin.run(lines(messages, moved), lane=lane)
    again = twin.run(lines(messages, moved), lane=lane)

    assert (ended.code, keys(twin)) == (0, {"Invoices 2025": [], "Invoices 2026": ["a", "b", "c"]})
    assert twin.account.rows("Invoices 2026")[-1]["Note"] == "n"
    assert (ended.books.of("s").created, ended.books.of("s").archived) == (1, 1)
    assert (again.calls, again.mutations) == (1, 0)


def test_the_last_row_of_a_key_says_where_it_goes(twin: Any, messages: Any) -> None:
    """In one batch or in several, whatever waits there to be sent; the books balance."""
    twin.run(lines(messages, *ROWS))
    wandering = [row("a", f"20{year}-01-01", f"in {year}") for year in (24, 25, 27, 26, 24)]
    new = [row("n", "2025-01-01"), row("n", "2026-01-01", "last")]

    ended = twin.run(lines(messages, *wandering, *new), batch_size_rows=1)

    assert (ended.code, ended.books.balanced) == (0, True)
    assert keys(twin) == {
        "Invoices 2024": ["a"],
        "Invoices 2025": [],
        "Invoices 2026": ["b", "c", "n"],
        "Invoices 2027": [],
    }
    assert twin.account.rows("Invoices 2024")[0]["Note"] == "in 24"


@pytest.mark.parametrize("null_board", [None, "Invoices without date"])
def test_a_row_without_its_period(twin: Any, messages: Any, null_board: str | None) -> None:
    """It is a reject by name, or goes to the board that is named for such rows."""
    boards = {"s": {**BY_YEAR["s"], **({"board_if_null": null_board} if null_board else {})}}

    ended = twin.run(lines(messages, *ROWS, row("d", None), row("e", "soon")), boards=boards)

    assert ended.code == 3
    assert ended.books.of("s").rejected == (1 if null_board else 2)
    assert keys(twin).get("Invoices without date") == (["d"] if null_board else None)
    assert ended.books.balanced


def test_a_row_that_does_not_hold_its_period_stays_where_it_is(twin: Any, messages: Any) -> None:
    """A missing property leaves things alone; a new row without it has no board."""
    twin.run(lines(messages, *ROWS))

    ended = twin.run(lines(messages, {"Id": "a", "Note": "new"}, {"Id": "x", "Note": "new"}))

    assert (ended.code, ended.books.of("s").rejected) == (3, 1)
    assert twin.account.rows("Invoices 2025")[0]["Note"] == "new"
    assert keys(twin) == {"Invoices 2025": ["a"], "Invoices 2026": ["b", "c"]}


def test_a_lost_ledger_is_rebuilt_from_all_boards(twin: Any, messages: Any) -> None:
    """They are found by the shape of their names: nothing is twice, also not what moves."""
    twin.run(lines(messages, *ROWS))
    (twin.folder / "ledger.db").unlink()

    same = twin.run(lines(messages, *ROWS))
    (twin.folder / "ledger.db").unlink()
    moved = twin.run(lines(messages, row("a", "2026-03-03")))

    assert (same.code, same.mutations, same.books.of("s").unchanged) == (0, 0, 3)
    assert (moved.code, keys(twin)) == (0, {"Invoices 2025": [], "Invoices 2026": ["a", "b", "c"]})


def test_a_board_that_only_looks_like_ours_is_left_alone(twin: Any, messages: Any) -> None:
    """A name of the shape is not enough: key column and mapped columns must be there too."""
    twin.run(lines(messages, row("a", "2026-01-01")), boards={"s": {"board_name": "Invoices 1999"}})
    board = twin.account.board("Invoices 1999")
    del board.columns[next(c.id for c in board.columns.values() if c.title == "Note")]
    (twin.folder / "ledger.db").unlink()

    ended = twin.run(lines(messages, row("a", "2026-01-01")))

    assert (ended.code, keys(twin)) == (0, {"Invoices 1999": ["a"], "Invoices 2026": ["a"]})


def test_vanished_rows_leave_whichever_board_they_are_on(twin: Any, messages: Any) -> None:
    """Over all boards of the stream; a row that moved has not vanished."""
    twin.run(lines(messages, *ROWS, version=1), vanished="archive")

    ended = twin.run(
        lines(messages, row("a", "2026-12-31"), row("b", "2026-01-01"), version=2),
        vanished="archive",
    )

    assert (ended.code, keys(twin)) == (0, {"Invoices 2025": [], "Invoices 2026": ["a", "b"]})


def test_a_stream_says_itself_what_happens_to_vanished_rows(twin: Any, messages: Any) -> None:
    """`vanished` of a stream goes before that of the run."""
    boards = {"s": {**BY_YEAR["s"], "vanished": "archive"}}
    twin.run(lines(messages, *ROWS, version=1), boards=boards)

    twin.run(lines(messages, *ROWS[:2], version=2), boards=boards, vanished="keep")

    assert keys(twin) == {"Invoices 2025": ["a"], "Invoices 2026": ["b"]}


def test_a_spoilt_value_does_not_make_boards_without_end(twin: Any, messages: Any) -> None:
    """Beyond `max_new_boards` rows are carried over, those of other boards go on."""
    rows = [row(f"k{year}", f"{year}-01-01") for year in range(2001, 2006)]
    twin.run(lines(messages, rows[0], state=1))

    ended = twin.run(lines(messages, *rows, state=2), max_new_boards=2)
    later = twin.run(lines(messages, *rows, state=3))

    assert (ended.code, "max_new_boards" in ended.message) == (1, True)
    assert (ended.books.of("s").created, ended.books.of("s").carried_over) == (2, 2)
    assert ended.books.balanced
    assert (later.code, len(keys(twin))) == (0, 5)


@pytest.mark.parametrize(
    "entry", [{"board_name": "x", "board_if_null": "y"}, {"board_name": "Invoices {Nothing}"}]
)
def test_a_template_that_cannot_be_is_refused(
    rehearsal: Any, messages: Any, entry: dict[str, str]
) -> None:
    """Before the first write, by the stream's name; exit code 2."""
    ended = rehearsal.run([lines(messages, *ROWS).rstrip("\n")], boards={"s": entry})

    assert (ended.code, "'s'" in ended.log) == (2, True)
    assert rehearsal.usage()["mutations"] == 0


@pytest.mark.parametrize("served", [True, False])
@pytest.mark.parametrize("at", [0, 1])
def test_a_move_that_is_cut_off_is_finished_by_the_next_run(
    rehearse: Any, messages: Any, at: int, *, served: bool
) -> None:
    """Killed around either of its two requests: one item a key, on the right board."""
    rehearsal = rehearse()
    rehearsal.settings |= {"boards": BY_YEAR, "lane": "alias", "max_aliases": 1}
    rehearsal.run([lines(messages, *ROWS).rstrip("\n")])
    process, writes = rehearsal.start(), iter(range(9))

    def is_last(request: Request) -> bool:
        return "idempotency-key" in request.headers and next(writes, 9) == at

    rehearsal.kill_at(process, is_last, served=served)
    moved = lines(messages, row("a", "2026-05-05")).rstrip("\n")
    rehearsal.end_with_input(process, [moved])
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run([moved])

    found = {
        name: sorted(one["cells"]["Record key"] for one in rehearsal.board(name)["items"])
        for name in ("Invoices 2025", "Invoices 2026")
    }
    assert (ended.code, found) == (0, {"Invoices 2025": [], "Invoices 2026": ["a", "b", "c"]})


def test_a_board_is_the_same_however_its_letters_are_composed(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """One source writes an accent as part of its letter, another one behind it; groups likewise."""
    twin = simulate()
    twin.settings["boards"] = {"s": {"board_name": "At {Place}", "group": "{Place}"}}
    schema = messages.schema("s", {"Id": "string", "Place": "string"})
    places = {"a": "Orl\u00e9ans", "b": "Orle\u0301ans"}
    rows = [messages.record("s", Id=one, Place=place) for one, place in places.items()]

    ended = twin.run(messages.lines([schema, *rows, messages.state(1)]))

    assert (ended.code, keys(twin)) == (0, {"At Orl\u00e9ans": ["a", "b"]})
    (board,) = twin.account.boards.values()
    assert [each.title for each in board.groups].count("Orl\u00e9ans") == 1
    assert twin.run(messages.lines([schema, *reversed(rows)])).mutations == 0


def refusing(kind: str) -> dict[str, Any]:
    """A mapping by which the note goes to a column of this type."""
    note = {"title": f"As {kind}", "type": kind}
    return {"s": {**BY_YEAR["s"], "columns": {"Note": note}, "unmapped": "create"}}


@pytest.mark.parametrize("known", [True, False], ids=["boards known", "boards new"])
def test_rejects_go_to_the_boards_that_they_name(
    twin: Any,
    messages: Any,
    known: bool,  # noqa: FBT001
) -> None:
    """By themselves, once the mapping takes them; without a row of theirs."""
    numbers = [row("x", "2025-01-01", "1"), row("y", "2026-01-01", "1")] if known else []
    twin.settings |= {"boards": refusing("numbers"), "max_rejects": 9}
    first = twin.run(lines(messages, *numbers, *ROWS))
    twin.settings["boards"] = refusing("text")

    ended = twin.run(lines(messages, *numbers, row("z", "2025-01-01"), row("u", "2026-01-01")))

    assert (first.code, first.books.of("s").rejected) == (0, 3)
    found = {name: set(each) - {"x", "y"} for name, each in keys(twin).items()}
    assert (ended.code, found) == (
        0,
        {"Invoices 2025": {"a", "z"}, "Invoices 2026": {"b", "c", "u"}},
    )


def test_a_reject_whose_row_has_moved_since_makes_one_item(twin: Any, messages: Any) -> None:
    """Whether the row comes with the reject, or its item is on the other board already."""
    twin.settings |= {"boards": refusing("numbers"), "max_rejects": 9}
    twin.run(lines(messages, row("x", "2025-01-01", "1"), row("y", "2026-01-01", "1"), *ROWS))
    twin.settings["boards"] = refusing("text")

    came = twin.run(lines(messages, row("b", "2025-03-01", "words")))
    after = twin.run(lines(messages, row("c", "2025-03-01", "words")))

    assert (came.code, after.code) == (0, 0)
    assert keys(twin) == {
        "Invoices 2025": ["a", "b", "c", "x"],
        "Invoices 2026": ["y"],
    }


PAYMENT = {"Id": "string", "Invoice": "string"}
PAID: dict[str, Any] = {
    **BY_YEAR,
    "payment": {"columns": {"Invoice": {"type": "board_relation", "stream": "s"}}},
}


def payments(messages: Any, **links: str) -> list[dict[str, Any]]:
    """The stream of payments, each with the invoice that it links to."""
    records = [messages.record("payment", Id=one, Invoice=each) for one, each in links.items()]
    return [messages.schema("payment", PAYMENT), *records]


@pytest.mark.parametrize("missing", ["reject", "wait"])
@pytest.mark.parametrize("known_late", [False, True], ids=["target-first", "target-late"])
def test_a_link_to_a_board_that_its_column_does_not_connect_is_told(
    twin: Any, messages: Any, missing: str, *, known_late: bool
) -> None:
    """Only a person can connect it; the row is delivered, and linked as soon as that is done."""
    twin.settings |= {"boards": PAID, "missing_targets": missing}
    schema = messages.schema("s", PROPERTIES)
    old, new = (messages.record("s", **each) for each in ROWS[:2])
    twin.run(messages.lines([schema, old, *payments(messages, p="a")]))
    if known_late:
        for _ in range(3):
            twin.run(messages.lines([schema, *payments(messages, q="b")]))
    ended = twin.run(messages.lines([schema, new, *payments(messages, q="b"), messages.state(1)]))

    (board,) = [each.id for each in twin.account.boards.values() if each.name == "Invoices 2026"]
    assert ended.code == 3
    ((stream, key, code),) = open_rejects(twin)
    assert (stream, key, code) == ("payment", "q", "LINK_BOARD_UNCONNECTED")
    assert linked(twin, "Payment", "Invoice") == {"p": ["a"], "q": []}
    again = twin.run(messages.lines([schema, *payments(messages)]))
    assert (again.code, again.mutations) == (0, 0)  # told once

    twin.account.column("Payment", "Invoice").options["boardIds"].append(board)
    made = twin.run(messages.lines([schema, *payments(messages)]))

    assert (made.code, open_rejects(twin)) == (0, [])
    assert linked(twin, "Payment", "Invoice") == {"p": ["a"], "q": ["b"]}
