"""Links between boards: by the targets' keys, whenever the targets come."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault

from tests.target.link_rows import (
    BOARDS,
    INVOICE,
    SUPPLIER,
    invoices,
    linked,
    open_rejects,
    run,
    suppliers,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_row_links_to_a_target_that_comes_before_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """In the first run without a second mutation; unchanged, the next run sends none."""
    twin = simulate()
    given = [suppliers(messages, "S1", "S2"), invoices(messages, a="S1", b="S2", c=None)]
    first = run(twin, messages, *given)

    assert (first.code, first.message) == (0, "")
    assert linked(twin) == {"a": ["S1"], "b": ["S2"], "c": []}
    assert twin.account.usage.mutations_by_name.get("change_multiple_column_values", 0) == 0
    again = run(twin, messages, *given)
    assert (again.code, again.calls, again.mutations) == (0, 1, 0)


def test_a_row_links_to_a_target_that_comes_after_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Its column is made when the target's board is there, its links in a second pass."""
    twin = simulate()
    first = run(twin, messages, invoices(messages, a="S1", b="S9"), suppliers(messages, "S1"))

    assert (first.code, first.message) == (0, "")
    assert linked(twin) == {"a": ["S1"], "b": []}
    assert first.books.of("invoice").unlinked == 1


