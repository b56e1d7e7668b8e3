"""How boards of well-known documents look without a mapping: names, and which columns come first.

A preset fits a stream by its key and the properties that the name is made of, whatever the stream
is called. The properties are those of IFS Cloud's projections. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_monday.columns import ColumnSpec

__all__ = ["PRESETS", "Preset", "preset_of"]


@dataclass(frozen=True, slots=True)
class Preset:
    """The look of one kind of document: its items' names, and its first columns in their order.

    `called` is how people call it: what a board of such documents may be named. `period`: what its
    control totals are told apart by in time.
    """

    called: tuple[str, ...]
    key: tuple[str, ...]
    item_name: str
    first: tuple[str, ...]
    period: str | None = None

    def fits(self, properties: Mapping[str, Any], key: Sequence[str]) -> bool:
        """Whether a stream with these properties and this key is such a document."""
        return tuple(key) == self.key and all(
            name in properties for name in template(self.item_name).fields
        )

    def ordered(self, columns: Iterable[ColumnSpec]) -> list[ColumnSpec]:
        """What people look at stands on the left, all else as it came."""
        places = {name: at for at, name in enumerate(self.first)}
        return sorted(columns, key=lambda column: places.get(column.property, len(places)))


PRESETS: Final = (
    Preset(
        ("supplier invoice", "incoming invoice", "accounts payable"),
        ("Company", "ProposalId"),
        "{InvoiceNo} - {SupplierName}",
        (
            *("Objstate", "SupplierName", "GrossCurrAmount", "CurrencyCode", "DueDate"),
            *("InvoiceDate", "OnHold", "PoRefNumber", "AuthorizerId", "NetCurrAmount"),
            "VatCurrAmount",
        ),
        period="{InvoiceDate:%Y-%m}",
    ),
    Preset(
        ("purchase order",),
        ("OrderNo",),
        "{OrderNo} - {VendorName}",
        (
            *("Objstate", "VendorName", "NetAmountCurr", "CurrencyCode", "OrderDate"),
            *("WantedReceiptDate", "BuyerName", "NumberOfLines"),
        ),
        period="{OrderDate:%Y-%m}",
    ),
    Preset(
        ("customer order", "sales order"),
        ("OrderNo",),
        "{OrderNo} - {CustomerName}",
        (
            *("Objstate", "CustomerName", "GrossAmountCurr", "CurrencyCode"),
            *("WantedDeliveryDate", "PlannedShipDate", "CoordinatorName", "NetAmountCurr"),
        ),
        period="{WantedDeliveryDate:%Y-%m}",
    ),
    Preset(
        ("voucher",),
        ("Company", "VoucherType", "AccountingYear", "VoucherNo"),
        "{VoucherType} {VoucherNo} - {AccountingYear}/{AccountingPeriod}",
        (
            *("Objstate", "VoucherDate", "DebetAmount", "CreditAmount", "CurrencyCode"),
            *("VoucherText", "Userid", "ApprovedByUserid", "AccountingYear", "AccountingPeriod"),
        ),
        period="{AccountingYear}/{AccountingPeriod}",
    ),
    Preset(
        ("voucher row", "voucher line"),
        ("Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo"),
        "{VoucherType} {VoucherNo}/{RowNo} - {AccountDesc}",
        (
            *("Account", "AccountDesc", "Amount", "CurrencyCode", "CodeB", "CodeBDesc"),
            *("VoucherDate", "Text", "DebetAmount", "CreditAmount", "CurrencyAmount"),
        ),
        period="{VoucherDate:%Y-%m}",
    ),
    Preset(
        ("supplier",),
        ("SupplierId",),
        "{SupplierId} - {Name}",
        ("SupplierCategory", "Country", "City", "CurrencyCode", "PayTermId", "Email", "Phone"),
    ),
    Preset(
        ("account", "chart of accounts"),
        ("Company", "Account"),
        "{Account} - {Description}",
        ("LogicalAccountType", "Description", "AccntGroup", "ValidFrom", "ValidUntil"),
    ),
    Preset(
        ("code part value", "code part"),
        ("Company", "CodePart", "CodePartValue"),
        "{CodePartValue} - {Description}",
        ("CodePartName", "Description", "BudgetValue", "ValidFrom", "ValidUntil"),
    ),
)


def preset_of(schema: Mapping[str, Any], key: Sequence[str]) -> Preset | None:
    """The preset that fits a stream, if one does."""
    properties = schema["properties"]
    return next((each for each in PRESETS if each.fits(properties, key)), None)
