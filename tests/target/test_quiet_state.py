"""Rows that hang on more than their item: quiet as long as that stays as it was, no longer."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ifs_monday_sandbox.monday.records import User
from target_monday.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.quiet import Sorted
    from target_monday.routing import Route

TARGET = {"Id": "string", "Name": "string"}
DAY = {"type": ["string", "null"], "format": "date"}
STATE = {"type": ["string", "null"], "x-extensible-enum": ["Open", "Closed"]}
ROW = {"Id": "string", "Note": "string", "To": "string", "Day": DAY, "Mail": "string"} | {
    "State": STATE
}
LINK = {"type": "board_relation", "stream": "t", "key": "{To}"}
OPTIONS: dict[str, dict[str, Any]] = {
    "links": {"columns": {"To": LINK}},
    "boards": {"board_name": "{Day:%Y}", "board_if_null": "never"},
    "people": {"columns": {"Mail": {"type": "people", "unknown_people": "empty"}}},
    "retire": {"retire_when": {"property": "State", "in": ["Closed"], "since": "Day", "days": 2}},
}
OPTIONS["all"] = {
    **OPTIONS["boards"],
    **OPTIONS["retire"],
    "columns": OPTIONS["links"]["columns"],
}
KNOWN, NEW = "integration@example.com", "new@example.com"
ROWS = st.fixed_dictionaries(
    {"Id": st.sampled_from("abc"), "Day": st.sampled_from([None, "2025-12-31", "2026-11-22"])},
    optional={
        "Note": st.sampled_from("nm"),
        "To": st.sampled_from(["x", "y", "z", None]),
        "Mail": st.sampled_from([KNOWN, NEW, f"{KNOWN},{NEW}", None]),
        "State": st.sampled_from(["Open", "Closed"]),
    },
)
STEPS = st.fixed_dictionaries(
    {
        "targets": st.none() | st.sets(st.sampled_from("xyz")),
        "rows": st.lists(ROWS, max_size=5),
        "again": st.booleans(),  # bring the rows of the step before once more
        "first": st.booleans(),  # whether targets come first
        "hours": st.sampled_from([0, 1, 1, 25]),
        "joins": st.booleans(),
    }
)


def asked(kind: str, stream: str, target: str) -> dict[str, Any]:
    """The entry of a stream that is of this kind; its target's stream has this name."""
    options = {**OPTIONS[kind]}
    columns = {name: dict(each) for name, each in options.get("columns", {}).items()}
    for each in columns.values():
        if "stream" in each:
            each["stream"] = target
    if "board_name" in options:
        options["board_name"] = f"{stream} {options['board_name']}"
        options["board_if_null"] = f"{stream} never"
    return {**options, "columns": columns}


def messages_of(messages: Any, step: Mapping[str, Any], version: int, names: list[str]) -> str:
    """A step's messages, for streams of these names."""
    stream, target = names
    targets: list[Any] = []
    if step["targets"] is not None:
        rows = [
            messages.record(target, version, Id=each, Name=f"n{each}")
            for each in sorted(step["targets"])
        ]
        ended = messages.activate(target, version)
        targets = [messages.schema(target, TARGET), *rows, ended]
    rows = [messages.record(stream, version, **row) for row in step["rows"]]
    own = [messages.schema(stream, ROW), *rows, messages.activate(stream, version)]
    parts = (targets, own) if step["first"] else (own, targets)
    return str(messages.lines([*parts[0], *parts[1], messages.state(version)]))


def there(simulation: Any, stream: str) -> list[Any]:
    """What is on the boards of a stream, without its name."""
    return sorted(
        (board.name.replace(stream, ""), sorted(map(repr, simulation.account.rows(board.name))))
        for board in simulation.account.boards.values()
        if board.name.startswith(stream) and board.state == "active"
    )


