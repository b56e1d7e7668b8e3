"""Rows that cannot be records as they are: the stream fails, a value is left out, or the row waits.

The user chooses, and by default the stream fails, since a row that is left out is a row that a
target lacks. A skipped row is in the stream's file of rejects before anything else of its page
leaves, and the next run reads it again by its key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from tap_ifs_cloud.odata.errors import KeyNull, ValueInvalid
from tap_ifs_cloud.odata.query import literal
from tap_ifs_cloud.odata.redaction import visible
from tap_ifs_cloud.odata.repeated import Repeated
from tap_ifs_cloud.odata.rows import is_number
from tap_ifs_cloud.rejects import Reject
from tap_ifs_cloud.replication import is_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ifs_cloud.odata.metadata import Property
    from tap_ifs_cloud.odata.rows import Fault, Row, Rows, RowType
    from tap_ifs_cloud.plan import StreamPlan
    from tap_ifs_cloud.rejects import RejectFile

__all__ = ["BadRows"]

logger = logging.getLogger(__name__)

MOST: Final = 10_000  # rows that a stream may skip: with more, its column is at fault and not a row
AT_ONCE: Final = 20  # rows that one request reads again by their keys
LONGEST: Final = 60  # characters of a key's part that errors and logs show


@dataclass(slots=True)
class BadRows:
    """What becomes of the bad rows of one stream in one run."""

    plan: StreamPlan
    on_bad_value: str = "fail"  # or "null" or "skip"
    on_null_key: str = "fail"  # or "skip"
    file: RejectFile | None = None  # None: skipped rows are not kept
    open: dict[bytes, Reject] = field(default_factory=dict)  # what the file holds in the end
    _numbered: int = 0
    _skips: Repeated = field(init=False, repr=False)
    _gaps: Repeated = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._skips = Repeated(logger, f"row.skipped stream={self.plan.definition.name}")
        self._gaps = Repeated(logger, f"value.nulled stream={self.plan.definition.name}")

    def checked(self, row_type: RowType, rows: Rows) -> Rows:
        """The rows that may be written. Raises ValueInvalid, KeyNull, RejectFileFailed."""
        faults = row_type.finish(rows)
        if not faults:
            return rows
        kept, skipped = [], []
        for position, row in enumerate(rows):
            found = faults.get(position)
            if found is None:
                kept.append(row)
            elif self._is_skipped(row_type, row, found):
                skipped.append(self._reject(row_type, row, found))
            else:
                kept.append(row_type.without(row, [fault.column for fault in found]))
        self._skip(skipped)
        return kept

    def again(self) -> Iterator[tuple[str, Sequence[Reject]]]:
        """Filters for the rows that earlier runs have skipped, each with its rows.

        Rows without a whole key cannot be asked for: they stay in the file.
        """
        rejects = [] if self.file is None else self.file.read()
        self.open = {reject.identity: reject for reject in rejects}
        named = [reject for reject in rejects if reject.is_identified]
        for start in range(0, len(named), AT_ONCE):
            batch = named[start : start + AT_ONCE]
            for reject in batch:
                del self.open[reject.identity]
            yield " or ".join(f"({self._condition(reject)})" for reject in batch), batch

    def keep(self, rejects: Sequence[Reject]) -> None:
        """Leave rows in the file that could not be read again."""
        self.open |= {reject.identity: reject for reject in rejects}

    def sum_up(self) -> None:
        """Log the warnings that were not logged each."""
        self._skips.close()
        self._gaps.close()

    def close(self) -> int:
        """All was read. Returns how many rows wait in the file."""
        if self.file is not None:
            self.file.replace(self.open.values())
        return len(self.open)

    def _is_skipped(self, row_type: RowType, row: Row, faults: Sequence[Fault]) -> bool:
        """Whether a row is left out, or only its bad values are."""
        missing = [fault for fault in faults if fault.is_missing]
        if missing and self.on_null_key == "fail":
            raise KeyNull(
                f"{self._named(row_type, row, missing[0])}. The stream ends at this row. Set "
                "`key_properties` to columns that identify a row, or `on_null_key: skip`"
            )
        bad = [fault for fault in faults if not fault.is_missing]
        if not bad or self.on_bad_value == "skip":
            return True
        kept = [fault for fault in bad if self._is_kept(fault.column)]
        if self.on_bad_value == "fail" or kept:
            action = "correct it in IFS, deselect the column, or set `on_bad_value` to `skip`"
            if not kept:
                action += " or `null`"
            raise ValueInvalid(
                f"{self._named(row_type, row, (kept or bad)[0])}. The stream ends at this row: "
                f"{action}"
            )
        for fault in bad:
            self._gaps.warn(
                f"{fault.column} {fault.problem}", f"key={self._key_shown(row_type, row)!r}"
            )
        return bool(missing)

    def _is_kept(self, column: str) -> bool:
        """Whether a column is never emptied: nobody would see that a key or an amount is gone."""
        if column in (*self.plan.key, *self.plan.unique, self.plan.replication_key):
            return True
        declared = self.plan.properties.get(column)
        if declared is None:
            return column in self.plan.references
        return not declared.nullable or is_stamp(declared) or self._holds_number(declared)

    def _holds_number(self, declared: Property, inside: frozenset[str] = frozenset()) -> bool:
        inner = self.plan.metadata.complex_types.get(declared.type)
        if inner is None or declared.type in inside:
            return is_number(declared)
        within = inside | {declared.type}
        return any(self._holds_number(each, within) for each in inner.properties.values())

    def _skip(self, rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        if self.file is not None:
            self.file.add(rejects)
        self.open |= {reject.identity: reject for reject in rejects}
        for reject in rejects:
            reasons = "; ".join(f"{column} {what}" for column, what in reject.columns.items())
            self._skips.warn(reasons, f"key={_shown(reject.key)!r}")
        if len(self.open) > MOST:
            raise ValueInvalid(
                f"{self.plan.definition.entity_set}: more than {MOST} rows were skipped, the last "
                f"one because {next(iter(rejects[-1].columns))} "
                f"{next(iter(rejects[-1].columns.values()))}. The stream ends here: deselect the "
                "column"
            )

    def _reject(self, row_type: RowType, row: Row, faults: Sequence[Fault]) -> Reject:
        bad = {fault.column for fault in faults if not fault.is_missing}
        key = self._key(row_type, row)
        if not key or None in key.values():  # it may be that of several rows
            self._numbered += 1
            key["#"] = self._numbered
        return Reject(
            self.plan.definition.entity_set,
            key,
            {fault.column: fault.problem for fault in faults},
            datetime.now(UTC).isoformat(timespec="seconds"),
            is_identified=bool(self.plan.key) and bad.isdisjoint(self.plan.key),
        )

    def _condition(self, reject: Reject) -> str:
        types = {column: self.plan.properties[column].type for column in self.plan.key}
        return " and ".join(
            f"{column} eq {'null' if value is None else literal(types[column], value)}"
            for column, value in ((column, reject.key.get(column)) for column in types)
        )

    def _named(self, row_type: RowType, row: Row, fault: Fault) -> str:
        where = self._key_shown(row_type, row)
        return f"{self.plan.definition.entity_set} ({where}): {fault.column} {fault.problem}"

    def _key_shown(self, row_type: RowType, row: Row) -> str:
        return _shown(self._key(row_type, row))

    def _key(self, row_type: RowType, row: Row) -> dict[str, Any]:
        values = ((each, getattr(row, row_type.attributes[each])) for each in self.plan.key)
        return {column: None if value is UNSET else value for column, value in values}


def _shown(key: Mapping[str, Any]) -> str:
    parts = ((column, "" if part is None else visible(str(part))) for column, part in key.items())
    listed = (
        f"{column}={part if len(part) <= LONGEST else part[: LONGEST - 1] + '…'}"
        for column, part in parts
    )
    return ", ".join(listed) or "a row without a key"
