"""The quiet path: a row whose record is, byte for byte, one that its item needs no change for.

Most rows of most runs are as they were. Parsing, mapping and comparing them would only show so, and
all of that is a function of the bytes of the record, of the plan (mapping, columns, labels,
settings), of the item as it is known, and of few things besides, the state. So a hash over plan,
state and record is kept with the item when a row was delivered whole or found unchanged; whatever
changes the item's name or cells in the ledger drops it in the same write, and another plan or state
makes other hashes. A row whose hash an item of its stream's boards has is unchanged, and nothing
else is done for it but counting.

The state is asked for before each batch, and is made of

- links: which boards hold the targets, and the revision of the board's links, which moves in the
  same write in which an item that is linked to goes or gets another id (`ledger.link_revisions`). A
  row with a link that waits is not remembered, so a target that comes moves nothing. Where the
  targets have several boards, no row is quiet;
- `retire_when`: the day, since a row that is not due may be due tomorrow.

A stream with several boards has a plan for each. A row is remembered on the board that it names by
itself, and looked for under all plans; keys that have items on several boards are not quiet.

The usual path is taken by rows of plans with people, by rows without a key or with metadata of the
SDK, by streams that are masked, mapped or flattened on the way, by all rows of a key once one of
its rows took it (it may wait to be sent), and by keys with an open reject, with cells or links that
are still to be sent. A row with a text that was cut is never remembered: each run says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.foreign_json import NotJson, decode
from target_monday.ledger.record_hashes import RecordHashes, Trial
from target_monday.reader import decode_record
from target_monday.settings import SECRETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_monday.mapping import BoardSpec
    from target_monday.plan import BoardPlan

__all__ = ["HASHED", "Quiet", "Sorted", "fingerprint", "has_quiet_rows", "hashes_of", "is_quiet"]
__all__ += ["under"]

HASHED: Final = 16  # bytes of a hash that are kept
_sorted = msgspec.json.Encoder(order="sorted", enc_hook=repr).encode
_Place = tuple[int, bytes, str]  # number of the plan, hash, key


def has_quiet_rows(spec: BoardSpec, settings: Mapping[str, Any]) -> bool:
    """Whether rows of a stream may need nothing: they have keys, and no metadata of the SDK."""
    return not (spec.append or settings.get("add_record_metadata"))


def is_quiet(plan: BoardPlan, settings: Mapping[str, Any]) -> bool:
    """Whether it can be told what a row's meaning hangs on besides its record and its item."""
    unknown = any(
        cell.column.type == "people" or (cell.column.type == "board_relation" and not cell.link)
        for cell in plan.cells
    )
    return not unknown and has_quiet_rows(plan.spec, settings)


def fingerprint(plan: BoardPlan, settings: Mapping[str, Any], *others: object) -> bytes:
    """What a record's meaning depends on besides itself; `others` is what the account adds."""
    asked = {name: value for name, value in settings.items() if name not in SECRETS}
    cells = [(each.property, each.column, each.clear_nulls, each.source) for each in plan.cells]
    where = (plan.board_id, plan.ledger_id, plan.key_column)
    return sha256(_sorted([repr(plan.spec), where, repr(cells), asked, others])).digest()


def under(by: bytes, *state: object) -> bytes:
    """A plan's fingerprint with what else its rows hang on, as that is now."""
    return sha256(by + _sorted(state)).digest() if any(state) else by


