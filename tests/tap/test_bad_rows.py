"""Rows that cannot be records: named, left out only where the settings say so, and read again."""

from __future__ import annotations

import json
import logging
import stat
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.tap import RowsSkipped, StreamsFailed

from tests.tap.messages import bookmark, full, of, records, stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tap.messages import Run

SKIP = {"on_bad_value": "skip", "on_null_key": "skip"}


@pytest.fixture
def rejects(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What is in the file of the orders; its folder is `tmp_path / "rejects"`."""
    path = tmp_path / "rejects" / "order.jsonl"

    def lines() -> list[dict[str, Any]]:
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines() if line]

    return lines


@pytest.fixture
def skipping(tmp_path: Path) -> dict[str, Any]:
    """Settings by which rows are skipped."""
    return {**SKIP, "max_skipped": 100, "reject_folder": str(tmp_path / "rejects")}


def numbers(messages: list[dict[str, Any]]) -> list[str]:
    return [row["OrderNo"] for row in records(messages)]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("Amount", "REDACTED", "Amount holds text that no record can hold as Edm.Decimal"),
        ("Amount", Decimal("NaN"), "Amount holds a number that no record can hold as Edm.Decimal"),
        ("DateEntered", 5, "DateEntered holds a number that no record can hold as Edm.DateTime"),
        ("Objstate", "\ud800", "Objstate holds text that no record can hold as IfsApp.Test.State"),
    ],
)
def test_a_bad_value_ends_its_stream_by_key_and_column(
    run: Run,
    ifs: Any,
    orders: Any,
    caplog: pytest.LogCaptureFixture,
    column: str,
    value: Any,
    told: str,
) -> None:
    """By default. Pages before it are out, and no ACTIVATE_VERSION is."""
    ifs.sets["OrderSet"] = orders(4)
    ifs.sets["OrderSet"][3][column] = value

    messages = run(raises=StreamsFailed, config=full(page_size=2))

    assert numbers(messages) == ["0000", "0001"]
    assert of(messages, "ACTIVATE_VERSION") == []
    assert f"VALUE_INVALID: OrderSet (OrderNo=0003): {told}" in caplog.text
    assert "REDACTED" not in caplog.text


def test_a_null_key_ends_its_stream(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """By default: no target that checks schemas would take the row."""
    ifs.sets["OrderSet"] = orders(2)
    ifs.sets["OrderSet"][0]["OrderNo"] = None

    assert numbers(run(raises=StreamsFailed, config=full())) == []
    assert "KEY_NULL: OrderSet (OrderNo=): OrderNo has no value" in caplog.text


def test_skipped_rows_are_kept_by_key_and_the_read_is_not_whole(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any], rejects: Any, tmp_path: Path
) -> None:
    """No ACTIVATE_VERSION, or a target would archive them; the next full read begins anew."""
    ifs.sets["OrderSet"] = rows = orders(6)
    rows[1]["Amount"], rows[4]["OrderNo"], rows[5]["Objstate"] = "x", None, "\ud800"

    messages = run(config=full(page_size=2) | skipping)

    assert numbers(messages) == ["0000", "0002", "0003"]
    assert of(messages, "ACTIVATE_VERSION") == []
    assert {each["key"]["OrderNo"]: list(each["columns"]) for each in rejects()} == {
        "0001": ["Amount"],
        None: ["OrderNo"],
        "0005": ["Objstate"],
    }
    path = tmp_path / "rejects" / "order.jsonl"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o700, 0o600]

    rows[1]["Amount"], rows[4]["OrderNo"], rows[5]["Objstate"] = Decimal(1), "0004", "Planned"
    messages = run(config=full(page_size=2) | skipping)

    assert len(records(messages)) == 6
    assert len(of(messages, "ACTIVATE_VERSION")) == 1
    assert rejects() == []


@pytest.mark.parametrize("page_size", [1, 3])
@pytest.mark.parametrize("paging", ["keyset", "skip", "next_link", "auto"])
@pytest.mark.parametrize("value", ["x", Decimal("NaN"), "\ud800"])
def test_pages_of_bad_rows_alone_end_no_walk(
    run: Run,
    ifs: Any,
    orders: Any,
    skipping: dict[str, Any],
    page_size: int,
    paging: str,
    value: Any,
) -> None:
    """A walk goes on behind them, whichever way it takes, and counts them as read."""
    ifs.sets["OrderSet"] = rows = orders(12)
    ifs.page_cap = 3
    ifs.next_link = lambda path, end: f"{path.partition('?')[0]}?$skiptoken={end}"
    for row in rows[3:9]:
        row["Amount"] = value

    messages = run(config=full(page_size=page_size, paging=paging) | skipping)

    assert numbers(messages) == [f"{n:04d}" for n in (0, 1, 2, 9, 10, 11)]


@pytest.mark.parametrize(("allowed", "raises"), [(1, RowsSkipped), (2, None)])
def test_max_skipped_decides_how_the_run_ends(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any], allowed: int, raises: Any
) -> None:
    """Over all streams; everything else was read."""
    ifs.sets["OrderSet"] = orders(4)
    for row in ifs.sets["OrderSet"][1:3]:
        row["Amount"] = "x"

    messages = run(raises=raises, config=full() | skipping | {"max_skipped": allowed})

    assert numbers(messages) == ["0000", "0003"]


def test_a_stream_may_differ_from_the_others(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any]
) -> None:
    """Its own setting wins."""
    ifs.sets["OrderSet"] = orders(2)
    ifs.sets["OrderSet"][1]["Amount"] = "x"

    run(raises=StreamsFailed, config=full(on_bad_value="fail") | skipping)


def test_null_leaves_only_the_value_out(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The row is there, so the read is whole."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.sets["OrderSet"][1]["DateEntered"] = 5
    ifs.sets["OrderSet"][2]["Objstate"] = "\ud800"

    messages = run(config=full() | {"on_bad_value": "null"})

    assert [(row["DateEntered"], row["Objstate"]) for row in records(messages)] == [
        ("2026-01-02T03:04:05Z", "Released"),
        (None, "Released"),
        ("2026-01-02T03:04:05Z", None),
    ]
    assert len(of(messages, "ACTIVATE_VERSION")) == 1
    assert "value.nulled stream=order key='OrderNo=0001' reason='DateEntered holds" in caplog.text


@pytest.mark.parametrize(
    ("column", "value"),
    [("OrderNo", "\ud800"), ("Amount", "x"), ("Cf_Last_Modified", 5)],
)
def test_null_never_empties_keys_stamps_and_amounts(
    run: Run, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture, column: str, value: Any
) -> None:
    """Nobody would see that they are gone."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.sets["OrderSet"][2][column] = value

    run(raises=StreamsFailed, config=full() | {"on_bad_value": "null"})

    assert f"{column} holds" in caplog.text


@pytest.fixture
def skipped_one(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of an incremental stream, of which one was skipped, and the state after that."""
    ifs.sets["OrderSet"] = rows = orders(8, lambda n: f"2026-03-01T10:00:{n:02d}Z")
    rows[3]["Amount"] = "x"
    messages = run(config=skipping)
    assert numbers(messages) == [f"{n:04d}" for n in range(8) if n != 3]
    return rows, {"bookmarks": {"order": bookmark(messages)}}


def test_the_next_run_reads_skipped_rows_again(
    run: Run, skipped_one: Any, skipping: dict[str, Any], rejects: Any
) -> None:
    """By their keys, although the bookmark has passed them; as long as they are bad they wait."""
    rows, state = skipped_one
    options: dict[str, Any] = {"config": skipping | {"lookback": 0}, "state": state}

    assert numbers(run(**options)) == ["0007"]
    assert [each["key"] for each in rejects()] == [{"OrderNo": "0003"}]

    rows[3]["Amount"] = Decimal(7)
    messages = run(**options)

    assert numbers(messages) == ["0003", "0007"]
    assert bookmark(messages)["replication_key_value"] == "2026-03-01T10:00:07Z"
    assert rejects() == []


def test_a_skipped_row_that_has_changed_comes_in_its_turn(
    run: Run, skipped_one: Any, skipping: dict[str, Any]
) -> None:
    """Once, and the bookmark passes nothing by it."""
    rows, state = skipped_one
    rows[3] |= {"Amount": Decimal(7), "Cf_Last_Modified": "2026-03-01T10:00:09Z"}
    rows[5] |= {"Cf_Last_Modified": "2026-03-01T10:00:08Z"}

    messages = run(config=skipping | {"lookback": 0}, state=state)

    assert numbers(messages) == ["0007", "0005", "0003"]


def test_a_skipped_row_that_is_gone_is_forgotten(
    run: Run, skipped_one: Any, skipping: dict[str, Any], rejects: Any
) -> None:
    """It waits for nothing any more."""
    rows, state = skipped_one
    del rows[3]

    run(config=skipping, state=state)

    assert rejects() == []


def test_a_run_that_breaks_off_forgets_no_skipped_row(
    run: Run, ifs: Any, skipped_one: Any, skipping: dict[str, Any], rejects: Any, failure: Any
) -> None:
    """What the last run left stays, and what this one has found is added."""
    rows, state = skipped_one
    rows[4] |= {"Amount": "x", "Cf_Last_Modified": "2026-03-01T10:00:08Z"}
    rows[5] |= {"Cf_Last_Modified": "2026-03-01T10:00:09Z"}
    ifs.refusals["gt%20'0004'"] = failure(403, "SE_UNAUTHORIZED", "no")

    run(raises=StreamsFailed, config=skipping | {"page_size": 1, "lookback": 0}, state=state)

    assert {each["key"]["OrderNo"] for each in rejects()} == {"0003", "0004"}


def test_skipped_rows_that_cannot_be_asked_for_stay(
    run: Run, ifs: Any, skipped_one: Any, skipping: dict[str, Any], rejects: Any, failure: Any
) -> None:
    """A service that refuses the question keeps nothing from being read."""
    _, state = skipped_one
    refusal = failure(400, "ODP_MALFORMED", "no", part="OrderNo%20eq")
    ifs.plan(*[refusal] * 9)

    messages = run(config=skipping | {"lookback": 0}, state=state)

    assert numbers(messages) == ["0007"]
    assert [each["key"]["OrderNo"] for each in rejects()] == ["0003"]


def test_a_folder_that_cannot_be_written_fails_the_stream(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any], tmp_path: Path
) -> None:
    """A row that nobody writes down is not skipped."""
    (tmp_path / "rejects").write_text("a file")
    ifs.sets["OrderSet"] = orders(2)
    ifs.sets["OrderSet"][0]["Amount"] = "x"

    assert numbers(run(raises=StreamsFailed, config=full() | skipping)) == []


def test_a_line_cut_short_is_passed_over(
    run: Run, skipped_one: Any, skipping: dict[str, Any], rejects: Any, tmp_path: Path
) -> None:
    """A run was killed while it wrote it, and before its bookmark could pass the row."""
    _, state = skipped_one
    path = tmp_path / "rejects" / "order.jsonl"
    path.write_bytes(path.read_bytes() + b'{"entity_set":"Ord')

    run(config=skipping, state=state)

    assert [each["key"] for each in rejects()] == [{"OrderNo": "0003"}]


def test_many_warnings_are_summed_up(
    run: Run, ifs: Any, orders: Any, skipping: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """After the first ten, with column and reason."""
    caplog.set_level(logging.WARNING)
    ifs.sets["OrderSet"] = orders(40, stamp)
    for row in ifs.sets["OrderSet"][:30]:
        row["Amount"] = "x"

    run(config=full() | skipping)

    lines = [line for line in caplog.messages if line.startswith("row.skipped ")]
    assert len(lines) == 11
    assert lines[0].startswith("row.skipped stream=order key='OrderNo=0000' reason='Amount holds")
    assert "total=30 logged=10 reasons='Amount holds text" in lines[-1]
    assert lines[-1].endswith(": 30'")
