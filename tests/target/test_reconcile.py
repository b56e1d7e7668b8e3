"""Boards read back: every edit by hand is found, and nothing else is."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# type: (options, value that is delivered, value that a person writes)
TYPES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "text": ({}, "as delivered", "as a person likes it"),
    "long_text": ({}, "a\nb", {"text": "other"}),
    "numbers": ({"precision": 2}, "1" * 40 + ".25", "1" * 40 + ".26"),
    "status": ({"labels": ["Paid", "Open"]}, "Paid", {"label": "Open"}),
    "dropdown": ({}, ["b", "a"], {"labels": ["a"]}),
    "date": ({}, "2026-10-30", {"date": "2026-10-31"}),
    "timeline": ({}, "2026-10-30/2026-11-02", {"from": "2026-10-30", "to": "2026-11-03"}),
    "checkbox": ({}, True, None),
    "email": ({}, "a@example.com", {"email": "b@example.com", "text": "b@example.com"}),
    "phone": ({"country": "SE"}, "+46812345678", {"phone": "+4681", "countryShortName": "SE"}),
    "link": ({}, "https://example.com/a", {"url": "https://example.com/b", "text": "b"}),
    "people": ({}, "anna.lindqvist@example.com", "person"),
    "tags": ({}, "urgent", "tag"),
    "country": ({}, "SE", {"countryCode": "DE", "countryName": "Germany"}),
    "rating": ({"limit": 10}, 9, {"rating": 3}),
    "hour": ({}, "16:42", {"hour": 9, "minute": 0}),
    "week": ({}, "2026-11-25", {"week": {"startDate": "2026-11-30", "endDate": "2026-12-06"}}),
    "world_clock": ({}, "Europe/Stockholm", {"timezone": "Europe/Berlin"}),
    "location": ({}, "59.33,18.06,Stockholm", {"lat": "1", "lng": "2", "address": "Elsewhere"}),
}
MAPPING = {
    "s": {
        "group": "{Place}",
        "item_name": "Row {Id}",
        "columns": {kind: {"type": kind, **options} for kind, (options, *_) in TYPES.items()},
    }
}
CHANGE = """mutation ($board: ID!, $item: ID!, $values: JSON!) {
  change_multiple_column_values(board_id: $board, item_id: $item, column_values: $values,
    create_labels_if_missing: true) { id } }"""
CREATE = """mutation ($board: ID!, $values: JSON!) {
  create_item(board_id: $board, item_name: "By hand", column_values: $values) { id } }"""
MOVE = """mutation ($item: ID!, $group: String!) {
  move_item_to_group(item_id: $item, group_id: $group) { id } }"""


def rows(messages: Any, count: int) -> list[Any]:
    values = {kind: value for kind, (_, value, _) in TYPES.items()}
    schema = messages.schema(
        "s", {"Id": "string", "Place": "string", **{kind: {} for kind in TYPES}}
    )
    records = [
        messages.record("s", Id=f"R{at:02d}", Place="Here" if at % 2 else "There", **values)
        for at in range(count)
    ]
    return [schema, *records, messages.state(1)]


def reconciled(rehearsal: Any, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the certificate."""
    out = rehearsal.folder / "certificate"
    done = rehearsal.audit_process(
        "reconcile", "--config", str(rehearsal.folder / "config.json"), "--out", str(out), *options
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1, 4}, done.stderr
    return done.returncode, json.loads((out / "certificate.json").read_text())


class Person:
    """Somebody with a browser."""

    def __init__(self, rehearsal: Any) -> None:
        self.rehearsal = rehearsal
        self.board = rehearsal.board("S")
        self.columns = {column["title"]: column["id"] for column in self.board["columns"]}
        self.groups = {item["group"]["title"]: item["group"]["id"] for item in self.board["items"]}
        users = rehearsal.ask("{ users { id email } }")["users"]
        other = next(user["id"] for user in users if not user["email"].startswith("anna"))
        tag = rehearsal.ask('mutation { create_or_get_tag(tag_name: "later") { id } }')
        self.values = {
            "person": {"personsAndTeams": [{"id": int(other), "kind": "person"}]},
            "tag": {"tag_ids": [int(tag["create_or_get_tag"]["id"])]},
        }

    def ask(self, document: str, **variables: Any) -> None:
        """Do something that cannot fail."""
        answer = self.rehearsal.ask(document, variables)
        assert all(answer.values()), (document, variables)

    def write(self, item: Any, title: str, value: Any) -> None:
        """Write a cell; a text that names one of `values` stands for it."""
        column = "name" if title == "name" else self.columns[title]
        value = self.values.get(value, value) if isinstance(value, str) else value
        self.ask(
            CHANGE, board=self.board["id"], item=item["id"], values=json.dumps({column: value})
        )

    def create(self, **values: Any) -> None:
        """Make an item."""
        self.ask(
            CREATE,
            board=self.board["id"],
            values=json.dumps({self.columns[title]: each for title, each in values.items()}),
        )


