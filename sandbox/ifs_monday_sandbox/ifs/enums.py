"""The enumerations of the sandbox's tenant.

States of purchase orders and customer orders carry the names that IFS uses; those of supplier
invoices and vouchers are assumed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.ifs.model import EnumType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENUMS"]

_MEMBERS: Final[Mapping[str, str]] = {
    "AccCurrencyBalanceFlag": "CurrencyBalance NoCurrencyBalance",
    "AccountRequest": "Can Mandatory Blocked",
    "AccountTypeValue": "Assets Liabilities Revenues Cost Statistics StatisticsOpeningBalance",
    "AccountingLedgFlag": "LedgerAccount NotLedgerAccount",
    "BudgetAccountFlag": "BudgetAccount NotBudgetAccount",
    "CfEnum_ABC_CLASS": "CfEnum_A CfEnum_B CfEnum_C",
    "CfEnum_SUPPLY_RISK": "CfEnum_LOW CfEnum_MEDIUM CfEnum_HIGH",
    "CustomerBackorderOption": "IncompleteLinesAllowed NoPartialDeliveriesAllowed",
    "CustomerOrderState": (
        "Planned Released Reserved Picked PartiallyDelivered Delivered Invoiced Cancelled Blocked"
    ),
    "ExcludeStatAccount": "StatisticalAccount NoStatisticalAccount",
    "FinanceYesNo": "No Yes",
    "FndBoolean": "False True",
    "PostingProposalHeadState": "Preliminary Matched Approved Posted Cancelled",
    "PurchaseOrderState": ("Planned Released Confirmed Arrived Received Closed Cancelled Stopped"),
    "SupplierInfoCategory": "Supplier Prospect",
    "TaxHandlingValue": "Restricted All Blocked",
    "VoucherState": "Awaiting Approved Confirmed Error",
}

ENUMS: Final[Mapping[str, EnumType]] = MappingProxyType(
    {name: EnumType(name, tuple(members.split())) for name, members in _MEMBERS.items()}
)
"""All enum types, by name."""
