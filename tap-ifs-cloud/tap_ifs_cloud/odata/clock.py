"""What time it is at the server, as far as its `Date` headers tell."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ServerClock", "http_date"]

logger = logging.getLogger(__name__)

TRUE_YEARS: Final = range(1970, 2900)  # whoever tells another one has no clock
TOLERATED: Final = 120.0  # seconds by which this machine's clock may differ without a word


@dataclass(slots=True)
class ServerClock:
    """The server's time, heard with each answer and carried on by a clock that nobody sets."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    _heard: tuple[datetime, float] | None = field(default=None, repr=False)
    _warned: bool = field(default=False, repr=False)

    def hear(self, date: str | None, asked_at: float) -> None:
        """Take the `Date` of an answer whose request left at `asked_at`, in monotonic seconds."""
        told = http_date(date)
        if told is None or told.year not in TRUE_YEARS:  # nothing can be added to the year 9999
            return
        arrived_at = self.monotonic()
        self._heard = (told, arrived_at)
        self._compare(told, arrived_at - asked_at)

    def now(self) -> datetime | None:
        """The server's time in UTC, to about a second; `None` before the first answer."""
        if self._heard is None:
            return None
        told, arrived_at = self._heard
        return told + timedelta(seconds=self.monotonic() - arrived_at)

    def _compare(self, told: datetime, took: float) -> None:
        """Warn once. The server wrote its date at some moment while the request was under way."""
        ahead = (self.wall() - told).total_seconds()
        if -TOLERATED <= ahead <= took + TOLERATED or self._warned:
            return
        self._warned = True
        logger.warning(
            "clock.skew seconds=%.0f hint='the clock of this machine differs from the server by "
            "so much: set it right'",
            ahead,
        )


def http_date(text: str | None) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7) in UTC; `None` if it is missing or unreadable."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
