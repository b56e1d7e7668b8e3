"""Columns that the user vouches for as a key: whether each row has values of its own in them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_ifs_cloud.odata.whole import whole_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_ifs_cloud.odata.rows import Row, RowType
    from tap_ifs_cloud.plan import StreamPlan

__all__ = ["Uniqueness", "uniqueness_of"]

_bytes_of: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Uniqueness:
    """Rows and keys that came, sixteen bytes a row.

    Attributes:
        key: Values of the columns that the user names.
        identity: What tells rows apart for certain: the declared key, else all that a row holds.
    """

    key: Callable[[Row], Any]
    identity: Callable[[Row], Any]
    _keys: array[int] = field(default_factory=lambda: array("q"))
    _rows: array[int] = field(default_factory=lambda: array("q"))

    def note(self, rows: Sequence[Row]) -> None:
        """Take rows that came."""
        self._keys.extend(_hashes(map(self.key, rows)))
        self._rows.extend(_hashes(map(self.identity, rows)))

    @property
    def shared(self) -> int:
        """Number of rows whose key another row has, too."""
        return len(set(self._rows)) - len(set(self._keys))


def _hashes(values: Iterable[Any]) -> Iterable[int]:
    return map(hash, map(_bytes_of, values))


def uniqueness_of(plan: StreamPlan, row_type: RowType) -> Uniqueness | None:
    """Return the check of a stream's `key_properties`; None where there is nothing to check."""
    asked = plan.definition.key_properties
    if not asked or (plan.unique and set(plan.unique) <= set(asked)):
        return None
    names = row_type.attributes
    is_known = bool(plan.unique) and set(plan.unique) <= names.keys()
    identity = attrgetter(*(names[each] for each in plan.unique)) if is_known else whole_row
    return Uniqueness(attrgetter(*(names[each] for each in asked)), identity)
