"""All tables of the business and the ways in which documents get into them."""

from __future__ import annotations

from datetime import date, datetime
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.business import reference
from ifs_monday_sandbox.business.days import FIRST_DAY, YEAR_BEFORE, during, some_day
from ifs_monday_sandbox.business.finance import Dimensions, voucher
from ifs_monday_sandbox.business.purchasing import posting_proposal, purchase_order
from ifs_monday_sandbox.business.reference import COMPANIES, VOUCHER_TYPES
from ifs_monday_sandbox.business.sales import customer_order
from ifs_monday_sandbox.business.table import OBJVERSION, Row, Table, Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ifs_monday_sandbox.business.reference import Company

__all__ = ["STAMP", "VOLUMES", "Books"]

STAMP: Final = "Cf_Last_Modified"
"""A custom field of the documents that moves with every change."""

VOLUMES: Final = {
    "SupplierSet": 120,
    "AccountSet": 180,
    "CodePartValueSet": 150,
    "PurchaseOrderSet": 500,
    "PostingProposalHeadSet": 400,
    "VoucherSet": 270,
    "CustomerOrderSet": 400,
}
"""Rows of a business of size 100; a voucher brings four rows of its own on average."""

_OPENED: Final = datetime.fromisoformat("2025-10-01T06:30:00Z")
_HUNDRED: Final = 100


