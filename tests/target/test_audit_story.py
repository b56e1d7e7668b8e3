"""An auditor's week, on each kind of database: every command, one after another, on one ledger."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = {"Id": "string", "Supplier": "string", "Company": "string", "NetAmount": "number"}
SUPPLIERS = {"Id": "string", "Name": "string"}
BOARDS = {
    "orders": {
        "columns": {
            "Supplier": {"type": "board_relation", "stream": "suppliers"},
            "Company": {},
            "NetAmount": {},
        },
    }
}
CHANGE = """mutation ($board: ID!, $item: ID!, $values: JSON!) {
  change_multiple_column_values(board_id: $board, item_id: $item, column_values: $values) { id }
}"""


@pytest.fixture
def audited(rehearsal: Any, ledger_url: str) -> Any:
    """A target whose ledger is in one of the databases."""
    rehearsal.settings |= {"ledger_url": ledger_url, "boards": BOARDS}
    return rehearsal


def lines(messages: Any, *orders: tuple[str, Any], bookmark: int = 1) -> list[Any]:
    """Suppliers and orders as the tap sends them."""
    made = [
        messages.record("orders", Id=key, Supplier="s1", Company="10", NetAmount=net)
        | {"page": bookmark}
        for key, net in orders
    ]
    return [
        messages.schema("suppliers", SUPPLIERS),
        messages.record("suppliers", Id="s1", Name="Åkers Stål"),
        messages.schema("orders", ORDERS),
        *made,
        messages.state(bookmark),
    ]


def test_every_question_has_its_answer(audited: Any, messages: Any, tmp_path: Path) -> None:
    """What arrived, what failed and who mended it, who wrote a cell, and that it is all true."""
    config = ("--config", str(audited.folder / "config.json"))
    out = tmp_path / "out"
    rows = lines(messages, ("a", 1), ("b", "many"), ("c", "none"))
    for given in (rows, lines(messages, ("a", 2), ("d", 4), bookmark=2)):
        ended = audited.run(given, max_rejects=2)
        assert (ended.code, ended.log) == (0, ended.log)
    first = audited.audit("runs")[-1]["id"]

    assert [run["exit_code"] for run in audited.audit("runs")] == [0, 0]
    assert audited.audit("report", first)["balanced"]
    board = next(each for each in audited.audit("report")["boards"] if each["stream"] == "orders")
    (group,) = board["totals"]["groups"]
    assert group["NetAmount"] == {"opening": "1", "created": "4", "updated": "1", "closing": "6"}

    exported = audited.audit_text("rejects", "export", "--format", "csv")
    assert [row["Id"] for row in csv.DictReader(io.StringIO(exported))] == ["b", "c"]
    why = ("--reason", "typed wrong", "--who", "Ada")
    audited.audit("rejects", "edit", "1", "--set", "NetAmount:=12.5", *why)
    audited.audit("rejects", "waive", "2", "--reason", "a test", "--who", "Ada")
    audited.audit_text("rejects", "replay", "1", *config)
    states = {each["key"]: each["state"] for each in audited.audit("rejects", "list")}
    assert states == {}
    assert audited.cells("Orders", "b")["NetAmount"] == "12.5"

    printed = audited.audit_text("explain", "--board", "orders", "--every-key")
    cells = [json.loads(line) for line in printed.splitlines()]
    assert {each["key"] for each in cells} == {"a", "b", "d"}
    assert all(each["writing"] for each in cells)
    (told,) = audited.audit("explain", "--board", "orders", "--key", "a", "--column", "NetAmount")
    assert (told["value"], told["writing"]["before"], told["writing"]["page"]) == ("2", "1", 2)

    audited.audit_text("replay", "--all", *config)
    assert audited.audit("report")["total"]["unchanged"] == 4

    audited.audit_text("reconcile", *config, "--out", str(out))
    item = next(
        each for each in audited.board("Orders")["items"] if each["cells"]["NetAmount"] == "4"
    )
    net = next(each for each in audited.board("Orders")["columns"] if each["title"] == "NetAmount")
    change = {"board": audited.board("Orders")["id"], "item": item["id"]}
    audited.ask(CHANGE, change | {"values": json.dumps({net["id"]: "5"})})
    audited.audit_text("reconcile", *config, "--out", str(out), code=1)
    certificate = json.loads((out / "certificate.json").read_text())
    assert (certificate["verdict"], len(certificate["exceptions"])) == ("FAIL", 1)

    audited.audit_text("page", "--out", str(out / "page.html"))
    assert "orders" in (out / "page.html").read_text()
    audited.audit_text("document", *config, "--out", str(out))
    assert "orders" in (out / "process.md").read_text()

    audited.audit_text("purge", "--days", "0", "--stream", "orders", "--reason", "the law")
    assert "purged" in audited.audit_text("replay", "--stream", "orders", *config, code=1)
    assert audited.audit("verify")["sound"]
