"""The trail on the board: written with a real change, and with nothing else."""

from __future__ import annotations

from typing import Any

import pytest

TRAIL = {"version": "IFS version", "run": "Run", "written_at": "Written"}


def lines(messages: Any, *rows: tuple[str, str, str]) -> list[Any]:
    properties = {"Id": "string", "Note": "string", "_ifs_etag": "string"}
    records = [
        messages.record("s", Id=key, Note=note, _ifs_etag=version) for key, note, version in rows
    ]
    return [messages.schema("s", properties), *records, messages.state(len(rows))]


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_the_trail_moves_with_a_real_change_only(rehearsal: Any, messages: Any, lane: str) -> None:
    """A row whose version alone is new is not written; in both lanes the same, to the second."""
    settings = {"trail_columns": TRAIL, "lane": lane, "timezone": "Europe/Stockholm"}

    def run(*rows: tuple[str, str, str]) -> tuple[dict[str, int], str]:
        ended = rehearsal.run(lines(messages, *rows), poll_interval=0.2, **settings)
        assert ended.code == 0, ended.log
        return ended.counts(), rehearsal.audit("runs")[0]["id"]

    _, first = run(("a", "1", "W/1"), ("b", "1", "W/1"))
    before = {key: rehearsal.cells("S", key) for key in "ab"}
    assert [before[key]["Run"] for key in "ab"] == [first, first]
    assert before["a"]["IFS version"] == "W/1"
    began = rehearsal.audit("runs")[0]["started_at"]
    assert len(before["a"]["Written"]) == len("2026-11-24 10:00"), began

    counts, second = run(("a", "1", "W/2"), ("b", "2", "W/2"))
    after = {key: rehearsal.cells("S", key) for key in "ab"}
    assert (counts["unchanged"], counts["updated"]) == (1, 1)
    assert after["a"] == before["a"]
    assert (after["b"]["Run"], after["b"]["IFS version"]) == (second, "W/2")


def test_a_stream_may_have_none(rehearsal: Any, messages: Any) -> None:
    """Its own word goes before the run's."""
    boards = {"s": {"trail_columns": False}}
    assert rehearsal.run(lines(messages), boards=boards, trail_columns=TRAIL).code == 0
    assert {column["title"] for column in rehearsal.board("S")["columns"]}.isdisjoint(
        TRAIL.values()
    )


def test_an_item_carries_the_end_of_the_ledger(rehearsal: Any, messages: Any) -> None:
    """As the run found it, in the same call as its other cells; `verify` takes it as it stands."""
    settings = {"trail_columns": {"anchor": "Ledger"}}
    assert rehearsal.run(lines(messages, ("a", "1", "W/1")), **settings).code == 0
    first = rehearsal.cells("S", "a")["Ledger"]
    calls = rehearsal.usage()["mutations"]
    assert rehearsal.run(lines(messages, ("a", "1", "W/1")), **settings).code == 0
    assert rehearsal.usage()["mutations"] == calls
    assert rehearsal.cells("S", "a")["Ledger"] == first

    assert rehearsal.run(lines(messages, ("a", "2", "W/1")), **settings).code == 0
    second = rehearsal.cells("S", "a")["Ledger"]

    assert second != first
    assert "sound" in rehearsal.audit_text("verify", "--anchor", first, "--anchor", second)
    changed = f"{second[:-1]}{'1' if second[-1] == '0' else '0'}"
    assert "noted elsewhere" in rehearsal.audit_text("verify", "--anchor", changed, code=1)