def edits(person: Person, items: list[Any]) -> Iterator[tuple[str, str | None]]:
    """Fifty edits, each on an item of its own: what a certificate calls them, and whose key."""
    spare = iter(items)
    for kind, (_, _, other) in TYPES.items():
        item = next(spare)
        person.write(item, kind, other)
        yield "cell", item["cells"]["Record key"]
        if other is not None:
            item = next(spare)
            person.write(item, kind, None)
            yield "cell", item["cells"]["Record key"]
    for title, value, what in (
        ("name", "Renamed", "name"),
        ("Record key", "R999", "key"),
        ("Record key", "", "key"),
        ("Record key", "R01", "key"),
    ):
        item = next(spare)
        person.write(item, title, value)
        yield what, item["cells"]["Record key"]
    for verb, what in (("archive_item", "archived"), ("delete_item", "missing")):
        item = next(spare)
        person.ask(f"mutation ($item: ID!) {{ {verb}(item_id: $item) {{ id }} }}", item=item["id"])
        yield what, item["cells"]["Record key"]
    for _ in range(3):
        item = next(spare)
        title = next(each for each in person.groups if each != item["group"]["title"])
        person.ask(MOVE, item=item["id"], group=person.groups[title])
        yield "group", item["cells"]["Record key"]
    person.create(**{"Record key": "R01"})
    yield "duplicate", "R01"
    person.create(**{"Record key": "X1"})
    yield "extra", "X1"
    for _ in range(2):
        person.create(text="no key")
        yield "unkeyed", None


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_fifty_edits_by_hand_are_the_exceptions_and_restored_it_passes(
    rehearsal: Any, messages: Any, lane: str
) -> None:
    """Every kind of edit on every column type, in boards of either lane: those and no others."""
    assert rehearsal.run(rows(messages, 60), boards=MAPPING, lane=lane, poll_interval=0.2).code == 0
    code, certificate = reconciled(rehearsal)
    assert (code, certificate["exceptions"]) == (0, [])
    person = Person(rehearsal)
    account = rehearsal.sandbox.account
    saved = copy.deepcopy((account.boards, account.board_of_item))
    before = rehearsal.usage()["mutations"]

    done = list(edits(person, person.board["items"]))

    made = rehearsal.usage()["mutations"] - before
    assert len(done) == 50
    code, certificate = reconciled(rehearsal)
    found = [(each["kind"], each["key"]) for each in certificate["exceptions"]]
    assert (code, certificate["verdict"]) == (1, "FAIL")
    assert Counter(found) == Counter(done)
    assert all(each["explanation"] for each in certificate["exceptions"])
    assert rehearsal.usage()["mutations"] - before == made

    account.boards, account.board_of_item = saved
    assert reconciled(rehearsal)[1]["exceptions"] == []


@pytest.fixture
def delivered(rehearsal: Any, messages: Any) -> Any:
    """A board of twelve rows."""
    assert rehearsal.run(rows(messages, 12), boards=MAPPING).code == 0
    return rehearsal


def test_what_a_run_has_read_of_an_edit_is_still_an_exception(
    delivered: Any, messages: Any
) -> None:
    """A run that reads the board again takes an edit for what is there, not for what it wrote.

    An item that no run has made, with a key, is taken for a row of ours then; it is counted.
    """
    person = Person(delivered)
    person.write(person.board["items"][0], "text", "by hand")
    person.create(**{"Record key": "X1"})  # another count of items: the next run reads them all
    schema, *_ = rows(messages, 0)
    assert delivered.run([schema, messages.state(2)], boards=MAPPING).code == 0

    _, certificate = reconciled(delivered)
    [board] = certificate["boards"]
    assert [each["kind"] for each in certificate["exceptions"]] == ["cell"]
    assert (board["ledger_rows"], board["known_by_reading"]) == (13, 1)


def test_renamed_labels_and_groups_and_lost_columns_are_one_exception_each(delivered: Any) -> None:
    """What one edit did to all rows is told once, with the number of rows."""
    person = Person(delivered)
    account = delivered.sandbox.account
    board = account.boards[int(person.board["id"])]
    next(group for group in board.groups if group.title == "Here").title = "Elsewhere"
    person.ask(
        "mutation ($board: ID!, $column: String!) "
        "{ delete_column(board_id: $board, column_id: $column) { id } }",
        board=person.board["id"],
        column=person.columns["hour"],
    )

    found = reconciled(delivered)[1]["exceptions"]
    assert sorted((each["kind"], each["rows"]) for each in found) == [("column", 12), ("group", 6)]


