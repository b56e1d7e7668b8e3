"""Which rows a run asks for: replication modes, modification stamps and bookmarks.

IFS has no generic "modified since": a stream is incremental only by an attribute that moves with
every change, and only the metadata of the tenant can tell whether there is one. Bookmarks stay as
received, in the server's frame: what IFS writes with a `Z` need not be UTC (IFS technical
documentation, "Time zone aware APIs"), so they are never compared with this machine's clock.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from tap_ifs_cloud.odata.errors import BookmarkInvalid, ReplicationKeyInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.metadata import Property

__all__ = ["COMPARABLE", "Stamp", "earlier", "modification_stamp"]

Moment = TypeVar("Moment", date, datetime)

# Names that mean "last changed", without the prefix of custom fields and without underscores.
# Creation and document dates (DateEntered, OrderDate) do not move on a change: never taken.
_STAMP = re.compile(
    r"objversion|rowversion"
    r"|(last)?(modified|modification|updated|update|changed|change)(date|time|datetime|timestamp|on|at)?"
    r"|(date|time|datetime|timestamp)(last)?(modified|updated|changed)"
    r"|modtime|lastmod"
)
# Too general to trust without "last" or "date" beside them.
_VAGUE = frozenset({"update", "updated", "change", "changed", "modification"})
_DAY: Final = 86_400
NEVER: Final = 2900  # from this year on a moment is a placeholder such as 2999 or 9999

# Text is left out: a database may order it otherwise than it compares it.
COMPARABLE: Final = frozenset(
    {"Edm.DateTimeOffset", "Edm.Date", "Edm.Decimal", "Edm.Int16", "Edm.Int32", "Edm.Int64"}
)


def modification_stamp(properties: Mapping[str, Property]) -> str | None:
    """The first column that is a modification stamp by name and type, or `None`."""
    return next((name for name, declared in properties.items() if _is_stamp(declared)), None)


def _is_stamp(declared: Property) -> bool:
    name = re.sub(r"^Cf_", "", declared.name, flags=re.IGNORECASE).replace("_", "").lower()
    typed = declared.type == "Edm.DateTimeOffset" and not declared.collection
    return typed and bool(_STAMP.fullmatch(name)) and name not in _VAGUE


@dataclass(frozen=True, slots=True)
class Stamp:
    """Reads and moves back the values of a replication key: moments, dates, or whole numbers."""

    name: str
    type: str

    @classmethod
    def of(cls, name: str, properties: Mapping[str, Property], where: str) -> Self:
        """The stamp of a column. Raises ReplicationKeyInvalid."""
        declared = properties.get(name)
        if declared is None:
            dated = [
                n for n, p in properties.items() if p.type in ("Edm.DateTimeOffset", "Edm.Date")
            ]
            raise ReplicationKeyInvalid(
                f"{where} has no column {name!r} to replicate by; its dates and times are: "
                f"{', '.join(dated) or 'none'}"
            )
        if declared.type not in COMPARABLE or declared.collection:
            raise ReplicationKeyInvalid(
                f"{where}: {name} is {declared.type}; a replication key is one of "
                f"{', '.join(sorted(COMPARABLE))}"
            )
        return cls(name, declared.type)

    @property
    def is_dated(self) -> bool:
        """Whether its values are moments or dates, not numbers."""
        return self.type in ("Edm.DateTimeOffset", "Edm.Date")

    def order(self, value: str) -> Any:
        """What values are compared by. Raises BookmarkInvalid."""
        try:
            return self._moment(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise BookmarkInvalid(
                f"{value!r} is no {self.type} and cannot be compared with {self.name}: "
                "correct the state, or run with a full refresh"
            ) from error

    def is_real(self, value: str) -> bool:
        """Whether a bookmark may stand there; years far ahead mean "never", not a change."""
        return not self.is_dated or self.order(value).year < NEVER

    def back(self, value: str, seconds: int) -> str:
        """A bookmark moved back, written as it is written. Raises BookmarkInvalid."""
        moment = self.order(value)
        if not self.is_real(value):
            raise BookmarkInvalid(
                f"{value!r} lies so far ahead that no change would be read again: correct the "
                "state, or run with a full refresh"
            )
        if self.type == "Edm.Date":
            return earlier(_as_date(moment), math.ceil(seconds / _DAY) * _DAY).isoformat()
        if self.type != "Edm.DateTimeOffset":
            return value
        return _like(value, seconds)

    def start(self, start_date: str) -> str:
        """`start_date` as a value of this column."""
        day, _, rest = start_date.partition("T")
        if self.type == "Edm.Date":
            return str(self.order(day))
        text = f"{day}T{rest or '00:00:00'}"
        written = text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"
        self.order(written)
        return written

    def _moment(self, value: str) -> object:
        if self.type == "Edm.Date":
            return date.fromisoformat(value)
        if self.type == "Edm.DateTimeOffset":
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        number = Decimal(value)
        if not number.is_finite():
            raise ValueError
        return number


def _as_date(moment: object) -> date:
    if isinstance(moment, date):
        return moment
    raise TypeError


def earlier(moment: Moment, seconds: int) -> Moment:
    """The moment or date moved back, at most to the first that there is."""
    try:
        return moment - timedelta(seconds=seconds)
    except OverflowError:
        return type(moment).min


def _like(value: str, seconds: int) -> str:
    """An ISO moment moved back; fraction and zone stay as they are written."""
    parts = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(.*)", value)
    if parts is None:
        raise BookmarkInvalid(f"{value!r} is no moment with seconds")
    moved = earlier(datetime.fromisoformat(parts[1]), seconds)
    return f"{moved.isoformat()}{parts[2] or ''}{parts[3]}"
