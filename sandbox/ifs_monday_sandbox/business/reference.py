"""Reference data: companies, sites, suppliers, customers, accounts, code parts and lookups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.business.amounts import exact
from ifs_monday_sandbox.business.days import FIRST_DAY, some_day
from ifs_monday_sandbox.business.words import (
    BUYERS,
    CUSTOMERS,
    EMAIL_NAMES,
    SUPPLIER_KINDS,
    SUPPLIER_NAMES,
    TOWNS,
    long_note,
    note,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from ifs_monday_sandbox.business.table import Row

__all__ = [
    "COMPANIES",
    "PAYMENT_TERMS",
    "VOUCHER_TYPES",
    "Company",
    "accounts",
    "code_part_values",
    "customers",
    "lookups",
    "suppliers",
]


@dataclass(frozen=True, slots=True)
class Company:
    """A legal entity with its base currency and its one plant."""

    id: str
    name: str
    country: str
    currency: str
    site: str
    site_name: str


COMPANIES: Final = (
    Company("10", "Northfield Maskin AB", "SE", "SEK", "SE1", "Västerås drivlinor"),
    Company("20", "Northfield Antriebstechnik GmbH", "DE", "EUR", "DE1", "Werk Nürnberg"),
    Company("30", "Northfield Drives Inc.", "US", "USD", "US1", "Milwaukee plant"),
)

PAYMENT_TERMS: Final = {"0": 0, "10": 10, "30": 30, "45": 45, "60": 60, "90": 90}
VOUCHER_TYPES: Final = {
    "F": "Customer invoices",
    "I": "Supplier invoices",
    "M": "Manual",
    "U": "Payments",
}

_COUNTRIES: Final = {
    "CN": ("China", False), "DE": ("Germany", True), "FR": ("France", True), "GB": ("UK", False),
    "PL": ("Poland", True), "SE": ("Sweden", True), "US": ("USA", False),
}  # fmt: skip

# Keys that must be quoted, escaped or told apart, as they turn up in grown systems.
_ODD_SUPPLIERS: Final = {
    "007": "Bond & Söhne Präzisionsteile",
    "0007": "Bond Freight",
    "AB-1": "AB Industri Ett",
    "ab-1": "ab one (migrated)",
    "A/B 7": "Andersson/Berg Sju",
    "O'NEIL": 'O\'Neil "Quick" Tooling',
    "50%-OFF": "Fifty Percent Surplus",
    "ÖVK 12": "Övik Verkstad",
    "中文-1": "宁波东海轴承有限公司",
    "R&D#1+2": "R&D Prototypes 🚀",
}

# Account number, name, group and what it is for logically.
_ACCOUNTS: Final = (
    ("1210", "Machinery and equipment", "FIXED", "Assets"),
    ("1219", "Accumulated depreciation", "FIXED", "Assets"),
    ("1410", "Raw material stock", "STOCK", "Assets"),
    ("1510", "Trade receivables", "RECEIV", "Assets"),
    ("1920", "Bank, operating account", "CASH", "Assets"),
    ("2440", "Trade payables", "PAYABLE", "Liabilities"),
    ("2445", "Goods received not invoiced", "PAYABLE", "Liabilities"),
    ("2610", "Output VAT", "TAX", "Liabilities"),
    ("2641", "Input VAT", "TAX", "Assets"),
    ("3010", "Sales of drives", "SALES", "Revenues"),
    ("3020", "Sales of spare parts", "SALES", "Revenues"),
    ("3740", "Rounding differences", "SALES", "Revenues"),
    ("4010", "Purchases of material", "MATERIAL", "Cost"),
    ("4530", "Freight inwards", "MATERIAL", "Cost"),
    ("5010", "Rent of premises", "PREMISES", "Cost"),
    ("5410", "Consumables", "SUPPLIES", "Cost"),
    ("6110", "Office supplies", "SUPPLIES", "Cost"),
    ("6540", "IT services", "SERVICES", "Cost"),
    ("7010", "Wages, production", "STAFF", "Cost"),
    ("7960", "Exchange losses", "FINANCE", "Cost"),
    ("9010", "Machine hours", "STAT", "Statistics"),
)

_DEPARTMENTS: Final = (
    "Turning", "Milling", "Gear cutting", "Hardening", "Assembly", "Test bench", "Spare parts",
    "Maintenance", "Purchasing", "Sales", "Finance", "IT", "Quality", "Logistik", "Entwicklung",
)  # fmt: skip
_CODE_PARTS: Final = {"B": "Department", "C": "Cost type", "D": "Product line"}


def suppliers(rng: Random, count: int) -> Iterator[Row]:
    """`count` suppliers, the ones with odd keys first."""
    ids = [*_ODD_SUPPLIERS, *(f"{10_000 + number}" for number in range(count))][:count]
    return (_supplier(rng, supplier_id) for supplier_id in ids)


def _supplier(rng: Random, supplier_id: str) -> Row:
    town = rng.choice(TOWNS)
    name = _ODD_SUPPLIERS.get(supplier_id) or (
        f"{rng.choice(SUPPLIER_NAMES)} {rng.choice(SUPPLIER_KINDS)} {town.form}"
    )
    spend = Decimal(rng.randrange(10**9)) / 100
    return {
        "SupplierId": supplier_id,
        "Name": name,
        "AssociationNo": f"{rng.randrange(10**10):010}" if rng.randrange(5) else None,
        "Country": town.country,
        "DefaultLanguage": {"DE": "de", "SE": "sv", "PL": "pl", "CN": "zh"}.get(town.country, "en"),
        "CreationDate": some_day(rng, date(2009, 1, 2), FIRST_DAY - timedelta(days=400)),
        "SupplierCategory": "Supplier" if rng.randrange(12) else "Prospect",
        "OneTime": rng.randrange(15) == 0,
        "B2bSupplier": rng.choice(("TRUE", "FALSE", "FALSE")),
        "TaxExempt": rng.choice("NNNY"),
        "CurrencyCode": town.currency,
        "PayTermId": rng.choice(tuple(PAYMENT_TERMS)),
        "VatNo": f"{town.country}{rng.randrange(10**9):09}",
        "Address": f"{rng.choice(SUPPLIER_NAMES)} {rng.randrange(1, 180)}",
        "ZipCode": town.zip_code,
        "City": town.city,
        "ContactName": rng.choice((None, "Åsa Lind", "Jürgen Weiß", "Zoë Ng", "Paweł Łoś")),
        "Email": f"{rng.choice(EMAIL_NAMES)}@supplier{rng.randrange(1000)}.example",
        "Phone": f"{town.dialling} {rng.randrange(10**6):06}",
        "BuyerCode": rng.choice(tuple(BUYERS)),
        "CreditLimit": rng.choice((None, 0, 50_000, 250_000)),
        "NoteText": long_note(rng) if rng.randrange(8) == 0 else note(rng),
        "BlockedFrom": some_day(rng) if rng.randrange(25) == 0 else None,
        "Cf_Abc_Class": rng.choice((None, "CfEnum_A", "CfEnum_B", "CfEnum_C")),
        # One firm has spent more than a binary float can hold to the cent.
        "Cf_Annual_Spend": (
            Decimal("90071992547409931.07") if supplier_id == "007" else exact(spend)
        ),
    }


def customers(rng: Random, count: int) -> list[Row]:
    """`count` customers, as the pick list shows them."""
    return [
        {
            "CustomerId": f"C{1000 + number}",
            "Name": f"{CUSTOMERS[number % len(CUSTOMERS)]} {rng.choice(TOWNS).city}",
        }
        for number in range(count)
    ]


def accounts(rng: Random, count: int) -> Iterator[Row]:
    """`count` accounts, the same chart in each company; sub-accounts beyond the basic ones."""
    for number in range(count):
        place, company = divmod(number, len(COMPANIES))
        level, basic = divmod(place, len(_ACCOUNTS))
        yield _account(rng, COMPANIES[company], level, *_ACCOUNTS[basic])


def _account(
    rng: Random, company: Company, level: int, number: str, name: str, group: str, logical: str
) -> Row:
    cost = logical == "Cost"
    return {
        "Company": company.id,
        "CodePart": "A",
        "Account": f"{number}{level:02}" if level else number,
        "ValidFrom": date(2015, 1, 1),
        "ValidUntil": date(2049, 12, 31),
        "Description": f"{name} {level}" if level else name,
        "AccntGroup": group,
        "AccntType": logical.upper()[:3],
        "LogicalAccountType": logical,
        "LedgFlag": "LedgerAccount" if number in {"1510", "2440"} else "NotLedgerAccount",
        "ReqCodeB": "Mandatory" if cost else "Can",
        "ReqCodeC": "Can" if cost else "Blocked",
        "ReqCodeD": "Can",
        "ReqQuantity": "Mandatory" if logical == "Statistics" else "Blocked",
        "CurrBalance": "CurrencyBalance" if group == "CASH" else "NoCurrencyBalance",
        "BudAccount": "BudgetAccount" if cost else "NotBudgetAccount",
        "StatAccount": (
            "StatisticalAccount" if logical == "Statistics" else "NoStatisticalAccount"
        ),
        "Text": note(rng),
        "TaxHandlingValue": "Blocked" if group == "CASH" else "All",
        "TaxCodeMandatory": group in {"SALES", "TAX"},
        "SortValue": number if level == 0 else None,
        "ExcludeProjFollowup": "FALSE" if cost else "TRUE",
        "KeepRepCurrency": False,
        "ExchangeDifference": number == "7960",
        "MasterCompany": None if company is COMPANIES[0] else COMPANIES[0].id,
    }


def code_part_values(rng: Random, count: int) -> Iterator[Row]:
    """`count` values of code parts: half of them departments (code part B)."""
    for number in range(count):
        place, company = divmod(number, len(COMPANIES))
        part = "BCBD"[place % 4]
        yield _code_part_value(rng, COMPANIES[company].id, part, place)


def _code_part_value(rng: Random, company: str, part: str, place: int) -> Row:
    name = _DEPARTMENTS[place // 2 % len(_DEPARTMENTS)]
    return {
        "Company": company,
        "CodePart": part,
        "CodePartValue": f"{place:03}" if part == "B" else f"{part}{place:04}",
        "CodePartName": _CODE_PARTS[part],
        "ValidFrom": date(2015, 1, 1),
        "ValidUntil": date(2049, 12, 31),
        "Description": name if part == "B" else f"{_CODE_PARTS[part]} {place}",
        "AccntType": None,
        "Text": note(rng),
        "SortValue": f"{place:05}",
        "BudgetValue": rng.choice(("BudgetAccount", "NotBudgetAccount")),
        "ReportingEntity": None,
        "ConsCodePartValue": f"G{place % 40:02}",
        "BlockedForPosting": "TRUE" if rng.randrange(20) == 0 else "FALSE",
        "Cf_Responsible": rng.choice((None, *BUYERS.values())),
    }


def lookups() -> dict[str, list[Row]]:
    """The rows of the small lookup sets, by set name."""
    return {
        "Reference_IsoCountry": [
            {"CountryCode": code, "Description": name, "EuMember": member}
            for code, (name, member) in _COUNTRIES.items()
        ],
        "Reference_PaymentTerm": [
            {"PayTermId": term, "Description": f"{days} days net", "NetDays": days}
            for term, days in PAYMENT_TERMS.items()
        ],
        "Reference_Site": [
            {
                "Contract": each.site,
                "Description": each.site_name,
                "Company": each.id,
                "Country": each.country,
            }
            for each in COMPANIES
        ],
        "Reference_VoucherType": [
            {
                "Company": each.id,
                "VoucherType": kind,
                "Description": name,
                "UseApprovalWorkflow": "Yes" if kind == "M" else "No",
            }
            for each in COMPANIES
            for kind, name in VOUCHER_TYPES.items()
        ],
        "Reference_TaxBookLov": [
            {
                "Company": each.id,
                "TaxBookId": f"{book}{each.country}",
                "Description": f"Tax book {book}",
                "TaxSeriesId": None,
            }
            for each in COMPANIES
            for book in ("IN", "OUT")
        ],
    }