class Books:
    """A year of business, generated from `seed`; `size` 100 is about 3,000 rows."""

    def __init__(self, seed: int, size: int) -> None:
        self.rng = Random(seed)  # noqa: S311  (a reproducible business, no secret)
        self.today = FIRST_DAY
        self.size = size
        self.tables = _tables()
        self._orders = count(100_001)
        self._invoices = count(20_000_001)
        self._vouchers = count(2_026_000_001)
        self._sales = count(10_001)
        self._fill_reference()
        self._fill_documents()

    def volume(self, entity_set: str) -> int:
        """How many rows `entity_set` starts with."""
        return max(3, VOLUMES[entity_set] * self.size // _HUNDRED)

    def rows(self, entity_set: str) -> list[Row]:
        """The rows of a set as they are now. Raises KeyError for an unknown set."""
        view = _VIEWS.get(entity_set)
        return view(self.tables) if view else self.tables[entity_set].rows()

    def add_purchase_order(self, day: date) -> None:
        """A purchase order of `day`."""
        row = purchase_order(
            self.rng,
            next(self._orders),
            day,
            company=self._company(),
            supplier=self._supplier(),
            today=self.today,
        )
        self._insert("PurchaseOrderSet", row, day)

    def add_posting_proposal(self, day: date) -> None:
        """A supplier invoice of `day`; two in three refer to a purchase order."""
        supplier = self._supplier()
        order = self.rng.choice(self.rows("PurchaseOrderSet")) if self.rng.randrange(3) else None
        row = posting_proposal(
            self.rng,
            next(self._invoices),
            day,
            company=self._company(),
            supplier=supplier,
            order_no=str(order["OrderNo"]) if order else None,
            today=self.today,
        )
        self._insert("PostingProposalHeadSet", row, day)

    def add_customer_order(self, day: date) -> None:
        """A customer order of `day`."""
        row = customer_order(
            self.rng,
            next(self._sales),
            day,
            company=self._company(),
            customer=self.rng.choice(self.rows("Reference_CustomerLov")),
            today=self.today,
        )
        self._insert("CustomerOrderSet", row, day)

    def add_voucher(self, day: date, kind: str = "", company: Company | None = None) -> Row:
        """A voucher of `day` with its rows; gives the voucher."""
        company = company or self._company()
        head, rows = voucher(
            self.rng,
            next(self._vouchers),
            day,
            company=company,
            kind=kind or self.rng.choice(tuple(VOUCHER_TYPES)),
            dimensions=self._dimensions[company.id],
        )
        at = during(self.rng, day)
        self.tables["VoucherSet"].insert(head, at)
        for row in rows:
            self.tables["VoucherRowSet"].insert(row, at)
        return head

    def _insert(self, entity_set: str, row: Row, day: date) -> None:
        """Store a document; its last change was on some day since."""
        changed = during(self.rng, some_day(self.rng, day, self.today))
        self.tables[entity_set].insert(row, changed)

    def _company(self) -> Company:
        return self.rng.choice(COMPANIES)

    def _supplier(self) -> Row:
        return self.rng.choice(self.rows("SupplierSet"))

    def _fill_reference(self) -> None:
        made = {
            "SupplierSet": reference.suppliers(self.rng, self.volume("SupplierSet")),
            "AccountSet": reference.accounts(self.rng, self.volume("AccountSet")),
            "CodePartValueSet": reference.code_part_values(
                self.rng, self.volume("CodePartValueSet")
            ),
            "Reference_CustomerLov": reference.customers(self.rng, 12 + self.size // 4),
            **reference.lookups(),
        }
        for entity_set, rows in made.items():
            for row in rows:
                self.tables[entity_set].insert(row, _OPENED)
        self._dimensions = {each.id: self._dimensions_of(each) for each in COMPANIES}

    def _dimensions_of(self, company: Company) -> Dimensions:
        return Dimensions(
            accounts=[row for row in self.rows("AccountSet") if row["Company"] == company.id],
            departments=[
                row
                for row in self.rows("CodePartValueSet")
                if row["Company"] == company.id and row["CodePart"] == "B"
            ],
        )

    def _fill_documents(self) -> None:
        for entity_set, add in (
            ("PurchaseOrderSet", self.add_purchase_order),
            ("PostingProposalHeadSet", self.add_posting_proposal),
            ("CustomerOrderSet", self.add_customer_order),
            ("VoucherSet", self.add_voucher),
        ):
            for _ in range(self.volume(entity_set)):
                add(some_day(self.rng, YEAR_BEFORE, self.today))


def _supplier_lov(tables: Mapping[str, Table]) -> list[Row]:
    """Suppliers as a pick list shows them: known by row id, without a version."""
    return [{**row, OBJVERSION: None} for row in tables["SupplierSet"].rows()]


def _code_b(tables: Mapping[str, Table]) -> list[Row]:
    """The values of code part B, under the name that the code part has as a type of its own."""
    values = tables["CodePartValueSet"].rows()
    return [{**row, "CodeB": row["CodePartValue"]} for row in values if row["CodePart"] == "B"]


_VIEWS: Final[Mapping[str, Callable[[Mapping[str, Table]], list[Row]]]] = {
    "Reference_SupplierLov": _supplier_lov,
    "Reference_CodeB": _code_b,
}


def _tables() -> dict[str, Table]:
    """Empty tables; the documents have a stamp, the chart of accounts counts its changes."""
    counter = Versions.COUNTER
    voucher_key = ("Company", "VoucherType", "AccountingYear", "VoucherNo")
    tables = {
        "SupplierSet": Table(1, ("SupplierId",)),
        "AccountSet": Table(2, ("Company", "Account"), counter),
        "CodePartValueSet": Table(3, ("Company", "CodePart", "CodePartValue"), counter),
        "PurchaseOrderSet": Table(4, ("OrderNo",), stamp=STAMP),
        "PostingProposalHeadSet": Table(5, ("Company", "ProposalId"), stamp=STAMP),
        "VoucherSet": Table(6, voucher_key),
        "VoucherRowSet": Table(7, (*voucher_key, "RowNo")),
        "CustomerOrderSet": Table(8, ("OrderNo",), stamp=STAMP),
    }
    views = {
        "Reference_IsoCountry": ("CountryCode",),
        "Reference_PaymentTerm": ("PayTermId",),
        "Reference_Site": ("Contract",),
        "Reference_VoucherType": ("Company", "VoucherType"),
        "Reference_TaxBookLov": ("Company", "TaxBookId"),
        "Reference_CustomerLov": ("CustomerId",),
    }
    return tables | {
        name: Table(20 + place, key, Versions.NONE)
        for place, (name, key) in enumerate(views.items())
    }
