"""Vouchers in the hold table, with rows that balance."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.business.amounts import Number, exact, in_base, price, rate
from ifs_monday_sandbox.business.words import BUYERS, long_note, note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from random import Random

    from ifs_monday_sandbox.business.reference import Company
    from ifs_monday_sandbox.business.table import Row

__all__ = ["Dimensions", "voucher"]

_FROM_HEAD: Final = (
    "Company",
    "VoucherType",
    "AccountingYear",
    "VoucherNo",
    "VoucherDate",
    "AccountingPeriod",
    "CurrencyCode",
    "EntryDate",
    "Userid",
    "Correction",
)
"""What a row repeats of its voucher."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What a company's voucher rows can be posted on."""

    accounts: Sequence[Row]
    departments: Sequence[Row]


@dataclass(frozen=True, slots=True)
class _Line:
    """One side of a posting in the voucher's currency; credits are negative."""

    account: Row
    amount: Number


def voucher(
    rng: Random, number: int, day: date, *, company: Company, kind: str, dimensions: Dimensions
) -> tuple[Row, list[Row]]:
    """A voucher of `day` and its rows; debit equals credit, also in the company's currency."""
    currency = rng.choice((company.currency, company.currency, company.currency, "EUR"))
    head = {
        "Company": company.id,
        "VoucherType": kind,
        "AccountingYear": day.year,
        "VoucherNo": number,
        "VoucherDate": day,
        "AccountingPeriod": day.month,
        "CurrencyCode": currency,
        "EntryDate": day,
        "Userid": rng.choice(tuple(BUYERS)),
        "Correction": rng.randrange(30) == 0,
    }
    amounts = _balanced(rng)
    lines = [_Line(rng.choice(dimensions.accounts), amount) for amount in amounts]
    rows = [
        _row(rng, head, line, row_no=place, company=company, departments=dimensions.departments)
        for place, line in enumerate(lines, 1)
    ]
    rows[-1] = _closing(rows)
    return _head(rng, head, rows), rows


def _balanced(rng: Random) -> list[Number]:
    """One or more debits and the credit that makes up for them."""
    debits = [price(rng, 20, 80_000) for _ in range(rng.randrange(1, 6))]
    return [*debits, exact(-sum(map(Decimal, debits), Decimal(0)))]


def _row(
    rng: Random,
    head: Row,
    line: _Line,
    *,
    row_no: int,
    company: Company,
    departments: Sequence[Row],
) -> Row:
    department = rng.choice(departments) if rng.randrange(4) else None
    currency = str(head["CurrencyCode"])
    month = head["AccountingPeriod"]
    return {
        **{column: head[column] for column in _FROM_HEAD},
        "RowNo": row_no,
        "Account": line.account["Account"],
        "AccountDesc": line.account["Description"],
        "CodeB": department and department["CodePartValue"],
        "CodeBDesc": department and department["Description"],
        "CodeC": None,
        "ProjectId": f"{rng.randrange(400):04}" if rng.randrange(6) == 0 else None,
        **_sides("Currency", line.amount),
        **_sides("", in_base(line.amount, currency, company.currency)),
        "CurrencyRate": rate(currency, company.currency),
        "Quantity": _quantity(rng, line.account),
        "Text": (note(rng) or "")[:200] or None,
        "PartyTypeId": None,
        "ReferenceNumber": f"{rng.randrange(10**6):06}" if rng.randrange(3) == 0 else None,
        "TransCode": rng.choice(("MANUAL", "AP1", "AP2", "IP1")),
        "YearPeriodKey": int(f"{head['AccountingYear']}{month:02}"),
        "CurrBalance": "Y" if line.account["CurrBalance"] == "CurrencyBalance" else "N",
    }


def _sides(prefix: str, amount: Number) -> dict[str, Number | None]:
    """An amount as debit or credit, and signed."""
    return {
        f"{prefix}DebetAmount": amount if amount >= 0 else None,
        f"{prefix}CreditAmount": -amount if amount < 0 else None,
        f"{prefix}Amount": amount,
    }


def _quantity(rng: Random, account: Row) -> Number | None:
    """Machine hours on statistical accounts, from a counter that has long left 2**53 behind."""
    if account["LogicalAccountType"] != "Statistics":
        return None
    return exact(Decimal(9_007_199_254_740_993 + rng.randrange(10**9)) / rng.choice((1, 10**7)))


def _closing(rows: Sequence[Row]) -> Row:
    """The last row, with what rounding left between the others and it in base currency."""
    others = sum((Decimal(str(row["Amount"])) for row in rows[:-1]), Decimal(0))
    return {**rows[-1], **_sides("", exact(-others))}


def _head(rng: Random, head: Row, rows: Sequence[Row]) -> Row:
    debit = sum((Decimal(str(row["DebetAmount"] or 0)) for row in rows), Decimal(0))
    approved = rng.randrange(3) == 0
    return {
        **head,
        "Objstate": "Approved" if approved else rng.choice(("Awaiting", "Confirmed", "Error")),
        "VoucherText": long_note(rng) if rng.randrange(12) == 0 else note(rng),
        "DebetAmount": exact(debit),
        "CreditAmount": exact(debit),
        "NumberOfRows": len(rows),
        "EnteredByUserGroup": "AP" if head["VoucherType"] == "I" else "GL",
        "ApprovedByUserid": "CFO" if approved else None,
        "ApprovalDate": head["VoucherDate"] if approved else None,
        "FunctionGroup": head["VoucherType"],
        "TransferId": None,
        "InterimVoucher": rng.choice("NNNY"),
        "SimulationVoucher": "FALSE",
        "MultiCompanyVoucherNo": None,
    }
