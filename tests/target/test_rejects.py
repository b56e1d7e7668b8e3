"""Rejects: kept with their record, tried again, corrected, waived, replayed, exported."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from target_monday.audit.corrections import Corrections
from target_monday.ledger.database import open_database
from target_monday.ledger.reject_book import Note, correct, file_of

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTIES = {"Id": "string", "Name": "string", "Sum": "number"}


def lines(messages: Any, *records: dict[str, Any], bookmark: int = 1) -> list[Any]:
    """A stream with these records."""
    rows = [messages.record("s", **record) for record in records]
    return [messages.schema("s", PROPERTIES), *rows, messages.state(bookmark)]


BAD = {"Id": "b", "Name": "=cmd()", "Sum": "many"}


def test_a_reject_is_listed_with_all_that_is_known_of_it(rehearsal: Any, messages: Any) -> None:
    """Payload, code, board, column, attempts, age and state; by filters too."""
    rehearsal.run(lines(messages, {"Id": "a", "Sum": 1}, BAD))
    board = rehearsal.board("S")

    (found,) = rehearsal.audit("rejects")
    (shown,) = rehearsal.audit("rejects", "list", "--payload", "--stream", "s", "--state", "open")
    whole = rehearsal.audit("rejects", "show", "1")

    assert (found["key"], found["code"], found["state"]) == ("b", "BAD_CELL", "open")
    assert (found["attempts"], found["age_days"]) == (1, 0.0)
    [column] = [each["id"] for each in board["columns"] if each["title"] == "Sum"]
    assert (found["board_id"], found["column_id"]) == (board["id"], column)
    assert shown["payload"] == BAD
    assert (whole["payload"], whole["events"]) == (BAD, [])
    for other in (["--code", "EMPTY_NAME"], ["--state", "waived"], ["--older-than", "1h"]):
        assert rehearsal.audit("rejects", "list", *other) == []


def test_a_corrected_reject_goes_first_in_the_next_run(rehearsal: Any, messages: Any) -> None:
    """What came is kept beside it, with who corrected it and why; no row of it is read again."""
    rehearsal.run(lines(messages, BAD), max_rejects=1)

    who = ("--who", "Ada", "--reason", "typed wrong", "--ticket", "T-1")
    rehearsal.audit("rejects", "edit", "1", "--set", "Sum=12.50", *who)
    ended = rehearsal.run(lines(messages, {"Id": "a", "Sum": 1}, bookmark=2))

    counts = ended.counts("s")
    assert (ended.code, counts["read"], counts["created"]) == (0, 1, 1)
    assert (counts["retried"], counts["recovered"], counts["rejected"]) == (1, 1, 0)
    assert rehearsal.audit("report")["balanced"]
    assert rehearsal.cells("S", "b")["Sum"] == "12.5"
    events = rehearsal.audit("rejects", "show", "1")["events"]
    assert [event["state"] for event in events] == ["open", "resolved"]
    corrected = events[0]
    assert (corrected["who"], corrected["reason"], corrected["ticket"]) == (
        *("Ada", "typed wrong", "T-1"),
    )
    assert corrected["corrected"] is True
    assert rehearsal.audit("rejects") == []


def test_a_newer_row_of_the_key_wins_over_a_reject(rehearsal: Any, messages: Any) -> None:
    """What is tried again never overwrites what came later, in the same run or before."""
    rehearsal.run(lines(messages, {"Id": "a", "Name": "old", "Sum": "bad"}))
    rehearsal.audit("rejects", "edit", "1", "--set", "Sum=1", "--reason", "r")

    ended = rehearsal.run(lines(messages, {"Id": "a", "Name": "new", "Sum": 2}))

    cells = rehearsal.cells("S", "a")
    assert (ended.code, cells["Name"], cells["Sum"]) == (0, "new", "2")
    assert rehearsal.audit("rejects") == []


def test_what_the_mapping_refuses_waits_for_the_mapping(rehearsal: Any, messages: Any) -> None:
    """It costs no call and no attempt; once the mapping takes it, it is delivered by itself."""
    schema = messages.schema("s", {"Id": "string", "State": "string"})
    column = {"type": "status", "labels": ["Open"], "missing_labels": "reject"}
    mapping = {"s": {"columns": {"State": column}}}
    row = messages.record("s", Id="a", State="Closed")
    assert rehearsal.run([schema, row, messages.state(1)], boards=mapping).code == 3
    other = messages.record("s", Id="b", State="Open")

    again = rehearsal.run([schema, other, messages.state(2)], boards=mapping)
    assert (again.code, again.counts("s")["retried"]) == (0, 0)
    assert rehearsal.audit("rejects")[0]["attempts"] == 1
    assert "rejects.open rows=1" in again.log

    column["missing_labels"] = "create"
    mended = rehearsal.run([schema, messages.state(3)], boards=mapping)

    assert (mended.code, mended.counts("s")["recovered"]) == (0, 1)
    assert rehearsal.cells("S", "a")["State"] == "Closed"


def test_the_same_row_refused_again_stays_one_reject(rehearsal: Any, messages: Any) -> None:
    """With its age, and one attempt more; another record of the key takes its place."""
    for _ in range(3):
        rehearsal.run(lines(messages, BAD))
    (found,) = rehearsal.audit("rejects")
    assert (found["id"], found["attempts"], found["state"]) == (1, 3, "retried")

    rehearsal.run(lines(messages, {**BAD, "Sum": "more"}))

    (found,) = rehearsal.audit("rejects")
    assert (found["id"], found["attempts"]) == (2, 1)
    assert rehearsal.audit("rejects", "show", "1")["state"] == "resolved"


def test_a_waived_reject_is_done_with_and_keeps_its_reason(rehearsal: Any, messages: Any) -> None:
    """It is tried no more; a second verdict on it is refused."""
    rehearsal.run(lines(messages, BAD))

    (waived,) = rehearsal.audit("rejects", "waive", "1", "--reason", "test row", "--ticket", "T-2")
    ended = rehearsal.run(lines(messages, {"Id": "a"}))

    assert waived["state"] == "waived"
    assert (ended.code, "rejects.open" in ended.log) == (0, False)
    assert rehearsal.audit("rejects") == []
    (event,) = rehearsal.audit("rejects", "show", "1")["events"]
    assert (event["reason"], event["ticket"], bool(event["who"])) == ("test row", "T-2", True)
    said = rehearsal.audit_text("rejects", "waive", "1", "--reason", "again", code=1)
    assert "Reject 1 is waived" in said


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("Gone=1", "'Gone'"),
        ("Sum=x", "JSON"),
        ("Sum", "Property=value"),
        ("Id:=null", "'Id' is null"),
    ],
)
def test_a_correction_that_cannot_be_changes_nothing(
    rehearsal: Any, messages: Any, change: str, word: str
) -> None:
    """Only properties of the stream, in their types, and never without a key."""
    rehearsal.run(lines(messages, BAD))

    said = rehearsal.audit_text("rejects", "edit", "1", "--set", change, "--reason", "r", code=1)

    assert word in said
    assert rehearsal.audit("rejects", "show", "1")["payload"] == BAD


def test_rejects_are_replayed_now_without_reading_the_source(rehearsal: Any, messages: Any) -> None:
    """By a run of its own with books; a second time nothing is sent."""
    rehearsal.run(lines(messages, BAD, {"Id": "c", "Sum": "bad"}))
    config = ("--config", str(rehearsal.folder / "config.json"))
    assert "1 rows were rejected" in rehearsal.audit_text("rejects", "replay", "1", *config, code=3)
    whole = json.dumps({"Id": "b", "Name": "n", "Sum": 3})
    rehearsal.audit_text("rejects", "edit", "1", "--file", "-", "--reason", "r", given=whole)

    rehearsal.audit_text("rejects", "replay", "1", *config)

    report = rehearsal.audit("report")
    assert (report["total"]["read"], report["total"]["created"], report["balanced"]) == (1, 1, True)
    assert rehearsal.cells("S", "b")["Sum"] == "3"
    assert [each["key"] for each in rehearsal.audit("rejects")] == ["c"]
    mutations = rehearsal.usage()["mutations"]
    rehearsal.audit_text("rejects", "replay", "1", *config)
    rehearsal.audit_text("replay", "--stream", "s", "--key-to", "b", *config)
    assert rehearsal.usage()["mutations"] == mutations


def test_a_row_without_a_key_gets_one_by_hand(rehearsal: Any, messages: Any) -> None:
    """Its item is made once; the reject is resolved."""
    rehearsal.run(lines(messages, {"Id": None, "Name": "n", "Sum": 1}))
    rehearsal.audit("rejects", "edit", "1", "--set", "Id=z", "--reason", "found the number")

    ended = rehearsal.run(lines(messages, {"Id": "a", "Sum": 1}))

    assert (ended.code, rehearsal.cells("S", "z")["Name"]) == (0, "n")
    assert rehearsal.audit("rejects") == []


def test_an_export_is_safe_to_open(rehearsal: Any, messages: Any) -> None:
    """No cell begins a formula, umlauts are found, and JSON lines hold the values as they are."""
    formulas = ["=1+1", "+1", "-1+1", "@x", "\tx", "\rx", " =1", "ä;=1"]
    rows = [{"Id": f"k{at}", "Name": text, "Sum": "bad"} for at, text in enumerate(formulas)]
    rehearsal.run(lines(messages, *rows))
    out = rehearsal.folder / "rejects.csv"

    rehearsal.audit_text("rejects", "export", "--output", str(out))
    plain = rehearsal.audit_text("rejects", "export", "--format", "jsonl")

    text = out.read_bytes().decode("utf-8-sig")
    cells = list(csv.DictReader(io.StringIO(text, newline="")))
    assert out.stat().st_mode & 0o077 == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row["Name"] for row in cells] == [
        *("'=1+1", "'+1", "'-1+1", "'@x", "'\tx", "'\rx", "' =1", "ä;=1"),
    ]
    assert cells[0]["reject_code"] == "BAD_CELL"
    assert [json.loads(line)["payload"]["Name"] for line in plain.splitlines()] == formulas


def test_a_reject_whose_row_is_gone_from_the_source_makes_no_item(
    rehearsal: Any, messages: Any
) -> None:
    """A full read did not bring it: what was to be tried again is done with."""
    rehearsal.run(lines(messages, {"Id": "a", "Sum": 1}, BAD), max_rejects=1)
    rehearsal.audit("rejects", "edit", "1", "--set", "Sum=1", "--who", "Ada", "--reason", "typed")
    row = messages.record("s", Id="a", Sum=1, version=2)
    read = [messages.schema("s", PROPERTIES), row, messages.activate("s", 2), messages.state(2)]

    ended = rehearsal.run(read, vanished="archive")

    assert (ended.code, ended.counts("s")["created"]) == (0, 0)
    assert [each["cells"]["Record key"] for each in rehearsal.board("S")["items"]] == ["a"]
    assert rehearsal.audit("rejects", "list", "--state", "open") == []


INVOICES = {"Company": "string", "InvoiceId": {"type": ["string", "integer", "null"]}}


def invoices(messages: Any, *records: dict[str, Any]) -> str:
    """A stream whose key has two parts."""
    properties = {**INVOICES, "Sum": "number"}
    schema = messages.schema("s", properties, ["Company", "InvoiceId"])
    rows = [messages.record("s", **record) for record in records]
    return str(messages.lines([schema, *rows, messages.state(1)]))


def correct_as(twin: Any, *changes: str, whole: dict[str, Any] | None = None) -> None:
    """Correct the first reject, as `rejects edit` does. Raises ValueError where it may not be."""
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    try:
        (reject,) = file_of(engine, numbers=[1])
        corrections = Corrections(engine, reject)
        text = json.dumps(whole).encode()
        record = corrections.changed(changes) if whole is None else corrections.whole(text)
        correct(engine, reject, record, corrections.key_of(record), Note(state="open", at=1.0))
    finally:
        engine.dispose()


def test_a_correction_never_moves_a_row_to_another_key(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """It would overwrite the item of another row: refused, and the reject stays as it was."""
    twin = simulate()
    came = {"Company": "20", "InvoiceId": "5", "Sum": "bad"}
    other = {"Company": "20", "InvoiceId": "11", "Sum": 7}
    twin.run(invoices(messages, other, came), max_rejects=1)

    for changes in (
        ["InvoiceId=11"],
        ["InvoiceId:=11"],
        ['InvoiceId:="11"', "Sum=1"],
        ["Company=30"],
        ["Company=2", "InvoiceId=05"],
        ["InvoiceId:=null"],
        ['InvoiceId:=""'],
        ["InvoiceId= 5"],
        ["InvoiceId=05"],
    ):
        with pytest.raises(ValueError, match=r"its key would be|is null"):
            correct_as(twin, *changes)
    with pytest.raises(ValueError, match=r"its key would be '20\|11'"):
        correct_as(twin, whole=other)
    with pytest.raises(ValueError, match="is missing"):
        correct_as(twin, whole={"Company": "20", "Sum": 1})
    twin.run(invoices(messages))

    assert [row["Sum"] for row in twin.account.rows("S")] == ["7"]


@pytest.mark.parametrize("change", ["InvoiceId:=5", "InvoiceId:=5.0", 'InvoiceId:="5"'])
def test_a_key_may_be_spelt_otherwise(
    simulate: Callable[..., Any], messages: Any, change: str
) -> None:
    """What counts is the key that the item carries."""
    twin = simulate()
    twin.run(invoices(messages, {"Company": "20", "InvoiceId": "5", "Sum": "bad"}))

    correct_as(twin, change, "Sum=3")
    twin.run(invoices(messages))

    (row,) = twin.account.rows("S")
    assert (row["Record key"], row["Sum"]) == ("20|5", "3")


def test_a_row_without_a_key_gets_its_own_one(simulate: Callable[..., Any], messages: Any) -> None:
    """Not one that an item has, and with the parts that it came with; a slip can be mended."""
    twin = simulate()
    other = {"Company": "20", "InvoiceId": "11", "Sum": 7}
    without = {"Company": "20", "InvoiceId": None, "Sum": 1}
    twin.run(invoices(messages, other, without), max_rejects=1)

    for _ in range(2):
        with pytest.raises(ValueError, match="has an item already"):
            correct_as(twin, "InvoiceId=11")
        with pytest.raises(ValueError, match="a key that came stays"):
            correct_as(twin, "InvoiceId=12", "Company=30")
        correct_as(twin, "InvoiceId=12")
    correct_as(twin, "InvoiceId=13")
    twin.run(invoices(messages))

    sums = {row["Record key"]: row["Sum"] for row in twin.account.rows("S")}
    assert sums == {"20|11": "7", "20|13": "1"}


def filed(twin: Any) -> list[tuple[int, int, str]]:
    """Number, attempts and state of all open rejects."""
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    found = [(each.id, each.attempts, each.state) for each in file_of(engine) if each.is_open]
    engine.dispose()
    return found


@pytest.mark.parametrize("days", [None, 0], ids=["kept", "purged"])
@pytest.mark.parametrize("row", [{"Id": None, "Sum": 1.50}, {"Id": "b", "Sum": "many"}])
def test_a_row_that_is_refused_in_each_run_is_one_reject(
    simulate: Callable[..., Any], messages: Any, days: int | None, row: dict[str, Any]
) -> None:
    """With a key or without one: recognised by what it says, also where that was purged."""
    twin = simulate()
    settings = {"max_rejects": 9, **({} if days is None else {"payload_days": days})}
    for run in range(3):
        twin.time.sleep(5.0)
        ended = twin.run(messages.lines(lines(messages, row, bookmark=run)), **settings)
        assert (ended.code, ended.books.of("s").rejected) == (0, 1)

    assert filed(twin) == [(1, 3, "retried")]


def test_rows_without_a_key_that_say_the_same_are_a_reject_each(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Two rows are two rejects, in each run the same two; another row is another one."""
    twin = simulate()
    row, other = {"Id": None, "Name": "n"}, {"Id": None, "Name": "m"}
    for _ in range(2):
        twin.run(messages.lines(lines(messages, row, row, other)), max_rejects=9)
    assert [each[:2] for each in filed(twin)] == [(1, 2), (2, 2), (3, 2)]

    twin.run(messages.lines(lines(messages, row, row, row)), max_rejects=9)

    assert [each[:2] for each in filed(twin)] == [(1, 3), (2, 3), (3, 2), (4, 1)]
