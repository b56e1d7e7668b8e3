"""The entity types behind lookup sets, one type without a set and one that is only nested."""

from __future__ import annotations

from typing import Final

from ifs_monday_sandbox.ifs.model import (
    EntitySet,
    EntityType,
    choice,
    date,
    flag,
    number,
    plumbing,
    text,
)

__all__ = [
    "CODE_B",
    "CUSTOMER_LOV",
    "ISO_COUNTRY",
    "PAYMENT_TERM",
    "PROJECTION",
    "PURCHASE_ORDER_LINE",
    "SITE",
    "SUPPLIER_LOV",
    "TAX_BOOK",
    "TAX_BOOK_LOV",
    "VOUCHER_TYPE",
    "lookup",
]

ISO_COUNTRY: Final = EntityType(
    name="IsoCountry",
    lu="IsoCountry",
    key=("CountryCode",),
    properties=(*plumbing(), text("CountryCode", 2), text("Description", 740), flag("EuMember")),
)

PAYMENT_TERM: Final = EntityType(
    name="PaymentTerm",
    lu="PaymentTerm",
    key=("PayTermId",),
    properties=(*plumbing(), text("PayTermId", 20), text("Description", 100), number("NetDays")),
)

SITE: Final = EntityType(
    name="Site",
    lu="Site",
    key=("Contract",),
    properties=(
        *plumbing(),
        text("Contract", 5),
        text("Description", 2000),
        text("Company", 20),
        text("Country", 2),
    ),
)

VOUCHER_TYPE: Final = EntityType(
    name="VoucherType",
    lu="VoucherType",
    key=("Company", "VoucherType"),
    properties=(
        *plumbing(),
        text("Company", 20),
        text("VoucherType", 3),
        text("Description", 100),
        choice("UseApprovalWorkflow", "FinanceYesNo"),
    ),
)

CODE_B: Final = EntityType(
    name="CodeB",
    lu="CodeB",
    key=("Company", "CodeB"),
    properties=(
        *plumbing(),
        text("Company", 20),
        text("CodePart", 1),
        text("CodeB", 20),
        date("ValidFrom"),
        date("ValidUntil"),
        text("Description", 100),
        text("AccntType", 20),
        text("Text", 2000),
        text("SortValue", 30),
        choice("BudgetValue", "BudgetAccountFlag"),
    ),
)

TAX_BOOK: Final = EntityType(
    name="TaxBook",
    lu="TaxBook",
    key=("Company", "TaxBookId"),
    properties=(*plumbing(), text("Company", 20), text("TaxBookId", 10), text("Description", 200)),
)


def _list_of_values(name: str, lu: str, *columns: str) -> EntityType:
    """A query behind a pick list: known by its Objid, all columns long texts, no grants."""
    pseudo = (text("luname", 80), text("keyref", 4000), text("Objid", 4000))
    return EntityType(
        name=name,
        lu=lu,
        key=("Objid",),
        properties=(*pseudo, *(text(column, 4000) for column in columns)),
    )


TAX_BOOK_LOV: Final = _list_of_values(
    "TaxBookLov", "TaxBook", "Company", "TaxBookId", "Description", "TaxSeriesId"
)
SUPPLIER_LOV: Final = _list_of_values("SupplierLov", "SupplierInfoGeneral", "SupplierId", "Name")
CUSTOMER_LOV: Final = _list_of_values("CustomerLov", "CustomerInfo", "CustomerId", "Name")

PURCHASE_ORDER_LINE: Final = EntityType(
    name="PurchaseOrderLine",
    lu="PurchaseOrderLine",
    key=("OrderNo", "LineNo", "ReleaseNo"),
    properties=(
        *plumbing(),
        text("OrderNo", 12),
        text("LineNo", 4),
        text("ReleaseNo", 4),
        number("BuyQtyDue"),
    ),
)

PROJECTION: Final = EntityType(
    name="Projection",
    lu="FndProjection",
    key=("ProjectionName",),
    properties=(
        *plumbing(),
        text("ProjectionName", 200),
        text("Name", 200),
        text("Description", 2000),
        text("Component", 20),
        text("Categories", 4000),
        text("ApiClass", 200),
    ),
)


def lookup(kind: EntityType) -> EntitySet:
    """The set `Reference_<type>`, whose rows the business keeps under the same name."""
    return EntitySet(f"Reference_{kind.name}", kind, f"Reference_{kind.name}")
