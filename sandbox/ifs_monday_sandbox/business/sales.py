"""Customer orders."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.business.amounts import exact, price, rate, share
from ifs_monday_sandbox.business.days import during
from ifs_monday_sandbox.business.reference import PAYMENT_TERMS
from ifs_monday_sandbox.business.words import COORDINATORS, long_note, note

if TYPE_CHECKING:
    from random import Random

    from ifs_monday_sandbox.business.reference import Company
    from ifs_monday_sandbox.business.table import Row

__all__ = ["NEXT_ORDER_STATE", "customer_order"]

NEXT_ORDER_STATE: Final = {
    "Planned": "Released",
    "Released": "Reserved",
    "Reserved": "Picked",
    "Picked": "PartiallyDelivered",
    "PartiallyDelivered": "Delivered",
    "Delivered": "Invoiced",
    "Blocked": "Released",
}
"""How a customer order moves on."""

_OLD: Final = timedelta(days=45)
_VAT: Final = {"SE": Decimal("0.25"), "DE": Decimal("0.19"), "US": Decimal(0)}


def customer_order(
    rng: Random, number: int, day: date, *, company: Company, customer: Row, today: date
) -> Row:
    """An order of `day`, in a state that fits its age."""
    net = price(rng, 200, 900_000)
    vat = share(net, _VAT[company.country])
    wanted = day + timedelta(days=rng.randrange(3, 60))
    state = _order_state(rng, today - day)
    currency = rng.choice((company.currency, company.currency, "EUR"))
    return {
        "Objstate": state,
        # Numbers of several plants have grown together: with and without letters and zeros.
        "OrderNo": f"{company.site[0]}{number:05}" if number % 5 else f"{number:08}",
        "CustomerNo": customer["CustomerId"],
        "CustomerName": customer["Name"],
        "Contract": company.site,
        "Company": company.id,
        "OrderId": rng.choice(("NO", "SEO", "RMA")),
        "CoordinatorName": rng.choice(COORDINATORS),
        "SalesmanCode": rng.choice((None, "S01", "S02", "007")),
        "CustomerPoNo": f"PO {rng.randrange(10**6)}" if rng.randrange(3) else None,
        "DateEntered": during(rng, day),
        "WantedDeliveryDate": during(rng, wanted),
        "PlannedShipDate": wanted - timedelta(days=2),
        "CurrencyCode": currency,
        "CurrencyRate": rate(currency, company.currency),
        "NetAmountCurr": net,
        "VatAmountCurr": vat,
        "GrossAmountCurr": exact(Decimal(net) + Decimal(vat)),
        "DiscountPercent": rng.choice((0, 0, 5, Decimal("7.5"), Decimal("12.25"))),
        "NumberOfLines": rng.randrange(1, 30),
        "PayTermId": rng.choice(tuple(PAYMENT_TERMS)),
        "DeliveryTerms": rng.choice(("EXW", "DAP", "CIP")),
        "ShipViaCode": rng.choice(("ROA", "SEA", "AIR")),
        "BackorderOption": rng.choice(("IncompleteLinesAllowed", "NoPartialDeliveriesAllowed")),
        "ConfirmDeliveries": rng.choice(("TRUE", "FALSE")),
        "PrintControlCode": rng.choice((None, "A", "B")),
        "ReleaseFromCredit": "FALSE" if state == "Blocked" else "TRUE",
        "BlockedReason": "CREDIT" if state == "Blocked" else None,
        "NoteText": long_note(rng) if rng.randrange(15) == 0 else note(rng),
        "Cf_Margin_Percent": exact(Decimal(rng.randrange(-(10**7), 5 * 10**7)) / 10**6),
    }


def _order_state(rng: Random, age: timedelta) -> str:
    if rng.randrange(25) == 0:
        return rng.choice(("Cancelled", "Blocked"))
    if age > _OLD:
        return rng.choice(("Invoiced", "Invoiced", "Invoiced", "Delivered"))
    if age < timedelta(days=2):
        return "Planned"
    return rng.choice(tuple(NEXT_ORDER_STATE)[:-1])
