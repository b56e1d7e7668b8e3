"""Labels of status and dropdown columns: made, mapped or rejected; never two that look alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.labels import MAX_LABELS, Label, Labels, label_of
from target_monday.rejects import LabelLimit, LabelMissing


def states(messages: Any, *values: str, **definition: Any) -> list[Any]:
    schema = messages.schema("s", {"Id": "string", "State": {"type": "string", **definition}})
    rows = (messages.record("s", Id=f"k{at}", State=value) for at, value in enumerate(values))
    return [schema, *rows]


def labels_of(rehearsal: Any) -> dict[str, str | None]:
    """Label -> colour of the only status or dropdown column."""
    columns = rehearsal.ask("{ boards { columns { type settings } } }")["boards"][0]["columns"]
    (column,) = (each for each in columns if each["type"] in {"status", "dropdown"})
    return {each["label"]: each.get("color") for each in column["settings"]["labels"]}


def cells(rehearsal: Any) -> list[str]:
    found = sorted(rehearsal.board("S")["items"], key=lambda item: str(item["cells"]["Record key"]))
    return [item["cells"]["State"] for item in found]


def test_a_value_is_written_as_the_label_it_is_mapped_to(rehearsal: Any, messages: Any) -> None:
    """Case and blanks do not matter; `*` takes what is neither mapped nor a label of the board."""
    asked = {"P": "Paid", "7": "Seven", "*": "Other"}
    columns = {"State": {"type": "status", "labels": asked}}
    lines = states(messages, "P", " p ", "7", "paid", "something else")

    ended = rehearsal.run(lines, boards={"s": {"columns": columns}})
    again = rehearsal.run(lines, boards={"s": {"columns": columns}})

    assert (ended.code, cells(rehearsal)) == (0, ["Paid", "Paid", "Seven", "Paid", "Other"])
    assert labels_of(rehearsal)["Paid"] == "done_green"
    assert set(labels_of(rehearsal)) == {"Paid", "Seven", "Other"}
    assert again.counts()["unchanged"] == 5


def test_a_column_may_refuse_labels_that_others_get(rehearsal: Any, messages: Any) -> None:
    """Its own `missing_labels` goes before the run's; the row is a named reject."""
    columns = {"State": {"type": "status", "labels": ["Open"], "missing_labels": "reject"}}

    ended = rehearsal.run(states(messages, "open", "New"), boards={"s": {"columns": columns}})

    assert (ended.code, cells(rehearsal)) == (3, ["Open"])
    assert "code=LABEL_MISSING" in ended.log
    assert set(labels_of(rehearsal)) == {"Open"}


@pytest.mark.parametrize("label", ["x" * 31, "42", " -1,5 "])
def test_a_label_that_cannot_be_is_known_before_it_is_sent(
    rehearsal: Any, messages: Any, label: str
) -> None:
    """A text too long, or one that monday takes for a number, never leaves in a request."""
    lines = states(messages, "Open", label, enum=["Open", "Closed"])

    ended = rehearsal.run(lines)

    assert (ended.code, "code=LABEL_LIMIT" in ended.log, cells(rehearsal)) == (3, True, ["Open"])


def test_states_get_sensible_colours(rehearsal: Any, messages: Any) -> None:
    """The members that a tap tells of are made with the column."""
    members = ["Planned", "Released", "Closed", "Cancelled", "PartiallyDelivered"]

    assert rehearsal.run(states(messages, **{"x-extensible-enum": members})).code == 0

    assert labels_of(rehearsal) == {
        "Planned": "working_orange",
        "Released": "bright_blue",
        "Closed": "done_green",
        "Cancelled": "stuck_red",
        "PartiallyDelivered": "egg_yolk",
    }


def test_a_dropdown_takes_no_more_labels_than_it_is_set_to(rehearsal: Any, messages: Any) -> None:
    """The limit is a setting of the column, and is read from there."""
    schema = messages.schema("s", {"Id": "string"})
    rehearsal.run([schema])
    rehearsal.ask(
        'mutation ($b: ID!, $d: JSON) { create_column(board_id: $b, title: "State", '
        "column_type: dropdown, defaults: $d) { id } }",
        {"b": rehearsal.board("S")["id"], "d": {"limit_select": True, "label_limit_count": 1}},
    )
    both = messages.schema("s", {"Id": "string", "State": "array"})

    ended = rehearsal.run(
        [
            both,
            messages.record("s", Id="k0", State=["a"]),
            messages.record("s", Id="k1", State=["a", "b"]),
        ],
        boards={"s": {"columns": {"State": "State"}}},
    )

    assert (ended.code, "code=BAD_CELL" in ended.log, cells(rehearsal)) == (3, True, ["a"])


SPELLINGS = st.text(alphabet="aA\u00e9e\u0301 \t\u00c9", min_size=1, max_size=6).filter(str.strip)


@given(st.lists(SPELLINGS, max_size=30))
def test_no_two_labels_look_alike(values: list[str]) -> None:
    """Whatever comes, no label differs from another in case, blanks or composition alone."""
    labels = Labels("State")

    made = {labels.resolve(value) for value in values}

    assert len({label_of(label) for label in made}) == len(made)
    assert all(labels.resolve(value) == labels.resolve(f" {value.upper()} ") for value in values)


@given(st.lists(st.text(min_size=1), max_size=60), st.integers(0, MAX_LABELS))
def test_what_is_resolved_can_be_sent(values: list[str], known: int) -> None:
    """At most 40 labels, of at most 30 characters, none like a number; all else is rejected."""
    labels = Labels("State")
    labels.know(Label(f"known {at}", at) for at in range(known))
    made = set()
    for value in values:
        if value.strip():
            try:
                made.add(labels.resolve(value))
            except LabelLimit:
                continue

    assert len(made) + known <= MAX_LABELS
    assert all(1 <= len(label) <= 30 for label in made)


def test_the_mapping_goes_before_the_board() -> None:
    """A value that is mapped is never taken for the label of its own name."""
    labels = Labels("State", create=False, mapped={"Open": "Offen"})
    labels.know([Label("Open", 1), Label("Offen", 2)])

    assert labels.resolve("open") == "Offen"
    with pytest.raises(LabelMissing):
        labels.resolve("Closed")
