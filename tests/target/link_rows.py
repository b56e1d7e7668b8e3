"""Suppliers, and invoices that link to them, as messages; and what the links on a board tell."""

from __future__ import annotations

from typing import Any

from target_monday.ledger import reports
from target_monday.ledger.database import open_database

SUPPLIER = {"SupplierId": "string", "Name": "string"}
INVOICE = {"Id": "string", "Supplier": "string", "Note": "string"}
BOARDS: dict[str, Any] = {
    "supplier": {"columns": {"Name": {"title": "Name of it", "type": "text"}}},
    "invoice": {
        "columns": {
            "Note": {"title": "Note", "type": "text"},
            "Supplier": {"type": "board_relation", "stream": "supplier", "key": "{Supplier}"},
        }
    },
}


def suppliers(messages: Any, *ids: str) -> list[Any]:
    """The stream of suppliers with these rows."""
    schema = messages.schema("supplier", SUPPLIER, ["SupplierId"])
    rows = [messages.record("supplier", SupplierId=each, Name=f"n{each}") for each in ids]
    return [schema, *rows]


def invoices(messages: Any, **links: Any) -> list[Any]:
    """The stream of invoices, each with the supplier that it links to."""
    rows = [
        messages.record("invoice", Id=key, Supplier=each, Note="x") for key, each in links.items()
    ]
    return [messages.schema("invoice", INVOICE), *rows]


def linked(twin: Any, board: str = "Invoice", column: str = "Supplier") -> dict[str, list[str]]:
    """Key of an item -> the keys of the items that it links to, as far as these are there."""
    account = twin.account
    key_of = {
        item.id: item.cells[each.id].stored
        for held in account.boards.values()
        for item in held.items.values()
        for each in held.columns.values()
        if each.title == "Record key" and each.id in item.cells
    }
    link = account.column(board, column)
    return {
        key_of[item.id]: [
            key_of[one]
            for one in (
                item.cells[link.id].stored["linked_item_ids"] if link.id in item.cells else ()
            )
            if one in key_of
        ]
        for item in account.items(board)
    }


def run(twin: Any, messages: Any, *parts: list[Any], boards: Any = BOARDS, **settings: Any) -> Any:
    """One run over these messages, with a bookmark behind them."""
    lines = [line for part in parts for line in part]
    return twin.run(messages.lines([*lines, messages.state(1)]), boards=boards, **settings)


def open_rejects(twin: Any) -> list[tuple[str, str, str]]:
    """Stream, key and code of the rejects that are open."""
    engine = open_database(f"sqlite:///{twin.folder / 'ledger.db'}")
    found = [(each["stream"], each["key"], each["code"]) for each in reports.open_rejects(engine)]
    engine.dispose()
    return found