def test_a_link_waits_in_the_ledger_for_its_target(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """It is made when the target comes, although its own row does not come again."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1", b="S2"))
    assert linked(twin) == {"a": ["S1"], "b": []}

    later = run(twin, messages, suppliers(messages, "S2"), invoices(messages))

    assert (later.code, later.message) == (0, "")
    assert linked(twin) == {"a": ["S1"], "b": ["S2"]}
    assert later.books.of("invoice").unlinked == 0
    quiet = run(twin, messages, suppliers(messages), invoices(messages))
    assert (quiet.calls, quiet.mutations) == (1, 0)


def test_a_target_that_does_not_come_is_a_reject_and_its_row_is_kept(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Told once, at the end of the second run; made all the same when the target does come."""
    twin = simulate()
    given = [suppliers(messages, "S1"), invoices(messages, a="S9")]
    codes = [run(twin, messages, *given).code for _ in range(4)]
    assert codes == [0, 3, 0, 0]
    assert [row["Note"] for row in twin.account.rows("Invoice")] == ["x"]
    assert open_rejects(twin) == [("invoice", "a", "LINK_TARGET_MISSING")]
    before = twin.account.usage.mutations

    late = run(twin, messages, suppliers(messages, "S9"), invoices(messages))

    assert late.code == 0
    assert linked(twin) == {"a": ["S9"]}
    assert open_rejects(twin) == []
    assert twin.account.usage.mutations == before + 2


def test_targets_may_be_waited_for_without_a_reject(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """`missing_targets: wait` only counts them."""
    twin = simulate()
    given = [suppliers(messages, "S1"), invoices(messages, a="S9")]
    ended = [run(twin, messages, *given, missing_targets="wait") for _ in range(3)]

    assert [each.code for each in ended] == [0, 0, 0]
    assert [each.books.of("invoice").unlinked for each in ended] == [1, 1, 1]
    assert open_rejects(twin) == []


def test_links_in_a_circle_are_made(simulate: Callable[..., Any], messages: Any) -> None:
    """A links to B and B to A: both boards in one run, whichever comes first."""
    twin = simulate()
    boards = {
        "a": {"columns": {"To": {"type": "board_relation", "stream": "b"}}},
        "b": {"columns": {"To": {"type": "board_relation", "stream": "a"}}},
    }
    given = [
        line
        for stream in "ab"
        for line in (
            messages.schema(stream, {"Id": "string", "To": "string"}),
            messages.record(stream, Id="1", To="1"),
            messages.record(stream, Id="2", To="1"),
        )
    ]
    first = run(twin, messages, given, boards=boards)
    again = run(twin, messages, given, boards=boards)

    assert (first.code, first.message) == (0, "")
    assert linked(twin, "A", "To") == linked(twin, "B", "To") == {"1": ["1"], "2": ["1"]}
    assert (again.calls, again.mutations) == (1, 0)


def test_rows_of_one_board_link_to_each_other(simulate: Callable[..., Any], messages: Any) -> None:
    """Parents within the stream, in any order and to any depth, in a few requests."""
    twin = simulate()
    boards = {"part": {"columns": {"Parent": {"type": "board_relation", "stream": "part"}}}}
    rows = [messages.record("part", Id=str(at), Parent=str(at + 1)) for at in range(40)]
    given = [
        messages.schema("part", {"Id": "string", "Parent": "string"}),
        *rows,
        messages.record("part", Id="40", Parent=None),
    ]
    first = run(twin, messages, given, boards=boards)

    assert first.code == 0
    assert linked(twin, "Part", "Parent") == {str(at): [str(at + 1)] for at in range(40)} | {
        "40": []
    }
    assert first.calls < 20


def test_keys_of_several_parts_with_a_fixed_one(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Properties and fixed texts make the parts; numbers are spelt as the target's key is."""
    twin = simulate()
    boards = {
        "value": {},
        "row": {
            "columns": {
                "Department": {
                    "type": "board_relation",
                    "stream": "value",
                    "key": ["{Company}", "B", "{Code}"],
                }
            }
        },
    }
    values = [
        messages.schema(
            "value",
            {"Company": "integer", "Part": "string", "Value": "string"},
            ["Company", "Part", "Value"],
        ),
        messages.record("value", Company=10, Part="B", Value="a|b"),
        messages.record("value", Company=10, Part="C", Value="a|b"),
    ]
    rows = [
        messages.schema("row", {"Id": "string", "Company": "integer", "Code": "string"}),
        messages.record("row", Id="1", Company=10, Code="a|b"),
        messages.record("row", Id="2", Company=10, Code=None),
    ]
    ended = run(twin, messages, values, rows, boards=boards)

    assert (ended.code, ended.message) == (0, "")
    assert linked(twin, "Row", "Department") == {"1": ["10|B|a\\|b"], "2": []}


def test_a_list_makes_several_links(simulate: Callable[..., Any], messages: Any) -> None:
    """Those that are there are linked; the others wait, and the order of the list is no change."""
    twin = simulate()
    schema = messages.schema("invoice", {"Id": "string", "Supplier": {"type": "array"}})
    first = [
        suppliers(messages, "S1", "S2"),
        [schema, messages.record("invoice", Id="a", Supplier=["S2", "S1", "S3"])],
    ]
    boards = {
        "supplier": {},
        "invoice": {"columns": {"Supplier": {"type": "board_relation", "stream": "supplier"}}},
    }
    run(twin, messages, *first, boards=boards)
    assert sorted(linked(twin)["a"]) == ["S1", "S2"]

    third = run(twin, messages, suppliers(messages, "S3"), [schema], boards=boards)
    turned = [schema, messages.record("invoice", Id="a", Supplier=["S3", "S1", "S2"])]
    quiet = run(twin, messages, suppliers(messages), turned, boards=boards)

    assert third.code == 0
    assert sorted(linked(twin)["a"]) == ["S1", "S2", "S3"]
    assert quiet.mutations == 0


def test_links_change_and_are_cleared(simulate: Callable[..., Any], messages: Any) -> None:
    """Another target, a null, and a target that is not there: the old link goes in each case."""
    twin = simulate()
    given = invoices(messages, a="S1", b="S1", c="S1", d="S1")
    run(twin, messages, suppliers(messages, "S1", "S2"), given)
    changed = run(twin, messages, suppliers(messages), invoices(messages, a="S2", b=None, c="S9"))

    assert changed.code == 0
    assert linked(twin) == {"a": ["S2"], "b": [], "c": [], "d": ["S1"]}


def test_a_lost_ledger_is_rebuilt_without_a_mutation(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """The links are read back from the board, whichever stream comes first."""
    twin = simulate()
    parts = [suppliers(messages, "S1", "S2"), invoices(messages, a="S1", b="S2", c=None)]
    run(twin, messages, *parts)
    held = linked(twin)
    for given in (parts, parts[::-1]):
        (twin.folder / "ledger.db").unlink()
        again = run(twin, messages, *given)
        assert (again.code, again.mutations) == (0, 0)
    assert linked(twin) == held


def test_an_archived_target_stays_linked_until_it_comes_back(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Its item is gone, its row comes again: what linked to it links to the new item."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1", "S2"), invoices(messages, a="S1", b="S2"))
    only_first = [messages.schema("supplier", SUPPLIER, ["SupplierId"])]
    only_first += [messages.record("supplier", 1, SupplierId="S1", Name="nS1")]
    only_first += [messages.activate("supplier", 1)]
    gone = run(twin, messages, only_first, invoices(messages, b="S2"), vanished="archive")
    assert (gone.code, len(twin.account.items("Supplier"))) == (0, 1)

    back = run(twin, messages, suppliers(messages, "S2"), invoices(messages))

    assert back.code == 0
    live = {item.id for item in twin.account.items("Supplier")}
    link = twin.account.column("Invoice", "Supplier").id
    cells = {
        twin_id
        for item in twin.account.items("Invoice")
        for twin_id in item.cells[link].stored["linked_item_ids"]
    }
    assert cells == live
    assert linked(twin) == {"a": ["S1"], "b": ["S2"]}


def test_a_target_that_a_person_deleted_does_not_cost_the_row(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Monday refuses the link: the row goes without it, and is linked when the target is there."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1", "S2"), invoices(messages, a="S1"))
    twin.account.delete_item("Supplier", "S2 - nS2")
    stranger = messages.schema("invoice", INVOICE)
    given = [stranger, messages.record("invoice", Id="b", Supplier="S2", Note="new")]
    alone = run(twin, messages, given)

    assert (alone.code, alone.books.of("invoice").created) == (0, 1)
    assert {row["Note"] for row in twin.account.rows("Invoice")} == {"x", "new"}
    assert linked(twin)["b"] == []
    again = run(twin, messages, suppliers(messages, "S2"), [stranger])
    assert again.code == 0
    assert linked(twin) == {"a": ["S1"], "b": ["S2"]}


def test_a_link_that_a_person_changed_is_as_its_row_wants_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """Once the board was read again, as any other cell."""
    twin = simulate()
    given = [suppliers(messages, "S1", "S2"), invoices(messages, a="S1")]
    run(twin, messages, *given)
    other = next(item for item in twin.account.items("Supplier") if item.name == "S2 - nS2")
    twin.account.set_cell("Invoice", "a", "Supplier", {"item_ids": [other.id]})
    assert linked(twin) == {"a": ["S2"]}
    twin.time.seconds += 25 * 3600

    mended = run(twin, messages, *given)

    assert (mended.code, linked(twin)) == (0, {"a": ["S1"]})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"type": "board_relation"}, "needs the `stream`"),
        ({"type": "board_relation", "stream": "supplier", "key": "Supplier"}, "write {Supplier}"),
        ({"type": "board_relation", "stream": "supplier", "key": "{Supplier"}, "is malformed"),
        ({"type": "board_relation", "stream": "supplier", "key": "{Nowhere}"}, "'Nowhere'"),
        ({"type": "board_relation", "stream": "hidden", "key": "{Id}"}, "leave out"),
        (
            {"type": "board_relation", "stream": "supplier", "key": ["{Id}", "{Note}"]},
            "has 1 parts; its `key` has 2",
        ),
        ({"type": "text", "stream": "supplier"}, "`stream` is for columns of type board_relation"),
        ({"type": "text", "key": "{Id}"}, "`key` is for"),
    ],
)
def test_a_link_that_cannot_be_is_told_before_anything_is_written(
    rehearsal: Any, messages: Any, entry: dict[str, Any], said: str
) -> None:
    """One sentence that names stream and column."""
    boards = {"supplier": {}, "hidden": False, "invoice": {"columns": {"Supplier": entry}}}
    rehearsal.run(suppliers(messages, "S1"))
    before = rehearsal.usage()["mutations"]
    given = [*suppliers(messages), *invoices(messages, a="S1")]
    ended = rehearsal.run(given, boards=boards)

    assert ended.code == 2
    assert said in ended.log
    assert "'invoice'" in ended.log
    assert "'Supplier'" in ended.log
    assert rehearsal.usage()["mutations"] == before


