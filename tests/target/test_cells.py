"""Every column type through the API: written, overwritten, cleared, read back, compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# type: (options, first value, its text on the board, another value, its text)
TYPES: dict[str, tuple[dict[str, Any], Any, str, Any, str]] = {
    "text": (
        {},
        "=1+1 \u202eabc\n\u0000'\"",
        "=1+1 \u202eabc\n\u0000'\"",
        "\U0001f469\u200d\U0001f680",
        "\U0001f469\u200d\U0001f680",
    ),
    "long_text": ({}, "a\nb", "a\nb", {"k": [1]}, '{"k":[1]}'),
    "numbers": ({"unit": "EUR", "precision": 2}, "1" * 40 + ".25", "1" * 40 + ".25", 0, "0"),
    "status": ({"labels": {"P": "Paid"}}, "P", "Paid", "Open", "Open"),
    "dropdown": ({}, ["b", "a"], "a, b", ["c"], "c"),
    "date": ({}, "2026-10-30", "2026-10-30", "2026-10-30T23:30:00+02:00", "2026-10-30 21:30"),
    "timeline": (
        {},
        "2026-10-30/2026-11-02",
        "2026-10-30 - 2026-11-02",
        "2026-01-01",
        "2026-01-01 - 2026-01-01",
    ),
    "checkbox": ({}, True, "v", False, ""),
    "email": ({}, "a@example.com", "a@example.com", "b@example.com", "b@example.com"),
    "phone": ({"country": "SE"}, "+46 8-123 456 78", "+46812345678", "0046 8 1234", "+4681234"),
    "link": (
        {},
        "https://example.com/a",
        "https://example.com/a",
        "http://b.example.com/?q=1",
        "http://b.example.com/?q=1",
    ),
    "people": (
        {},
        "Anna.Lindqvist@example.com",
        "Anna Lindqvist",
        ["marek.nowak@example.com"],
        "Marek Nowak",
    ),
    "tags": ({}, "to pay, urgent", "topay, urgent", ["late"], "late"),
    "country": ({}, "SE", "Sweden", "germany", "Germany"),
    "rating": ({"limit": 10}, 9, "9", "2", "2"),
    "hour": ({}, "16:42:10", "16:42", "00:00", "00:00"),
    "week": ({}, "2026-11-25", "2026-11-23 - 2026-11-29", "2027-W01", "2027-01-04 - 2027-01-10"),
    "world_clock": ({}, "Europe/Stockholm", "Europe/Stockholm", "UTC", "UTC"),
    "location": (
        {},
        "59.33,18.06,Stockholm, Sweden",
        "Stockholm, Sweden",
        {"lat": 1, "lng": "-2.50"},
        "1, -2.5",
    ),
}
MAPPING = {
    "s": {"columns": {kind: {"type": kind, **options} for kind, (options, *_) in TYPES.items()}}
}


def lines(messages: Any, at: int | None) -> list[Any]:
    """One row with a value of every type: the first, the other one, or nulls."""
    schema = messages.schema("s", {"Id": "string", **{kind: {} for kind in TYPES}})
    values = {kind: None if at is None else row[at] for kind, row in TYPES.items()}
    return [schema, messages.record("s", Id="a", **values), messages.state(1)]


def texts(rehearsal: Any) -> dict[str, str]:
    """The cells as people read them; what has several parts in the order of the alphabet."""
    (item,) = rehearsal.board("S")["items"]
    cells = {kind: item["cells"][kind] for kind in TYPES}
    for kind in ("dropdown", "tags"):
        cells[kind] = ", ".join(sorted(cells[kind].split(", ")))
    return cells


def test_every_type_is_written_once_overwritten_and_cleared(rehearsal: Any, messages: Any) -> None:
    """Each by the form that monday takes; what did not change is not sent again."""

    def run(at: int | None) -> Any:
        return rehearsal.run(lines(messages, at), boards=MAPPING)

    for at in (1, 3):
        ended = run(at)
        assert (ended.code, ended.log if ended.code else "") == (0, "")
        assert texts(rehearsal) == {kind: row[at + 1] for kind, row in TYPES.items()}
        mutations = rehearsal.usage()["mutations"]

        again = run(at)
        assert (again.code, again.counts()["unchanged"]) == (0, 1)

        rehearsal.ledger.unlink()
        rebuilt = run(at)
        assert (rebuilt.code, rebuilt.counts()["unchanged"]) == (0, 1)
        assert rehearsal.usage()["mutations"] == mutations

    assert run(None).code == 0
    assert set(texts(rehearsal).values()) == {""}


def test_missing_properties_and_kept_nulls_leave_cells_alone(rehearsal: Any, messages: Any) -> None:
    """A column's own `nulls` goes before the run's."""
    schema = messages.schema("s", {"Id": "string", "A": "string", "B": "string", "C": "string"})
    full = messages.record("s", Id="a", A="1", B="2", C="3")
    columns = {"A": {"type": "text", "nulls": "keep"}, "B": {"type": "text"}, "C": {"type": "text"}}

    rehearsal.run([schema, full], boards={"s": {"columns": columns}})
    rehearsal.run(
        [schema, messages.record("s", Id="a", A=None, B=None)], boards={"s": {"columns": columns}}
    )

    cells = rehearsal.cells("S", "a")
    assert (cells["A"], cells["B"], cells["C"]) == ("1", "", "3")


def test_numbers_are_made_with_their_unit(rehearsal: Any, messages: Any) -> None:
    """The currency is a setting of the column, not of the value."""
    schema = messages.schema("s", {"Id": "string", "A": "number", "B": "number"})
    columns = {
        "A": {"type": "numbers", "unit": "EUR", "precision": 2},
        "B": {"type": "numbers", "unit": "SEK", "direction": "left"},
    }

    assert rehearsal.run([schema], boards={"s": {"columns": columns}}).code == 0

    found = rehearsal.ask("{ boards { columns { title settings } } }")["boards"][0]["columns"]
    settings = {each["title"]: each["settings"] for each in found}
    assert settings["A"] == {"unit": {"symbol": "€", "direction": "right", "precision": 2}}
    custom = {"symbol": "custom", "custom_unit": "SEK", "direction": "left"}
    assert settings["B"] == {"unit": custom}


def test_a_time_without_its_zone_is_read_in_the_source_s(rehearsal: Any, messages: Any) -> None:
    """A `Z` that is not meant too; a real offset keeps its meaning, a column may have its own."""
    schema = messages.schema(
        "s", {"Id": "string", "A": "string", "B": "string", "C": "string", "D": "string"}
    )
    record = messages.record(
        "s",
        Id="a",
        A="2026-07-01T12:00:00Z",
        B="2026-07-01T12:00:00+05:00",
        C="2026-07-01T12:00:00",
        D="2026-07-01T23:59:00Z",
    )
    columns = {
        "A": {"type": "date"},
        "B": {"type": "date"},
        "C": {"type": "date", "timezone": "Asia/Tokyo"},
        "D": {"type": "date", "time": False},
    }

    ended = rehearsal.run(
        [schema, record], boards={"s": {"columns": columns}}, timezone="Europe/Stockholm"
    )

    cells = rehearsal.cells("S", "a")
    assert ended.code == 0
    assert [cells[each] for each in "ABCD"] == [
        "2026-07-01 10:00",
        "2026-07-01 07:00",
        "2026-07-01 03:00",
        "2026-07-01",
    ]


@pytest.mark.parametrize(("policy", "code", "text"), [("reject", 3, None), ("empty", 0, "")])
def test_an_unknown_person_is_a_reject_or_empty(
    rehearsal: Any, messages: Any, policy: str, code: int, text: str | None
) -> None:
    """And never somebody else."""
    schema = messages.schema("s", {"Id": "string", "Who": "string"})
    columns = {"Who": {"type": "people", "unknown_people": policy}}

    ended = rehearsal.run(
        [schema, messages.record("s", Id="a", Who="anna.lindqvist@example.org")],
        boards={"s": {"columns": columns}},
    )

    found = [item["cells"]["Who"] for item in rehearsal.board("S")["items"]]
    assert (ended.code, found) == (code, [] if text is None else [text])
    assert ("PERSON_UNKNOWN" in ended.log) == (policy == "reject")


@pytest.mark.parametrize(
    "kind",
    ["formula", "mirror", "auto_number", "creation_log", "button", "nonsense"],
)
def test_a_type_that_cannot_be_written_is_refused_by_name(
    rehearsal: Any, messages: Any, kind: str
) -> None:
    """Before anything is asked of monday."""
    ended = rehearsal.run(
        [messages.schema("s", {"Id": "string"})], boards={"s": {"columns": {"Id": {"type": kind}}}}
    )

    assert (ended.code, repr(kind) in ended.log, "'Id'" in ended.log) == (2, True, True)
    assert rehearsal.usage()["calls"] == 0


@pytest.mark.parametrize("kind", ["formula", "creation_log", "last_updated", "item_id"])
def test_a_read_only_column_of_the_board_is_refused_by_name(
    rehearsal: Any, messages: Any, kind: str
) -> None:
    """At preflight, with stream, board, column and type."""
    rehearsal.run([messages.schema("s", {"Id": "string", "Note": "string"})])
    board = rehearsal.board("S")["id"]
    rehearsal.ask(
        "mutation ($b: ID!, $k: ColumnType!) "
        '{ create_column(board_id: $b, title: "Mine", column_type: $k) { id } }',
        {"b": board, "k": kind},
    )
    before = rehearsal.usage()["mutations"]

    ended = rehearsal.run(
        [messages.schema("s", {"Id": "string", "Note": "string"})],
        boards={"s": {"columns": {"Note": "Mine"}}},
    )

    assert (ended.code, all(each in ended.log for each in (kind, "'Mine'", board))) == (2, True)
    assert rehearsal.usage()["mutations"] == before


def test_a_cut_text_is_marked_counted_and_stays_as_it_is(rehearsal: Any, messages: Any) -> None:
    """Long texts and names are cut between graphemes; another column can hold the whole."""
    astronaut = "\U0001f469\u200d\U0001f680"
    schema = messages.schema("s", {"Id": "string", "Note": "string"})
    record = messages.record("s", Id="a", Note=astronaut * 1000)
    mapping = {
        "s": {
            "item_name": "{Note}",
            "columns": {
                "Note": {"type": "long_text"},
                "Whole note": {"template": "{Note}", "type": "text"},
            },
        }
    }

    ended = rehearsal.run([schema, record], boards=mapping)
    again = rehearsal.run([schema, record], boards=mapping)

    (item,) = rehearsal.board("S")["items"]
    assert (ended.code, ended.counts()["shortened"]) == (0, 2)
    assert ended.log.count("text.shortened") == 2
    assert item["name"] == astronaut * 84 + "…"
    assert item["cells"]["Note"] == astronaut * 666 + "…"
    assert item["cells"]["Whole note"] == astronaut * 1000
    assert again.counts()["unchanged"] == 1


TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "'\"`${x}",
        "=1+1",
        "</script>",
        "\u202eabc",
        "a\r\nb\x00\x1b[0m",
        "\U0001f469\u200d\U0001f680",
        "42",
        " ",
    ]
)
WORDS = ["42", "Open", "007", "caf\u00e9", "-1,5"]
RECORDS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "long_text": st.text(max_size=30),
        "numbers": st.integers(-(10**40), 10**40) | st.integers(-(10**40), 10**40).map(str),
        "status": st.sampled_from(WORDS),
        "dropdown": st.lists(st.sampled_from(WORDS), max_size=3),
        "date": st.dates().map(str) | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        "checkbox": st.booleans(),
        "link": st.builds("https://example.com/{}".format, st.integers()),
        "hour": st.times().map(str),
        "location": st.fixed_dictionaries(
            {"lat": st.integers(-90, 90), "lng": st.just("1.50"), "address": TEXTS}
        ),
    }
)


@settings(
    max_examples=2,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(RECORDS, min_size=20, max_size=60))
def test_a_board_of_any_values_is_never_written_twice(
    rehearse: Any, messages: Any, records: list[dict[str, Any]]
) -> None:
    """Neither by the ledger's memory nor, without it, by what the board gives back."""
    rehearsal = rehearse()
    columns: dict[str, Any] = {kind: {"type": kind} for kind in records[0]}
    columns["status"]["labels"] = columns["dropdown"]["labels"] = WORDS
    lines = [
        messages.schema("s", {"Id": "string", **{kind: {} for kind in columns}}),
        *(messages.record("s", Id=f"k{at}", **record) for at, record in enumerate(records)),
    ]
    rehearsal.ledger.unlink(missing_ok=True)

    first = rehearsal.run(lines, boards={"s": {"columns": columns}})
    mutations = rehearsal.usage()["mutations"]
    rehearsal.ledger.unlink()
    rebuilt = rehearsal.run(lines, boards={"s": {"columns": columns}})

    assert (first.code, rebuilt.code) == (0, 0)
    assert first.counts()["created"] == rebuilt.counts()["unchanged"] == len(records)
    assert rehearsal.usage()["mutations"] == mutations
    items = {item["cells"]["Record key"]: item for item in rehearsal.board("S")["items"]}
    for at, record in enumerate(records):
        assert items[f"k{at}"]["cells"]["text"] == record["text"]


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_every_type_arrives_by_either_lane(rehearsal: Any, messages: Any, lane: str) -> None:
    """The same cells in the same groups; what a file cannot hold goes by aliases."""
    mapping = {"s": {**MAPPING["s"], "group": "{Group}"}}
    schema = messages.schema(
        "s", {"Id": "string", "Group": "string", **{kind: {} for kind in TYPES}}
    )
    rows = [
        messages.record(
            "s",
            Id=f"k{at}",
            Group=f"G{at % 2}",
            **{kind: row[1 if at % 3 else 3] for kind, row in TYPES.items()},
        )
        for at in range(12)
    ]

    first = rehearsal.run([schema, *rows], boards=mapping, lane=lane)
    rehearsal.ledger.unlink()
    mutations = rehearsal.usage()["mutations"]
    rebuilt = rehearsal.run([schema, *rows], boards=mapping, lane=lane)

    assert (first.code, rebuilt.code, rebuilt.counts()["unchanged"]) == (0, 0, 12)
    assert rehearsal.usage()["mutations"] == mutations
    for item in rehearsal.board("S")["items"]:
        at = int(item["cells"]["Record key"][1:])
        assert item["group"]["title"] == f"G{at % 2}"
        assert item["cells"]["country"] == TYPES["country"][2 if at % 3 else 4]
