"""One value that is no JSON costs its row, not the rows behind it."""

from __future__ import annotations

from typing import Any

import pytest

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
VALUES = {
    "nan": "NaN",
    "infinity": "-Infinity",
    "half a pair": r'"\ud800 and more"',
    "inside": '[1, {"deep": NaN}]',
    "deep": DEEP,
    "10,000 digits": "9" * 10_000,
    "exponent": "1e" + "9" * 30,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("place", ["V", "Id"])
def test_an_unreadable_value_is_a_reject_of_its_row(
    rehearsal: Any, messages: Any, value: str, place: str
) -> None:
    schema = messages.schema("s", {"Id": "string", "V": "string", "Other": "string"})
    values = {"Id": '"bad"', "V": '"b"', place: value}
    record = ", ".join(f'"{name}": {each}' for name, each in values.items())
    bad = f'{{"type": "RECORD", "stream": "s", "record": {{{record}}}}}'

    ended = rehearsal.run(
        [schema, messages.record("s", Id="a", V="1"), bad, messages.record("s", Id="c", V="2")]
    )

    assert ended.code == 3
    counts = ended.counts()
    assert (counts["created"], counts["rejected"]) == (2, 1)
    assert [each["code"] for each in rehearsal.audit("rejects")] == ["BAD_CELL"]


def test_an_unreadable_value_that_is_not_mapped_costs_nothing(
    rehearsal: Any, messages: Any
) -> None:
    schema = messages.schema("s", {"Id": "string", "V": "string"})
    odd = '{"type": "RECORD", "stream": "s", "record": {"Id": "a", "V": "1", "X": NaN}}'

    assert rehearsal.run([schema, odd]).code == 0
