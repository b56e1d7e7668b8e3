"""What the page about the ledger counts and calls things by: as the commands do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_monday.ledger.database import open_database
from target_monday.ledger.overview import overview

if TYPE_CHECKING:
    from collections.abc import Iterator

PROPERTIES = {"Id": "string", "Year": "string", "Sum": "number"}


@pytest.fixture
def delivered(rehearsal: Any, messages: Any) -> Any:
    """Streams with boards of all kinds of names, and rejects that were tried more than once."""
    boards = {"s": {"board_name": "Invoices"}, "t": {"board_name": "Vouchers {Year}"}}
    for _ in range(2):
        for stream in ("s", "t", "u"):
            rows = [
                messages.record(stream, Id="1", Year="2025", Sum=1),
                messages.record(stream, Id="2", Year="2026", Sum=2),
                messages.record(stream, Id="3", Year="2026", Sum="many"),
            ]
            lines = [messages.schema(stream, PROPERTIES), *rows, messages.state(1)]
            assert rehearsal.run(lines, max_rejects=9, boards=boards).code == 0
    return rehearsal


@pytest.fixture
def seen(delivered: Any) -> Iterator[dict[str, Any]]:
    """All that the page shows."""
    engine = open_database(delivered.ledger_url)
    yield overview(engine, runs=9)
    engine.dispose()


def test_the_page_counts_rejects_as_the_command_does(delivered: Any, seen: dict[str, Any]) -> None:
    """Which ones, since when, how often they were tried; on their boards they add up."""
    told = delivered.audit("rejects")
    same = ("id", "stream", "key", "code", "at", "attempts", "state")

    assert [[each[name] for name in same] for each in seen["rejects"]] == [
        [each[name] for name in same] for each in told
    ]
    assert [each["attempts"] for each in told] == [2, 2, 2]
    by_board = {each["name"]: each["open_rejects"] for each in seen["boards"]}
    assert by_board == {"Invoices": 1, "Vouchers 2025": 0, "Vouchers 2026": 1, "U": 1}
    (rejected, *_) = seen["undelivered"]
    assert (rejected["what"], rejected["rows"]) == ("rejected", len(told))


def test_boards_are_called_by_their_names(delivered: Any, seen: dict[str, Any]) -> None:
    """On the page and in the report, beside their numbers."""
    on_monday = {
        board["id"]: board["name"] for board in delivered.ask("{ boards { id name } }")["boards"]
    }
    named = {each["board_id"]: each["name"] for each in seen["boards"]}
    assert named.items() <= on_monday.items()
    (board,) = delivered.audit("report")["boards"]
    assert board["board_name"] == "U"
    assert " U " in delivered.audit_text("report")
    page = delivered.folder / "page.html"
    delivered.audit_text("page", "--out", str(page))
    text = page.read_text()
    assert "Vouchers 2026" in text
    assert "Not on its board" not in text
    assert "<th>Undelivered rows</th>" in text
