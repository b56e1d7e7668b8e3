"""Which documents are done for good: closed in one of these states for so many days. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from target_monday.dates import moment_of
from target_monday.rejects import Reject
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_monday.columns import ColumnSpec
    from target_monday.diff import Cell

__all__ = ["RetireWhen", "retire_when"]


@dataclass(frozen=True, slots=True)
class RetireWhen:
    """The rule of one stream. `zone` is that of its days, and of times without an offset."""

    property: str
    values: frozenset[str]  # without regard to case and blanks
    since: str
    days: int
    zone: ZoneInfo | None

    def today(self, moment: float) -> date:
        """The day of a moment in seconds since 1970."""
        return datetime.fromtimestamp(moment, self.zone or UTC).date()

    def is_due(self, record: Mapping[str, Any], today: date) -> bool:
        """Whether the record's document has been done for long enough."""
        value = record.get(self.property)
        since = record.get(self.since)
        return (
            value is not None
            and _fold(value) in self.values
            and self._is_past(since if isinstance(since, str) else "", today)
        )

    def is_due_by_cells(self, state: Cell, since: Cell, today: date) -> bool:
        """The same for cells as the ledger knows them: their times are in UTC."""
        if not (isinstance(state, str) and isinstance(since, str)):
            return False
        utc = f"{since}+00:00" if " " in since else since
        return _fold(state) in self.values and self._is_past(utc, today)

    def _is_past(self, since: str, today: date) -> bool:
        zone = self.zone or UTC
        try:
            day = moment_of(since, zone)
            if isinstance(day, datetime):
                day = day.astimezone(zone).date()
            return day + timedelta(days=self.days) <= today
        except (ValueError, OverflowError):
            return False

    def cells_of(self, columns: tuple[ColumnSpec, ...]) -> bool:
        """Whether both properties stand in columns of their own, as they are."""
        plain = {
            column.property
            for column in columns
            if column.source is None and not column.options.labels
        }
        return {self.property, self.since} <= plain


def retire_when(asked: Mapping[str, Any] | None, timezone: str | None) -> RetireWhen | None:
    """The rule that a stream's entry asks for."""
    if not asked:
        return None
    zone = ZoneInfo(timezone) if timezone else None
    values = frozenset(map(_fold, asked["in"]))
    return RetireWhen(asked["property"], values, asked["since"], asked["days"], zone)


def _fold(value: object) -> str:
    """Texts that differ in case or blanks only are one value, as they are one label."""
    try:
        text = template("{value}").render({"value": value})
    except Reject:
        return ""
    return " ".join(text.split()).casefold() if isinstance(text, str) else ""
