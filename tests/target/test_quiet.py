"""Rows that need nothing: the quiet path and the usual one come to the same."""

from __future__ import annotations

import io
import json
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from target_monday.quiet import Quiet
from target_monday.reader import LineReader, decode_record, parse_line
from target_monday.record_lines import RecordLines, stream_of
from target_monday.seen import Seen, Sightings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = {"Id": "string", "Note": "string", "Amount": "number", "Open": "boolean"}


def hashes(folder: Path, board: str = "%") -> dict[str, bytes | None]:
    """Key -> the hash that the ledger keeps with the item."""
    with sqlite3.connect(folder / "ledger.db") as ledger:
        rows = ledger.execute(
            "SELECT key, record_hash FROM items JOIN boards ON boards.id = items.board "
            "WHERE stream LIKE ?",
            (board,),
        )
        return dict(rows.fetchall())


@pytest.fixture
def sorts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many rows of each batch were quiet, and how many were not."""
    seen: list[tuple[int, int]] = []
    sort = Quiet.sort

    def counted(self: Quiet, *arguments: Any, **options: Any) -> Any:
        found = sort(self, *arguments, **options)
        seen.append((len(found.hashes) - len(found.others), len(found.others)))
        return found

    monkeypatch.setattr(Quiet, "sort", counted)
    return seen


LONG = json.dumps("x" * 17_000)  # longer than a text column takes
# Values in the forms that taps write them in; the same row may come in another form.
VALUES = st.fixed_dictionaries(
    {"Id": st.sampled_from(['"a"', '"b"', '"c"', "1", '"1"', "null", '{"x":1}'])},
    optional={
        "Note": st.sampled_from(
            ['"n"', '"m"', '"}{"', '"\\u00fc"', '"ü"', "null", '"' + "x" * 17_000 + '"']
        ),
        "Amount": st.sampled_from(["1", "1.0", "1.50", "12345678901234567890.123", "null", '"x"']),
        "Open": st.sampled_from(["true", "false"]),
    },
)
RUNS = st.lists(st.lists(VALUES, max_size=6), min_size=2, max_size=5)


def record_line(stream: str, version: int, members: dict[str, str]) -> str:
    record = ",".join(f'"{name}":{value}' for name, value in members.items())
    return f'{{"type":"RECORD","stream":"{stream}","record":{{{record}}},"version":{version}}}'


def test_both_paths_come_to_the_same(simulate: Callable[..., Any], messages: Any) -> None:
    """Boards, books, rejects and exit codes, run by run, whatever rows come in which form."""
    simulation = simulate(daily_calls=10_000_000)
    number = iter(range(10_000))

    @settings(max_examples=12, phases=(Phase.explicit, Phase.generate))
    @given(RUNS)
    def check(runs: list[list[dict[str, str]]]) -> None:
        example = next(number)
        found: dict[str, list[Any]] = {}
        for way in ("quiet", "mapped"):
            stream = f"{way}{example}"
            maps = {"stream_maps": {stream: {}}} if way == "mapped" else {}
            for version, rows in enumerate(runs, 1):
                lines = [
                    messages.schema(stream, SCHEMA),
                    *(record_line(stream, version, row) for row in rows),
                    messages.activate(stream, version),
                ]
                took = simulation.run(
                    messages.lines(lines),
                    vanished="archive",
                    vanished_max_share=1,
                    max_rejects=100,
                    batch_size_rows=3,
                    **maps,
                )
                books = asdict(took.books.of(stream))
                books.pop("points"), books.pop("calls")
                found.setdefault(way, []).append((took.code, books))
            with sqlite3.connect(simulation.folder / "ledger.db") as ledger:
                items = ledger.execute(
                    "SELECT items.key, items.name, items.cells, made.cells FROM items "
                    "JOIN boards ON boards.id = items.board "
                    "LEFT JOIN operations AS made ON made.id = items.made_by "
                    "WHERE stream = ? ORDER BY items.key",
                    (stream,),
                ).fetchall()
            values = [
                (key, name, sorted(map(str, json.loads(made or cells))))
                for key, name, cells, made in items
            ]
            found[way].append(values)

        assert found["quiet"] == found["mapped"]

    check()


def rows_of(messages: Any, version: int, *notes: str) -> str:
    lines = [
        messages.schema("s", SCHEMA),
        *(messages.record("s", version, Id=f"k{at}", Note=note) for at, note in enumerate(notes)),
        messages.state(version),
        messages.activate("s", version),
    ]
    return str(messages.lines(lines))


def test_a_row_is_quiet_once_it_was_delivered(
    simulate: Callable[..., Any], messages: Any, sorts: list[tuple[int, int]]
) -> None:
    """It costs no mutation, is counted as unchanged, and its bookmark goes out."""
    simulation = simulate()
    simulation.run(rows_of(messages, 1, "a", "b"))

    took = simulation.run(rows_of(messages, 2, "a", "b"))

    assert sorts == [(0, 2), (2, 0)]
    assert (took.code, took.mutations, took.books.of("s").unchanged) == (0, 0, 2)


def test_a_value_that_returns_is_written_again(simulate: Callable[..., Any], messages: Any) -> None:
    """Also within one run, where the first of three rows was quiet (F-44, F-45)."""
    simulation = simulate()
    for notes in ("a", "b", "a"):
        took = simulation.run(rows_of(messages, 1, notes))
        assert took.books.of("s").unchanged == 0
    three = [messages.record("s", Id="k0", Note=note) for note in "aba"]

    took = simulation.run(messages.lines([messages.schema("s", SCHEMA), *three]))

    assert (took.books.of("s").unchanged, took.mutations) == (3, 0)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"nulls": "keep"}, id="setting"),
        pytest.param({"boards": {"s": {"item_name": "{Note}"}}}, id="mapping"),
    ],
)
def test_another_mapping_makes_all_rows_be_compared_again(
    simulate: Callable[..., Any],
    messages: Any,
    sorts: list[tuple[int, int]],
    changed: dict[str, Any],
) -> None:
    """What was found unchanged under the old one says nothing about the new one."""
    simulation = simulate()
    simulation.run(rows_of(messages, 1, "a", "b"))

    simulation.run(rows_of(messages, 2, "a", "b"), **changed)
    simulation.run(rows_of(messages, 3, "a", "b"), **changed)

    assert sorts == [(0, 2), (0, 2), (2, 0)]


def test_a_stranger_text_is_told_in_each_run(
    simulate: Callable[..., Any], messages: Any, sorts: list[tuple[int, int]]
) -> None:
    """A row with a text that was cut is never quiet."""
    simulation = simulate()
    for version in (1, 2):
        simulation.run(rows_of(messages, version, "x" * 17_000))

    assert sorts == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"Note": {"type": "people", "unknown_people": "empty"}}, id="people"),
        pytest.param(
            {"Note": {"type": "board_relation", "stream": "other", "key": "{Note}"}}, id="links"
        ),
    ],
)
def test_what_names_nobody_is_compared_in_each_run(
    simulate: Callable[..., Any],
    messages: Any,
    sorts: list[tuple[int, int]],
    columns: dict[str, Any],
) -> None:
    """A person may join the account, and an item that is linked to may come, at any time."""
    simulation = simulate()
    for version in (1, 2):
        boards = {"s": {"columns": columns}}
        took = simulation.run(rows_of(messages, version, "a@x.org", "b@x.org"), boards=boards)
        assert took.books.of("s").read == 2

    assert sorts == [(0, 2), (0, 2)]


def test_what_a_person_changed_is_put_right(rehearsal: Any, messages: Any) -> None:
    """Once the board's items are read again, the row is compared with what they hold."""
    rows = rows_of(messages, 1, "a", "b").splitlines()
    assert rehearsal.run(rows).code == 0
    board = rehearsal.board("S")
    item = next(each for each in board["items"] if each["cells"]["Record key"] == "k0")
    note = next(each["id"] for each in board["columns"] if each["title"] == "Note")
    rehearsal.ask(
        "mutation ($b: ID!, $i: ID!, $c: String!) { change_simple_column_value"
        '(board_id: $b, item_id: $i, column_id: $c, value: "mine") { id } }',
        {"b": board["id"], "i": item["id"], "c": note},
    )
    rehearsal.ask(
        'mutation ($b: ID!) { create_item(board_id: $b, item_name: "x") { id } }',
        {"b": board["id"]},
    )

    ended = rehearsal.run(rows)

    assert (ended.counts()["updated"], ended.counts()["unchanged"]) == (1, 1)
    assert rehearsal.cells("S", "k0")["Note"] == "a"