def test_an_exception_names_both_values_and_who_wrote_last(delivered: Any) -> None:
    """Ledger, board, column, item, run and time stand beside each exception, also in the CSV."""
    person = Person(delivered)
    item = person.board["items"][0]
    person.write(item, "text", "=by hand")

    [found] = reconciled(delivered)[1]["exceptions"]
    [run] = delivered.audit("runs")
    assert (found["ledger"], found["board"]) == ("as delivered", "=by hand")
    assert (found["column"], found["property"], found["item_id"]) == ("text", "text", item["id"])
    assert found["last_write"]["run"] == run["id"]
    assert found["last_write"]["outcome"] == "acknowledged"
    text = (delivered.folder / "certificate/certificate.csv").read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["board"] for line in lines if line["result"] == "cell"] == ["'=by hand"]


def test_totals_of_both_sides_are_exact(rehearsal: Any, messages: Any) -> None:
    """By company, which stands in the key alone, and currency, to the last digit."""
    names = ("Company", "CurrencyCode", "NetAmount")
    schema = messages.schema(
        "s", {"Id": "string", **dict.fromkeys(names[:2], "string"), names[2]: "number"}
    )
    records = [
        messages.record("s", Id=str(at), Company="10", CurrencyCode=currency, NetAmount=f"{at}.10")
        for at, currency in enumerate(["SEK", "SEK", "EUR"])
    ]
    schema["key_properties"] = ["Company", "Id"]
    columns = {"CurrencyCode": {"type": "text"}, "NetAmount": {"type": "numbers"}}
    ended = rehearsal.run([schema, *records, messages.state(1)], boards={"s": {"columns": columns}})
    assert ended.code == 0
    person = Person(rehearsal)
    person.write(person.board["items"][2], "NetAmount", "2.11")

    [board] = reconciled(rehearsal)[1]["boards"]
    totals = [(group["by"], group["NetAmount"]) for group in board["totals"]["groups"]]
    assert totals == [
        (["10", "EUR"], {"ledger": "2.1", "board": "2.11"}),
        (["10", "SEK"], {"ledger": "1.2", "board": "1.2"}),
    ]


def test_a_sample_is_drawn_again_by_its_seed_and_calls_are_kept(delivered: Any) -> None:
    """The certificate says which rows were drawn by what; another seed draws others."""
    drawn = []
    for seed in ("a", "a", "b"):
        _, certificate = reconciled(delivered, "--sample", "4", "--seed", seed)
        [board] = certificate["boards"]
        assert (board["sample"], certificate["calls"]) == ({"rows": 4, "seed": seed}, 2)
        drawn.append([row["key"] for row in board["rows"]])
    assert drawn[0] == drawn[1] != drawn[2]

    done = delivered.audit_process(
        "reconcile", "--config", str(delivered.folder / "config.json"), "--max-calls", "1"
    )
    assert (done.returncode, done.stdout.splitlines()[-1].split()[0]) == (4, "INCOMPLETE")
    assert "not looked at stream=s: `--max-calls` 1 did not reach it." in done.stdout


def test_a_budget_of_calls_leaves_room_for_the_bad_case(rehearsal: Any, messages: Any) -> None:
    """FAIL is FAIL with any number of calls that reach a board; what was not seen is said."""
    streams = ("s", "t", "u")
    for stream in streams:
        schema = messages.schema(stream, {"Id": "string", "Note": "string"})
        records = [messages.record(stream, Id=str(at), Note="n") for at in range(3)]
        assert rehearsal.run([schema, *records]).code == 0
        rehearsal.sandbox.account.archive_item(stream.upper(), "0")

    seen = {}
    for calls in (1, 2, 4, 5, 7):
        code, certificate = reconciled(rehearsal, "--max-calls", str(calls))
        assert certificate["calls"] <= calls
        looked_at = [board for board in certificate["boards"] if not board["not_looked_at"]]
        assert len(looked_at) == min(calls - 1, 3)
        seen[calls] = Counter(each["kind"] for each in certificate["exceptions"])
        assert (certificate["verdict"], code) == (("FAIL", 1) if looked_at else ("INCOMPLETE", 4))
        assert sum(seen[calls].values()) == len(looked_at)

    assert seen[4] == Counter(missing=3)
    assert seen[5] == Counter(archived=1, missing=2)
    assert seen[7] == Counter(archived=3)


