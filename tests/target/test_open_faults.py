"""Faults that are known and not mended yet: each test says what is to hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault

from tests.target.test_outcomes import failing, is_write, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.simulation import Simulation

CELLS = {f"P{at}": f"v{at}" for at in range(9)}  # they cost more than one request may


def settle(twin: Simulation, **settings: Any) -> None:
    """Have the account behave otherwise from now on."""
    twin.account.settings = replace(twin.account.settings, **settings)


def cells_of(twin: Simulation) -> dict[str, dict[str, str]]:
    """What each key has on the board."""
    found = twin.account.rows("S")
    by_key = {row["Record key"]: {name: row[name] for name in CELLS} for row in found}
    assert len(by_key) == len(found), found
    return by_key


@pytest.fixture
def in_parts(simulate: Callable[..., Any], messages: Any) -> Simulation:
    """An account with an empty board, where a row goes in several mutations."""
    twin: Simulation = simulate(points_per_cell=700_000, minute_points=50_000_000)
    assert twin.run(rows(messages, [], **CELLS)).code == 0
    return twin


@pytest.mark.xfail(raises=AssertionError, reason="a part that fails loses the rest of its row")
def test_a_row_whose_first_part_fails_arrives_whole(in_parts: Simulation, messages: Any) -> None:
    written: list[bool] = []

    def is_first_part(request: Any) -> bool:
        written.append(is_write(request))
        return sum(written) == 2

    body = failing("m0", "INTERNAL_SERVER_ERROR", status_code=500)
    in_parts.sandbox.monday_faults.plan(Fault(200, body, matches=is_first_part))

    ended = in_parts.run(rows(messages, ["1"], **CELLS))

    assert (ended.code, ended.books.balanced) == (0, True)
    assert in_parts.run(rows(messages, ["2"], **CELLS)).code == 0
    assert cells_of(in_parts) == {"1": CELLS, "2": CELLS}


@pytest.mark.xfail(raises=AssertionError, reason="a part that is looked up leaves its row")
@pytest.mark.parametrize("how", ["archived", "failed"])
def test_a_row_in_parts_arrives_whole_though_its_item_leaves_between_them(
    in_parts: Simulation, messages: Any, how: str
) -> None:
    left: list[bool] = []

    def is_second_part(request: Any) -> bool:
        there = in_parts.account.items("S")
        if left or not there or not is_write(request):
            return False
        left.append(True)
        if how == "archived":
            in_parts.account.archive_item("S", there[0].name)
        return how == "failed"

    body = failing("m0", "INTERNAL_SERVER_ERROR", status_code=500)
    in_parts.sandbox.monday_faults.plan(Fault(200, body, matches=is_second_part))

    ended = in_parts.run(rows(messages, ["1"], **CELLS))

    assert (left, ended.code, ended.books.balanced) == ([True], 0, True)
    in_parts.sandbox.monday_faults.clear()
    assert in_parts.run(rows(messages, ["2"], **CELLS)).code == 0
    assert cells_of(in_parts) == {"1": CELLS, "2": CELLS}


@pytest.mark.xfail(raises=AssertionError, reason="a late read is taken for what is there now")
def test_what_a_late_read_does_not_show_is_not_made_again(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """A person archives one of thirty items; the others stay the only ones of their keys."""
    twin = simulate(read_delay=5.0)
    ids = [f"k{at:02}" for at in range(30)]
    assert twin.run(rows(messages, ids)).code == 0
    twin.account.archive_item("S", "k07")

    twin.run(rows(messages, ids, amount=2))

    keys = [row["Record key"] for row in twin.account.rows("S")]
    assert (len(keys), len(set(keys))) in {(29, 29), (30, 30)}


@pytest.mark.xfail(raises=AssertionError, reason="rows are blamed for what meets all of them")
def test_a_run_stops_where_every_mutation_fails(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """It is monday and not the rows: few calls tell, and no row is rejected."""
    twin = simulate()
    assert twin.run(rows(messages, [])).code == 0
    settle(twin, failing_writes=True)

    ended = twin.run(rows(messages, [f"k{at:03}" for at in range(500)]), lane="alias")

    counts = ended.books.of("s")
    assert (ended.code, counts.rejected, ended.calls < 40) == (1, 0, True)


@pytest.mark.xfail(raises=AssertionError, reason="rows are blamed for what meets all of them")
def test_a_request_that_is_too_long_for_a_proxy_is_not_the_fault_of_its_rows(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Where not even one row fits, few calls tell; nothing is rejected and no bookmark moves."""
    twin = simulate()
    note = "n" * 2000
    assert twin.run(rows(messages, [], Note=note)).code == 0
    settle(twin, request_bytes=2000)
    ids = [f"k{at:02}" for at in range(40)]

    ended = twin.run(rows(messages, ids, Note=note), lane="alias")

    assert (ended.books.of("s").rejected, ended.refused < 20) == (0, True)
    assert ended.code not in {0, 3}
