"""Control totals: exact sums by company, currency and period, in the books of each run."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.control_totals import ControlTotals, Movements, TotalsSpec
from target_monday.templates import template

PROPERTIES = {
    "Company": "string",
    "ProposalId": "integer",
    "InvoiceNo": "string",
    "SupplierName": "string",
    "CurrencyCode": "string",
    "InvoiceDate": {"type": ["string", "null"], "format": "date"},
    "GrossCurrAmount": "number",
    "Rate": "number",
}
MARCH, APRIL = "2026-03-31", "2026-04-01"


def invoices(messages: Any, *rows: tuple[int, str, str, str], version: int | None = None) -> Any:
    """Invoices by number, currency, date and gross amount."""
    schema = messages.schema("invoices", PROPERTIES, keys=["Company", "ProposalId"])
    records = [
        {
            "Company": "10",
            "ProposalId": number,
            "InvoiceNo": str(number),
            "SupplierName": "Nordic",
            "CurrencyCode": currency,
            "InvoiceDate": day,
            "GrossCurrAmount": "@",
            "Rate": 1,
        }
        for number, currency, day, _ in rows
    ]
    lines = [
        messages.lines([messages.record("invoices", version, **record)])
        .strip()
        .replace('"@"', amount)
        for record, (_, _, _, amount) in zip(records, rows, strict=True)
    ]
    return [schema, *lines]


def totals(rehearsal: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    """The control totals of the last run, by their groups."""
    found = rehearsal.audit("report")["boards"][0]["totals"]
    return {tuple(group["by"]): group for group in found["groups"]}


def test_totals_follow_what_changes_and_hold_what_does_not(rehearsal: Any, messages: Any) -> None:
    """Opening, what the run did, closing: for each company, currency and period, to the digit."""
    first = [
        (1, "EUR", MARCH, "0.10000000000000000000000000000000000001"),
        (2, "EUR", MARCH, "99999999999999999999999999999999999999.2"),
        (3, "SEK", MARCH, "7"),
        (4, "EUR", APRIL, "5.50"),
    ]
    rehearsal.run(invoices(messages, *first))
    assert totals(rehearsal)["10", "EUR", "2026-03"]["GrossCurrAmount"] == {
        "opening": "0",
        "created": "99999999999999999999999999999999999999.30000000000000000000000000000000000001",
        "closing": "99999999999999999999999999999999999999.30000000000000000000000000000000000001",
    }

    # The third is unchanged, the first moves to April, the second becomes less.
    second = [(1, "EUR", APRIL, "0.5"), (2, "EUR", MARCH, "1"), (3, "SEK", MARCH, "7")]
    rehearsal.run(invoices(messages, *second, (5, "EUR", MARCH, "2.25")))

    found = totals(rehearsal)
    assert found.keys() == {("10", "EUR", "2026-03"), ("10", "EUR", "2026-04")}
    march, april = found["10", "EUR", "2026-03"], found["10", "EUR", "2026-04"]
    assert (march["GrossCurrAmount"]["created"], march["GrossCurrAmount"]["closing"]) == (
        "2.25",
        "3.25",
    )
    assert april["GrossCurrAmount"] == {"opening": "5.5", "updated": "0.5", "closing": "6"}
    assert april["items"] == {"opening": "1", "updated": "1", "closing": "2"}
    assert march["items"] == {"opening": "2", "created": "1", "updated": "-1", "closing": "2"}


def test_a_run_that_changes_nothing_has_no_totals_to_tell(rehearsal: Any, messages: Any) -> None:
    """The board's totals are those of the run that last changed them."""
    lines = invoices(messages, (1, "EUR", MARCH, "1"))
    rehearsal.run(lines)
    rehearsal.run(lines)

    assert rehearsal.audit("report")["boards"][0]["totals"] is None


def test_what_leaves_and_what_is_refused_stand_apart(rehearsal: Any, messages: Any) -> None:
    """An archived item takes its amount off the board; a rejected row never put it there."""
    rows = [(1, "EUR", MARCH, "1"), (2, "EUR", MARCH, "2")]
    rehearsal.run(invoices(messages, *rows, version=1), vanished="archive")

    lines = invoices(messages, rows[1], (3, "EUR", MARCH, '"many"'), version=2)
    refused = messages.lines([messages.record("invoices", 2, Company="10", GrossCurrAmount=40)])
    ended = rehearsal.run(
        [*lines, refused.strip(), messages.activate("invoices", 2)], vanished="archive"
    )

    march = totals(rehearsal)["10", "EUR", "2026-03"]
    assert (ended.code, ended.counts()["rejected"]) == (3, 2)
    assert march["GrossCurrAmount"] == {"opening": "3", "archived": "-1", "closing": "2"}
    assert march["items"]["rejected"] == "1"
    assert totals(rehearsal)["10", "", ""]["GrossCurrAmount"]["rejected"] == "40"


