"""What people change on a board while or between runs: a stated answer to each, and no duplicate.

Each change is made before a run or in it, and meets both lanes. After it two more runs bring the
same rows: the first makes the board right, the second sends nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday import writes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STATES = {"type": ["string", "null"], "enum": ["Open", "Done"]}
PROPERTIES = {"Id": "string", "State": STATES, "Note": "string"}


@dataclass
class Twin:
    """A board with the items a, b and c, and a person at it."""

    simulation: Any
    messages: Any
    lines: list[str]

    def run(self, note: str, *, full: bool = False, **settings: Any) -> Any:
        """Bring a, b and c with this note; `full` says that these are all rows."""
        version = 1 if full else None
        rows = [
            self.messages.record("s", Id=one, State="Open", Note=note, version=version)
            for one in "abc"
        ]
        ends = [self.messages.activate("s", 1)] if full else []
        lines = [self.messages.schema("s", PROPERTIES), *rows, *ends, self.messages.state(note)]
        self.lines.clear()
        return self.simulation.run(self.messages.lines(lines), **settings)

    def change_in_run(self, change: Callable[[Any], None]) -> None:
        """Make the change just before the next write is served."""
        made: list[bool] = []

        def meet(request: Any) -> bool:
            if "idempotency-key" in request.headers and not made:
                made.append(True)
                change(self.simulation.account)
            return False

        self.simulation.sandbox.monday_faults.plan(Fault(matches=meet))

    @property
    def account(self) -> Any:
        """The account, as people see it."""
        return self.simulation.account

    def notes(self) -> dict[str, str]:
        """Key -> note of all items of the board; fails where two items have one key."""
        rows = self.account.rows("S")
        found = {row["Record key"]: row["Note"] for row in rows}
        assert len(found) == len(rows), rows
        return found

    def told(self, event: str) -> bool:
        """Whether the log of the last run has a line of this event."""
        return any(line.startswith(f"{event} ") for line in self.lines)


@pytest.fixture
def twin(simulate: Callable[..., Any], messages: Any) -> Any:
    """The board after a first run, and the log."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, keep = logging.getLogger("target-monday"), Keep()
    logger.addHandler(keep)
    made = Twin(simulate(), messages, lines)
    assert made.run("n1").code == 0
    yield made
    logger.removeHandler(keep)


def rename_column(account: Any) -> None:
    account.rename_column("S", "Note", "Remark")


def archive_item(account: Any) -> None:
    account.archive_item("S", "a")


def delete_item(account: Any) -> None:
    account.delete_item("S", "a")


def move_item(account: Any) -> None:
    """To another board: it keeps its id and leaves its cells."""
    (item,) = account.items_named("S", "a")
    board = account.board("S")
    other = replace(board, id=account.next_id(), name="Other", items={}, active_count=1)
    account.boards[other.id] = other
    del board.items[item.id]
    board.active_count -= 1
    item.board_id = other.id
    other.items[item.id] = item
    account.board_of_item[item.id] = other.id
    item.cells.clear()


def delete_column(account: Any) -> None:
    column = account.column("S", "Note")
    del account.board("S").columns[column.id]
    for item in account.items("S"):
        item.cells.pop(column.id, None)


def delete_group(account: Any) -> None:
    """The only group, with its items; another one is there by then."""
    board = account.board("S")
    first = board.active_groups()[0]
    board.groups.append(replace(first, id="another", title="Another"))
    first.deleted = True
    for item in account.items("S"):
        writes.delete_item(account, item)


def edit_key(account: Any) -> None:
    account.set_cell("S", "a", "Record key", "edited")


def clear_key(account: Any) -> None:
    account.set_cell("S", "a", "Record key", None)


GONE: Mapping[str, Callable[[Any], None]] = {
    "archived": archive_item,
    "deleted": delete_item,
    "moved": move_item,
    "group": delete_group,
}


@pytest.mark.parametrize("lane", ["alias", "ingest"])
@pytest.mark.parametrize("in_run", [False, True], ids=["before", "in_run"])
@pytest.mark.parametrize("gone", GONE)
def test_an_item_that_left_the_board_is_made_again(
    twin: Any, gone: str, lane: str, *, in_run: bool
) -> None:
    """Whole, with all of its cells; what was archived or moved stays what people made of it."""
    if in_run:
        twin.change_in_run(GONE[gone])
    else:
        GONE[gone](twin.account)

    ended = twin.run("n2", lane=lane)
    told = twin.told("items.gone")
    again = twin.run("n2", lane=lane)
    last = twin.run("n2", lane=lane)

    assert (ended.code, again.code, last.code, last.mutations) == (0, 0, 0, 0)
    assert twin.notes() == dict.fromkeys("abc", "n2")
    assert {row["State"] for row in twin.account.rows("S")} == {"Open"}
    assert told or in_run


