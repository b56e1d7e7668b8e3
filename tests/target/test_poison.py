"""A value that nothing can hold costs its own row, in the run and in all that follows."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

SCHEMA = {
    "Id": "string",
    "GrossAmount": "number",
    "CurrencyCode": "string",
    "Day": {"type": ["string", "null"], "format": "date"},
    "Note": {},
    "Week": "string",
}
COLUMNS = {
    "GrossAmount": {"type": "numbers"},
    "CurrencyCode": {"type": "text"},
    "Day": {"type": "date"},
    "Note": {"type": "long_text"},
    "Week": {"type": "week"},
}
POISON = {
    "GrossAmount": [
        *("1e999999999", "-1e-999999999", "1e9999999999999999999999", "9" * 600, "9" * 9000),
        *("NaN", '"1,234.5"', "[1e999999999]"),
    ],
    "Day": ['"10000-01-01"', "1e999999999", '"2026-W10"'],
    "Note": ["1e999999999", '{"a": -Infinity}', r'"\ud800"'],
    "Week": ['"9999-12-31"', "[]"],
    "CurrencyCode": ["1e999999999", r'["\ud800"]'],
}
MAPPING = {"s": {"columns": COLUMNS}}


def record(number: int, **values: str) -> str:
    """A RECORD whose values are JSON as it is written here."""
    given = {"Id": f'"k{number}"', "GrossAmount": "1.50", "CurrencyCode": '"EUR"', **values}
    members = ", ".join(f'"{name}": {value}' for name, value in given.items())
    return f'{{"type": "RECORD", "stream": "s", "record": {{{members}}}}}'


@pytest.fixture
def poisoned(rehearsal: Any, messages: Any) -> tuple[Any, int, list[Any]]:
    """A target after a run over good rows and one bad row of each kind."""
    bad = [record(at, **{name: each}) for at, (name, each) in enumerate(kinds())]
    good = [record(100 + at) for at in range(3)]
    lines = [messages.schema("s", SCHEMA), good[0], *bad, *good[1:]]
    ended = rehearsal.run(lines, boards=MAPPING)
    counts = ended.counts()
    assert (ended.code, counts["created"], counts["rejected"]) == (3, 3, len(bad)), ended.log
    assert "object at 0x" not in ended.log
    assert "Decimal(" not in ended.log
    return rehearsal, len(bad), lines


def kinds() -> list[tuple[str, str]]:
    return [(name, each) for name, bad in POISON.items() for each in bad]


def test_every_command_shows_the_bad_rows_and_all_others(
    poisoned: tuple[Any, int, list[Any]],
) -> None:
    """Listed, shown one by one, exported in both forms, reported, and on the page."""
    rehearsal, bad, _ = poisoned
    listed = rehearsal.audit("rejects", "list", "--payload")

    assert len(listed) == bad
    assert {each["code"] for each in listed} == {"BAD_CELL"}
    assert all("Decimal" not in each["message"] for each in listed)
    rehearsal.audit_text("rejects", "show", str(listed[0]["id"]))
    rows = list(csv.DictReader(io.StringIO(rehearsal.audit_text("rejects", "export")[1:])))
    assert [row["Id"] for row in rows] == [f"k{at}" for at in range(bad)]
    assert rows[0]["GrossAmount"] == "1E+999999999"
    assert len(rehearsal.audit_text("rejects", "export", "--format", "jsonl").splitlines()) == bad
    totals = rehearsal.audit("report")["boards"][0]["totals"]["groups"]
    assert next(each for each in totals if each["by"] == ["EUR"])["items"]["closing"] == "3"
    rehearsal.audit_text("page", "--out", str(rehearsal.folder / "page.html"))


def test_the_bad_rows_are_corrected_and_delivered_one_by_one(
    poisoned: tuple[Any, int, list[Any]],
) -> None:
    """One that is still bad, or whose correction cannot be read, stays as it is."""
    rehearsal, bad, lines = poisoned
    numbers = [each["id"] for each in rehearsal.audit("rejects")]
    edit, why = ("rejects", "edit"), ("--reason", "wrong at the source")
    rehearsal.audit_text(*edit, str(numbers[1]), "--set", "GrossAmount:=2.50", *why)
    text = rehearsal.audit_text(
        *edit, str(numbers[0]), "--set", "GrossAmount:=1e9999999999999999999999", *why, code=1
    )
    assert f"Reject {numbers[0]} was not changed" in text

    again = rehearsal.run([lines[0]], boards=MAPPING)

    assert again.counts()["recovered"] == 1, again.log
    assert len(rehearsal.audit("rejects")) == bad - 1
    assert rehearsal.cells("S", "k1")["GrossAmount"] == "2.5"