def test_a_reject_is_done_with_when_its_row_is_as_it_was(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The row that comes back is the one that the item was made of: quiet, but not silent."""
    simulation = simulate()
    good = messages.lines(
        [messages.schema("s", SCHEMA), messages.record("s", Id="a", Amount=1), messages.state(1)]
    )
    bad = good.replace('"Amount": 1', '"Amount": "x"')
    simulation.run(good)
    simulation.run(bad, max_rejects=1)

    assert simulation.run(good).code == 0
    with sqlite3.connect(simulation.folder / "ledger.db") as ledger:
        states = ledger.execute("SELECT state FROM reject_events ORDER BY id").fetchall()
    assert states[-1] == ("resolved",)


def test_quiet_rows_do_not_vanish(simulate: Callable[..., Any], messages: Any) -> None:
    """A version that a run was cut off in goes on in the next one; only the absent row leaves."""
    simulation = simulate()
    simulation.run(rows_of(messages, 1, "a", "b", "c", "d"), vanished="archive")
    lines = rows_of(messages, 2, "a", "b", "c", "d").splitlines(keepends=True)

    simulation.run("".join(lines[:3]), vanished="archive")  # the first two of version 2
    took = simulation.run("".join([lines[0], lines[3], *lines[5:]]), vanished="archive")

    assert (took.books.of("s").archived, took.books.of("s").unchanged) == (1, 1)
    assert hashes(simulation.folder).keys() == {"k0", "k1", "k2"}


def test_a_version_that_stays_the_same_holds_what_was_in_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Taps that send only changes under a version of always: nothing else has vanished."""
    simulation = simulate()
    simulation.run(rows_of(messages, 7, "a", "b", "c"), vanished="archive")

    for notes in (("a",), ("x",), ()):
        took = simulation.run(rows_of(messages, 7, *notes), vanished="archive")
        assert (took.code, took.books.of("s").archived) == (0, 0)


@pytest.mark.parametrize("line", ['{"Id": "b", "Note": x}', '{"Id": "b", "Note": "x"', "{]}"])
def test_what_comes_before_an_unreadable_record_is_delivered(
    rehearsal: Any, messages: Any, line: str
) -> None:
    """The line is named by its number; no bookmark behind it goes out."""
    messages_before = [
        messages.schema("s", SCHEMA),
        messages.record("s", Id="a"),
        messages.state(1),
    ]
    broken = f'{{"type": "RECORD", "stream": "s", "record": {line}}}'

    ended = rehearsal.run(
        [*messages_before, broken, messages.record("s", Id="c"), messages.state(2)]
    )

    assert (ended.code, [state["bookmarks"]["at"] for state in ended.states]) == (1, [1])
    assert "Input line 4 is not JSON" in ended.log
    assert [item["name"] for item in rehearsal.board("S")["items"]] == ["a"]


def test_a_record_that_is_followed_by_something_else_is_parsed(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Members that nobody expects, nested ones too, do not change what the row is."""
    simulation = simulate()
    record = '{"type":"RECORD","stream":"s","record":{"Id":"a","Note":"n"}'
    ends = [
        "}",
        ',"version":1}',
        ',"x":{"y":{}}}',
        ',"time_extracted":"2026-01-01T00:00:00Z"}',
        ',"page":3}',
        ',"page":"three"}',
        ',"page":99999999999}',
        " } ",
    ]
    lines = "".join(f"{record}{end}\n" for end in ends)

    took = simulation.run(messages.lines([messages.schema("s", SCHEMA)]) + lines)

    books = took.books.of("s")
    assert (books.read, books.created, books.unchanged) == (8, 1, 7)


MEMBERS = st.dictionaries(
    st.sampled_from(["version", "time_extracted", "page", "x", "record", "type"]),
    st.one_of(st.none(), st.integers(0, 5), st.text('}{",\\x', max_size=4), st.just({"y": [{}]})),
)
RECORDS = st.dictionaries(
    st.text('ab}{"', max_size=3),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text('}{",:\\é', max_size=6)),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.text("k}"), inner, max_size=2)
        ),
        max_leaves=4,
    ),
    max_size=4,
)


@given(record=RECORDS, members=MEMBERS, compact=st.booleans())
def test_a_line_is_cut_where_it_would_be_parsed(
    *, record: dict[str, Any], members: dict[str, Any], compact: bool
) -> None:
    """What is cut out either reads as the very record, or does not read as one."""
    separators = (",", ":") if compact else (", ", ": ")
    message = {"type": "RECORD", "stream": "s", "record": record}
    line = json.dumps(message, separators=separators)[:-1]
    line += "".join(f',"{name}":{json.dumps(value)}' for name, value in members.items()) + "}"
    waiting = RecordLines(10, lambda count: count, lambda: None)
    waiting.begin(line.encode())

    if waiting.take(line.encode(), 1):
        taken = waiting.empty()
        cut = decode_record(taken.records[0])
        if cut is None:
            return
        parsed = parse_line(line, 1)
        assert (cut, taken.version) == (parsed["record"], parsed.get("version"))


@given(st.sets(st.text()), st.sets(st.text()), st.sets(st.text()))
def test_keys_are_seen(before: set[str], seen: set[str], others: set[str]) -> None:
    """Those of this run and of the one before it, each once, and no others."""
    earlier, version = Seen(1), Seen(1)
    earlier.see(before)
    version.see([*seen, *seen])

    found = Sightings(version.joined(earlier.joined()))

    assert {key for key in before | seen | others if key in found} == before | seen
    assert (version.count(), version.known) == (len(before | seen), before <= seen)


@pytest.mark.parametrize("known", [True, False])
def test_many_keys_are_seen_in_two_readings(known: bool) -> None:  # noqa: FBT001 - a parameter
    """Also where some of them have no item."""
    keys = [str(number) for number in range(2_000)]
    earlier, version = Seen(1), Seen(1, known)
    earlier.see(keys[:1_500])
    version.see(keys[500:])

    found = Sightings(version.joined(earlier.joined()))

    assert [key for key in keys if key not in found] == []
    assert version.known is False


ENDS = ["}", ',"version":1}', ',"version":1,"page":2}', ',"x":1}', "\r", " } ", ""]
LINES = st.one_of(
    st.builds(
        lambda stream, record, end: (
            f'{{"type":"RECORD","stream":"{stream}","record":{json.dumps(record)}{end}'
        ),
        st.sampled_from("st"),
        RECORDS,
        st.sampled_from(ENDS),
    ),
    st.sampled_from(['{"type":"STATE","value":{}}', "", '{"type":"RECORD"}', "x"]),
)


@given(
    st.lists(st.tuples(LINES, st.integers(1, 40)), max_size=6),
    st.integers(1, 9),
    st.integers(1, 200),
)
def test_lines_that_are_alike_are_taken_as_one_by_one(
    runs: list[tuple[str, int]], size: int, piece: int
) -> None:
    """Whatever pieces the input comes in, each line is cut as by itself, and knows its number."""
    lines = [line for line, count in runs for _ in range(count)]
    text = "".join(f"{line}\n" for line in lines).encode()
    kept: dict[int, tuple[bytes, bytes, int | None]] = {}

    def flush(waiting: RecordLines) -> None:
        taken = waiting.empty()
        for at, record in enumerate(taken.records):
            line, number = taken.line(at)
            kept[number] = line, record, taken.page(at)

    streams = {each: RecordLines(size, len, lambda: None) for each in "s"}
    for each in streams.values():
        each.count, each.flush = int, lambda each=each: flush(each)
    parsed: list[bytes] = []
    reader = LineReader(lines_of=streams.get)
    reader._process = lambda line, _: parsed.append(line) or "OTHER"  # type: ignore[func-returns-value,method-assign]
    pieces = (text[at : at + piece] for at in range(0, len(text), piece))
    reader._read = lambda _: pieces  # type: ignore[method-assign]

    reader.process_lines(io.BytesIO(), {})
    for each in streams.values():
        flush(each)

    wanted: dict[int, tuple[bytes, bytes, int | None]] = {}
    others: list[bytes] = []
    alone = RecordLines(1, int, lambda: None)
    for number, line in enumerate(lines, 1):
        encoded = line.encode()
        alone.begin(encoded)
        if stream_of(encoded) == "s" and alone.take(encoded, number):
            one = alone.empty()
            wanted[number] = encoded, one.records[0], one.page(0)
        elif line:
            others.append(encoded)
    assert (kept, parsed) == (wanted, others)
