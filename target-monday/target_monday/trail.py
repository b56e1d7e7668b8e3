"""Columns that carry the trail on the board itself: version, run, time and anchor of a write. Pure.

They are written with other changes of a row and are no reason to write it, in either lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from target_monday.columns import ColumnSpec, Source
from target_monday.options import ColumnOptions
from target_monday.templates import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["TRAIL", "TRAIL_PARTS", "VERSIONS", "Trail", "TrailSource", "trail_columns"]

TRAIL: Final = "_trail_"  # how the properties of these columns begin
TRAIL_PARTS: Final = ("version", "run", "written_at", "anchor")
_TYPES: Final[Mapping[str, str]] = {
    "version": "text",
    "run": "text",
    "written_at": "date",
    "anchor": "text",
}
VERSIONS: Final = ("_ifs_row_version", "_ifs_etag")  # as tap-ifs-cloud names them


@dataclass(frozen=True, slots=True)
class Trail:
    """The run that writes; `clock` gives seconds since 1970.

    `anchor`: the ledger's last line when the run made the board ready.
    """

    run_id: str
    clock: Callable[[], float]
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class TrailSource(Source):
    """One part of the trail, in place of a property."""

    part: str = ""
    trail: Trail | None = None

    @override
    def value(self, record: Mapping[str, Any]) -> Any:
        if self.part == "version":
            found = (record[name] for name in VERSIONS if record.get(name) is not None)
            return next(found, ABSENT)
        if self.trail is None:
            return ABSENT
        if self.part == "run":
            return self.trail.run_id
        if self.part == "anchor":
            return self.trail.anchor
        return datetime.fromtimestamp(self.trail.clock(), UTC).isoformat(timespec="seconds")


def trail_columns(asked: Mapping[str, Any]) -> Iterator[ColumnSpec]:
    """The columns that `trail_columns` asks for: part -> column id or title."""
    for part in TRAIL_PARTS:
        if asked.get(part):
            yield ColumnSpec(
                TRAIL + part,
                asked[part],
                _TYPES[part],
                create=True,
                options=ColumnOptions(timezone="UTC") if part == "written_at" else ColumnOptions(),
                source=TrailSource(None, part=part),
            )