@pytest.mark.parametrize("lane", ["alias", "ingest"])
@pytest.mark.parametrize("in_run", [False, True], ids=["before", "in_run"])
def test_a_renamed_column_is_the_same_column(twin: Any, lane: str, *, in_run: bool) -> None:
    """The ledger knows its id."""
    if in_run:
        twin.change_in_run(rename_column)
    else:
        rename_column(twin.account)

    ended = twin.run("n2", lane=lane)

    assert ended.code == 0
    assert [row["Remark"] for row in twin.account.rows("S")] == ["n2"] * 3
    assert twin.run("n2", lane=lane).mutations == 0


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_a_column_that_was_deleted_is_made_again(twin: Any, lane: str) -> None:
    """It is the target's own; the rows that come fill it."""
    delete_column(twin.account)

    assert twin.run("n2", lane=lane).code == 0
    assert twin.notes() == dict.fromkeys("abc", "n2")
    assert twin.run("n2", lane=lane).mutations == 0


def make_it_numbers(account: Any) -> None:
    column = account.column("S", "Note")
    account.board("S").columns[column.id] = replace(column, type="numbers")
    for item in account.items("S"):
        item.cells.pop(column.id, None)


def make_it_anew_as_numbers(account: Any) -> None:
    old = account.column("S", "Note")
    delete_column(account)
    column = replace(old, id="numeric_by_hand", type="numbers")
    account.board("S").columns[column.id] = column


@pytest.mark.parametrize("retype", [make_it_numbers, make_it_anew_as_numbers])
def test_a_column_that_cannot_hold_its_cells_any_more_stops_the_run(
    twin: Any, retype: Callable[[Any], None]
) -> None:
    """Before anything is written: no row is rejected for what a person did to the board."""
    retype(twin.account)

    ended = twin.run("n2")

    assert (ended.code, ended.mutations, ended.books.of("s").rejected) == (2, 0, 0)
    assert "'Note' of property 'Note' is of type 'numbers' by now" in ended.message
    assert twin.run("2").code == 2


def test_a_column_of_a_type_that_holds_its_cells_is_written_as_what_it_is_now(twin: Any) -> None:
    """A person chose a better one."""
    twin.run("7")
    make_it_numbers(twin.account)

    ended = twin.run("8")

    assert (ended.code, twin.notes()) == (0, dict.fromkeys("abc", "8"))


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_a_column_that_is_deleted_in_the_run_costs_no_row(twin: Any, lane: str) -> None:
    """No row is rejected for it: the board takes nothing more, the next run makes it anew."""
    twin.change_in_run(delete_column)

    ended = twin.run("n2", lane=lane)

    counts = ended.books.of("s")
    assert (ended.code, counts.rejected, counts.carried_over) == (1, 0, 3)
    assert twin.told("board.failed")
    assert twin.run("n2", lane=lane).code == 0
    assert twin.notes() == dict.fromkeys("abc", "n2")


@pytest.mark.parametrize("lane", ["alias", "ingest"])
@pytest.mark.parametrize("edit", [edit_key, clear_key])
def test_a_changed_key_is_written_again(twin: Any, edit: Callable[[Any], None], lane: str) -> None:
    """When the board is read, a day later at the latest: the ledger knows the item by its id."""
    edit(twin.account)
    twin.simulation.time.seconds += 25 * 3600

    ended = twin.run("n2", lane=lane)

    assert (ended.code, twin.told("keys.edited")) == (0, True)
    assert twin.notes() == dict.fromkeys("abc", "n2")
    assert twin.run("n2", lane=lane).mutations == 0


def test_a_changed_key_is_written_again_also_where_no_row_comes(twin: Any) -> None:
    edit_key(twin.account)
    twin.simulation.time.seconds += 25 * 3600
    schema = twin.messages.schema("s", PROPERTIES)

    ended = twin.simulation.run(twin.messages.lines([schema]))

    assert (ended.code, ended.mutations) == (0, 1)
    assert twin.notes() == dict.fromkeys("abc", "n1")


