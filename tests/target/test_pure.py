"""What must hold for all values: keys, cells, diffs, packs and checkpoints."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.cells import LONG_TEXT_LIMIT, SUPPORTED_TYPES, Setup, codec_for, shorten
from target_monday.checkpoints import Checkpoints
from target_monday.decimals import digits
from target_monday.delivery.budget import Budget
from target_monday.diff import Create, KnownItem, Unchanged, Update, WantedRow, diff
from target_monday.directory import Directory
from target_monday.keys import key_of, key_parts, key_text
from target_monday.labels import MAX_LABELS, Label, Labels, status_colours
from target_monday.monday.limits import POINTS_PER_REQUEST
from target_monday.rejects import BadCell, LabelLimit, NullKey

PARTS = st.lists(st.text(), min_size=1).map(tuple)


@given(PARTS)
def test_key_text_is_reversible(parts: tuple[str, ...]) -> None:
    """A composite key comes back from the board exactly as it left the source."""
    assert key_parts(key_text(parts)) == parts


@given(PARTS)
def test_key_text_survives_a_trimming_board(parts: tuple[str, ...]) -> None:
    """A key is never empty and has no blanks or control characters that could get lost."""
    text = key_text(parts)

    assert text
    assert text == text.strip()
    assert not any(ord(character) < 32 for character in text)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        pytest.param({"a": "007"}, "007", id="strings-are-verbatim"),
        pytest.param({"a": 1001}, "1001", id="whole-number"),
        pytest.param({"a": Decimal("1001.0")}, "1001", id="same-number-same-key"),
        pytest.param({"a": Decimal("1E+3")}, "1000", id="no-exponent"),
        pytest.param({"a": "A|B"}, "A\\|B", id="separator-escaped"),
        pytest.param({"a": " x"}, "\\u000020x", id="blank-at-the-edge"),
        pytest.param({"a": ""}, "\\e", id="empty-part"),
    ],
)
def test_key_of_a_single_property(record: dict[str, Any], text: str) -> None:
    """A plain value is its own key; what could be mistaken is escaped."""
    assert key_text(key_of(record, ["a"])) == text


def test_composite_keys_do_not_run_together() -> None:
    """A and BC is not AB and C."""
    assert key_text(("A", "BC")) != key_text(("AB", "C"))


@pytest.mark.parametrize(("record", "missing"), [({"a": None}, False), ({}, True)])
def test_a_key_without_value_is_rejected(record: dict[str, Any], missing: bool) -> None:  # noqa: FBT001 - a case of the table
    """Null and missing key parts are told apart, and both are rejects."""
    with pytest.raises(NullKey) as caught:
        key_of(record, ["a"])

    assert caught.value.missing is missing


NUMBERS = st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=12))


@given(NUMBERS)
def test_digits_are_exact_and_canonical(number: int | Decimal) -> None:
    """Digits give the same number again, and equal numbers give equal digits."""
    text = digits(number)

    assert Decimal(text) == number
    assert "E" not in text.upper()
    assert digits(Decimal(text + ".0") if "." not in text else Decimal(text + "0")) == text


DIRECTORY = Directory(
    people={"a@example.com": 1, "b@example.com": 2},
    tags={"late": 7, "topay": 8, "\u2603": 9},
)
TAGS = {number: name for name, number in DIRECTORY.tags.items()}


def read_back(column_type: str, wire: Any) -> tuple[str | None, Any]:  # noqa: PLR0911 - a table
    """`text` and `value` of a column value as monday shows what was written."""
    match column_type:
        case "text" | "numbers" | "long_text":
            return (wire if isinstance(wire, str) else wire["text"]), wire
        case "date":
            return None, {"time": None, **wire, "changed_at": "x"}
        case "status":
            return wire.get("label"), wire
        case "dropdown":
            return ", ".join(wire["labels"]), {"ids": [ord(each) for each in wire["labels"]]}
        case "tags":
            return ", ".join(TAGS[number] for number in wire["tag_ids"]), wire
        case "board_relation":
            return None, {"linked_item_ids": [str(number) for number in wire["item_ids"]]}
        case _:
            return None, wire


def setup_for(column_type: str) -> Setup:
    labels = Labels("State")
    labels.know(Label(text, ord(text)) for text in "ABC")
    return Setup(labels if column_type in {"status", "dropdown"} else None, directory=DIRECTORY)


DAYS = st.dates().map(date.isoformat)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "board_relation": st.lists(st.integers(1, 10**12).map(str), min_size=1),
    "text": st.text(min_size=1),
    "long_text": st.text(min_size=1, max_size=3000),
    "numbers": NUMBERS | st.integers(min_value=10**39).map(str),
    "status": st.sampled_from(["A", "b", " C "]),
    "dropdown": st.lists(st.sampled_from("ABC"), min_size=1),
    "date": DAYS | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    "timeline": st.lists(DAYS, min_size=2, max_size=2).map(sorted),
    "checkbox": st.just(value=True),
    "email": st.just("a@example.com")
    | st.builds(dict, email=st.just("a@example.com"), text=st.text() | st.none()),
    "phone": st.sampled_from(["+46 8 123 456", "0046.8.1234", "555-1234", 5551234])
    | st.builds(dict, phone=st.just("+46812345"), country=st.sampled_from(["se", "", None])),
    "link": st.just("https://example.com/x")
    | st.builds(dict, url=st.just("http://example.com/x?y=1"), text=st.text() | st.none()),
    "people": st.lists(st.sampled_from(["A@example.com", "b@example.com"]), min_size=1),
    "tags": st.lists(st.sampled_from(["late", "to pay", "\u2603"]), min_size=1),
    "country": st.sampled_from(["SE", "germany", " United Kingdom "]),
    "rating": st.integers(1, 5),
    "hour": st.times().map(time.isoformat),
    "week": DAYS.filter(lambda day: "0002" < day < "9999") | st.just("2026-W53"),
    "world_clock": st.sampled_from(["Europe/London", "UTC"]),
    "location": st.builds(
        dict,
        lat=st.decimals(-90, 90, places=6),
        lng=st.decimals(-180, 180, places=6).map(str),
        address=st.text() | st.none(),
    ),
}


@pytest.mark.parametrize("column_type", sorted(VALUES))
@given(data=st.data())
def test_a_cell_reads_back_as_it_was_written(column_type: str, data: st.DataObject) -> None:
    """So that a lost ledger is rebuilt from the board without a single write."""
    codec = codec_for(column_type, setup=setup_for(column_type))
    cell = codec.canonical(data.draw(VALUES[column_type]))
    assert cell is not None

    again = codec.decode(*read_back(column_type, codec.encode(cell)))

    assert again == cell
    assert codec.decode(None, None) is None


def test_every_supported_type_is_tested() -> None:
    """No codec without a round trip."""
    assert set(VALUES) == SUPPORTED_TYPES


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        ("numbers", "twelve"),
        ("numbers", True),
        ("date", "30.10.2026"),
        ("checkbox", "maybe"),
        ("email", "nobody"),
        ("link", "ftp://example.com"),
        ("rating", 6),
        ("timeline", ["2026-10-30", "2026-10-29"]),
        ("phone", "call me"),
        ("phone", {"phone": "+46812345", "country": "Sverige"}),
        ("country", "Atlantis"),
        ("hour", "25:00"),
        ("week", "2026-W60"),
        ("world_clock", "Mars/Base"),
        ("location", {"lat": "91", "lng": "0"}),
        ("location", {"lat": None, "lng": "1"}),
        ("people", "nobody"),
    ],
)
def test_a_value_that_does_not_fit_is_rejected(column_type: str, value: Any) -> None:
    """Nothing is bent to fit a column."""
    with pytest.raises(BadCell):
        codec_for(column_type).canonical(value)


@pytest.mark.parametrize(
    ("column_type", "value", "cell"),
    [
        pytest.param("numbers", Decimal(0), "0", id="zero-is-written"),
        pytest.param("numbers", Decimal("1E+3"), "1000", id="no-exponent"),
        pytest.param("date", "2026-10-30T01:00:00+02:00", "2026-10-29 23:00:00", id="utc"),
        pytest.param("date", "2026-10-30T01:00:00Z", "2026-10-30 01:00:00", id="zulu"),
        pytest.param("checkbox", False, None, id="false-is-an-empty-box"),
        pytest.param("text", "", None, id="empty-text-is-an-empty-cell"),
        pytest.param("text", "007", "007", id="text-is-verbatim"),
        pytest.param("text", {"a": Decimal("1.10")}, '{"a":1.10}', id="json-is-exact"),
    ],
)
def test_canonical_cells(column_type: str, value: Any, cell: Any) -> None:
    """One value, one cell."""
    assert codec_for(column_type).canonical(value) == cell


@given(st.text(alphabet="ae\u0301\U0001f469\u200d\U0001f680", min_size=1, max_size=300))
def test_long_texts_are_cut_between_graphemes(text: str) -> None:
    """A cut text fits, ends with an ellipsis and is a beginning of the whole one."""
    cut = shorten(text, 50)

    assert len(cut) <= 50
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


def test_a_text_at_the_limit_is_not_cut() -> None:
    """The limit itself still fits."""
    text = "x" * LONG_TEXT_LIMIT

    assert codec_for("long_text").canonical(text) == text


@pytest.mark.parametrize("text", ["x" * 31, "42"])
def test_a_label_that_monday_cannot_hold_is_rejected(text: str) -> None:
    """Too long, or to be taken for the number of a label."""
    with pytest.raises(LabelLimit):
        Labels("State").resolve(text)


def test_the_41st_label_is_rejected() -> None:
    """A status column holds 40."""
    labels = Labels("State")
    for number in range(MAX_LABELS):
        labels.resolve(f"state {number}")

    with pytest.raises(LabelLimit):
        labels.resolve("one more")


def test_a_number_like_label_that_exists_is_sent_by_its_id() -> None:
    """Its text would be read as the number of another label."""
    labels = Labels("State")
    labels.know([Label("10", 3)])
    codec = codec_for("status", labels)

    assert codec.encode(codec.canonical("10")) == {"index": 3}


@given(st.lists(st.text(min_size=1), max_size=MAX_LABELS))
def test_no_colour_is_used_twice(labels: list[str]) -> None:
    """Monday refuses a status column with two labels of one colour."""
    colours = [colour for _, colour in status_colours(labels)]

    assert len(set(colours)) == len(labels)


def test_states_have_sensible_colours() -> None:
    """Closed is green and cancelled is red, whatever comes first."""
    assert dict(status_colours(["Released", "Cancelled", "Closed"])) == {
        "Released": "bright_blue",
        "Cancelled": "stuck_red",
        "Closed": "done_green",
    }


def test_states_that_say_the_same_look_alike() -> None:
    """Where two labels claim one colour, the second gets a shade of it; words of no state wait."""
    states = ["Received", "Cancelled", "Closed", "Stopped", "Anything", "Arrived", "Delivered"]

    assert dict(status_colours(states)) == {
        "Received": "done_green",
        "Cancelled": "stuck_red",
        "Closed": "grass_green",
        "Stopped": "dark_red",
        "Anything": "aquamarine",
        "Arrived": "purple",
        "Delivered": "dark_purple",
    }


CELLS = st.dictionaries(st.sampled_from("abcd"), st.one_of(st.none(), st.text(min_size=1)))


@given(CELLS, CELLS, st.one_of(st.none(), st.text(min_size=1)))
def test_a_diff_is_idempotent(wanted: Any, known: Any, name: str | None) -> None:
    """After an operation nothing is left to do, and cells that are not wanted stay."""
    row = WantedRow("k", name, "fallback", wanted)
    item = KnownItem("1", "old", known)

    operation = diff(row, item)
    if isinstance(operation, Unchanged):
        return
    assert isinstance(operation, Update)
    after = KnownItem("1", operation.name or item.name, {**known, **operation.cells})
    assert diff(row, after) == Unchanged("1")
    assert {key: after.cells[key] for key in known if key not in wanted} == {
        key: value for key, value in known.items() if key not in wanted
    }


def test_a_new_row_writes_no_empty_cells() -> None:
    """There is nothing to clear on an item that does not exist."""
    operation = diff(WantedRow("k", None, "k", {"a": "x", "b": None}), None)

    assert isinstance(operation, Create)
    assert operation.cells == {"a": "x"}
    assert operation.name == "k"


@given(st.integers(1, 166), st.integers(1, 10**7), st.one_of(st.none(), st.integers(1, 10**7)))
def test_a_request_stays_below_the_ceiling(
    max_aliases: int, price: int, minute_points: int | None
) -> None:
    """As many operations as fit the request, the minute and the setting; at least one."""
    budget = Budget(prices={"create": price}, minute_points=minute_points)
    size = budget.capacity(["create"] * 200, max_aliases)

    assert 1 <= size <= max_aliases
    assert size == 1 or size * price <= min(POINTS_PER_REQUEST, minute_points or POINTS_PER_REQUEST)


@given(st.lists(st.booleans()), st.randoms())
def test_no_bookmark_passes_an_open_row(messages: list[bool], random: Any) -> None:
    """Whatever the order of settlement, a bookmark is out only when all rows before it are done."""
    checkpoints = Checkpoints()
    opened: list[tuple[int, int]] = []  # ticket, number of bookmarks before it
    bookmarks = 0
    for is_row in messages:
        if is_row:
            opened.append((checkpoints.row(), bookmarks))
        else:
            bookmarks += 1
            checkpoints.state({"at": bookmarks})
    passed = 0
    random.shuffle(opened)
    while True:
        state = checkpoints.ready()
        passed = max(passed, state["at"] if state else 0)
        assert all(passed <= before for _, before in opened)
        if not opened:
            break
        checkpoints.settle(opened.pop()[0])
    assert passed == bookmarks
