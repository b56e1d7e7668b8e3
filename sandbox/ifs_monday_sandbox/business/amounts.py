"""Exact amounts: integers and decimals, never floats."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

__all__ = ["RATES", "Number", "exact", "in_base", "price", "rate", "share"]

Number = int | Decimal

RATES: Final[Mapping[tuple[str, str], Decimal]] = MappingProxyType(
    {
        ("EUR", "SEK"): Decimal("11.2846"),
        ("USD", "SEK"): Decimal("10.4172"),
        ("PLN", "SEK"): Decimal("2.6418"),
        ("CNY", "SEK"): Decimal("1.4536"),
        ("GBP", "SEK"): Decimal("13.1925"),
        ("SEK", "EUR"): Decimal("0.08861634"),
        ("USD", "EUR"): Decimal("0.92313418"),
        ("PLN", "EUR"): Decimal("0.234107"),
        ("CNY", "EUR"): Decimal("0.128813"),
        ("GBP", "EUR"): Decimal("1.169071"),
        ("SEK", "USD"): Decimal("0.0959951618"),
        ("EUR", "USD"): Decimal("1.083266137"),
        ("PLN", "USD"): Decimal("0.253600"),
        ("CNY", "USD"): Decimal("0.139538"),
        ("GBP", "USD"): Decimal("1.266415"),
    }
)
"""Units of the second currency for one of the first."""


def exact(value: Decimal) -> Number:
    """`value` as a database gives it: without trailing zeros, whole numbers as int."""
    whole = int(value)
    return whole if value == whole else value.normalize()


def rate(currency: str, base: str) -> Number:
    """Units of `base` for one of `currency`; 1 for the same."""
    return exact(_factor(currency, base))


def _factor(currency: str, base: str) -> Decimal:
    return Decimal(1) if currency == base else RATES[currency, base]


def in_base(amount: Number, currency: str, base: str) -> Number:
    """`amount` in the base currency, to the cent."""
    return share(amount, _factor(currency, base))


def share(amount: Number, factor: Decimal) -> Number:
    """`amount` times `factor`, rounded to the cent."""
    return exact((Decimal(amount) * factor).quantize(Decimal("0.01"), ROUND_HALF_EVEN))


def price(rng: Random, low: int = 50, high: int = 250_000) -> Number:
    """A price between `low` and `high`, to the cent; small ones are more frequent."""
    cents = int(low * 100 * (high / low) ** rng.random())
    return exact(Decimal(cents) / 100)