@pytest.mark.parametrize("edit", [edit_key, clear_key])
def test_before_the_board_is_read_the_item_is_known_by_its_id(
    twin: Any, edit: Callable[[Any], None]
) -> None:
    """Its other cells follow their row as ever."""
    edit(twin.account)

    ended = twin.run("n2", lane="alias")

    assert (ended.code, len(twin.account.rows("S"))) == (0, 3)
    assert {row["Note"] for row in twin.account.rows("S")} == {"n2"}


def test_an_upload_finds_items_by_their_keys_only(twin: Any) -> None:
    """The copy that it makes of one with a changed key is archived, and the key written again."""
    edit_key(twin.account)

    ended = twin.run("n2", lane="ingest")
    told = twin.told("upload.copied")
    twin.run("n2", lane="ingest")
    last = twin.run("n2", lane="ingest")

    assert (ended.code, told, last.code, last.mutations) == (0, True, 0, 0)
    assert twin.notes() == dict.fromkeys("abc", "n2")
    assert {row["State"] for row in twin.account.rows("S")} == {"Open"}


@pytest.mark.parametrize("state", ["archived", "deleted"])
def test_a_board_that_is_gone_is_replaced_and_the_run_says_so(twin: Any, state: str) -> None:
    """What a tap does not send again is not on the new board: exit code 1, once."""
    twin.account.board("S").state = state

    ended = twin.run("n2")

    assert (ended.code, twin.told("board.gone"), "--full-refresh" in ended.message) == (
        1,
        True,
        True,
    )
    assert twin.notes() == dict.fromkeys("abc", "n2")
    assert (twin.run("n2").code, twin.run("n2").mutations) == (0, 0)


def test_a_board_that_is_gone_is_replaced_by_a_full_read(twin: Any) -> None:
    """All rows came: nothing is missing."""
    twin.account.board("S").state = "archived"

    assert twin.run("n2", full=True).code == 0
    assert twin.notes() == dict.fromkeys("abc", "n2")


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_a_board_that_is_archived_in_the_run_takes_nothing_more(twin: Any, lane: str) -> None:
    """The rows are carried over, the bookmark stays."""

    def archive(account: Any) -> None:
        account.board("S").state = "archived"

    twin.change_in_run(archive)

    ended = twin.run("n2", lane=lane)

    assert (ended.code, ended.books.of("s").carried_over) == (1, 3)


def test_a_renamed_board_is_the_same_board(twin: Any) -> None:
    """The ledger knows its id."""
    twin.account.board("S").name = "Our S"

    assert twin.run("n2").code == 0
    assert [row["Note"] for row in twin.account.rows("Our S")] == ["n2"] * 3


def test_a_renamed_label_stays_on_its_items_and_can_be_mapped(twin: Any) -> None:
    """Without a mapping new rows make the old label again; with one nothing is sent."""
    column = twin.account.column("S", "State")
    column.labels = tuple(
        replace(label, label="Offen") if label.label == "Open" else label for label in column.labels
    )
    mapping = {
        "s": {
            "unmapped": "create",
            "columns": {"State": {"column": column.id, "labels": {"Open": "Offen"}}},
        }
    }

    unmapped = twin.run("n1")
    mapped = twin.run("n2", boards=mapping)

    assert (unmapped.mutations, mapped.code) == (0, 0)
    assert {row["State"] for row in twin.account.rows("S")} == {"Offen"}
    assert twin.run("n2", boards=mapping).mutations == 0


@pytest.mark.parametrize("lane", ["alias", "ingest"])
def test_what_an_automation_changes_is_no_reason_to_write(twin: Any, lane: str) -> None:
    """The ledger's value counts until the board is read; then the row's value, written once."""
    twin.run("n2", lane=lane)
    twin.account.set_cell("S", "a", "Note", "by an automation")

    quiet = twin.run("n2", lane=lane)
    left = twin.notes()["a"]
    twin.simulation.time.seconds += 25 * 3600
    read = twin.run("n2", lane=lane)

    assert (quiet.mutations, left) == (0, "by an automation")
    assert (read.code, twin.notes()["a"]) == (0, "n2")


def test_a_lost_ledger_is_rebuilt_without_a_write(twin: Any) -> None:
    """Keys and cells are read back from the board."""
    for path in twin.simulation.folder.glob("ledger.db*"):
        path.unlink()

    ended = twin.run("n1")

    assert (ended.code, ended.mutations, ended.books.of("s").unchanged) == (0, 0, 3)
