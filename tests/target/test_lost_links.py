"""Links whose targets people deleted: made again with the targets, without their own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from sqlalchemy import select
from target_monday.ledger import tables
from target_monday.ledger.database import open_database

from tests.target.link_rows import invoices, linked, run, suppliers

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 25 * 3600.0  # seconds, and an hour: the boards are read again


@pytest.mark.parametrize("lane", ["alias", "ingest"])
@pytest.mark.parametrize("first", ["supplier", "invoice"])
def test_a_link_that_went_with_its_target_comes_back_with_it(
    simulate: Callable[..., Any], messages: Any, first: str, lane: str
) -> None:
    """Whichever board is read first, after the board has shown the link no more."""
    twin = simulate()
    twin.settings = {"lane": lane}
    run(twin, messages, suppliers(messages, "S1", "S2"), invoices(messages, a="S1", b="S2"))
    twin.account.delete_item("Supplier", "S1 - nS1")
    twin.time.seconds += DAY
    nothing = [suppliers(messages), invoices(messages)]
    gone = run(twin, messages, *(nothing if first == "supplier" else nothing[::-1]))
    assert (gone.code, gone.mutations) == (0, 0)
    assert linked(twin) == {"a": [], "b": ["S2"]}

    back = run(twin, messages, suppliers(messages, "S1"), invoices(messages))

    assert (back.code, lost(twin)) == (0, [])
    assert linked(twin) == {"a": ["S1"], "b": ["S2"]}
    quiet = run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1"))
    assert (quiet.code, quiet.calls, quiet.mutations) == (0, 1, 0)


def test_streams_may_come_in_runs_of_their_own(simulate: Callable[..., Any], messages: Any) -> None:
    """The board of links is read before the target's board is; it is linked in its next run."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1", "S2"), invoices(messages, a="S1"))
    twin.account.delete_item("Supplier", "S1 - nS1")
    twin.time.seconds += DAY
    run(twin, messages, invoices(messages))
    run(twin, messages, suppliers(messages, "S1"))
    assert linked(twin) == {"a": []}

    ended = run(twin, messages, invoices(messages))

    assert (ended.code, linked(twin)) == (0, {"a": ["S1"]})


def test_a_link_that_a_person_took_out_waits_for_its_row(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """As soon as a reading showed that its target was there all the time."""
    twin = simulate()
    nothing = [suppliers(messages), invoices(messages)]
    run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1"))
    twin.account.set_cell("Invoice", "a", "Supplier", {"item_ids": []})
    for _ in range(2):
        twin.time.seconds += DAY
        assert run(twin, messages, *nothing).mutations == 0
    assert lost(twin) == []
    twin.account.delete_item("Supplier", "S1 - nS1")
    run(twin, messages, suppliers(messages, "S1"), invoices(messages))
    assert linked(twin) == {"a": []}

    run(twin, messages, suppliers(messages), invoices(messages, a="S1"))

    assert linked(twin) == {"a": ["S1"]}


@pytest.mark.parametrize("first", ["supplier", "invoice"])
def test_a_ledger_that_was_lost_learns_its_links_from_the_board(
    simulate: Callable[..., Any], messages: Any, first: str
) -> None:
    """No row needs to come for that."""
    twin = simulate()
    both = [suppliers(messages), invoices(messages)]
    nothing = both if first == "supplier" else both[::-1]
    run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1"))
    (twin.folder / "ledger.db").unlink()
    run(twin, messages, *nothing)
    twin.account.delete_item("Supplier", "S1 - nS1")
    twin.time.seconds += DAY
    run(twin, messages, *nothing)

    back = run(twin, messages, suppliers(messages, "S1"), invoices(messages))

    assert (back.code, linked(twin)) == (0, {"a": ["S1"]})


def test_of_several_links_each_comes_back_with_its_own_target(
    simulate: Callable[..., Any], messages: Any, ledger_url: str
) -> None:
    """The others stay as they are; what is gone is counted until then."""
    twin = simulate()
    twin.settings["ledger_url"] = ledger_url
    schema = messages.schema("invoice", {"Id": "string", "Supplier": {"type": "array"}})
    boards = {
        "supplier": {},
        "invoice": {"columns": {"Supplier": {"type": "board_relation", "stream": "supplier"}}},
    }
    three = ["S1", "S2", "S3"]
    rows = [schema, messages.record("invoice", Id="a", Supplier=three)]
    run(twin, messages, suppliers(messages, *three), rows, boards=boards)
    for each in ("S1 - nS1", "S2 - nS2"):
        twin.account.delete_item("Supplier", each)
    twin.time.seconds += DAY
    links: list[list[str]] = []
    unlinked: list[int] = []
    for come in ((), ("S2",), ("S1",), ()):
        ended = run(twin, messages, suppliers(messages, *come), [schema], boards=boards)
        links.append(sorted(linked(twin)["a"]))
        unlinked.append(ended.books.of("invoice").unlinked)

    assert links == [["S3"], ["S2", "S3"], three, three]
    assert unlinked == [2, 1, 0, 0]


def test_a_row_that_comes_says_itself_what_it_links_to(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """What its board has lost before counts no more, whether its target is there or not."""
    twin = simulate()
    given = invoices(messages, a="S1", b="S1", c="S1")
    run(twin, messages, suppliers(messages, "S1", "S2"), given)
    twin.account.delete_item("Supplier", "S1 - nS1")
    twin.time.seconds += DAY
    run(twin, messages, suppliers(messages), invoices(messages))
    run(twin, messages, suppliers(messages), invoices(messages, a="S2", b=None, c="S9"))

    back = run(twin, messages, suppliers(messages, "S1"), invoices(messages))

    assert (back.code, lost(twin)) == (3, [])  # S9 has not come
    assert linked(twin) == {"a": ["S2"], "b": [], "c": []}


@pytest.mark.parametrize("served", [True, False], ids=["served", "not-served"])
def test_a_link_that_monday_did_not_answer_for_is_made_once(
    simulate: Callable[..., Any], messages: Any, *, served: bool
) -> None:
    """By the next run, if it is not there; then it is lost no more."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1"))
    twin.account.delete_item("Supplier", "S1 - nS1")
    twin.time.seconds += DAY
    run(twin, messages, suppliers(messages), invoices(messages))
    run(twin, messages, suppliers(messages, "S1"))
    assert len(lost(twin)) == 1
    faults = twin.sandbox.monday_faults
    if served:
        faults.plan(Fault(lose=True, matches=is_write))
    faults.plan(Fault(503, matches=is_write), times=50)
    run(twin, messages, invoices(messages))
    faults.clear()
    assert linked(twin) == {"a": ["S1"] if served else []}

    ended = run(twin, messages, invoices(messages))
    again = run(twin, messages, invoices(messages))

    assert (ended.code, linked(twin)) == (0, {"a": ["S1"]})
    assert (again.code, again.mutations, lost(twin)) == (0, 0, [])


def is_write(request: Any) -> bool:
    return "idempotency-key" in request.headers


def lost(twin: Any) -> list[Any]:
    """What the ledger keeps of links that are lost."""
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    with engine.connect() as connection:
        rows = list(connection.execute(select(tables.lost_links)).all())
    engine.dispose()
    return rows
