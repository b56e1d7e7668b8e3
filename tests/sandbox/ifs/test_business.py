"""The business: believable, consistent, reproducible, and moving on."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ifs_monday_sandbox.business import Business

if TYPE_CHECKING:
    from collections.abc import Mapping

SETS = {
    "SupplierSet": ("SupplierId",),
    "AccountSet": ("Company", "Account"),
    "CodePartValueSet": ("Company", "CodePart", "CodePartValue"),
    "PurchaseOrderSet": ("OrderNo",),
    "PostingProposalHeadSet": ("Company", "ProposalId"),
    "VoucherSet": ("Company", "VoucherType", "AccountingYear", "VoucherNo"),
    "VoucherRowSet": ("Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo"),
    "CustomerOrderSet": ("OrderNo",),
}
STAMPED = ("PurchaseOrderSet", "PostingProposalHeadSet", "CustomerOrderSet")
VOUCHER = SETS["VoucherSet"]


def everything(business: Business) -> dict[str, dict[tuple[Any, ...], Mapping[str, Any]]]:
    """All rows by set and key."""
    return {
        name: {tuple(row[column] for column in key): row for row in business.rows(name)}
        for name, key in SETS.items()
    }


@pytest.fixture
def moving() -> Business:
    """A small business to let days pass in."""
    return Business(seed=3, size=20)


def test_size_100_is_about_3000_rows(business: Business) -> None:
    """And other sizes scale with it."""
    rows = sum(map(len, everything(business).values()))
    double = sum(map(len, everything(Business(seed=1, size=200)).values()))

    assert 2800 < rows < 3300
    assert 1.95 < double / rows < 2.05


def test_a_seed_makes_one_business(moving: Business) -> None:
    """Two of the same seed are equal, day after day; another seed makes another."""
    twin, other = Business(seed=3, size=20), Business(seed=4, size=20)

    assert everything(moving) == everything(twin)
    assert [moving.tick() for _ in range(3)] == [twin.tick() for _ in range(3)]
    assert everything(moving) == everything(twin)
    assert everything(other) != everything(twin)


def test_a_reset_starts_over(moving: Business) -> None:
    """The business is as generated, and goes on as it did before."""
    before, first = everything(moving), moving.tick()

    moving.reset()

    assert everything(moving) == before
    assert moving.tick() == first


def check_references(business: Business) -> None:
    """Every reference between sets leads somewhere, and every voucher balances."""
    every = everything(business)
    suppliers = every["SupplierSet"]
    for order in every["PurchaseOrderSet"].values():
        assert (order["VendorNo"],) in suppliers
    for invoice in every["PostingProposalHeadSet"].values():
        assert (invoice["Identity"],) in suppliers
        assert (
            invoice["PoRefNumber"] is None or (invoice["PoRefNumber"],) in every["PurchaseOrderSet"]
        )
        net, vat = Decimal(invoice["NetCurrAmount"]), Decimal(invoice["VatCurrAmount"])
        assert net + vat == invoice["GrossCurrAmount"]
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for row in every["VoucherRowSet"].values():
        company = row["Company"]
        assert (company, row["Account"]) in every["AccountSet"]
        assert row["CodeB"] is None or (company, "B", row["CodeB"]) in every["CodePartValueSet"]
        key = tuple(row[column] for column in VOUCHER)
        sides = ("CurrencyAmount", "Amount", "DebetAmount")
        amounts = [Decimal(row[side] or 0) for side in sides]
        sums[key] = [total + amount for total, amount in zip(sums[key], amounts, strict=True)]
    assert sums.keys() == every["VoucherSet"].keys()
    for key, (currency, base, debit) in sums.items():
        assert (currency, base) == (0, 0)
        assert debit == every["VoucherSet"][key]["DebetAmount"]
        assert debit == every["VoucherSet"][key]["CreditAmount"]


def test_references_hold_day_by_day(moving: Business) -> None:
    """Documents refer to rows that exist, also after two weeks; debit equals credit."""
    check_references(moving)
    for _ in range(10):
        moving.tick()
        check_references(moving)


def test_a_day_is_told_as_it_was(moving: Business) -> None:
    """The counts of a tick are what a comparison of all rows finds."""
    before = everything(moving)

    told = moving.tick().changes

    after = everything(moving)
    for name in SETS:
        same = before[name].keys() & after[name].keys()
        each = told.get(name)
        counted = (each.created, each.changed, each.deleted) if each else (0, 0, 0)
        assert counted == (
            len(after[name].keys() - before[name].keys()),
            sum(before[name][key] != after[name][key] for key in same),
            len(before[name].keys() - after[name].keys()),
        )


def test_every_change_moves_version_and_stamp(moving: Business) -> None:
    """A row that differs has a new version; documents have a later stamp than all before."""
    before = everything(moving)
    latest = {name: max(row["Cf_Last_Modified"] for row in moving.rows(name)) for name in STAMPED}

    moving.tick()

    for name, rows in everything(moving).items():
        for key, row in rows.items():
            if row != before[name].get(key):
                assert row["Objversion"] != before[name].get(key, {}).get("Objversion")
                assert name not in STAMPED or row["Cf_Last_Modified"] > latest[name]


def test_rows_vanish_only_where_there_is_no_stamp(moving: Business) -> None:
    """Vouchers leave with all their rows, code part values one by one."""
    deleted: dict[str, int] = defaultdict(int)
    for _ in range(5):
        for name, each in moving.tick().changes.items():
            deleted[name] += each.deleted

    assert {name for name, count in deleted.items() if count} == {
        "VoucherSet",
        "VoucherRowSet",
        "CodePartValueSet",
    }


def test_the_data_is_as_awkward_as_real_data(business: Business) -> None:
    """Ties of stamps, leading zeros, long texts with quotes, several currencies and scripts."""
    orders = business.rows("PurchaseOrderSet")
    notes = [str(row["NoteText"]) for row in orders if row["NoteText"]]
    suppliers = "".join(str(row) for row in business.rows("SupplierSet"))

    assert len({row["Cf_Last_Modified"] for row in orders}) < 0.9 * len(orders)
    assert len({row["CurrencyCode"] for row in orders}) >= 5
    assert any(300 < len(note) <= 1900 and "\n" in note and '"' in note for note in notes)
    assert set("Öößł中🚀") <= set(suppliers)
    assert any(str(row["OrderNo"]).startswith("00") for row in business.rows("CustomerOrderSet"))


def test_rows_are_cheap_and_never_change_in_place(moving: Business) -> None:
    """The same list until something changes; a list once taken stays as it was."""
    taken = moving.rows("PurchaseOrderSet")
    assert moving.rows("PurchaseOrderSet") is taken
    copied = [dict(row) for row in taken]

    moving.tick()

    assert taken == copied
    assert moving.rows("PurchaseOrderSet") is not taken


def test_days_pass_over_the_socket(moving_twin: Any) -> None:
    """A tick tells what changed, and the next request sees it; a reset undoes it."""
    path = "PurchaseOrderHandling.svc/PurchaseOrderSet"
    before = moving_twin.rows(path, orderby="OrderNo")

    ticked = requests.post(f"{moving_twin.url}/sandbox/tick", timeout=30).json()
    after = moving_twin.rows(path, orderby="OrderNo")
    requests.post(f"{moving_twin.url}/sandbox/reset", timeout=30)

    assert ticked["today"] == "2026-11-02"
    assert len(after) == len(before) + ticked["changes"]["PurchaseOrderSet"]["created"]
    assert moving_twin.rows(path, orderby="OrderNo") == before
