"""Any value becomes a cell or a reject, whatever handles it; nothing else, and nothing silently."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from target_monday.binding import bind
from target_monday.cells import SUPPORTED_TYPES, Setup, codec_for
from target_monday.control_totals import Movements
from target_monday.delivery.csv_rows import LiveLabels, NotByUpload, csv_file, csv_row
from target_monday.delivery.pending import Pending
from target_monday.diff import Cell, KnownItem, Unchanged, diff
from target_monday.directory import Directory
from target_monday.foreign_json import decode_around
from target_monday.labels import Label, Labels
from target_monday.mapping import board_spec
from target_monday.monday.boards import Board, Column, Group
from target_monday.monday.client import encode_body
from target_monday.monday.operations import write_batch
from target_monday.options import ColumnOptions
from target_monday.quoting import quoted
from target_monday.rejects import BadCell, Reject
from target_monday.routing import Route
from target_monday.settling import Row
from target_monday.unreadable import Unreadable, as_input, restored, stored

PYTHON = re.compile(
    r"Decimal\(|<[\w. ]+ (?:object|at)|Error\b|NoneType|<class|isoformat|Unreadable"
)
ODD = [
    *("", " ", "\u200b", "\ufeff", "a\x00b", "\u202eabc", "it's", "{", "}", "null", "NaN", "None"),
    *("9999-12-31", "0001-01-01", "0000-01-01", "10000-01-01", "-0001-01-01", "26-06-15"),
    *("20260615", "2026-W10", "2026-W10-1", "2026-W53", "9999-W52", "0001-W01", "2026-166"),
    *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2016-12-31T23:59:60Z"),
    *("2026-06-15T24:00:00", "2026-06-15T12:00:00.123456789Z", "2026-06-15x12:00", "24:00", "7:5"),
    *(
        "1,234.5",
        "1 234",
        "1e999999999",
        "1e5",
        ".5",
        "5.",
        "٣",
        "½",
        "\uff11\uff12",
        "²",
        "9" * 5000,
    ),
    *("+1 202 555 0169/70", "0049 (0)89 123-456", "+46 8 123;+46 8 124", "1-2-3-4", "-5551234"),
    *("se", "ß", "ﬁ", "Côte d'Ivoire", "a@b.se", " a@b.se ", "a@b.se c@d.se", "a\u200b@b.se"),
    *("https://a.se/x y", "HTTPS://a.se", "2026-06-15/2026-06-14", "/", "2026-06-15/", "a/b/c"),
    *(
        "59.3,18.0",
        "0,0",
        "91,0",
        ",,x",
        "true",
        "FALSE",
        "nein",
        "0",
        "1",
        "UTC",
        "Europe/Nowhere",
    ),
]
NAMES = [
    *("from", "to", "url", "text", "email", "phone", "country", "lat", "lng", "address", "date"),
    *("time", "label", "labels", "index", "ids", "week", "startDate", "hour", "minute", "rating"),
    *("checked", "countryCode", "personsAndTeams", "id", "kind", "tag_ids", "linked_item_ids"),
    *("timezone", "countryShortName"),
]
NUMBERS = (
    st.integers()
    | st.integers(10**390, 10**410)
    | st.decimals()
    | st.builds("{}e{}".format, st.integers(), st.integers(-(10**9), 10**9)).map(Decimal)
    | st.just(Decimal(f"0.{'1' * 500}"))
    | st.floats()
)
TEXTS = st.text() | st.sampled_from(ODD) | st.dates().map(str) | st.datetimes().map(str)
PLAIN = st.booleans() | NUMBERS | TEXTS | st.sampled_from([Unreadable("NaN"), Unreadable("?\x1b")])
MEMBERS = st.sampled_from(NAMES) | st.text(max_size=3)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(st.none() | inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3), st.none() | inner, max_size=4
        )
    ),
    max_leaves=6,
)
DIRECTORY = Directory(people={"a@b.se": 7}, week_begins=6)


def codec(kind: str, **options: Any) -> Any:
    labels = Labels("State")
    labels.know([Label("Done", 1), Label("10", 2)])
    setup = Setup(
        labels if kind in {"status", "dropdown"} else None,
        options=ColumnOptions(**options),
        directory=DIRECTORY,
    )
    return codec_for(kind, setup=setup)


def told(error: Reject) -> None:
    """What a reject says is a sentence on one line, without Python and not without end."""
    assert PYTHON.search(str(error)) is None, str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 1000


@pytest.mark.parametrize("kind", sorted(SUPPORTED_TYPES))
@given(value=VALUES, zone=st.sampled_from([None, "Asia/Tokyo"]), time=st.booleans())
def test_any_value_is_a_cell_or_a_reject(
    kind: str, value: Any, zone: str | None, *, time: bool
) -> None:
    """A cell can be stored, sent, and is the same one when the value comes again."""
    each = codec(kind, timezone=zone, time=time)
    try:
        cell = each.canonical(value)
    except Reject as error:
        told(error)
        return

    assert cell != []
    assert cell != ""
    assert msgspec.json.decode(msgspec.json.encode(cell), type=Cell) == cell
    if cell is not None:
        msgspec.json.encode(each.encode(cell)) if kind != "tags" else None
    assert each.canonical(value) == cell


@pytest.mark.parametrize("kind", sorted(SUPPORTED_TYPES))
@given(text=st.none() | st.text() | st.sampled_from(ODD), value=st.none() | VALUES)
def test_whatever_a_board_holds_is_read(kind: str, text: str | None, value: Any) -> None:
    """A cell that somebody spoilt ends no run: it differs from what is wanted."""
    found = codec(kind).decode(text, msgspec.json.decode(msgspec.json.encode(value, enc_hook=str)))

    assert msgspec.json.decode(msgspec.json.encode(found), type=Cell) == found
    assert found not in ("", [])


KINDS = sorted(SUPPORTED_TYPES - {"board_relation"})
COLUMNS: dict[str, dict[str, Any]] = {
    **{kind: {"type": kind} for kind in KINDS},
    "made text": {"type": "text", "template": "{A} - {B:%Y-%m}"},
    "made link": {"type": "link", "template": "https://a.se/{A}", "text": "{B}"},
    "made people": {"type": "people", "template": "{A}"},
    "made phone": {"type": "phone", "template": "{A}", "country": "{B}"},
    "period": {"type": "timeline", "from": "A", "to": "B"},
    "place": {"type": "location", "lat": "A", "lng": "B"},
    "Links": {"type": "board_relation", "stream": "other", "key": ["{A}", "{B}"]},
}
FEATURES = {
    "board_name": "Board {A} {B:%Y}",
    "item_name": "{A} {B}",
    "group": "{A}",
    "retire_when": {"property": "A", "in": ["Done"], "since": "B", "days": 1},
    "control_totals": {"amounts": ["numbers"], "by": ["B", "{B:%Y-%m}", "A"]},
}
WORDS = st.sampled_from(ODD) | st.text(min_size=1)
ANY = WORDS | VALUES | st.none()
CONTENT = st.fixed_dictionaries(
    {
        "Id": WORDS | NUMBERS | VALUES,
        "A": WORDS | VALUES | st.none(),
        "B": WORDS | VALUES | st.none(),
    },
    optional={"V": WORDS | VALUES | st.none(), "numbers": st.decimals(-9, 9) | NUMBERS | WORDS},
)


def planned(name: str, features: list[str]) -> tuple[Any, Any]:
    """The plan of a board with this column and these features, and the route to it."""
    asked = {"numbers": {"type": "numbers"}, "A": {"type": "text"}, "B": {"type": "text"}}
    asked[name] = COLUMNS[name]
    mapping = {"columns": asked, **{each: FEATURES[each] for each in features}}
    properties: dict[str, Any] = {each: {} for each in ("Id", "A", "B", name)}
    config = {"boards": {"s": mapping}, "timezone": "Asia/Tokyo"}
    spec = board_spec("s", {"properties": properties}, ["Id"], config)
    columns = tuple(Column(f"c{at}", each, asked[each]["type"]) for at, each in enumerate(asked))
    board = Board(
        "1", "Board", columns=(*columns, Column("key", "Record key", "text")), groups=(Group("g"),)
    )
    plan = bind(spec, board, {}, ledger_id=1, directory=Directory({"a@b.se": 7}), settings=config)
    return plan, Route(spec, {"": plan})


@pytest.mark.parametrize("name", sorted(COLUMNS))
@settings(max_examples=50)
@given(features=st.lists(st.sampled_from(sorted(FEATURES)), unique=True), content=CONTENT)
@example(features=[], content={"Id": 1, "A": "a", "B": "2026-06-15", "V": "9999-12-31"})
@example(features=["group"], content={"Id": 1, "A": [1], "B": ["x"]})
@example(
    features=["control_totals"],
    content={"Id": 1, "A": "a", "B": "2026-06-15", "numbers": Decimal("1e999999999")},
)
@example(
    features=["control_totals"],
    content={"Id": 1, "A": "a", "B": None, "numbers": Decimal(f"0.{'1' * 500}")},
)
@example(features=["board_name"], content={"Id": 1, "A": "\u2003", "B": "2026-06-15"})
def test_any_record_is_a_row_or_a_reject_in_every_stage(
    name: str, features: list[str], content: dict[str, Any]
) -> None:
    """Keys, names, groups, boards, totals, templates, links, files: none fails otherwise."""
    record = {name if each == "V" else each: value for each, value in content.items()}
    plan, route = planned(name, features)
    division = route.divide([Row(record, 1)], lambda _: {})
    for _, error in division.rejected:
        told(error)
    assert len(division.rejected) + len(division.rows) == 1
    assert all(len(part) <= 255 for part in division.rows)
    assert "" not in division.rows or "board_name" not in features
    rule, movements = plan.spec.retire, Movements(plan.control, 1) if plan.control else None
    if rule:
        assert rule.is_due(record, date(2027, 1, 1)) in {True, False}
    if movements:
        movements.reject(record)
        assert movements.report(lambda *_: [])
    plan.spec.key_or_none(record)
    list(plan.addresses([record]))
    try:
        wanted = plan.row(record)
    except Reject as error:
        told(error)
        return

    operation = diff(wanted, None)
    assert 1 <= len(operation.name) <= 255
    if rule:
        state, since = wanted.cells.get("c1"), wanted.cells.get("c2")
        assert rule.is_due_by_cells(state, since, date.max) in {True, False}
    if movements:
        movements.enter("created", wanted.key, None, wanted.cells)
        assert movements.report(lambda *_: [(wanted.key, wanted.cells)])
    title = plan.group_title(operation)
    assert title is None or 1 <= len(title) <= 255
    plan.groups[title or ""] = "g"
    if name == "tags":
        return  # their ids are the account's
    assert encode_body(*write_batch([plan.mutation(operation)]))
    after = KnownItem("1", operation.name, operation.cells)
    assert diff(wanted, after) == Unchanged("1")
    try:
        columns = {cell.column.id: cell.column for cell in plan.cells}
        row = csv_row(Pending(plan, wanted.key, operation), columns, LiveLabels.of(()))
    except NotByUpload:
        return
    assert csv_file([row])


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("date", "20260615", "2026-06-15"),
        ("date", "2026-W25-1", "2026-06-15"),
        ("date", "2026-06-15T12:00:00+00:00", "2026-06-15 12:00:00"),
        ("date", "2026-06-15T12:00:00-00:00", "2026-06-15 12:00:00"),
        ("date", "2026-06-15T12:00+00", "2026-06-15 12:00:00"),
        ("date", "2026-06-15T12:00:00Z", "2026-06-15 10:00:00"),
        ("date", "2026-06-15t12:00:00z", "2026-06-15 10:00:00"),
        ("date", "2026-06-15 12:00", "2026-06-15 10:00:00"),
        ("date", "20260615T120000+0500", "2026-06-15 07:00:00"),
        ("date", "2026-06-15T12:00:00.123456789Z", "2026-06-15 10:00:00"),
        ("date", "0001-06-15", "0001-06-15"),
        ("hour", "07:05:59.9", "07:05"),
        ("week", "2026-W10", "2026-03-01"),
        ("week", "2026W10", "2026-03-01"),
        ("timeline", {"from": "20260615", "to": None}, "2026-06-15/2026-06-15"),
        ("timeline", [None, "2026-06-15T23:00:00-05:00"], "2026-06-15/2026-06-15"),
        ("timeline", {"from": None, "to": ""}, None),
        ("dropdown", ["Done", None, "", " ", "\u200b"], ["Done"]),
        ("dropdown", [], None),
        ("status", ["Done"], "Done"),
        ("status", [None, "done"], "Done"),
        ("status", [], None),
        ("status", "\u200b", None),
        ("status", "Do\u200bne", "Done"),
        ("tags", ["a", None, "b c"], ["a", "bc"]),
        ("checkbox", "", None),
        ("checkbox", "FALSE", None),
        ("rating", Decimal("2.0"), 2),
        ("rating", "0", None),
        ("numbers", Decimal("0E-999999999"), "0"),
        ("numbers", "+007.50", "7.5"),
        ("phone", "+1 (202) 555-0169", "+12025550169"),
        ("phone", 5551234, "5551234"),
        ("country", "se", "SE"),
        ("location", {"lat": 0, "lng": Decimal(0)}, "0|0|0, 0"),
        ("location", {"lat": None, "lng": ""}, None),
        ("people", [None, "A@b.se"], ["7"]),
        ("text", [1, Decimal("2.50"), None], "[1,2.50,null]"),
    ],
)
def test_a_value_means_what_it_says(kind: str, value: Any, cell: Any) -> None:
    """With the zone of Stockholm for times without an offset, and for `Z`."""
    assert codec(kind, timezone="Europe/Stockholm").canonical(value) == cell


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("date", 20260615, "20260615 is not a date"),
        ("date", "2026-W10", "'2026-W10' is not a date"),
        ("date", "26-06-15", "is not a date"),
        ("date", "2026-06-15T24:00:00", "is not a date"),
        ("date", "2016-12-31T23:59:60Z", "is not a date"),
        ("date", "2026-06-15x12:00", "is not a date"),
        ("date", "2026-06-15T12:00:00+99:00", "is not a date"),
        ("date", "10000-01-01", "is not a date"),
        ("date", "9999-12-31T23:00:00-05:00", "years 1 to 9999"),
        ("week", "9999-12-31", "years 1 to 9999"),
        ("week", "0001-01-01", "years 1 to 9999"),
        ("hour", "24:00", "'24:00' is not a time of day"),
        ("hour", "7:5", "is not a time of day"),
        ("hour", "07", "is not a time of day"),
        ("hour", "16:42+02:00", "is not a time of day"),
        ("timeline", {"begin": "2026-06-15"}, "is not a date"),
        ("timeline", ["2026-06-15", "2026-06-14"], "before it begins"),
        ("timeline", ["2026-06-15"] * 3, "is not a date"),
        ("dropdown", ["a", {"b": 1}], "is not a choice"),
        ("status", ["Done", "Open"], "2 labels"),
        ("status", [["Done"]], "is not a choice"),
        ("status", {"label": "Done"}, "is not a choice"),
        ("checkbox", "nein", "'nein' is not true or false"),
        ("checkbox", 0, "0 is not true or false"),
        ("checkbox", "0", "is not true or false"),
        ("rating", Decimal("2.5"), "2.5 is not a rating from 1 to 5"),
        ("rating", True, "true is not a number"),
        ("numbers", "1,234.5", "'1,234.5' is not a number"),
        ("numbers", "1_000", "is not a number"),
        ("numbers", "٣", "is not a number"),
        ("numbers", Decimal("1e999999999"), "1E+999999999 has more than 400 digits"),
        pytest.param("numbers", 10**6000, "a number has more than 400 digits", id="huge"),
        ("numbers", Decimal("NaN"), "is not a finite number"),
        ("numbers", Unreadable("NaN"), "NaN is not a number"),
        ("numbers", {"a": Unreadable("NaN")}, '{"a":"NaN"} is not a number'),
        ("text", [Unreadable("NaN")], "does not fit a text column"),
        ("text", Decimal("Infinity"), "is not a finite number"),
        ("phone", "+1 202 555 0169/70", "is not one phone number"),
        ("phone", "089/1234567", "is not one phone number"),
        ("phone", "08-123 456, 08-123 457", "is not one phone number"),
        ("phone", -5551234, "is not one phone number"),
        ("phone", Decimal("1234.5"), "is not one phone number"),
        ("phone", {"number": "5551234"}, "has no member `phone`"),
        ("phone", {"phone": "+46812345", "country": "ß"}, "ISO 3166"),
        ("email", "a@b.se c@d.se", "is not an e-mail address"),
        ("email", "a\u200b@b.se", r"'a\u200b@b.se' is not an e-mail address"),
        ("email", {"mail": "a@b.se"}, "has no member `email`"),
        ("link", "https://a.se/x y", "is not an http or https address"),
        ("country", "ß", "neither the code"),
        ("country", "ﬁ", "neither the code"),
        ("country", ["SE"], "neither the code"),
        ("location", {"latitude": 1}, "is not a location"),
        ("people", [5], "[5] is neither an e-mail address"),
        ("people", {"email": "a@b.se"}, "is neither an e-mail address"),
        ("board_relation", "12", "is not a list of item ids"),
    ],
)
def test_a_value_that_means_something_else_is_a_named_reject(
    kind: str, value: Any, words: str
) -> None:
    """What would have to be bent for its column is rejected, and the message shows the value."""
    with pytest.raises(BadCell) as caught:
        codec(kind, timezone="Europe/Stockholm").canonical(value)

    assert words in str(caught.value)
    told(caught.value)


def test_an_address_with_a_sharp_s_is_not_one_with_two() -> None:
    """Spellings in capitals are one address; that of another person is not."""
    each = codec_for("people", setup=Setup(directory=Directory(people={"strasse@b.se": 1})))

    assert each.canonical("STRASSE@b.se") == ["1"]
    with pytest.raises(Reject):
        each.canonical("stra\u00dfe@b.se")


@given(VALUES)
def test_a_value_in_a_message_is_short_and_on_one_line(value: Any) -> None:
    """Whatever it is: no Python, no control characters."""
    shown = quoted(value)

    assert shown.isprintable()
    assert len(shown) <= 62 * 6
    assert PYTHON.search(shown) is None or PYTHON.search(str(value)) is not None


@given(VALUES)
def test_a_record_is_stored_and_read_again_as_it_came(value: Any) -> None:
    """Also what is no JSON: a row that is tried again is not delivered with a text in its place."""
    came = {"V": value, "W": Unreadable("NaN")}
    payload = msgspec.json.encode(came, enc_hook=stored)
    again = decode_around(as_input(payload), Unreadable)

    assert msgspec.json.encode(restored(msgspec.json.decode(payload)), enc_hook=stored) == payload
    assert isinstance(again["W"], Unreadable)
    assert isinstance(again["V"], Unreadable) == isinstance(value, Unreadable)