def test_an_item_that_somebody_brought_back_is_known(rehearsal: Any, messages: Any) -> None:
    """The ledger knows which run took it away; it is not one that no run has made."""
    schema = messages.schema("s", {"Id": "string"})

    def version(number: int, *keys: str) -> None:
        records = [messages.record("s", number, Id=key) for key in keys]
        lines = [schema, *records, messages.activate("s", number), messages.state(number)]
        assert rehearsal.run(lines, vanished="archive").code == 0

    version(1, "a", "b", "c")
    account = rehearsal.sandbox.account
    (item,) = account.items_named("S", "c")
    version(2, "a", "b")
    run = rehearsal.audit("runs")[0]["id"]
    item.state = "active"
    account.board("S").active_count += 1

    code, certificate = reconciled(rehearsal)

    (found,) = certificate["exceptions"]
    assert (code, found["kind"], found["key"]) == (1, "restored", "c")
    assert found["explanation"].startswith(f"Run {run} took the item off the board")
    assert found["last_write"]["run"] == run


def test_rows_that_were_appended_are_reconciled_too(rehearsal: Any, messages: Any) -> None:
    """Rows without a key are found by their items."""
    schema = messages.schema("s", {"Text": "string"}, keys=())
    records = [messages.record("s", Text=text) for text in ("a", "a", "b")]
    assert rehearsal.run([schema, *records, messages.state(1)]).code == 0
    assert reconciled(rehearsal)[0] == 0
    person = Person(rehearsal)
    person.write(person.board["items"][1], "Text", "c")

    assert [each["kind"] for each in reconciled(rehearsal)[1]["exceptions"]] == ["cell"]


def test_a_run_at_work_is_waited_for(delivered: Any, messages: Any) -> None:
    """While a run holds a lease nothing is certified."""
    process = delivered.start(boards=MAPPING)
    process.stdin.write(messages.lines(rows(messages, 1)[:1]))
    process.stdin.flush()
    for line in process.stderr:
        if "board.ready" in line:
            break

    done = delivered.audit_process("reconcile", "--config", str(delivered.folder / "config.json"))
    process.communicate("", timeout=60)
    assert (done.returncode, done.stdout) == (4, "")
    assert "is at work" in done.stderr


def test_a_signed_certificate_is_checked_and_a_changed_one_is_not_passed(delivered: Any) -> None:
    """By digest without a key, by signature with one; files are their owner's alone."""
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    private, public = delivered.folder / "key.pem", delivered.folder / "public.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    def publish(one: Ed25519PrivateKey) -> None:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(one.public_key().public_bytes(serialization.Encoding.PEM, form))

    def check(path: Path, *options: str) -> tuple[int, str]:
        done = delivered.audit_process("reconcile", "--check", str(path), *options)
        return done.returncode, done.stderr

    reconciled(delivered, "--sign-key", str(private))
    folder = delivered.folder / "certificate"
    path = folder / "certificate.json"
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    publish(key)
    assert check(path)[0] == check(path, "--public-key", str(public))[0] == 0
    publish(other)
    assert "not by this key" in check(path, "--public-key", str(public))[1]
    path.write_text(path.read_text().replace("PASS", "PASS "))
    assert "not that of its digest" in check(path)[1]


def test_links_and_boards_of_a_period_are_reconciled(rehearsal: Any, messages: Any) -> None:
    """A row that went to another board is missed on none; a link that was taken away is."""
    boards = {
        "invoice": {
            "board_name": "Invoices {Day:%Y}",
            "columns": {"Supplier": {"type": "board_relation", "stream": "supplier"}},
        }
    }
    supplier = messages.schema("supplier", {"SupplierId": "string"}, ["SupplierId"])
    properties = {"Id": "string", "Day": {"type": "string", "format": "date"}, "Supplier": "string"}

    def run(day: str) -> None:
        rows = [
            messages.record("invoice", Id=key, Day=each, Supplier="S1")
            for key, each in (("a", "2025-01-01"), ("b", day))
        ]
        lines = [supplier, messages.record("supplier", SupplierId="S1")]
        lines += [messages.schema("invoice", properties), *rows, messages.state(1)]
        ended = rehearsal.run(lines, boards=boards)
        assert ended.code == 0, ended.log

    for day in ("2025-01-01", "2026-01-01"):
        run(day)
        code, certificate = reconciled(rehearsal)
        assert (code, certificate["exceptions"]) == (0, [])
    board = rehearsal.board("Invoices 2026")
    [column] = [each["id"] for each in board["columns"] if each["type"] == "board_relation"]
    [item] = board["items"]
    rehearsal.ask(
        CHANGE,
        {
            "board": board["id"],
            "item": item["id"],
            "values": json.dumps({column: {"item_ids": []}}),
        },
    )

    [found] = reconciled(rehearsal)[1]["exceptions"]
    assert (found["kind"], found["key"], found["board"]) == ("cell", "b", None)
