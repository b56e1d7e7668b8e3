"""What the keys of items are made of stays, and which board a stream goes to the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from target_monday.errors import KeyPropertiesChanged
from target_monday.ledger.database import open_database
from target_monday.ledger.evidence import Evidence, Expected
from target_monday.ledger.known_rows import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTIES = {"id": "string", "company": "string", "note": "string"}
ROWS = [{"id": str(at), "company": "10", "note": "n"} for at in range(3)]


def lines(messages: Any, keys: list[str], *more: Any, rows: Any = ROWS) -> str:
    """The rows of a stream under these key properties."""
    made = [messages.record("s", **row) for row in rows]
    return str(messages.lines([messages.schema("s", PROPERTIES, keys), *made, *more]))


def on(twin: Any, board: str = "S") -> int:
    """How many items a board has."""
    return len(twin.account.rows(board))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["id"], ["company", "id"]),
        (["company", "id"], ["id"]),
        (["company", "id"], ["id", "company"]),
        (["id"], ["company"]),
        (["id"], []),
    ],
)
def test_rows_with_another_key_are_refused_before_the_first_write(
    simulate: Callable[..., Any], messages: Any, before: list[str], after: list[str]
) -> None:
    """Each would make a second item. The former key is taken as ever, and so is another board."""
    twin = simulate()
    assert twin.run(lines(messages, before)).code == 0

    for _ in range(2):
        refused = twin.run(lines(messages, after))
        assert (refused.code, refused.mutations, on(twin)) == (2, 0, len(set(keys_of(before))))
        assert f"its items have keys made of {', '.join(before)}" in refused.message
    assert twin.run(lines(messages, before)).mutations == 0
    assert twin.run(lines(messages, after), boards={"s": {"board_name": "New"}}).code == 0
    assert on(twin, "New") == (len(set(keys_of(after))) if after else len(ROWS))


def keys_of(names: list[str]) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in ROWS]


def test_appended_rows_get_no_keys_afterwards(simulate: Callable[..., Any], messages: Any) -> None:
    """Their items carry none, so each row would make a second one."""
    twin = simulate()
    assert twin.run(lines(messages, [])).code == 0

    refused = twin.run(lines(messages, ["id"]))

    assert (refused.code, on(twin)) == (2, len(ROWS))
    assert "keys made of no property" in refused.message


def test_a_schema_that_changes_its_key_in_mid_stream_is_refused(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Also while nothing of the stream is on its board yet."""
    twin = simulate()
    again = messages.schema("s", PROPERTIES, ["company", "id"])
    more = [again, *(messages.record("s", **row) for row in ROWS)]

    refused = twin.run(lines(messages, ["id"], *more))

    assert (refused.code, on(twin)) == (2, 0)
    assert "in mid-stream" in refused.message
    same = messages.schema("s", {**PROPERTIES, "more": "string"}, ["id"])
    assert twin.run(lines(messages, ["id"], same)).code == 0


@pytest.mark.parametrize(
    "settings",
    [{"mask": ["s.id"]}, {"mask": ["*.id"], "mask_key": "other"}],
)
@pytest.mark.parametrize("before", [{}, {"mask": ["s.id"], "mask_key": "first"}])
def test_masks_belong_to_the_key(
    simulate: Callable[..., Any], messages: Any, before: Any, settings: Any
) -> None:
    """A key that is masked, no more masked or masked by another key is another key."""
    twin = simulate()
    assert twin.run(lines(messages, ["id"]), **before).code == 0

    refused = twin.run(lines(messages, ["id"]), **settings)

    assert (refused.code, refused.mutations, on(twin)) == (2, 0, len(ROWS))
    assert twin.run(lines(messages, ["id"]), **before).mutations == 0
    other = twin.run(lines(messages, ["id"]), **before, deny=["s.note"])
    assert other.code == 0


