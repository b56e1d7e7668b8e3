"""What is denied or masked is found nowhere: not on the board, in no file, in no log."""

from __future__ import annotations

from typing import Any

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