def test_a_column_that_connects_other_boards_is_refused(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """By its own settings, with both boards named; so is one that the mapping gives no stream."""
    twin = simulate()
    run(twin, messages, suppliers(messages, "S1"), invoices(messages, a="S1"))
    column = twin.account.column("Invoice", "Supplier")
    column.options["boardIds"] = [4711]
    wrong = run(twin, messages, suppliers(messages), invoices(messages))
    bare = {**BOARDS, "invoice": {"columns": {"Supplier": column.id}}}
    unnamed = run(twin, messages, suppliers(messages), invoices(messages), boards=bare)

    supplier_board = str(twin.account.board("Supplier").id)
    assert (wrong.code, unnamed.code) == (2, 2)
    assert "connects 4711" in wrong.message
    assert supplier_board in wrong.message
    assert "give the `stream`" in unnamed.message


def test_links_of_appended_rows_are_made_with_them(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """They have no key by which they could be linked later: a missing target is told at once."""
    twin = simulate()
    boards = {**BOARDS, "invoice": {**BOARDS["invoice"], "mode": "append"}}
    given = [suppliers(messages, "S1"), invoices(messages, a="S1", b="S9")]
    ended = run(twin, messages, *given, boards=boards)

    assert ended.code == 3
    assert ended.books.of("invoice").created == 2
    assert sorted(row["Supplier"] for row in twin.account.rows("Invoice")) == ["", "S1 - nS1"]
    assert [code for _, _, code in open_rejects(twin)] == ["LINK_TARGET_MISSING"]


def test_documents_of_ifs_are_linked_without_a_mapping(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """As soon as a stream of the well-known name has a board; `null` leaves the link out."""
    twin = simulate()
    order = [
        messages.schema(
            "purchase_order",
            {"OrderNo": "string", "VendorNo": "string", "VendorName": "string"},
            ["OrderNo"],
        ),
        messages.record("purchase_order", OrderNo="P1", VendorNo="S1", VendorName="nS1"),
    ]
    run(twin, messages, order, boards={})
    assert "Supplier" not in twin.account.rows("Purchase order")[0]

    ended = run(twin, messages, suppliers(messages, "S1"), order, boards={})
    without = {"purchase_order": {"columns": {"Supplier": None}}}
    left_out = run(twin, messages, suppliers(messages, "S1"), order, boards=without)

    assert (ended.code, left_out.code, left_out.mutations) == (0, 0, 0)
    assert linked(twin, "Purchase order") == {"P1": ["S1"]}


@pytest.mark.parametrize("lane", ["alias", "ingest"])
@pytest.mark.parametrize("request_number", range(1, 9))
def test_a_run_that_is_killed_between_its_passes_is_finished_by_the_next(
    rehearse: Callable[..., Any], messages: Any, lane: str, request_number: int
) -> None:
    """Whichever request was the last: each item is there once, with its link."""
    rehearsal = rehearse()
    rehearsal.settings = {"boards": BOARDS, "lane": lane, "poll_interval": 0.01}
    given = [
        *invoices(messages, a="S1", b="S2", c=None),
        *suppliers(messages, "S1", "S2"),
        messages.state(1),
    ]
    running: list[Any] = []
    requests = count(1)

    def kill() -> None:
        running[0].kill()

    rehearsal.sandbox.monday_faults.plan(
        Fault(
            lose=True,
            meanwhile=kill,
            matches=lambda request: request.url.path == "/v2" and next(requests) == request_number,
        )
    )
    running.append(rehearsal.start())
    rehearsal.end_with_input(running[0], given)
    rehearsal.sandbox.monday_faults.clear()

    ended = rehearsal.run(given)

    assert ended.code == 0
    twin = SimpleNamespace(account=rehearsal.sandbox.account)
    assert linked(twin) == {"a": ["S1"], "b": ["S2"], "c": []}
    assert len(rehearsal.board("Supplier")["items"]) == 2


def test_a_target_is_linked_to_before_a_search_finds_it(
    simulate: Callable[..., Any], messages: Any
) -> None:
    """A search that misses an item whose id no report told is no proof that it is gone."""
    twin = simulate()
    twin.account.unsearchable = lambda _: True
    twin.sandbox.monday_faults.plan(
        Fault(403, matches=lambda request: request.url.path.startswith("/reports/")), times=2
    )
    assert run(twin, messages, suppliers(messages, "S1", "S2"), lane="ingest").code == 0

    ended = run(twin, messages, invoices(messages, a="S1", b="S2"), lane="alias")

    assert (ended.code, ended.books.of("invoice").unlinked) == (0, 0)
    assert linked(twin) == {"a": ["S1"], "b": ["S2"]}
