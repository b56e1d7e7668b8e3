"""What is denied or masked is found nowhere: not on the board, in no file, in no log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.audit.corrections import Corrections
from target_monday.ledger.database import open_database
from target_monday.ledger.items import ItemStore
from target_monday.ledger.known_rows import Asked
from target_monday.ledger.pending_cells import PendingCells
from target_monday.ledger.reject_book import Note, correct, file_of
from target_monday.privacy import privacy_of

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "SE35-5000-0000-0549-1000-0003"
OTHER = "anna.private@example.com"


def rows(messages: Any, count: int = 3, stream: str = "supplier") -> list[Any]:
    properties = {"Id": "string", "Iban": "string", "Mail": "string", "Note": "string"}
    records = [
        messages.record(stream, Id=str(at), Iban=SECRET, Mail=OTHER, Note=f"note {at}")
        for at in range(count)
    ]
    return [messages.schema(stream, properties), *records, messages.state(1)]


def traces(rehearsal: Any, text: str) -> list[str]:
    """The files of the rehearsal that hold a text."""
    return [
        path.name
        for path in sorted(rehearsal.folder.rglob("*"))
        if path.is_file() and path.name != "config.json" and text.encode() in path.read_bytes()
    ]


def test_denied_and_masked_values_are_found_nowhere(rehearsal: Any, messages: Any) -> None:
    """Not even of rejected rows, whose records the ledger keeps."""
    boards = {"supplier": {"unmapped": "create", "columns": {"Note": {"type": "numbers"}}}}
    settings = {"deny": ["supplier.Iban", "customer.Iban"], "mask": ["*.Mail"], "max_rejects": 9}
    rejected = rehearsal.run(rows(messages), boards=boards, **settings)
    assert (rejected.code, rejected.counts()["rejected"]) == (0, 3)
    ended = rehearsal.run(rows(messages, stream="customer"), **settings)
    assert ended.code == 0

    titles = {column["title"] for column in rehearsal.board("Customer")["columns"]}
    masks = {item["cells"]["Mail"] for item in rehearsal.board("Customer")["items"]}
    assert titles == {"Name", "Record key", "Id", "Mail", "Note"}
    assert [mask[:7] for mask in masks] == ["masked:"]
    assert traces(rehearsal, SECRET) == traces(rehearsal, OTHER) == []
    for text in (SECRET, OTHER):
        assert text not in rejected.log + ended.log


def test_a_keyed_mask_cannot_be_found_by_trying(rehearsal: Any, messages: Any) -> None:
    """Another key gives another mask; the same key the same one, and no write."""
    masks = []
    for key in (None, "key-of-masks", "key-of-masks", "another"):
        ended = rehearsal.run(rows(messages, 1), mask=["supplier.Mail"], mask_key=key or "")
        assert ended.code == 0
        masks.append((rehearsal.cells("Supplier", "0")["Mail"], ended.counts()["updated"]))
    assert [updated for _, updated in masks] == [0, 1, 0, 1]
    assert len({mask for mask, _ in masks}) == 3
    assert traces(rehearsal, "key-of-masks") == []


def test_what_cannot_be_denied_or_masked_is_said_before_the_first_write(
    rehearsal: Any, messages: Any
) -> None:
    """A key cannot be denied, a mask is a text, a name has a stream."""
    ended = rehearsal.run(
        rows(messages),
        deny=["Iban", "supplier.Note"],
        mask=["supplier.Mail"],
        boards={"supplier": {"columns": {"Mail": {"type": "email"}, "Note": "Note"}}},
    )
    assert ended.code == 2
    for part in (
        "`deny` 'Iban' must be",
        "'Note' is denied",
        "only be a text, not of type 'email'",
    ):
        assert part in ended.log

    assert rehearsal.run(rows(messages), deny=["supplier.Id"]).code == 2
    assert rehearsal.usage()["mutations"] == 0


def test_old_payloads_are_purged_and_the_ledger_still_holds(rehearsal: Any, messages: Any) -> None:
    """Emptied in the file too, accounted for, with their hashes; by the setting or by hand."""
    boards = {"supplier": {"unmapped": "ignore", "columns": {"Note": {"type": "numbers"}}}}
    settings = {"boards": boards, "max_rejects": 9}
    assert rehearsal.run(rows(messages), **settings).code == 0
    assert traces(rehearsal, SECRET) != []
    told = rehearsal.audit_process("purge", "--days", "0", "--dry-run").stdout
    assert told == "3 payloads would be emptied\n"
    assert rehearsal.audit_process("purge", "--days", "1").stdout == "0 payloads emptied\n"

    one = ("purge", "--days", "0", "--stream", "supplier", "--key", "1", "--reason", "asked")
    assert rehearsal.audit_process(*one).stdout == "1 payloads emptied\n"
    assert rehearsal.audit_process("purge", "--days", "0").stdout == "2 payloads emptied\n"
    assert traces(rehearsal, SECRET) == []
    assert rehearsal.audit("verify")["sound"]

    ended = rehearsal.run(rows(messages), payload_days=0, **settings)
    assert (ended.code, "payloads.purged count=3" in ended.log) == (0, True)
    assert traces(rehearsal, SECRET) == []
    assert rehearsal.audit("verify")["sound"]


MASKS = {"mask": ["supplier.Mail"], "mask_key": "key-of-masks"}


def mails(twin: Any) -> set[str]:
    """What the boards hold of the masked property."""
    return {row["Mail"] for row in twin.account.rows("Supplier")}


@pytest.mark.parametrize("settings", [MASKS, {"mask": ["*.Mail", "*.Id"], "deny": ["*.Iban"]}])
def test_a_replay_masks_no_mask(
    simulate: Callable[..., Any], messages: Any, settings: dict[str, Any]
) -> None:
    """Rows of the ledger were masked before: they are on their boards as they should be."""
    twin = simulate()
    assert twin.run(messages.lines(rows(messages)), **settings).code == 0
    before = mails(twin)

    replayed = twin.replay(Asked(), **settings)

    assert (replayed.code, replayed.mutations, replayed.books.of("supplier").read) == (0, 0, 3)
    assert mails(twin) == before


@pytest.mark.parametrize("way", ["retry", "replay"])
@pytest.mark.parametrize("masked_before", [True, False])
def test_a_reject_of_before_is_masked_once(
    simulate: Callable[..., Any], messages: Any, way: str, *, masked_before: bool
) -> None:
    """Tried again or replayed, whether it was refused with its value or with the mask of it."""
    twin = simulate()
    narrow = {"supplier": {"unmapped": "create", "columns": {"Note": {"type": "numbers"}}}}
    first = MASKS if masked_before else {}
    refused = twin.run(messages.lines(rows(messages, 1)), boards=narrow, max_rejects=1, **first)
    assert refused.books.rejected == 1
    correct_note(twin)
    wide = {**MASKS, "boards": narrow, "deny": ["supplier.Iban"]}
    plain = privacy_of("supplier", MASKS)
    assert plain is not None

    if way == "retry":
        twin.run(messages.lines(rows(messages, 0)), **wide)
    else:
        twin.replay(Asked(), **wide)

    (row,) = twin.account.rows("Supplier")
    assert (row["Mail"], row.get("Iban", "")) == (plain.mask(OTHER), "")


def correct_note(twin: Any) -> None:
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    (reject,) = file_of(engine, numbers=[1])
    corrections = Corrections(engine, reject)
    record = corrections.changed(["Note=1"])
    correct(engine, reject, record, corrections.key_of(record), Note(state="open", at=1.0))
    engine.dispose()


def test_cells_that_an_earlier_run_kept_are_masked_too(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """They did not fit into a request then: one that is masked by now waits for its row."""
    twin = simulate()
    assert twin.run(messages.lines(rows(messages, 1))).code == 0
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    (entry,) = ItemStore(engine, twin.sandbox.monday_url).boards().values()
    kept = {entry.columns["Mail"]: "other@example.com", entry.columns["Note"]: "kept"}
    PendingCells(engine, lambda: 1.0).keep(entry.id, "0", kept)
    engine.dispose()

    twin.run(messages.lines(rows(messages, 0)), **MASKS)

    (row,) = twin.account.rows("Supplier")
    assert (row["Mail"], row["Note"]) == (OTHER, "kept")


def test_nobody_writes_a_masked_value_into_the_ledger(rehearsal: Any, messages: Any) -> None:
    """A correction holds no value of a masked property, and none of a denied one."""
    settings = {"mask": ["supplier.Mail"], "deny": ["supplier.Iban"], "max_rejects": 1}
    boards = {"supplier": {"unmapped": "create", "columns": {"Note": {"type": "numbers"}}}}
    rehearsal.run(rows(messages, 1), boards=boards, **settings)

    for change, words in ((f"Mail={OTHER}", "is masked"), (f"Iban={SECRET}", "no property 'Iban'")):
        asked = ("rejects", "edit", "1", "--set", "Note=1", "--set", change, "--reason", "r")
        assert words in rehearsal.audit_text(*asked, code=1)
    assert traces(rehearsal, OTHER) == traces(rehearsal, SECRET) == []


@given(st.text() | st.integers() | st.booleans() | st.lists(st.text()), st.none() | st.text())
def test_a_record_of_the_ledger_is_masked_once(value: Any, key: str | None) -> None:
    """However often it goes through; what comes from a source is masked whatever it looks like."""
    privacy = privacy_of("s", {"mask": ["s.A"], "deny": ["s.B"], "mask_key": key})
    assert privacy is not None
    record = {"A": value, "B": value, "C": value}
    privacy.apply(record)
    once = dict(record)

    privacy.apply(record, again=True)

    assert record == once == {"A": privacy.mask(value), "C": value}
    privacy.apply(record)
    assert record["A"] == privacy.mask(once["A"])