def test_without_a_ledger_the_keys_on_the_board_tell(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Keys of other numbers of parts are not those of these rows."""
    twin = simulate()
    assert twin.run(lines(messages, ["id"])).code == 0
    for path in twin.folder.glob("ledger.db*"):
        path.unlink()

    refused = twin.run(lines(messages, ["company", "id"]))

    assert (refused.code, on(twin)) == (2, len(ROWS))
    assert KeyPropertiesChanged.code == "KEY_PROPERTIES_CHANGED"


def test_mode_append_looks_for_no_items(simulate: Callable[..., Any], messages: Any) -> None:
    """It may be asked for whatever keys are; the way back needs the keys of before."""
    twin = simulate()
    append = {"boards": {"s": {"mode": "append"}}}
    assert twin.run(lines(messages, ["id"])).code == 0
    assert twin.run(lines(messages, ["company", "id"]), **append).code == 0
    assert on(twin) == 2 * len(ROWS)

    assert twin.run(lines(messages, ["company", "id"])).code == 2
    assert on(twin) == 2 * len(ROWS)


# Which board.

A, B = {"board_name": "A"}, {"board_name": "B"}


@pytest.mark.parametrize("known", [True, False], ids=["B is there", "B is made"])
@pytest.mark.parametrize("way", ["id to name", "id to id", "name to name", "name to id", "none"])
def test_the_settings_say_which_board(
    simulate: Callable[..., Any], messages: Any, caplog: Any, way: str, *, known: bool
) -> None:
    """Not what the ledger remembers. It is said, and the former items stay as they are."""
    twin = simulate()
    wanted: dict[str, Any] = {"A": A, "B": B}
    for name in "AB" if known or way.endswith("to id") else "A":
        other = lines(messages, ["id"], rows=[]).replace('"s"', f'"made_{name}"')
        twin.run(other, boards={f"made_{name}": wanted[name]})
    ids = {board.name: board.id for board in twin.account.boards.values()}
    before = {"board_id": ids["A"]} if way.startswith("id") else A
    after = {"board_id": ids["B"]} if way.endswith("to id") else B
    name = "S" if way == "none" else "B"
    assert twin.run(lines(messages, ["id"]), boards={"s": before}).code == 0

    moved = twin.run(lines(messages, ["id"]), boards={} if way == "none" else {"s": after})

    assert (moved.code, on(twin, "A"), on(twin, name)) == (0, len(ROWS), len(ROWS))
    assert f"board.changed stream=s board={ids['A']}" in caplog.text
    assert f"items={len(ROWS)}" in caplog.text
    caplog.clear()
    again = twin.run(lines(messages, ["id"]), boards={} if way == "none" else {"s": after})
    assert (again.mutations, "board.changed" in caplog.text) == (0, False)


def test_the_same_board_by_other_words_is_no_other_board(
    simulate: Callable[..., Any], messages: Any, caplog: Any
) -> None:
    """By its id, by its name, or renamed by a person: nothing is written again."""
    twin = simulate()
    assert twin.run(lines(messages, ["id"]), boards={"s": A}).code == 0
    (board,) = (each for each in twin.account.boards.values() if each.name == "A")

    for asked in ({"board_id": board.id}, A, {"board_id": int(board.id)}, A):
        assert twin.run(lines(messages, ["id"]), boards={"s": asked}).mutations == 0
    board.name = "Renamed by a person"
    assert twin.run(lines(messages, ["id"]), boards={"s": A}).mutations == 0
    renamed = {"board_name": "Renamed by a person"}
    assert twin.run(lines(messages, ["id"]), boards={"s": renamed}).mutations == 0
    assert "board.changed" not in caplog.text


def test_another_workspace_is_another_place(
    simulate: Callable[..., Any], messages: Any, caplog: Any
) -> None:
    """A board by name is looked for where the settings say, whatever the ledger remembers."""
    twin = simulate()
    assert twin.run(lines(messages, ["id"])).code == 0

    moved = twin.run(lines(messages, ["id"]), workspace_id="77")

    boards = [each for each in twin.account.boards.values() if each.name == "S"]
    assert moved.code == 0
    assert [each.workspace_id for each in boards] == [None, 77]
    assert "board.changed" in caplog.text


def test_one_board_and_one_for_each_row_are_not_the_same(
    simulate: Callable[..., Any], messages: Any, caplog: Any
) -> None:
    """A template of names leaves the one board of before, and a name the boards of a template."""
    twin = simulate()
    several = {"s": {"board_name": "S {company}"}}
    assert twin.run(lines(messages, ["id"])).code == 0

    assert twin.run(lines(messages, ["id"]), boards=several).code == 0
    assert (on(twin), on(twin, "S 10"), "successor=none items=3" in caplog.text) == (3, 3, True)
    caplog.clear()
    assert twin.run(lines(messages, ["id"]), boards=several).mutations == 0
    assert "board.changed" not in caplog.text

    back = twin.run(lines(messages, ["id"]))
    assert (back.code, back.mutations, on(twin)) == (0, 0, 3)
    assert "successor=none items=3" in caplog.text


def test_a_group_by_name_places_new_items(simulate: Callable[..., Any], messages: Any) -> None:
    """Another `group` leaves the items where they are, and takes the new ones."""
    twin = simulate()
    assert twin.run(lines(messages, ["id"])).code == 0
    (board,) = (each for each in twin.account.boards.values() if each.name == "S")
    titles = [group.title for group in board.groups]
    row = {"id": "9", "company": "10", "note": "n"}

    moved = twin.run(lines(messages, ["id"], rows=[*ROWS, row]), boards={"s": {"group": titles[0]}})

    assert (moved.code, moved.books.of("s").created, moved.books.of("s").unchanged) == (0, 1, 3)


# New keys for the items that are there.


def rekeyed(former: list[str]) -> dict[str, Any]:
    """The settings that say what makes up the keys of before."""
    return {"boards": {"s": {"former_key": former}}}


def items_by_note(twin: Any) -> dict[str, tuple[str, str]]:
    """Note -> id and key of the item that has it."""
    (board,) = (each for each in twin.account.boards.values() if each.name == "S")
    ids = {item.name: item.id for item in board.items.values() if item.state == "active"}
    return {row["note"]: (ids[row["Name"]], row["Record key"]) for row in twin.account.rows("S")}


SWAPPED = [
    {"id": "1", "company": "2", "note": "a"},
    {"id": "2", "company": "1", "note": "b"},
    {"id": "3", "company": "7", "note": "c"},
    {"id": "4", "company": "9", "note": "d"},
]


@pytest.mark.parametrize(
    ("before", "after"),
    [(["id"], ["company", "id"]), (["company", "id"], ["id"]), (["id"], ["company"])],
)
def test_items_get_new_keys_with_their_rows(
    simulate: Callable[..., Any], messages: Any, before: list[str], after: list[str]
) -> None:
    """Each keeps its item, also where one's new key is another's old one; none is made."""
    twin = simulate()
    named = {"boards": {"s": {"item_name": "{note}"}}}
    new = {"boards": {"s": {"item_name": "{note}", "former_key": before}}}
    assert twin.run(lines(messages, before, rows=SWAPPED), **named).code == 0
    was = items_by_note(twin)

    some = twin.run(lines(messages, after, rows=SWAPPED[:2]), **new)
    assert (some.code, some.books.of("s").created, some.books.of("s").updated) == (0, 0, 2)
    twin.time.sleep(2 * 24 * 3600.0)  # the board is read anew in between
    rest = twin.run(lines(messages, after, rows=SWAPPED), **named)

    assert (rest.code, rest.books.of("s").created, rest.books.of("s").updated) == (0, 0, 2)
    now = items_by_note(twin)
    assert {note: number for note, (number, _) in now.items()} == {
        note: number for note, (number, _) in was.items()
    }
    assert [now[row["note"]][1] for row in SWAPPED] == [
        "|".join(row[name] for name in after) for row in SWAPPED
    ]
    assert twin.run(lines(messages, after, rows=SWAPPED), **named).mutations == 0
    assert {key: item.item_id for key, item in on_record(twin).items()} == {
        key: str(number) for number, key in now.values()
    }


def on_record(twin: Any) -> dict[str, Expected]:
    """The items as a certificate expects them."""
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    evidence = Evidence(engine, twin.sandbox.monday_url)
    (board,) = evidence.boards()
    found = evidence.expected(board.id)
    engine.dispose()
    return found


def test_what_no_row_claims_vanishes_as_ever(simulate: Callable[..., Any], messages: Any) -> None:
    """A full read says which of the former items are gone; a renamed property costs no write."""
    twin = simulate()
    archive = {"vanished": "archive"}
    assert twin.run(lines(messages, ["id"], rows=SWAPPED)).code == 0
    rows = [messages.record("s", 1, **row) for row in SWAPPED[:3]]
    read = [messages.schema("s", PROPERTIES, ["company", "id"]), *rows, messages.activate("s", 1)]

    ended = twin.run(messages.lines(read), **rekeyed(["id"]), **archive)

    assert (ended.code, ended.books.of("s").archived) == (0, 1)
    assert sorted(row["note"] for row in twin.account.rows("S")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("before", "former", "after"),
    [
        (["id"], ["company", "id"], ["company", "id"]),
        ([], ["id"], ["id"]),
        (["id"], ["id"], []),
        (["id"], ["nothing"], ["company", "id"]),
    ],
)
def test_new_keys_need_the_parts_of_the_old(
    simulate: Callable[..., Any],
    messages: Any,
    before: list[str],
    former: list[str],
    after: list[str],
) -> None:
    """Otherwise no item would be found, and the run is refused as ever."""
    twin = simulate()
    assert twin.run(lines(messages, before)).code == 0

    refused = twin.run(lines(messages, after), **rekeyed(former))

    assert (refused.code, refused.mutations) == (2, 0)


def test_a_reject_and_a_replay_go_by_the_new_keys(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """What was filed under the former key is done with when its row is there."""
    twin = simulate()
    narrow = {"s": {"columns": {"note": {"type": "numbers"}}, "unmapped": "create"}}
    number = [{"id": "1", "company": "10", "note": "1"}, {"id": "2", "company": "10", "note": "?"}]
    twin.run(lines(messages, ["id"], rows=number), boards=narrow, max_rejects=1)
    wide = {"s": {"columns": {"note": {"title": "Words", "type": "text"}}, "unmapped": "create"}}
    wide["s"]["former_key"] = ["id"]

    done = twin.run(lines(messages, ["company", "id"], rows=number[:1]), boards=wide)

    keys = sorted(row["Record key"] for row in twin.account.rows("S"))
    assert (done.code, done.books.of("s").recovered, keys) == (0, 1, ["10|1", "10|2"])
    assert twin.run(lines(messages, ["company", "id"], rows=[]), boards=wide).mutations == 0
    replayed = twin.replay(Asked(), boards=wide)
    assert (replayed.code, replayed.mutations) == (0, 0)
