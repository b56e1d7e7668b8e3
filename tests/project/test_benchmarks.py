"""The benchmarks run, and let nobody win who reads wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.query import after, literal

from benchmarks.contestants import CONTESTANTS, OutputWrong, check_output
from benchmarks.figures import Figure, Goal
from benchmarks.filters import FilterUnknown, filtered
from benchmarks.order_lines import BLOCK, KEY, STAMP, Blocks, order_line, value
from benchmarks.processes import Server, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 2 * BLOCK + 40  # the last page is a short one
numbers = st.integers(0, ROWS - 1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served([ROWS], kept=BLOCK) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("start-up", 3),
        ("discovery", 2),
        ("tap-speed", 3 * (7 + 12)),
        ("tap-memory", 3),
        ("target-start-up", 3),
        ("target-speed", 2 * (6 + 5)),
        ("target-work", 2),
        ("target-memory", 4),
        ("plans", 4 * 2 * (4 + 8)),
    ],
)
def test_every_benchmark_runs(name: str, figures: int, project_root: Path, tmp_path: Path) -> None:
    """Each ends well on a tiny size and tells its figures, as a table and as JSON."""
    told = tmp_path / "figures.json"
    sizes = ["--rows=120", "--rounds=1", "--entity-types=40", "--memory-rows", "10", "20"]
    sizes += ["--target-rows=500", "--changed-rows=120", "--plan-rows", "60"]

    table = subprocess.check_output(
        [sys.executable, "-m", "benchmarks", name, *sizes, f"--json={told}"],
        cwd=project_root,
        text=True,
        stderr=subprocess.STDOUT,
    )

    written: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    assert len(written["figures"]) == figures
    assert all(figure["name"] in table for figure in written["figures"])
    assert written["machine"]["cores"]


@pytest.mark.parametrize("name", ["raw loop", "raw loop, decimals as text", "tap, full"])
def test_whole_output_is_accepted(name: str, server: Server, tmp_path: Path) -> None:
    check_output(CONTESTANTS[name], server, ROWS, tmp_path)


def test_output_without_rows_is_refused(server: Server, tmp_path: Path) -> None:
    silent = replace(CONTESTANTS["raw loop"], command=lambda *_: [sys.executable, "-c", ""])

    with pytest.raises(OutputWrong, match=f"0 records of {ROWS}"):
        check_output(silent, server, ROWS, tmp_path)


def test_rounded_decimals_are_refused_where_digits_are_promised(
    server: Server, tmp_path: Path
) -> None:
    """A contestant that passes money through binary floats does not count as exact."""
    boasting = replace(CONTESTANTS["raw loop"], written=CONTESTANTS["tap, full"].written)

    with pytest.raises(OutputWrong, match=r"BuyUnitPrice|TotalAmount"):
        check_output(boasting, server, ROWS, tmp_path)


def test_output_without_a_promised_message_is_refused(server: Server, tmp_path: Path) -> None:
    """Who leaves out work that the others do does not count."""
    lazy = replace(CONTESTANTS["raw loop"], messages=frozenset({"RECORD", "STATE"}))

    with pytest.raises(OutputWrong, match="no STATE"):
        check_output(lazy, server, ROWS, tmp_path)


@given(numbers, st.booleans())
def test_rows_behind_a_key_are_those_with_higher_numbers(number: int, stamped: bool) -> None:  # noqa: FBT001
    """The filter of a walk by key leaves the rows behind the last one seen."""
    columns = (STAMP, *KEY) if stamped else KEY
    kinds = {STAMP: "Edm.DateTimeOffset", "LineItemNo": "Edm.Decimal"}
    literals = [literal(kinds.get(c, "Edm.String"), value(c, number)) for c in columns]

    assert filtered(after(columns, literals), ROWS) == range(number + 1, ROWS)


@given(numbers, numbers)
def test_rows_between_two_stamps_are_a_range(one: int, other: int) -> None:
    low, high = value(STAMP, one), value(STAMP, other)
    condition = f"({STAMP} ge {low}) and ({STAMP} lt {high} or {STAMP} eq null)"

    found = filtered(condition, ROWS)

    wanted = [n for n in range(ROWS) if low <= value(STAMP, n) < high]
    assert list(found) == wanted


@pytest.mark.parametrize("condition", ["Contract eq 'SITE1'", "OrderNo", "(OrderNo eq 'P'"])
def test_unknown_filter_is_refused(condition: str) -> None:
    """The server never answers a filter that it does not understand with all rows."""
    with pytest.raises(FilterUnknown):
        filtered(condition, ROWS)


@given(numbers)
def test_encoded_row_is_the_row(number: int) -> None:
    """A row out of a patched block is the one that its number stands for."""
    for as_text, blocks in BOTH_FORMS.items():
        [row] = blocks.rows(number, number + 1)

        read = json.loads(bytes(row), parse_float=str, parse_int=str)

        wanted = {
            c: v if v is None or isinstance(v, bool) else str(v)
            for c, v in order_line(number).items()
        }
        assert read == wanted, as_text


BOTH_FORMS = {as_text: Blocks(1, as_text=as_text) for as_text in (False, True)}


def test_goal_is_judged_by_the_median() -> None:
    at_least, at_most = Goal("at least", 2), Goal("at most", 2)

    verdicts = [Figure("b", "n", "s", (1, 3, 9), goal).verdict for goal in (at_least, at_most)]

    assert verdicts == ["met", "missed"]
