"""The quiet path: a row whose record is, byte for byte, one that its item needs no change for.

Most rows of most runs are as they were. Parsing, mapping and comparing them would only show so, and
all of that is a function of three things: the bytes of the record, the plan (mapping, columns,
labels, settings), and the item as it is known. So a hash over plan and record is kept with the item
when a row was delivered whole or found unchanged; whatever changes the item's name or cells in the
ledger drops it in the same write, and another plan makes other hashes. A row whose hash an item of
the board has is unchanged, and nothing else is done for it but counting.

What a row means may not depend on anything else: rows of plans with people or linked items, without
a key, or of streams that retire documents or are mapped or flattened on the way take the usual
path, as do all rows of a key once one of its rows did (it may wait to be sent), and keys with an
open reject or with cells that are still to be sent. A row with a text that was cut is never
remembered: each run says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.reader import decode_record
from target_monday.settings import SECRETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_monday.ledger.record_hashes import RecordHashes
    from target_monday.plan import BoardPlan

__all__ = ["HASHED", "Quiet", "Sorted", "fingerprint", "hashes_of", "is_quiet"]

HASHED: Final = 16  # bytes of a hash that are kept
_OUTSIDE: Final = frozenset({"people", "board_relation"})  # types whose cells hang on other things
_sorted = msgspec.json.Encoder(order="sorted", enc_hook=repr).encode


def is_quiet(plan: BoardPlan, settings: Mapping[str, Any]) -> bool:
    """Whether a row's meaning hangs on its record, its plan and its item alone."""
    outside = bool(plan.targets) or any(cell.column.type in _OUTSIDE for cell in plan.cells)
    dated = plan.spec.retire is not None  # such a row may be due tomorrow
    return not (outside or dated or plan.spec.append or settings.get("add_record_metadata"))


def fingerprint(plan: BoardPlan, settings: Mapping[str, Any], *others: object) -> bytes:
    """What a record's meaning depends on besides itself; `others` is what the account adds."""
    asked = {name: value for name, value in settings.items() if name not in SECRETS}
    cells = [(each.property, each.column, each.clear_nulls, each.source) for each in plan.cells]
    where = (plan.board_id, plan.ledger_id, plan.key_column)
    return sha256(_sorted([repr(plan.spec), where, repr(cells), asked, others])).digest()


def hashes_of(plan: bytes, records: Iterable[bytes]) -> list[bytes]:
    """The hashes of records under a plan of this fingerprint."""
    return [sha256(plan + record).digest()[:HASHED] for record in records]


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch of records: the keys of those that need nothing, and all others by their place.

    One that cannot be read by itself is None.
    """

    keys: Collection[str]
    others: dict[int, dict[str, Any] | None]
    hashes: list[bytes]


@dataclass(slots=True)
class Quiet:
    """Tells the rows that need nothing from the others."""

    store: RecordHashes
    _wary: dict[int, set[bytes]] = field(default_factory=dict)  # board -> hashes not to trust

    def sort(
        self, plan: BoardPlan, by: bytes, records: Sequence[bytes], *, trusted: bool = True
    ) -> Sorted:
        """Records of a plan with the fingerprint `by`, in order. Not `trusted`: none is quiet."""
        board, hashes = plan.ledger_id, hashes_of(by, records)
        known = self.store.known(board, hashes) if trusted else {}
        self._leave_out(board, known)
        if len(known) == len(hashes):
            return Sorted(known.values(), {}, hashes)
        others = {at: _read(records[at]) for at, one in enumerate(hashes) if one not in known}
        if known:  # other rows of the same keys in this batch
            read = (record for record in others.values() if record is not None)
            keys = {plan.spec.key_or_none(record) for record in read}
            self.beware(board, [key for key in keys if key is not None])
            if self._leave_out(board, known):
                places = (at for at, one in enumerate(hashes) if one not in known)
                others = {at: others.get(at) or _read(records[at]) for at in places}
        return Sorted(known.values(), others, hashes)

    def _leave_out(self, board: int, known: dict[bytes, str]) -> bool:
        """Take out what is not to be trusted; whether there was any."""
        doubted = known.keys() & self._wary.get(board, set())
        for one in doubted:
            del known[one]
        return bool(doubted)

    def remember(self, board: int, hashes: Mapping[str, bytes | None]) -> None:
        """Key -> hash of a record that was found to need no change, if there is one."""
        self.store.remember(board, {key: one for key, one in hashes.items() if one is not None})

    def beware(self, board: int, keys: Sequence[str]) -> None:
        """Rows of these keys take the usual path until the run ends."""
        if keys:
            self.distrust(board, self.store.of(board, keys))

    def distrust(self, board: int, hashes: Iterable[bytes]) -> None:
        """The same by the hashes that the items of such keys have."""
        self._wary.setdefault(board, set()).update(hashes)


def _read(record: bytes) -> dict[str, Any] | None:
    try:
        return decode_record(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
