"""A business day: new documents, changed ones, and a few that vanish."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from ifs_monday_sandbox.business import purchasing, sales
from ifs_monday_sandbox.business.amounts import exact, in_base
from ifs_monday_sandbox.business.days import during, next_business_day
from ifs_monday_sandbox.business.purchasing import invoice_amounts
from ifs_monday_sandbox.business.reference import COMPANIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ifs_monday_sandbox.business.books import Books
    from ifs_monday_sandbox.business.table import Row

__all__ = ["Changes", "SetChanges", "pass_a_day"]


@dataclass(frozen=True, slots=True)
class SetChanges:
    """How many rows of a set are new, different or gone."""

    created: int = 0
    changed: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a day has brought, per entity set; sets without a change are left out."""

    today: date
    changes: Mapping[str, SetChanges]

    @override
    def __str__(self) -> str:
        told = (
            f"{name} +{each.created} ~{each.changed} -{each.deleted}"
            for name, each in sorted(self.changes.items())
        )
        return f"{self.today}: " + ", ".join(told)


_NEXT_STATE: Final[Mapping[str, Mapping[str, str]]] = {
    "PurchaseOrderSet": purchasing.NEXT_ORDER_STATE,
    "CustomerOrderSet": sales.NEXT_ORDER_STATE,
    "PostingProposalHeadSet": purchasing.NEXT_INVOICE_STATE,
}
_BASE: Final = {company.id: company for company in COMPANIES}
# What a business of 100 does in a day.
_NEW_DOCUMENTS: Final = 6
_MOVED_DOCUMENTS: Final = 9
_POSTED_VOUCHERS: Final = 5


def pass_a_day(books: Books) -> Changes:
    """Move `books` on to the next business day."""
    before = {name: _versions(books, name) for name in books.tables}
    books.today = next_business_day(books.today)
    _move_documents(books)
    _correct_amounts(books)
    _post_vouchers(books)
    _enter_documents(books)
    _maintain_reference_data(books)
    after = {name: _versions(books, name) for name in books.tables}
    compared = {name: _compare(before[name], after[name]) for name in books.tables}
    return Changes(
        today=books.today,
        changes={name: each for name, each in compared.items() if each != SetChanges()},
    )


def _scaled(books: Books, per_hundred: int) -> int:
    """How many for a business of this size; at least one."""
    return max(1, per_hundred * books.size // 100)


def _versions(books: Books, name: str) -> dict[tuple[object, ...], Row]:
    table = books.tables[name]
    return {table.key_of(row): row for row in table.rows()}


def _compare(
    before: Mapping[tuple[object, ...], Row], after: Mapping[tuple[object, ...], Row]
) -> SetChanges:
    counts = Counter(
        "created" if key not in before else "changed"
        for key, row in after.items()
        if before.get(key) is not row
    )
    return SetChanges(
        created=counts["created"],
        changed=counts["changed"],
        deleted=len(before.keys() - after.keys()),
    )


def _move_documents(books: Books) -> None:
    """Documents go on to their next state; invoices that are posted get a voucher."""
    for name, next_state in _NEXT_STATE.items():
        open_rows = [row for row in books.rows(name) if row["Objstate"] in next_state]
        moved = min(len(open_rows), _scaled(books, _MOVED_DOCUMENTS))
        for row in books.rng.sample(open_rows, moved):
            state = next_state[str(row["Objstate"])]
            changes = _consequences(books, name, row, state)
            at = during(books.rng, books.today)
            books.tables[name].update(row, at, Objstate=state, **changes)


def _consequences(books: Books, name: str, row: Row, state: str) -> dict[str, object]:
    match name, state:
        case "PurchaseOrderSet", "Received":
            return {"LatestReceipt": during(books.rng, books.today)}
        case "CustomerOrderSet", "Released":
            return {"ReleaseFromCredit": "TRUE", "BlockedReason": None}
        case "PostingProposalHeadSet", "Approved":
            authorized = during(books.rng, books.today)
            return {"AuthorizerId": "CFO", "AuthorizedDate": authorized, "OnHold": False}
        case "PostingProposalHeadSet", "Posted":
            posted = books.add_voucher(books.today, "I", _BASE[str(row["Company"])])
            return {"VoucherType": "I", "VoucherNo": posted["VoucherNo"]}
    return {}


def _correct_amounts(books: Books) -> None:
    """An invoice and an order turn out to have been entered with a wrong amount."""
    at = during(books.rng, books.today)
    invoice = books.rng.choice(books.rows("PostingProposalHeadSet"))
    company = _BASE[str(invoice["Company"])]
    net = exact(Decimal(str(invoice["NetCurrAmount"])) + Decimal("0.07"))
    amounts = invoice_amounts(net, str(invoice["CurrencyCode"]), company)
    books.tables["PostingProposalHeadSet"].update(invoice, at, **amounts)
    order = books.rng.choice(books.rows("PurchaseOrderSet"))
    net = exact(Decimal(str(order["NetAmountCurr"])) - Decimal("0.05"))
    base = in_base(net, str(order["CurrencyCode"]), _BASE[str(order["Company"])].currency)
    books.tables["PurchaseOrderSet"].update(order, at, NetAmountCurr=net, NetAmountBase=base)


def _post_vouchers(books: Books) -> None:
    """The oldest vouchers are posted to the general ledger: they leave the hold table."""
    vouchers, rows = books.tables["VoucherSet"], books.tables["VoucherRowSet"]
    oldest = sorted(
        vouchers.rows(), key=lambda row: (str(row["VoucherDate"]), str(row["VoucherNo"]))
    )
    posted = oldest[: _scaled(books, _POSTED_VOUCHERS)]
    keys = {vouchers.key_of(row) for row in posted}
    for row in posted:
        vouchers.delete(row)
    for row in [row for row in rows.rows() if vouchers.key_of(row) in keys]:
        rows.delete(row)


def _enter_documents(books: Books) -> None:
    for _ in range(_scaled(books, _NEW_DOCUMENTS)):
        books.add_purchase_order(books.today)
        books.add_posting_proposal(books.today)
        books.add_customer_order(books.today)
        books.add_voucher(books.today)


def _maintain_reference_data(books: Books) -> None:
    """A supplier moves, an account is described better, a code part value nobody uses goes."""
    at = during(books.rng, books.today)
    supplier = books.rng.choice(books.rows("SupplierSet"))
    books.tables["SupplierSet"].update(
        supplier, at, Address=f"Industrivägen {books.rng.randrange(1, 99)}", ContactName=None
    )
    account = books.rng.choice(books.rows("AccountSet"))
    books.tables["AccountSet"].update(account, at, Text=f"Reviewed on {books.today}")
    unused = [row for row in books.rows("CodePartValueSet") if row["CodePart"] != "B"]
    if unused:
        books.tables["CodePartValueSet"].delete(books.rng.choice(unused))
