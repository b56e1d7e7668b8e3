"""Texts made of several properties: names, links, groups."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.rejects import BadCell
from target_monday.templates import ABSENT, template

RECORD = {
    "No": "PO 1/2",
    "Name": "Nordic & Co",
    "Null": None,
    "Empty": "",
    "Day": "2026-03-05",
    "At": "2026-11-23T22:07:00Z",
    "Count": 7,
}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{No} - {Name}", "PO 1/2 - Nordic & Co"),
        ("{No} - {Null}", "PO 1/2"),
        ("{Null} - {Name}", "Nordic & Co"),
        ("{No} - {Empty} - {Name}", "PO 1/2 - Nordic & Co"),
        ("Order {No}: {Null}!", "Order PO 1/2!"),
        ("{Null}{Empty}", None),
        ("Order {Null}", None),
        ("plain", "plain"),
        ("{{{Count}}}", "{7}"),
        ("{Day:%Y-%m}", "2026-03"),
        ("{Day:Q%q %Y}", "Q1 2026"),
        ("{At:%d.%m.%y %H:%M}", "23.11.26 22:07"),
        ("{At:%G-W%V}", "2026-W48"),
        ("{Null:%Y}", None),
        ("{Missing} {No}", ABSENT),
    ],
)
def test_a_template_renders(source: str, made: Any) -> None:
    """Nulls leave no dangling separators; a missing property makes no text at all."""
    assert template(source).render(RECORD) == made


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("https://x.se/{No}?n={Name}", "https://x.se/PO%201%2F2?n=Nordic%20%26%20Co"),
        ("https://x.se/{No}/{Null}", None),
        ("https://x.se/{Empty}", None),
        ("https://x.se/{Missing}", ABSENT),
    ],
)
def test_an_address_has_its_values_encoded(source: str, made: Any) -> None:
    """Half an address is none."""
    assert template(source).address(RECORD) == made


@pytest.mark.parametrize(
    "source", ["{No!r}", "{No.x}", "{No[0]}", "{}", "{No:>8}", "{Day:%B}", "{Day:x}", "{No", "}"]
)
def test_what_depends_on_python_is_malformed(source: str) -> None:
    """Only plain fields and the stated forms of dates."""
    with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
        template(source)


@pytest.mark.parametrize("name", ["No", "Count"])
def test_a_form_of_dates_takes_dates_only(name: str) -> None:
    with pytest.raises(BadCell):
        template(f"{{{name}:%Y}}").render(RECORD)


VALUES = st.none() | st.text(alphabet="xy ", max_size=3)


@given(st.text(alphabet="abc {}"), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_a_template_never_fails_but_as_told(source: str, record: dict[str, Any]) -> None:
    """Malformed, absent, null or a text."""
    try:
        parsed = template(source)
    except ValueError:
        return
    made = parsed.render(record)

    assert made is None or made is ABSENT or isinstance(made, str)
    assert (made is ABSENT) == any(name not in record for name in parsed.fields)


def test_the_whole_of_a_long_text_is_kept_in_a_second_column(rehearsal: Any, messages: Any) -> None:
    """A long text holds 2,000 characters: what it loses stands in a text column beside it."""
    long = "Ü\N{COMBINING ACUTE ACCENT} \N{FAMILY}\n" * 900
    mapping = {
        "s": {
            "unmapped": "create",
            "columns": {
                "Note": {"title": "Note", "type": "long_text"},
                "Note (full)": {"template": "{Note}", "title": "Note (full)", "type": "text"},
            },
        }
    }
    lines = [messages.schema("s", {"Id": "string", "Note": "string"})]
    lines.append(messages.record("s", Id="a", Note=long))

    ended = rehearsal.run(lines, boards=mapping)
    again = rehearsal.run(lines, boards=mapping)

    cells = rehearsal.cells("S", "a")
    assert (ended.code, ended.counts()["shortened"]) == (0, 1)
    assert (len(cells["Note"]) <= 2000, cells["Note"][-1]) == (True, "\N{HORIZONTAL ELLIPSIS}")
    assert cells["Note (full)"] == long
    assert again.counts()["unchanged"] == 1
