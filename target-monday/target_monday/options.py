"""What the mapping asks of one column beyond its type. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_OPTIONS", "ColumnOptions"]

_UNITS: Final[Mapping[str, str]] = {"EUR": "€", "USD": "$", "GBP": "£"}
_KNOWN_UNITS: Final = frozenset({"$", "€", "£", "%"})


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """Options of a column, in the words of the settings; None leaves it to the run's setting."""

    nulls: str | None = None
    missing_labels: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # value -> label; "*": all others
    unit: str | None = None
    direction: str | None = None
    precision: int | None = None
    limit: int | None = None  # of a rating
    time: bool = True
    timezone: str | None = None
    unknown_people: str = "reject"
    connects: tuple[str, ...] = ()  # of links: the boards of their targets

    def defaults(self, column_type: str) -> dict[str, Any]:
        """What a column of this type is made with (`defaults` of monday's create_column)."""
        if column_type == "rating" and self.limit is not None:
            return {"limit": self.limit}
        if column_type == "board_relation":
            return {"boardIds": [int(each) for each in self.connects], "allowMultipleItems": True}
        if column_type != "numbers":
            return {}
        unit: dict[str, Any] = {}
        if self.unit is not None:
            symbol = _UNITS.get(self.unit, self.unit)
            known = symbol in _KNOWN_UNITS
            unit = {"symbol": symbol} if known else {"symbol": "custom", "custom_unit": symbol}
            unit["direction"] = self.direction or ("left" if symbol in {"$", "£"} else "right")
        if self.precision is not None:
            unit["precision"] = self.precision
        return {"unit": unit} if unit else {}


NO_OPTIONS: Final = ColumnOptions()
