"""How boards of well-known documents look without a mapping: names, and which columns come first.

A preset fits a stream by its key and the properties that the name is made of, whatever the stream
is called. The properties are those of IFS Cloud's projections. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_monday.columns import ColumnSpec
from target_monday.links import Link
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["PRESETS", "Preset", "PresetLink", "preset_of"]


@dataclass(frozen=True, slots=True)
class PresetLink:
    """A column of links to the board of another well-known stream, by the parts of its key."""

    title: str
    stream: str
    key: tuple[str, ...]

    @property
    def column(self) -> ColumnSpec:
        """As the mapping would ask for it; a target that does not come is no reject of its row."""
        link = Link(self.stream, tuple(map(template, self.key)), missing="wait")
        return ColumnSpec(self.title, self.title, "board_relation", create=True, link=link)


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
    links: tuple[PresetLink, ...] = ()

    def fits(self, properties: Mapping[str, Any], key: Sequence[str]) -> bool:
        """Whether a stream with these properties and this key is such a document."""
        return tuple(key) == self.key and all(
            name in properties for name in template(self.item_name).fields
        )

    def link_columns(
        self, properties: Mapping[str, Any], linkable: Mapping[str, int]
    ) -> Iterator[ColumnSpec]:
        """Its links to streams that are there; `linkable`: stream -> parts of its key."""
        for each in self.links:
            column = each.column
            fits = linkable.get(each.stream) == len(each.key) and each.title not in properties
            if fits and all(name in properties for name in column.fields()):
                yield column

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
            *("Objstate", "Supplier", "SupplierName", "GrossCurrAmount", "CurrencyCode"),
            *("DueDate", "InvoiceDate", "OnHold", "PoRefNumber", "AuthorizerId", "NetCurrAmount"),
            "VatCurrAmount",
        ),
        period="{InvoiceDate:%Y-%m}",
        links=(PresetLink("Supplier", "supplier", ("{Identity}",)),),
    ),
    Preset(
        ("purchase order",),
        ("OrderNo",),
        "{OrderNo} - {VendorName}",
        (
            *("Objstate", "Supplier", "VendorName", "NetAmountCurr", "CurrencyCode", "OrderDate"),
            *("WantedReceiptDate", "BuyerName", "NumberOfLines"),
        ),
        period="{OrderDate:%Y-%m}",
        links=(PresetLink("Supplier", "supplier", ("{VendorNo}",)),),
    ),
    Preset(
        ("customer order", "sales order"),
        ("OrderNo",),
        "{OrderNo} - {CustomerName}",
        (
            *("Objstate", "Customer", "CustomerName", "GrossAmountCurr", "CurrencyCode"),
            *("WantedDeliveryDate", "PlannedShipDate", "CoordinatorName", "NetAmountCurr"),
        ),
        period="{WantedDeliveryDate:%Y-%m}",
        links=(PresetLink("Customer", "customer", ("{CustomerNo}",)),),
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
            *("Ledger account", "Account", "AccountDesc", "Amount", "CurrencyCode", "Department"),
            *(
                "CodeB",
                "CodeBDesc",
                "VoucherDate",
                "Text",
                "DebetAmount",
                "CreditAmount",
                "CurrencyAmount",
            ),
        ),
        links=(
            PresetLink("Ledger account", "account", ("{Company}", "{Account}")),
            PresetLink("Department", "code_part_value", ("{Company}", "B", "{CodeB}")),
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
