"""`target-monday-init` proposes a mapping for boards that are there, and writes nothing to them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .conftest import ENVIRONMENT, TARGET

if TYPE_CHECKING:
    from pathlib import Path

INIT = TARGET.parent / "target-monday-init"
STATES = ["Planned", "Released", "PartiallyReceived", "Closed"]
PROPERTIES = {
    "OrderNo": {"type": "string"},
    "VendorName": {"type": ["string", "null"]},
    "Objstate": {"type": ["string", "null"], "x-extensible-enum": STATES},
    "OrderDate": {"type": ["string", "null"], "format": "date"},
    "NetAmountCurr": {"type": ["number", "null"]},
    "CurrencyCode": {"type": ["string", "null"]},
    "BuyerEmail": {"type": ["string", "null"]},
    "WantedReceiptDate": {"type": ["string", "null"], "format": "date"},
    "Note": {"type": ["string", "null"]},
}


def catalog(folder: Path, *streams: tuple[str, dict[str, Any], list[str]]) -> Path:
    """A catalog file as `meltano invoke --dump=catalog` writes it."""
    entries = [
        {
            "tap_stream_id": name,
            "stream": name,
            "schema": {"type": "object", "properties": properties},
            "key_properties": key,
            "metadata": [
                {"breadcrumb": [], "metadata": {"selected": True}},
                {"breadcrumb": ["properties", "Note"], "metadata": {"selected": False}},
            ],
        }
        for name, properties, key in streams
    ]
    path = folder / "catalog.json"
    path.write_text(json.dumps({"streams": entries}))
    return path


def make_board(rehearsal: Any, name: str, *columns: tuple[str, str], **defaults: Any) -> str:
    """A board that a person has made, with these columns by title and type."""
    made = rehearsal.ask(
        "mutation ($n: String!) "
        "{ create_board(board_name: $n, board_kind: public, empty: true) { id } }",
        {"n": name},
    )["create_board"]["id"]
    for title, kind in columns:
        rehearsal.ask(
            "mutation ($b: ID!, $t: String!, $k: ColumnType!, $d: JSON) "
            "{ create_column(board_id: $b, title: $t, column_type: $k, defaults: $d) { id } }",
            {"b": made, "t": title, "k": kind, "d": defaults.get(kind)},
        )
    return str(made)


def orders_board(rehearsal: Any) -> str:
    labels = [
        {"label": text, "color": colour, "index": at}
        for at, (text, colour) in enumerate(
            [("Planned", "done_green"), ("Partially received", "stuck_red"), ("Old", "purple")]
        )
    ]
    return make_board(
        rehearsal,
        "Purchase Orders",
        ("Order number", "text"),
        ("Supplier name", "text"),
        ("Status", "status"),
        ("order date", "date"),
        ("Net amount", "numbers"),
        ("Buyer e-mail", "people"),
        ("Approved by", "people"),
        ("Wanted receipt date", "numbers"),
        status=json.dumps({"labels": labels}),
    )


def propose(rehearsal: Any, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """One run of the command, in the rehearsal's folder."""
    rehearsal.command()
    done = subprocess.run(
        [str(INIT), "--config", "config.json", *arguments],
        cwd=rehearsal.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=ENVIRONMENT,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr
    return done


def titles(rehearsal: Any, board: str) -> dict[str, str]:
    """Column id -> title."""
    return {each["id"]: each["title"] for each in rehearsal.board(board)["columns"]}


def test_streams_and_properties_find_their_boards_and_columns(rehearsal: Any) -> None:
    """By words, whatever their spelling, and by types that fit; ids are written with titles."""
    orders_board(rehearsal)
    source = catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"]))
    before = rehearsal.usage()

    propose(rehearsal, str(source))

    usage = rehearsal.usage()
    text = (rehearsal.folder / "boards.yml").read_text()
    entry = yaml.safe_load(text)["purchase_order"]
    by_id = titles(rehearsal, "Purchase Orders")
    named = {
        name: by_id[each if isinstance(each, str) else each["column"]]
        for name, each in entry["columns"].items()
    }
    assert named == {
        "VendorName": "Supplier name",
        "Objstate": "Status",
        "OrderDate": "order date",
        "NetAmountCurr": "Net amount",
        "BuyerEmail": "Buyer e-mail",
    }
    assert by_id[entry["key_column"]] == "Order number"
    assert entry["item_name"] == "{OrderNo} - {VendorName}"
    assert entry["columns"]["Objstate"]["labels"] == {"PartiallyReceived": "Partially received"}
    assert "# Supplier name (text)" in text
    assert "'" not in text.split("purchase_order:")[0]
    assert usage["mutations"] == before["mutations"]
    assert usage["calls"] - before["calls"] == 2


def test_what_fits_nothing_is_said_in_comments(rehearsal: Any) -> None:
    """Properties that no column fits, with what makes one; columns; labels; deselected is gone."""
    orders_board(rehearsal)
    source = catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"]))

    text = propose(rehearsal, str(source), "--output", "-").stdout

    assert "    # CurrencyCode: {title: CurrencyCode, type: text}" in text
    assert "    # WantedReceiptDate: {title: WantedReceiptDate, type: date}" in text
    assert "Approved by (people)" in text
    assert "Wanted receipt date (numbers)" in text
    assert (
        "# No label yet, so one is made unless `missing_labels: reject`: Released, Closed" in text
    )
    assert "# Labels that no value means: Old" in text
    assert "Note" not in text


def test_the_file_is_a_mapping_as_it_is(rehearsal: Any, messages: Any) -> None:
    """It loads as `boards`; rows whose item is on the board already change it, others are made."""
    board = orders_board(rehearsal)
    by_title = {title: one for one, title in titles(rehearsal, "Purchase Orders").items()}
    rehearsal.ask(
        "mutation ($b: ID!, $v: JSON!) "
        '{ create_item(board_id: $b, item_name: "old", column_values: $v) { id } }',
        {"b": board, "v": json.dumps({by_title["Order number"]: "P1"})},
    )
    source = catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"]))
    propose(rehearsal, str(source))
    boards = yaml.safe_load((rehearsal.folder / "boards.yml").read_text())
    rows = [
        messages.record("purchase_order", OrderNo=one, VendorName="V", Objstate="PartiallyReceived")
        for one in ("P1", "P2")
    ]

    ended = rehearsal.run(
        [messages.schema("purchase_order", PROPERTIES, ["OrderNo"]), *rows], boards=boards
    )

    items = {
        each["cells"]["Order number"]: each for each in rehearsal.board("Purchase Orders")["items"]
    }
    assert (ended.code, ended.counts()["created"], ended.counts()["updated"]) == (0, 1, 1)
    assert items["P1"]["cells"]["Status"] == "Partially received"
    assert items["P1"]["name"] == "P1 - V"


def test_schema_lines_of_a_tap_are_as_good(rehearsal: Any, messages: Any) -> None:
    """Records between them are passed over."""
    make_board(rehearsal, "Supplier invoices", ("Invoice No", "text"), ("Supplier", "text"))
    properties = {
        **{name: {"type": "string"} for name in ("Company", "InvoiceNo", "SupplierName")},
        "ProposalId": {"type": "integer"},
    }
    lines = [
        messages.schema("posting_proposal_head", properties, ["Company", "ProposalId"]),
        messages.record("posting_proposal_head", ProposalId=1),
    ]
    path = rehearsal.folder / "out.jsonl"
    path.write_text(messages.lines(lines))

    entry = yaml.safe_load(propose(rehearsal, str(path), "--output", "-").stdout)

    columns = entry["posting_proposal_head"]["columns"]
    by_id = titles(rehearsal, "Supplier invoices")
    assert {name: by_id[one] for name, one in columns.items()} == {
        "InvoiceNo": "Invoice No",
        "SupplierName": "Supplier",
    }


def test_links_that_a_preset_knows_are_proposed(rehearsal: Any) -> None:
    """By the title of their column, if the stream that they point to is known too."""
    suppliers = make_board(rehearsal, "Suppliers", ("Supplier id", "text"))
    make_board(
        rehearsal,
        "Purchase orders",
        ("Order no", "text"),
        ("Vendor name", "text"),
        ("Supplier", "board_relation"),
        board_relation=json.dumps({"boardIds": [int(suppliers)]}),
    )
    supplier = {name: {"type": "string"} for name in ("SupplierId", "Name")}
    source = catalog(
        rehearsal.folder,
        ("purchase_order", {**PROPERTIES, "VendorNo": {"type": "string"}}, ["OrderNo"]),
        ("supplier", supplier, ["SupplierId"]),
    )

    entry = yaml.safe_load(propose(rehearsal, str(source), "--output", "-").stdout)

    link = entry["purchase_order"]["columns"]["Supplier"]
    assert titles(rehearsal, "Purchase orders")[link["column"]] == "Supplier"
    assert (link["stream"], link["key"]) == ("supplier", ["{VendorNo}"])


def test_the_ledger_knows_streams_and_columns(rehearsal: Any, messages: Any) -> None:
    """Without a catalog: boards and columns as the target made them, now by id."""
    lines = [messages.schema("s", {"Id": "string", "Name": "string"})]
    assert rehearsal.run([*lines, messages.record("s", Id="a", Name="x")]).code == 0

    boards = yaml.safe_load(propose(rehearsal, "--output", "-").stdout)
    ended = rehearsal.run([*lines, messages.record("s", Id="a", Name="x")], boards=boards)

    by_id = titles(rehearsal, "S")
    assert {name: by_id[one] for name, one in boards["s"]["columns"].items()} == {
        "Id": "Id",
        "Name": "Name",
    }
    assert (ended.code, ended.counts()["unchanged"]) == (0, 1)


def test_a_file_that_is_there_is_not_lost(rehearsal: Any) -> None:
    """Somebody may have edited it."""
    source = str(catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"])))
    path = rehearsal.folder / "boards.yml"
    path.write_text("mine")

    refused = propose(rehearsal, source, status=2)
    kept = path.read_text()
    propose(rehearsal, source, "--force")

    assert (kept, "FILE_EXISTS" in refused.stderr) == ("mine", True)
    assert "purchase_order: no board has its name" in path.read_text()
    assert yaml.safe_load(path.read_text()) is None


def test_of_two_boards_that_fit_none_is_taken(rehearsal: Any) -> None:
    """Both are named, and a person says which; a board named so needs no fitting name."""
    first, second = (make_board(rehearsal, "Purchase orders", ("Order No", "text")) for _ in "ab")
    other = make_board(rehearsal, "Anything", ("Order No", "text"), ("Vendor name", "text"))
    source = str(catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"])))

    unsure = propose(rehearsal, source, "--output", "-").stdout
    chosen = propose(
        rehearsal, source, "--output", "-", "--board", f"purchase_order={other}"
    ).stdout

    assert yaml.safe_load(unsure) is None
    assert first in unsure
    assert second in unsure
    assert yaml.safe_load(chosen)["purchase_order"]["board_id"] == other


@pytest.mark.parametrize(
    "title", ['x"\n- evil: true # \u2028', "yes", "123", "\x85: {", "a: b", "# no", "é ~ ü"]
)
def test_what_people_call_their_columns_breaks_no_file(rehearsal: Any, title: str) -> None:
    """Titles, stream and property names are shown in comments or quoted, whatever they are."""
    make_board(rehearsal, title, (title, "text"), (f"other {title}", "text"))
    properties = {
        title: {"type": "string"},
        "Id": {"type": "string"},
        f"{title}?": {"type": "null"},
    }
    source = catalog(rehearsal.folder, (title, properties, ["Id"]))

    entry = yaml.safe_load(propose(rehearsal, str(source), "--output", "-").stdout)

    assert list(entry) == [title]
    assert title in entry[title]["columns"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere.json"], "SOURCE"),
        (["config.json"], "SOURCE"),
        ([], "SOURCE"),
        (["catalog.json", "--board", "x"], "SOURCE"),
        (["catalog.json", "--board", "x=1"], "SOURCE"),
        (["catalog.json", "--board", "purchase_order=1"], "SOURCE"),
        (["catalog.json", "--output", "config.json/boards.yml"], "SOURCE"),
    ],
)
def test_what_cannot_be_used_is_one_line(rehearsal: Any, arguments: list[str], code: str) -> None:
    """With a code and exit code 2; no file is left behind."""
    catalog(rehearsal.folder, ("purchase_order", PROPERTIES, ["OrderNo"]))

    ended = propose(rehearsal, *arguments, status=2)

    assert ended.stderr.startswith(f"{code} ")
    assert not (rehearsal.folder / "boards.yml").exists()
