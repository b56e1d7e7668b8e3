"""A ledger that is older than its boards, as a restored backup is, is not believed about them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from target_monday.ledger.database import open_database
from target_monday.ledger.known_rows import Asked
from target_monday.ledger.seals import doubt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROPERTIES = {"Id": "string", "Note": "string", "Sum": "number"}


def lines(messages: Any, *rows: Any, version: int | None = None) -> str:
    """Rows by their keys, or whole."""
    records = [{"Id": row, "Note": "n"} if isinstance(row, str) else row for row in rows]
    made = [messages.record("s", version, **each) for each in records]
    end = [] if version is None else [messages.activate("s", version)]
    return str(messages.lines([messages.schema("s", PROPERTIES), *made, *end, messages.state(1)]))


def copied(source: Path, target: Path) -> None:
    """The database's own backup: whole, whatever still stands in the write-ahead log."""
    for path in target.parent.glob(f"{target.name}-*"):
        path.unlink()
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.fixture
def twin(simulate: Callable[..., Any]) -> Any:
    """A target with a ledger that can be taken back."""
    return simulate()


def back_up(twin: Any) -> None:
    copied(twin.folder / "ledger.db", twin.folder / "backup.db")


def restore(twin: Any) -> None:
    copied(twin.folder / "backup.db", twin.folder / "ledger.db")


def keys(twin: Any) -> list[str]:
    return sorted(row["Record key"] for row in twin.account.rows("S"))


def test_no_item_is_made_twice_where_the_count_happens_to_be_right(
    twin: Any, messages: Any, caplog: Any
) -> None:
    """A to F, backup; F goes, G comes; restored: the seal says so, and the board is read."""
    archive = {"vanished": "archive"}
    assert twin.run(lines(messages, *"ABCDEF", version=1), **archive).code == 0
    back_up(twin)
    assert twin.run(lines(messages, *"ABCDEG", version=2), **archive).code == 0
    restore(twin)

    after = twin.run(lines(messages, *"ABCDEG"), **archive)

    assert (after.code, after.mutations, keys(twin)) == (0, 0, [*"ABCDEG"])
    assert "ledger.restored boards=1" in caplog.text
    caplog.clear()
    again = twin.run(lines(messages, *"ABCDEG"), **archive)
    assert (again.calls, "ledger.restored" in caplog.text) == (1, False)


@pytest.mark.parametrize("column", ["Note", "Sum"])
def test_what_was_written_since_is_compared_with_the_board(
    twin: Any, messages: Any, column: str
) -> None:
    """A value that the ledger remembers is not there any more: the row is written."""
    before = {"Id": "A", "Note": "1", "Sum": 1}
    assert twin.run(lines(messages, before)).code == 0
    back_up(twin)
    assert twin.run(lines(messages, {**before, column: "2" if column == "Note" else 2})).code == 0
    restore(twin)

    assert twin.run(lines(messages, before)).books.of("s").updated == 1


def test_an_open_reject_of_before_overwrites_nothing_newer(twin: Any, messages: Any) -> None:
    """It may have been delivered since. It waits for its row, or for a person."""
    first = {"s": {"columns": {"Note": {"type": "numbers"}}, "unmapped": "create"}}
    assert twin.run(lines(messages, {"Id": "A", "Note": "1.0"}), boards=first).code == 0
    twin.run(lines(messages, {"Id": "A", "Note": "old"}), boards=first, max_rejects=1)
    back_up(twin)
    assert twin.run(lines(messages, {"Id": "A", "Note": "5"}), boards=first).code == 0
    restore(twin)
    wider = {"s": {"columns": {"Note": {"title": "Words", "type": "text"}}, "unmapped": "create"}}

    for _ in range(2):
        assert twin.run(lines(messages), boards=wider).books.of("s").retried == 0

    (row,) = twin.account.rows("S")
    assert (row["Note"], row["Words"]) == ("5", "")
    assert twin.replay(Asked(), boards=wider).mutations == 0


def test_nothing_is_replayed_over_newer_boards(twin: Any, messages: Any) -> None:
    """Neither at once, nor what came before the restore, nor in vain once its rows came again."""
    assert twin.run(lines(messages, {"Id": "A", "Note": "old"})).code == 0
    back_up(twin)
    assert twin.run(lines(messages, {"Id": "A", "Note": "new"})).code == 0
    restore(twin)

    refused = twin.replay(Asked())
    assert (refused.code, refused.mutations, refused.message[:44]) == (
        *(1, 0, "The ledger may be older than its boards: run"),
    )
    assert twin.run("").code == 0  # it looks at no board either
    assert twin.replay(Asked()).code == 1
    twin.time.sleep(5.0)
    assert twin.run(lines(messages)).code == 0
    assert twin.replay(Asked()).mutations == 0
    twin.time.sleep(5.0)
    twin.run(lines(messages, {"Id": "A", "Note": "newest"}))
    assert twin.replay(Asked()).books.of("s").read == 1

    (row,) = twin.account.rows("S")
    assert row["Note"] == "newest"


def test_nothing_vanishes_by_a_version_that_is_known_in_part(
    twin: Any, messages: Any, caplog: Any
) -> None:
    """A part of it may have come in a run that the ledger has lost; the next full read decides."""
    archive = {"vanished": "archive", "vanished_max_share": 1}
    assert twin.run(lines(messages, *"ABCD", version=1), **archive).code == 0
    back_up(twin)
    rest = lines(messages, *"AB", version=2).splitlines()[:-2]
    assert twin.run("\n".join(rest), **archive).code == 0
    restore(twin)

    assert twin.run(lines(messages, *"CD", version=2), **archive).code == 0
    assert keys(twin) == [*"ABCD"]
    assert "ledger.restored" in caplog.text
    assert twin.run(lines(messages, *"ABC", version=3), **archive).code == 0
    assert keys(twin) == [*"ABC"]


def test_a_board_that_the_ledger_never_knew_is_found(twin: Any, messages: Any) -> None:
    """A stream with several boards has one more since the backup: its items are not made again."""
    several = {"boards": {"s": {"board_name": "S {Note}"}}}
    assert twin.run(lines(messages, {"Id": "A", "Note": "1"}), **several).code == 0
    back_up(twin)
    assert twin.run(lines(messages, {"Id": "A", "Note": "2"}), **several).code == 0
    restore(twin)

    assert twin.run(lines(messages, {"Id": "A", "Note": "1"}), **several).code == 0

    on = {name: len(twin.account.rows(name)) for name in ("S 1", "S 2")}
    assert on == {"S 1": 1, "S 2": 0}


@pytest.mark.parametrize("spoil", ["gone", "empty", "torn", "half", "whole"])
def test_the_last_seal_that_can_be_read_counts(twin: Any, messages: Any, spoil: str) -> None:
    """Without any, a ledger that runs have ended in is doubted; a new one is not."""
    path = twin.folder / "ledger.db"
    engine = open_database(f"sqlite:///{path}")
    seals = twin.folder / "ledger.db.seals.jsonl"
    assert doubt(engine, seals) is None
    for _ in range(2):
        twin.run(lines(messages, "A"))
    kept = seals.read_bytes()
    match spoil:
        case "gone":
            seals.unlink()
        case "empty":
            seals.write_bytes(b"")
        case "torn":
            seals.write_bytes(b"\xff\n{")
        case "half":
            seals.write_bytes(kept + kept[:20])

    found = doubt(engine, seals)
    engine.dispose()

    assert (found is None) is (spoil in {"half", "whole"})
