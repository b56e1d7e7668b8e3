"""Purchase orders and supplier invoices (posting proposals)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.business.amounts import Number, exact, in_base, price, rate, share
from ifs_monday_sandbox.business.days import during
from ifs_monday_sandbox.business.reference import PAYMENT_TERMS
from ifs_monday_sandbox.business.words import BUYERS, long_note, note

if TYPE_CHECKING:
    from random import Random

    from ifs_monday_sandbox.business.reference import Company
    from ifs_monday_sandbox.business.table import Row

__all__ = [
    "NEXT_INVOICE_STATE",
    "NEXT_ORDER_STATE",
    "invoice_amounts",
    "posting_proposal",
    "purchase_order",
]

NEXT_ORDER_STATE: Final = {
    "Planned": "Released",
    "Released": "Confirmed",
    "Confirmed": "Arrived",
    "Arrived": "Received",
    "Received": "Closed",
}
"""How a purchase order moves on."""

NEXT_INVOICE_STATE: Final = {"Preliminary": "Matched", "Matched": "Approved", "Approved": "Posted"}
"""How a supplier invoice moves on."""

_OLD: Final = timedelta(days=60)
_FIRST_POSTED: Final = 2_025_000_000
_VAT: Final = {"SE": Decimal("0.25"), "DE": Decimal("0.19"), "US": Decimal(0)}
_DELIVERY: Final = ("EXW", "FCA", "DAP", "DDP")
_SHIPPING: Final = ("ROA", "SEA", "AIR")


def purchase_order(
    rng: Random, number: int, day: date, *, company: Company, supplier: Row, today: date
) -> Row:
    """An order of `day`, in a state that fits its age."""
    currency = str(supplier["CurrencyCode"])
    net = price(rng)
    buyer = rng.choice(tuple(BUYERS))
    state = _order_state(rng, today - day)
    received = state in {"Received", "Closed"}
    return {
        "Objstate": state,
        "OrderNo": f"P{number:06}",
        "Revision": 1 + rng.randrange(4) // 3,
        "VendorNo": supplier["SupplierId"],
        "VendorName": supplier["Name"],
        "Contract": company.site,
        "Company": company.id,
        "BuyerCode": buyer,
        "BuyerName": BUYERS[buyer],
        "AuthorizeCode": rng.choice((None, *BUYERS)),
        "OrderCode": rng.choice("123"),
        "CurrencyCode": currency,
        "CurrencyRate": rate(currency, company.currency),
        "OrderDate": day,
        "DateEntered": during(rng, day),
        "WantedReceiptDate": day + timedelta(days=rng.randrange(7, 90)),
        "LatestReceipt": (
            during(rng, min(today, day + timedelta(days=rng.randrange(5, 60))))
            if received
            else None
        ),
        "PayTermId": supplier["PayTermId"],
        "DeliveryTerms": rng.choice(_DELIVERY),
        "ShipViaCode": rng.choice(_SHIPPING),
        "NumberOfLines": rng.randrange(1, 24),
        "NetAmountCurr": net,
        "NetAmountBase": in_base(net, currency, company.currency),
        "Consignment": rng.randrange(10) == 0,
        "PrintedFlag": "N" if state == "Planned" else "Y",
        "BlanketFlag": "TRUE" if rng.randrange(9) == 0 else "FALSE",
        "CustomerPoNo": f"{rng.randrange(10**8):08}" if rng.randrange(4) == 0 else None,
        "CancelReason": rng.choice(("PRICE", "LATE")) if state == "Cancelled" else None,
        "NoteText": long_note(rng) if rng.randrange(15) == 0 else note(rng),
        "Cf_Supply_Risk": rng.choice((None, None, "CfEnum_LOW", "CfEnum_MEDIUM", "CfEnum_HIGH")),
    }


def _order_state(rng: Random, age: timedelta) -> str:
    if rng.randrange(20) == 0:
        return rng.choice(("Cancelled", "Stopped"))
    if age > _OLD:
        return rng.choice(("Closed", "Closed", "Closed", "Received"))
    if age < timedelta(days=2):
        return "Planned"
    return rng.choice(("Planned", "Released", "Confirmed", "Arrived", "Received"))


def posting_proposal(
    rng: Random,
    number: int,
    day: date,
    *,
    company: Company,
    supplier: Row,
    order_no: str | None,
    today: date,
) -> Row:
    """A supplier invoice that arrived on `day`."""
    currency = str(supplier["CurrencyCode"])
    net = price(rng)
    state = _invoice_state(rng, today - day)
    invoiced = day - timedelta(days=rng.randrange(1, 12))
    authorized = state in {"Approved", "Posted"}
    return {
        "Objstate": state,
        "Company": company.id,
        "ProposalId": number,
        "InvoiceNo": rng.choice((f"{rng.randrange(10**6):08}", f"RE-{number}/{invoiced:%y}")),
        "SeriesId": rng.choice(("SI", "SC")) if rng.randrange(9) == 0 else "SI",
        "Identity": supplier["SupplierId"],
        "SupplierName": supplier["Name"],
        "PoRefNumber": order_no,
        "InvoiceDate": invoiced,
        "ArrivalDate": day,
        "DueDate": invoiced + timedelta(days=PAYMENT_TERMS[str(supplier["PayTermId"])]),
        "PayTermId": supplier["PayTermId"],
        "CurrencyCode": currency,
        "CurrencyRate": rate(currency, company.currency),
        **invoice_amounts(net, currency, company),
        "PaymentReference": f"{rng.randrange(10**18):018}" if rng.randrange(3) else None,
        "AuthorizerId": rng.choice(tuple(BUYERS)) if authorized else None,
        "AuthorizedDate": during(rng, min(today, day + timedelta(days=3))) if authorized else None,
        "OnHold": state == "Matched" and rng.randrange(4) == 0,
        "AutomaticPosting": rng.choice(("TRUE", "FALSE")),
        # The vouchers of invoices that are posted have long left the hold table.
        "VoucherType": "I" if state == "Posted" else None,
        "VoucherNo": _FIRST_POSTED + number % 10**6 if state == "Posted" else None,
        "NoteText": long_note(rng) if rng.randrange(20) == 0 else note(rng),
        "Cf_Match_Score": exact(Decimal(rng.randrange(10**12)) / 10**12),
    }


def _invoice_state(rng: Random, age: timedelta) -> str:
    if rng.randrange(30) == 0:
        return "Cancelled"
    if age > _OLD:
        return "Posted"
    return rng.choice(("Preliminary", "Matched", "Approved", "Posted"))


def invoice_amounts(net: Number, currency: str, company: Company) -> dict[str, Number]:
    """Net, tax and gross of an invoice, and the gross in the company's currency."""
    vat = share(net, _VAT[company.country])
    gross = exact(Decimal(net) + Decimal(vat))
    return {
        "NetCurrAmount": net,
        "VatCurrAmount": vat,
        "GrossCurrAmount": gross,
        "GrossDomAmount": in_base(gross, currency, company.currency),
    }
