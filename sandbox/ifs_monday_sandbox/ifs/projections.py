"""The services of the sandbox's tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ifs_monday_sandbox.business.table import OBJVERSION, Row
from ifs_monday_sandbox.ifs import entities, lookups
from ifs_monday_sandbox.ifs.enums import ENUMS
from ifs_monday_sandbox.ifs.lookups import lookup
from ifs_monday_sandbox.ifs.model import EntitySet, EntityType, Projection, Service

__all__ = ["CATALOGUE_TABLE", "PROJECTIONS", "catalogue_rows"]

CATALOGUE_TABLE: Final = "AllProjections"
"""The one table that is no business data: the list of the projections themselves."""


def _projection(
    name: str,
    description: str,
    main: EntitySet,
    *references: EntitySet,
    more_types: tuple[EntityType, ...] = (),
    functions: tuple[str, ...] = (),
) -> Projection:
    """A projection behind a web page. Lookup sets are declared first, the main set last."""
    return Projection(
        name=name,
        description=description,
        category="Standard",
        sets=(*references, main),
        enums=ENUMS,
        more_types=more_types,
        functions=functions,
    )


def _entity_service(kind: EntityType, table: str) -> Projection:
    """The entity service of a logical unit, on the integration gateway only."""
    return Projection(
        name=f"{kind.lu}Entity",
        description=f"Entity service of {kind.lu}",
        category="EntityService",
        sets=(EntitySet(f"{kind.lu}Set", replace(kind, navigations=()), table),),
        enums=ENUMS,
        service=Service.ENTITY,
        gateways=frozenset({"int"}),
    )


_PURCHASE_ORDERS: Final = EntitySet("PurchaseOrderSet", entities.PURCHASE_ORDER, "PurchaseOrderSet")
_CUSTOMER_ORDERS: Final = EntitySet("CustomerOrderSet", entities.CUSTOMER_ORDER, "CustomerOrderSet")

_CATALOGUE: Final = Projection(
    name="AllProjections",
    description="All Projections",
    category="Standard",
    sets=(EntitySet("Projections", lookups.PROJECTION, CATALOGUE_TABLE),),
    enums=ENUMS,
)

PROJECTIONS: Final = (
    _CATALOGUE,
    _projection(
        "SupplierHandling",
        "Supplier",
        EntitySet("SupplierSet", entities.SUPPLIER, "SupplierSet"),
        lookup(lookups.ISO_COUNTRY),
        lookup(lookups.PAYMENT_TERM),
    ),
    _projection(
        "AccountsHandling", "Accounts", EntitySet("AccountSet", entities.ACCOUNT, "AccountSet")
    ),
    _projection(
        "CodePartValuesHandling",
        "Code Part Values",
        EntitySet("CodePartValueSet", entities.CODE_PART_VALUE, "CodePartValueSet"),
    ),
    _projection(
        "PurchaseOrderHandling",
        "Purchase Order",
        _PURCHASE_ORDERS,
        lookup(lookups.SUPPLIER_LOV),
        lookup(lookups.SITE),
        more_types=(lookups.PURCHASE_ORDER_LINE,),
        functions=("GetCompanyBaseCurrency",),
    ),
    _projection(
        "PostingProposalHandling",
        "Posting Proposal",
        EntitySet(
            "PostingProposalHeadSet", entities.POSTING_PROPOSAL_HEAD, "PostingProposalHeadSet"
        ),
        lookup(lookups.SUPPLIER_LOV),
    ),
    _projection(
        "VouchersHandling",
        "Vouchers",
        EntitySet("VoucherSet", entities.VOUCHER, "VoucherSet"),
        lookup(lookups.VOUCHER_TYPE),
    ),
    _projection(
        "VoucherRowsAnalysis",
        "Voucher Rows Analysis",
        EntitySet("VoucherRowSet", entities.VOUCHER_ROW, "VoucherRowSet"),
        lookup(lookups.TAX_BOOK_LOV),
        EntitySet("Reference_Account", entities.ACCOUNT, "AccountSet"),
        lookup(lookups.CODE_B),
        lookup(lookups.VOUCHER_TYPE),
        more_types=(lookups.TAX_BOOK,),
        functions=("GetMultiCompanyInfo", "InitLocalizationFunctionalities"),
    ),
    _projection(
        "CustomerOrderHandling",
        "Customer Order",
        _CUSTOMER_ORDERS,
        lookup(lookups.SITE),
        lookup(lookups.CUSTOMER_LOV),
    ),
    Projection(
        name="SupplierService",
        description="Suppliers for other systems",
        category="Integration",
        sets=(EntitySet("SupplierSet", replace(entities.SUPPLIER, navigations=()), "SupplierSet"),),
        enums=ENUMS,
        gateways=frozenset({"int"}),
    ),
    _entity_service(entities.SUPPLIER, "SupplierSet"),
    _entity_service(entities.ACCOUNT, "AccountSet"),
    _entity_service(entities.PURCHASE_ORDER, "PurchaseOrderSet"),
    _entity_service(entities.CUSTOMER_ORDER, "CustomerOrderSet"),
    _entity_service(entities.VOUCHER_ROW, "VoucherRowSet"),
)
"""All services; a name is served in one of the two families only."""


def catalogue_rows() -> list[Row]:
    """The projections as rows of their own catalogue."""
    return [
        {
            "ProjectionName": each.name,
            "Name": None,
            "Description": each.description,
            "Component": "FNDBAS" if each is _CATALOGUE else "ENTERP",
            "Categories": each.category,
            "ApiClass": None,
            OBJVERSION: None,
        }
        for each in PROJECTIONS
    ]
