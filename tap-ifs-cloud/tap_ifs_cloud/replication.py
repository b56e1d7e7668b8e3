"""Which rows a run asks for: replication modes, modification stamps and bookmarks.

IFS has no generic "modified since": a stream is incremental only by an attribute that moves with
every change, and only the metadata of the tenant can tell whether there is one. Bookmarks stay as
received, in the server's frame: what IFS writes with a `Z` need not be UTC (IFS technical
documentation, "Time zone aware APIs"), so they are never compared with this machine's clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from tap_ifs_cloud.odata.errors import BookmarkInvalid, ReplicationKeyInvalid
from tap_ifs_cloud.odata.etag import version_time
from tap_ifs_cloud.odata.moments import Moment
from tap_ifs_cloud.odata.query import LARGEST, literal, plain_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_ifs_cloud.odata.metadata import Property

__all__ = ["COMPARABLE", "Stamp", "as_bookmark", "horizon", "is_stamp", "modification_stamp"]

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
NEVER: Final = 2900  # from this year on a moment is a placeholder such as 2999 or 9999
# Clocks on earth differ by 26 hours at most, and what IFS writes with a `Z` may be any of them.
FRAMES: Final = timedelta(hours=26)

# Of texts only row versions are taken: a database may order others otherwise than compare them.
COMPARABLE: Final = frozenset(
    {
        "Edm.DateTimeOffset",
        "Edm.Date",
        "Edm.Decimal",
        "Edm.Int16",
        "Edm.Int32",
        "Edm.Int64",
        "Edm.String",
    }
)
_VERSIONS: Final = frozenset({"objversion", "rowversion"})


def modification_stamp(properties: Mapping[str, Property]) -> str | None:
    """The first column that is a modification stamp by name and type, or `None`.

    A row version that is no moment comes last: it may be a counter, which only its values show
    (`Stamp.is_shared`).
    """
    stamps = [name for name, declared in properties.items() if _is_stamp(declared)]
    versions = [name for name, declared in properties.items() if _is_version(declared)]
    return next(iter((*stamps, *versions)), None)


def as_bookmark(value: object) -> str:
    """A value of a replication key as the state holds it: as it came, numbers without exponent."""
    return plain_number(value)


def horizon(now: datetime | None) -> datetime | None:
    """The last moment that a stamp can have when it is `now` at the server."""
    return None if now is None else now + FRAMES


def is_stamp(declared: Property) -> bool:
    """Whether a column is a modification stamp or a row version by name and type."""
    return _is_stamp(declared) or _is_version(declared)


def _is_version(declared: Property) -> bool:
    name = _plain(declared.name)
    return name in _VERSIONS and declared.type in COMPARABLE and not declared.collection


def _is_stamp(declared: Property) -> bool:
    name = _plain(declared.name)
    typed = declared.type == "Edm.DateTimeOffset" and not declared.collection
    return typed and bool(_STAMP.fullmatch(name)) and name not in _VAGUE


def _plain(name: str) -> str:
    return re.sub(r"^Cf_", "", name, flags=re.IGNORECASE).replace("_", "").lower()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Reads and moves back the values of a replication key.

    They are moments, dates, numbers, or row versions of IFS (YYYYMMDDHH24MISS, as text or number).
    """

    name: str
    type: str
    horizon: datetime | None = None  # the last moment that can be true, if the server told its time

    @classmethod
    def of(
        cls,
        name: str,
        properties: Mapping[str, Property],
        where: str,
        *,
        horizon: datetime | None = None,
    ) -> Self:
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
        is_text = declared.type == "Edm.String" and not _is_version(declared)
        if declared.type not in COMPARABLE or declared.collection or is_text:
            raise ReplicationKeyInvalid(
                f"{where}: {name} is {declared.type}; a replication key is one of "
                f"{', '.join(sorted(COMPARABLE - {'Edm.String'}))}, or a row version"
            )
        return cls(name, declared.type, horizon)

    @property
    def is_dated(self) -> bool:
        """Whether its values tell a time, by their type."""
        return self.type in ("Edm.DateTimeOffset", "Edm.Date", "Edm.String")

    def order(self, value: str) -> Any:
        """What values are compared by. Raises BookmarkInvalid."""
        try:
            return self._comparable(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            kind = "row version (YYYYMMDDHH24MISS)" if self.type == "Edm.String" else self.type
            raise BookmarkInvalid(
                f"{value!r} is no {kind} and cannot be compared with {self.name}: correct the "
                "state, run with a full refresh, or choose another `replication_key`"
            ) from error

    def is_real(self, value: str) -> bool:
        """Whether a bookmark may stand there; what lies ahead is a placeholder or a mistake."""
        try:
            moment = self._told(value)
        except ValueError:
            return False
        if moment is None:
            return True
        if moment.calendar[0] >= NEVER or self.horizon is None:
            return moment.calendar[0] < NEVER
        return moment.wall <= Moment.of(self.horizon).wall

    def is_shared(self, value: str) -> bool:
        """Whether the values of two rows can be compared: a version that counts changes cannot."""
        return self.type in ("Edm.DateTimeOffset", "Edm.Date") or version_time(value) is not None

    def back(self, value: str, seconds: int) -> str:
        """A bookmark moved back, as it is sent. Raises BookmarkInvalid."""
        self.order(value)
        if not self.is_real(value):
            raise BookmarkInvalid(
                f"{value!r} lies so far ahead that no change would be read again: correct the "
                "state, or run with a full refresh"
            )
        moment = self._told(value)
        return value if moment is None else self._written(moment.back(seconds))

    def start(self, start_date: str) -> str:
        """`start_date` as a value of this column. Raises BookmarkInvalid."""
        try:
            written = self._written(Moment.parse(start_date))
        except ValueError as error:
            raise BookmarkInvalid(
                f"`start_date` {start_date!r} is not a date: write it as `2026-01-01` or "
                "`2026-01-01T00:00:00Z`"
            ) from error
        if not self.is_real(written):
            raise BookmarkInvalid(
                f"`start_date` {start_date!r} lies ahead: no change would be read"
            )
        return written

    def as_literal(self, value: str) -> str:
        """A value as it stands in a `$filter`, whoever wrote it. Raises BookmarkInvalid."""
        self.order(value)
        moment = self._told(value)
        return literal(self.type, Decimal(value) if moment is None else self._written(moment))

    def _written(self, moment: Moment) -> str:
        """The one way in which this column's values are sent."""
        match self.type:
            case "Edm.Date":
                return moment.date
            case "Edm.DateTimeOffset":
                return str(moment)
        return re.sub(r"\D", "", f"{moment.date}{moment.clock}")

    def _told(self, value: str) -> Moment | None:
        """The moment or date that a value tells; `None` for plain numbers."""
        if self.type in ("Edm.Date", "Edm.DateTimeOffset"):
            return Moment.parse(value)
        told = version_time(value)
        return None if told is None else Moment.of(told)

    def _comparable(self, value: str) -> object:
        if self.type in ("Edm.Date", "Edm.DateTimeOffset"):
            return Moment.parse(value).order
        if self.type == "Edm.String":
            if version_time(value) is None:
                raise ValueError
            return value
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > LARGEST:
            raise ValueError
        return number