def test_what_people_changed_is_found_when_the_board_is_read(rehearsal: Any, messages: Any) -> None:
    """It stands by itself, and what is mended afterwards stands among the updates."""
    lines = invoices(messages, (1, "EUR", MARCH, "10"), (2, "EUR", MARCH, "20"))
    rehearsal.run(lines)
    board = rehearsal.board("Invoices")
    [column] = [each["id"] for each in board["columns"] if each["title"] == "GrossCurrAmount"]
    first = next(each for each in board["items"] if each["cells"]["Record key"] == "10|1")
    change = """mutation ($board: ID!, $item: ID!, $column: String!) {
        change_simple_column_value(board_id: $board, item_id: $item, column_id: $column,
                                   value: "11") { id }
        create_item(board_id: $board, item_name: "of a person") { id } }"""
    rehearsal.ask(change, {"board": board["id"], "item": first["id"], "column": column})

    rehearsal.run(lines)

    march = totals(rehearsal)["10", "EUR", "2026-03"]
    assert march["GrossCurrAmount"] == {
        "opening": "30",
        "updated": "-1",
        "found": "1",
        "closing": "30",
    }


def test_the_ledger_that_was_lost_finds_all_of_it(rehearsal: Any, messages: Any) -> None:
    """What is read back from the board is none of the run's doing."""
    lines = invoices(messages, (1, "EUR", MARCH, "10"))
    rehearsal.run(lines)
    for part in rehearsal.folder.glob("ledger.db*"):
        part.unlink()

    rehearsal.run(lines)

    march = totals(rehearsal)["10", "EUR", "2026-03"]
    assert march["GrossCurrAmount"] == {"opening": "0", "found": "10", "closing": "10"}


def test_the_mapping_names_amounts_and_groups(rehearsal: Any, messages: Any) -> None:
    """`control_totals` of a stream; what it names must be on the board."""
    lines = invoices(messages, (1, "EUR", MARCH, "10"), (2, "SEK", APRIL, "5"))
    chosen = {"amounts": ["Rate"], "by": ["{InvoiceDate:%Y}"]}

    rehearsal.run(lines, boards={"invoices": {"control_totals": chosen}})

    assert totals(rehearsal) == {
        ("2026",): {
            "by": ["2026"],
            "items": {"opening": "0", "created": "2", "closing": "2"},
            "Rate": {"opening": "0", "created": "2", "closing": "2"},
        }
    }


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"amounts": ["Gross"]}, "'Gross'"),
        ({"by": ["Gone"]}, "'Gone'"),
        ({"by": ["{InvoiceDate!r}"]}, "malformed"),
        ({"amounts": ["InvoiceNo"]}, "numbers"),
    ],
)
def test_totals_that_cannot_be_are_refused(
    rehearsal: Any, messages: Any, asked: dict[str, Any], word: str
) -> None:
    """Before anything is written, with stream and property."""
    lines = invoices(messages, (1, "EUR", MARCH, "10"))

    ended = rehearsal.run(lines, boards={"invoices": {"control_totals": asked}})

    assert (ended.code, word in ended.log, "control_totals" in ended.log) == (2, True, True)
    assert "invoices" in ended.log


def test_the_report_shows_them(rehearsal: Any, messages: Any) -> None:
    """A line a group and amount, under the board's line."""
    rehearsal.run(invoices(messages, (1, "EUR", MARCH, "10.50")))

    printed = rehearsal.audit_text("report")

    line = next(line for line in printed.splitlines() if "GrossCurrAmount" in line)
    assert [word.strip() for word in line.split("│")[1:-1]] == [
        *("10 / EUR / 2026-03", "GrossCurrAmount", "0", "10.5", "10.5"),
    ]


CONTROL = ControlTotals(
    TotalsSpec(("Amount",), (template("{Company}"),)), {"Amount": "amount"}, {}, ("Company", "No")
)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=5).map("{:f}".format)
STEPS = st.lists(st.tuples(st.sampled_from(["1|a", "1|b", "2|a"]), AMOUNTS | st.none()))


@given(before=st.dictionaries(st.sampled_from(["1|a", "2|a"]), AMOUNTS), steps=STEPS)
def test_opening_and_what_was_done_make_the_closing(
    before: dict[str, str], steps: list[tuple[str, str | None]]
) -> None:
    """Whatever is created, changed and archived, in any order."""
    now = dict(before)
    movements = Movements(CONTROL, board=1)
    for key, amount in steps:
        had = now.pop(key, None)
        if amount is not None:
            now[key] = amount
        kind = "created" if had is None else "archived" if amount is None else "updated"
        cells = [None if each is None else {"amount": each} for each in (had, amount)]
        if cells != [None, None]:
            movements.enter(kind, key, *cells)

    report = movements.report(lambda *_: ((key, {"amount": each}) for key, each in now.items()))

    exact = Context(prec=1000)
    for group in report["groups"] if report else ():
        (company,) = group["by"]
        figures = {name: Decimal(text) for name, text in group["Amount"].items()}
        for end, items in (("opening", before), ("closing", now)):
            total = Decimal()
            for key, amount in items.items():
                if key.startswith(f"{company}|"):
                    total = exact.add(total, Decimal(amount))
            assert figures[end] == total
