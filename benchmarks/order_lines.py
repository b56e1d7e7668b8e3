"""The rows that are read: order lines as IFS sends them, made by arithmetic on their number.

Row numbers run from 0 in the order of the key, which is also the order of the modification stamp.
The rows of one block differ from those of another only in order number and day of change, both of
fixed width, so that a block is a patched template.
"""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "BLOCK",
    "COLUMNS",
    "ETAG",
    "KEY",
    "NAMESPACE",
    "ROWS_AN_ORDER",
    "STAMP",
    "STATES",
    "Blocks",
    "order_line",
    "value",
]

BLOCK: Final = 5000  # rows; the largest page
ETAG: Final = "@odata.etag"
KEY: Final = ("OrderNo", "LineNo", "ReleaseNo", "LineItemNo")
STAMP: Final = "LastChanged"
NAMESPACE: Final = "IfsApp.Bench"
STATES: Final = ("Planned", "Released", "PartiallyDelivered", "Invoiced", "Cancelled")

# As `$metadata` declares them: all numbers of IFS are decimals.
COLUMNS: Final[Mapping[str, str]] = {
    "OrderNo": "Edm.String",
    "LineNo": "Edm.String",
    "ReleaseNo": "Edm.String",
    "LineItemNo": "Edm.Decimal",
    "Contract": "Edm.String",
    "CatalogNo": "Edm.String",
    "CatalogDesc": "Edm.String",
    "BuyQtyDue": "Edm.Decimal",
    "BuyUnitPrice": "Edm.Decimal",
    "Discount": "Edm.Decimal",
    "TotalAmount": "Edm.Decimal",
    "CurrencyCode": "Edm.String",
    "Objstate": f"{NAMESPACE}.OrderLineState",
    "WantedDeliveryDate": "Edm.Date",
    "DateEntered": "Edm.DateTimeOffset",
    "LastChanged": "Edm.DateTimeOffset",
    "Blocked": "Edm.Boolean",
    "Note": "Edm.String",
    "CustomerNo": "Edm.String",
    "CustomerName": "Edm.String",
}

ROWS_AN_ORDER: Final = 10
_BLOCK_MARK: Final = "@@@@"
_DAY_MARK: Final = "@@@@-@@-@@"
_FIRST_DAY: Final = date(2015, 1, 1)


def order_line(number: int) -> dict[str, Any]:
    """The row as it stands in the database; numbers are Decimals with all their digits."""
    block, place = divmod(number, BLOCK)
    return _line(place, _order_mark(block), _day(block))


def value(column: str, number: int) -> Any:
    """What a column of KEY, or STAMP, holds in a row."""
    block, place = divmod(number, BLOCK)
    within = place % ROWS_AN_ORDER
    match column:
        case "OrderNo":
            return f"P{_order_mark(block)}{place // ROWS_AN_ORDER:03d}"
        case "LineNo":
            return str(within // 2 + 1)
        case "ReleaseNo":
            return "1"
        case "LineItemNo":
            return Decimal(within % 2)
        case _:
            return f"{_day(block)}T{_time(place)}Z"


def _order_mark(block: int) -> str:
    return f"{block:04d}"


def _day(block: int) -> str:
    return (_FIRST_DAY + timedelta(days=block)).isoformat()


def _time(place: int) -> str:
    """Three rows share a second."""
    minutes, seconds = divmod(place // 3, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def _line(place: int, order: str, day: str) -> dict[str, Any]:
    order_place, within = divmod(place, ROWS_AN_ORDER)
    time = _time(place)
    return {
        ETAG: _etag(f"AAAX{place:014d}", "20150101" + time.replace(":", "")),
        "OrderNo": f"P{order}{order_place:03d}",
        "LineNo": str(within // 2 + 1),
        "ReleaseNo": "1",
        "LineItemNo": Decimal(within % 2),
        "Contract": f"SITE{place % 7}",
        "CatalogNo": f"PART-{place % 1000}",
        "CatalogDesc": "Hex bolt, galvanised, M8x40 ünïcode",
        "BuyQtyDue": Decimal(place % 500),
        "BuyUnitPrice": Decimal(f"{place % 900}.{place * 7 % 10000:04d}"),
        "Discount": Decimal("2.5"),
        # More digits than a binary float holds.
        "TotalAmount": Decimal(f"{10**15 + place * 7919}.{place % 100:02d}"),
        "CurrencyCode": "EUR",
        "Objstate": STATES[place % len(STATES)],
        "WantedDeliveryDate": f"2026-11-{place % 28 + 1:02d}",
        "DateEntered": f"2014-12-{place % 28 + 1:02d}T08:15:30Z",
        "LastChanged": f"{day}T{time}Z",
        "Blocked": place % 3 == 0,
        "Note": None,
        "CustomerNo": f"C{place % 4999}",
        "CustomerName": "Acme Industrial Supplies AB",
    }


def _etag(row_id: str, version: str) -> str:
    """In the form of IFS: base64 of `W/"<rowid>:<version>"`."""
    inner = base64.b64encode(f'W/"{row_id}:{version}"'.encode()).decode()
    return f'W/"{inner}"'


class Blocks:
    """Rows as JSON, in blocks. The first ones are encoded at once, others patched when asked for.

    With `as_text`, decimals are strings, as a server writes them on `IEEE754Compatible=true`.
    """

    def __init__(self, kept: int, *, as_text: bool) -> None:
        rows = [
            _encoded(_line(place, _BLOCK_MARK, _DAY_MARK), as_text=as_text)
            for place in range(BLOCK)
        ]
        self._template = b",".join(rows)
        # Where each row starts, and where one more would.
        self._starts = [0, *accumulate(len(row) + 1 for row in rows)]
        self._kept = [self._patched(number) for number in range(kept)]
        self._spare: Callable[[int], bytes] = lru_cache(maxsize=4)(self._patched)

    def rows(self, first: int, end: int) -> list[memoryview]:
        """The rows from `first` to before `end`, without commas between the parts."""
        return [
            self._part(block, max(first - block * BLOCK, 0), min(end - block * BLOCK, BLOCK))
            for block in range(first // BLOCK, -(-end // BLOCK))
            if first < end
        ]

    def _part(self, number: int, first: int, end: int) -> memoryview:
        block = self._kept[number] if number < len(self._kept) else self._spare(number)
        return memoryview(block)[self._starts[first] : self._starts[end] - 1]

    def _patched(self, number: int) -> bytes:
        ordered = self._template.replace(
            f'"P{_BLOCK_MARK}'.encode(), f'"P{_order_mark(number)}'.encode()
        )
        return ordered.replace(f'"{_DAY_MARK}T'.encode(), f'"{_day(number)}T'.encode())


def _encoded(row: Mapping[str, Any], *, as_text: bool) -> bytes:
    members = (f'"{name}":{_json(member, as_text=as_text)}' for name, member in row.items())
    return f"{{{','.join(members)}}}".encode()


def _json(member: object, *, as_text: bool) -> str:
    if isinstance(member, Decimal):
        return f'"{member:f}"' if as_text else f"{member:f}"
    return json.dumps(member, ensure_ascii=False)