def hashes_of(plan: bytes, records: Iterable[bytes]) -> list[bytes]:
    """The hashes of records under a plan of this fingerprint."""
    return [sha256(plan + record).digest()[:HASHED] for record in records]


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch of records: by board the keys of those that need nothing, and all others by place.

    `quiet`: with the keys of a board how many rows have them. A record that cannot be read by
    itself is None. `hashes`: of the records, where they have but one board to go to.
    """

    quiet: list[tuple[BoardPlan, Collection[str], int]]
    others: dict[int, dict[str, Any] | None]
    hashes: Sequence[bytes | None]


@dataclass(slots=True)
class Quiet:
    """Tells the rows that need nothing from the others.

    Rows are looked for in the order of the ledger, then by their keys. While neither finds any,
    most rows are new or changed, and keys are looked up in a batch now and then only.
    """

    store: RecordHashes
    _wary: dict[int, set[bytes]] = field(default_factory=dict)  # board -> hashes not to trust
    _by_key: Trial = field(default_factory=Trial)

    def sort(
        self, plan: BoardPlan, by: bytes | None, records: Sequence[bytes], *, trusted: bool = True
    ) -> Sorted:
        """Records of a plan with the fingerprint `by`, in order. Not `trusted`: none is quiet."""
        if by is None:
            return Sorted([], dict(enumerate(map(decode_record, records))), [None] * len(records))
        board, hashes = plan.ledger_id, hashes_of(by, records)
        known = self.store.ahead(board, hashes) if trusted else {}
        self._leave_out(board, known)
        if len(known) == len(hashes):
            return Sorted([(plan, known.values(), len(hashes))], {}, hashes)
        if trusted and (known or self._by_key.is_due()):
            rest = {at: records[at] for at, one in enumerate(hashes) if one not in known}
            found = self._by_keys([(plan, hashes)], rest, alone=not known)
            known |= {one: key for _, one, key in found.values()}
            self._leave_out(board, known)
        rest = {at: records[at] for at, one in enumerate(hashes) if one not in known}
        others = {at: decode_record(record) for at, record in rest.items()}
        rows = len(hashes) - len(others)
        return Sorted([(plan, known.values(), rows)] if known else [], others, hashes)

    def sort_by_board(
        self, plans: Sequence[tuple[BoardPlan, bytes]], records: Sequence[bytes]
    ) -> Sorted:
        """Records whose board is one of several: each is looked for under the plans of all.

        The plans with whose boards most rows were found before are best the first ones.
        """
        found: dict[int, _Place] = {}
        hashed: list[tuple[BoardPlan, dict[int, bytes]]] = []
        rest: Sequence[int] = range(len(records))
        for number, (plan, by) in enumerate(plans):
            hashes = hashes_of(by, [records[at] for at in rest])
            known = self.store.ahead(plan.ledger_id, hashes)
            self._leave_out(plan.ledger_id, known)
            placed = dict(zip(rest, hashes, strict=True))
            hashed.append((plan, placed))
            found |= {at: (number, one, known[one]) for at, one in placed.items() if one in known}
            rest = [at for at, one in placed.items() if one not in known]
            if not rest:
                break
        if rest and plans and (found or self._by_key.is_due()):
            found |= self._by_keys(hashed, {at: records[at] for at in rest}, alone=not found)
            for at, (number, one, _) in list(found.items()):
                if one in self._wary.get(plans[number][0].ledger_id, ()):
                    del found[at]
        others = {at: decode_record(record) for at, record in enumerate(records) if at not in found}
        keys: dict[int, list[str]] = {}
        for number, _, key in found.values():
            keys.setdefault(number, []).append(key)
        by_board: list[tuple[BoardPlan, Collection[str], int]] = [
            (plans[number][0], these, len(these)) for number, these in keys.items()
        ]
        return Sorted(by_board, others, [None] * len(records))

    def _by_keys(
        self,
        plans: Sequence[tuple[BoardPlan, Sequence[bytes] | Mapping[int, bytes]]],
        rest: Mapping[int, bytes],
        *,
        alone: bool,
    ) -> dict[int, _Place]:
        """Those of these records that are as their items are remembered, looked up by their keys.

        Each plan has the records' hashes under it, by their places. Rows of the keys of all other
        records take the usual path from now on. `alone`: nothing else finds rows at present.
        """
        spec = plans[0][0].spec
        keys = {at: _key_of(spec, record) for at, record in rest.items()}
        asked = list(dict.fromkeys(key for key in keys.values() if key is not None))
        found: dict[int, _Place] = {}
        known = [self.store.of(plan.ledger_id, asked) for plan, _ in plans]
        for number, ((plan, hashes), items) in enumerate(zip(plans, known, strict=True)):
            wary = self._wary.get(plan.ledger_id, ())
            for at, key in keys.items():
                one = None if key is None else items.get(key)
                if key is not None and one == hashes[at] and one not in wary:
                    found.setdefault(at, (number, one, key))
        if alone:
            self._by_key.judge(len(found), len(rest))
        changed = {key for at, key in keys.items() if at not in found}
        for (plan, _), items in zip(plans, known, strict=True):
            self.distrust(plan.ledger_id, [one for key, one in items.items() if key in changed])
        return found

    def _leave_out(self, board: int, known: dict[bytes, str]) -> None:
        """Take out what is not to be trusted."""
        for one in known.keys() & self._wary.get(board, set()):
            del known[one]

    def remember(self, board: int, hashes: Mapping[str, bytes | None]) -> None:
        """Key -> hash of a record that was found to need no change, if there is one."""
        self.store.remember(board, {key: one for key, one in hashes.items() if one is not None})

    def beware(self, board: int, keys: Sequence[str]) -> None:
        """Rows of these keys take the usual path until the run ends."""
        if keys:
            self.distrust(board, self.store.of(board, keys).values())

    def distrust(self, board: int, hashes: Iterable[bytes]) -> None:
        """The same by the hashes that the items of such keys have."""
        self._wary.setdefault(board, set()).update(hashes)


@cache
def _keys(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """A decoder that reads the properties of the key, and nothing else of a record."""
    fields = [f"part{at}" for at in range(len(names))]
    parts = msgspec.defstruct(
        "Key",
        [(each, Any, None) for each in fields],
        rename=dict(zip(fields, names, strict=True)),
    )
    return msgspec.json.Decoder(parts, float_hook=Decimal)


def _key_of(spec: BoardSpec, record: bytes) -> str | None:
    """The key of a record; None where there is none to read."""
    names = spec.key_properties
    try:
        parts = decode(record, _keys(names))
    except NotJson:
        return None
    return spec.key_or_none(dict(zip(names, msgspec.structs.astuple(parts), strict=True)))