def check_steps(
    kind: str, simulation: Any, messages: Any, steps: list[dict[str, Any]], number: int
) -> None:
    """The same steps both ways: codes, books and boards are the same after each."""
    account = simulation.account
    users = account.users
    before: list[Any] = []
    for version, given_step in enumerate(steps, 1):
        rows = before if given_step["again"] else given_step["rows"]
        step, before = {**given_step, "rows": rows}, rows
        if step["joins"] and all(each.email != NEW for each in account.users):
            account.users = (*account.users, User(account.next_id(), "New", NEW))
        found: dict[str, Any] = {}
        for way in ("Quiet", "Usual"):
            names = [f"{way} {number} own", f"{way} {number} other"]
            maps = {"stream_maps": {each: {} for each in names}} if way == "Usual" else {}
            took = simulation.run(
                messages_of(messages, step, version, names),
                boards={names[0]: asked(kind, *names), names[1]: {}},
                vanished="archive",
                vanished_max_share=1,
                max_rejects=100,
                batch_size_rows=2,
                **maps,
            )
            books = [asdict(took.books.of(each)) for each in names]
            for each in books:
                each.pop("points"), each.pop("calls")
            found[way] = (
                took.code,
                took.message.replace(way, ""),
                books,
                [there(simulation, each) for each in names],
            )
        assert found["Quiet"] == found["Usual"]
        simulation.time.sleep(3600 * step["hours"])
    account.users = users


@pytest.mark.parametrize("kind", OPTIONS)
def test_both_paths_come_to_the_same(
    simulate: Callable[..., Any], messages: Any, kind: str
) -> None:
    """Whatever comes, goes and comes again: targets, users, days, boards, rows."""
    simulation = simulate(daily_calls=10_000_000)
    number = iter(range(10_000))

    @settings(
        max_examples=6,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STEPS, min_size=2, max_size=6))
    def check(steps: list[dict[str, Any]]) -> None:
        check_steps(kind, simulation, messages, steps, next(number))

    check()


ALONE: dict[str, Any] = {
    "targets": {"x", "y"},
    "rows": [
        {"Id": each, "Day": day, "Note": "n", "To": "x", "Mail": KNOWN, "State": "Open"}
        for each, day in (("a", "2025-12-31"), ("b", "2026-11-22"))
    ],
    "first": True,
}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Of each batch of rows, how many were quiet, and how many there were."""
    seen: list[tuple[int, int]] = []
    sorted_ = Intake._sorted

    def counted(self: Intake, route: Route, records: Sequence[bytes]) -> Sorted:
        found = sorted_(self, route, records)
        if route.stream == "s":
            seen.append((sum(rows for *_, rows in found.quiet), len(records)))
        return found

    monkeypatch.setattr(Intake, "_sorted", counted)
    return seen


@pytest.mark.parametrize(
    ("kind", "changed", "hours", "then"),
    [
        ("links", {}, 0, 2),
        ("links", {"targets": {"x", "y", "z"}}, 0, 2),  # one that comes
        ("links", {"targets": {"x"}}, 0, 2),  # one that goes, and that nothing links to
        ("links", {"targets": {"y"}}, 0, 0),  # one that rows link to
        ("boards", {}, 48, 2),
        ("people", {}, 1, 0),  # users may come and go
        ("retire", {}, 1, 2),
        ("retire", {}, 24, 0),  # a row may be due by now
        ("all", {}, 1, 2),
        ("all", {"targets": {"y"}}, 0, 0),
    ],
)
def test_rows_are_quiet_while_what_they_hang_on_stays(
    simulate: Callable[..., Any],
    messages: Any,
    quiet: list[tuple[int, int]],
    kind: str,
    changed: dict[str, Any],
    hours: int,
    then: int,
) -> None:
    """Made in one run, compared in the next, quiet from then on until something moves."""
    simulation = simulate()
    last = {**ALONE, **changed}
    for version, (step, passing) in enumerate(
        [(ALONE, 0), (ALONE, 0), (last, hours), (last, 0)], 1
    ):
        simulation.run(
            messages_of(messages, step, version, ["s", "t"]),
            boards={"s": asked(kind, "s", "t"), "t": {}},
            vanished="archive",
        )
        simulation.time.sleep(3600 * passing)

    assert quiet[0] == (0, 2)
    assert quiet[2:] == [(0 if kind == "people" else 2, 2), (then, 2)]
