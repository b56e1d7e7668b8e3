"""Holds a ledger against itself: every row, every line of the chain, every running sum, every seal.

A row that was edited does not have its digest any more. One that was taken away or put in is not
what its line of the chain, or the running sum of its table, says. A line that was edited, taken out
or moved does not have its hash, or its neighbours do not follow it. A tail that was cut is shorter
than the head of the chain, and than the seals beside the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Table, select, text, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NULLTYPE

from target_monday.errors import LedgerFailed
from target_monday.ledger import tables
from target_monday.ledger.digests import FIRST_HASH, Entry, Sum, combined, expanded, line_hash
from target_monday.ledger.revisions import HEAD, schema_kind
from target_monday.ledger.runs import ENDS
from target_monday.ledger.sealed import primary_key, sum_name
from target_monday.ledger.seals import first_signed, is_signed, kept_seals, seals_beside
from target_monday.ledger.stored_rows import (
    UNREADABLE,
    computed_digest,
    hashable,
    is_intact,
    key_of,
    shown,
    stored_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from target_monday.ledger.runs import Seal
    from target_monday.ledger.seals import Anchor

__all__ = ["Place", "Verdict", "verify"]

_SHOWN: Final = 20  # missing lines that are named one by one
_SQLITE_TRIGGERS: Final = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
_POSTGRESQL_TRIGGERS: Final = (
    "SELECT tgname, tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal"
)
_entries = msgspec.json.Decoder(dict[str, Entry]).decode
_line_sums = msgspec.json.Decoder(dict[str, tuple[str, int]]).decode
_head_sums = msgspec.json.Decoder(dict[str, Sum]).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is not as it was written: the row's primary key, None for a whole table."""

    table: str
    key: Any
    fault: str  # changed, missing, added...


@dataclass(slots=True)
class Verdict:
    """What was looked at, and every place that is not as it was written.

    `seals`: ends of runs that the chain was held against; None where no file of them was found.
    """

    lines: int = 0
    rows: int = 0
    seals: int | None = None
    places: list[Place] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was altered."""
        return not self.places


def verify(
    engine: Engine,
    *,
    seals: Path | None = None,
    seal_key: str | None = None,
    anchors: Sequence[Anchor] = (),
) -> Verdict:
    """Look at all of a ledger, as it is at one moment. Raises LedgerFailed if that cannot be.

    `seals`: the file of seals, if it is not beside the ledger; each run that has ended must have
    one there. With `seal_key` those from the first signed one on must be signed with it. `anchors`:
    lines of the chain that were noted elsewhere.
    """
    try:
        with engine.connect() as plain:
            connection = plain
            if engine.dialect.name == "postgresql":
                connection = plain.execution_options(isolation_level="REPEATABLE READ")
            elif (raw := plain.connection.driver_connection) is not None:
                # A byte that is no text must not keep the rest from being read.
                raw.text_factory = lambda value: value.decode("utf-8", "surrogateescape")
            looking = _Verification(connection)
            looking.run(seals or seals_beside(engine.url), seal_key, anchors)
            plain.invalidate()
    except SQLAlchemyError as error:
        raise LedgerFailed.because(error) from error
    return looking.verdict


@dataclass(slots=True)
class _Rows:
    """The rows of an appended table: the digest that each carries, and those that were changed."""

    digests: dict[Any, bytes] = field(default_factory=dict)
    changed: set[Any] = field(default_factory=set)
    claimed: set[Any] = field(default_factory=set)


@dataclass(slots=True)
class _Verification:
    connection: Connection
    verdict: Verdict = field(default_factory=Verdict)
    _rows: dict[str, _Rows] = field(default_factory=dict)
    _lines: dict[int, str] = field(default_factory=dict)  # seq -> hash
    _sums: dict[str, tuple[str, int]] = field(default_factory=dict)  # as the lines say
    _ended: dict[str, int] = field(default_factory=dict)  # run -> the line that it ended with
    _schema: str = ""
    _chain_is_whole: bool = True

    def run(self, seals: Path | None, seal_key: str | None, anchors: Sequence[Anchor]) -> None:
        """Look at everything."""
        self._look_at_database()
        for table in tables.APPENDED:
            self._look_at_appended(table)
        self._look_at_chain()
        self._look_at_unclaimed()
        sums = self._look_at_head()
        for table in tables.REMEMBERED:
            self._look_at_remembered(table, sums)
        self._look_at_payloads()
        kept = list(kept_seals(seals)) if seals is not None and seals.exists() else None
        if seals is not None:
            self._look_at_seals(seals.name, kept)
        for anchor in anchors:
            self._look_at_anchor(anchor)
        if seal_key is not None:
            self._look_at_signatures(seals.name if seals else "seals", kept or [], seal_key)

    def _find(self, table: str, key: Any, fault: str) -> None:
        self.verdict.places.append(Place(str(table), key, fault))  # no name that quotes itself

    def _scan(self, table: Table) -> Iterator[dict[str, Any]]:
        """The rows as they are stored, by primary key; a table that cannot be read is a place."""
        columns = [type_coerce(each, NULLTYPE).label(each.name) for each in table.columns]
        key = [table.c[name] for name in primary_key(table)]
        try:
            for row in self.connection.execute(select(*columns).order_by(*key)).mappings():
                self.verdict.rows += 1
                yield dict(row)
        except SQLAlchemyError as error:
            self._find(table.name, None, f"cannot be read: {str(error).splitlines()[0]}")

    def _look_at_database(self) -> None:
        """What the database itself knows to be wrong, what acts on its own, and its version."""
        is_sqlite = self.connection.dialect.name == "sqlite"
        try:
            if is_sqlite:
                for (line,) in self.connection.exec_driver_sql("PRAGMA integrity_check").all():
                    if line != "ok":
                        self._find("database", None, f"damaged: {line}")
            triggers = _SQLITE_TRIGGERS if is_sqlite else _POSTGRESQL_TRIGGERS
            for name, table in self.connection.execute(text(triggers)).all():
                self._find(str(table), None, f"has a trigger of others: {name}")
            versions = self.connection.execute(text("SELECT version_num FROM alembic_version"))
            found = [row[0] for row in versions]
        except SQLAlchemyError as error:
            self._find("database", None, f"cannot be read: {str(error).splitlines()[0]}")
            return
        if found != [HEAD]:
            self._find("alembic_version", found[0] if found else None, "changed")

    def _look_at_appended(self, table: Table) -> None:
        rows = self._rows[table.name] = _Rows()
        for row in self._scan(table):
            key = key_of(table, row)
            rows.digests[hashable(key)] = stored_digest(row)
            if not is_intact(table, row):
                rows.changed.add(hashable(key))
                self._find(table.name, key, "changed")

    # The chain.

    def _look_at_chain(self) -> None:
        expected, before = 1, {FIRST_HASH}
        for line in self._scan(tables.chain):
            seq = line["seq"]
            if seq != expected:
                self._chain_is_whole = False
                missing = range(expected, seq) if type(seq) is int else ()
                self._find_missing_lines(missing)
            follows = seq == expected
            before = self._look_at_line(line, before if follows else None)
            expected = seq + 1 if type(seq) is int else expected + 1
        self.verdict.lines = len(self._lines)

    def _find_missing_lines(self, missing: Sequence[int]) -> None:
        for seq in missing[:_SHOWN]:
            self._find("chain", seq, "missing")
        if len(missing) > _SHOWN:
            self._find("chain", f"{missing[_SHOWN]}-{missing[-1]}", "missing")

    def _look_at_line(self, line: dict[str, Any], before: set[str] | None) -> set[str]:
        """Gives the hashes that the next line may follow: as it is stored, and as it should be."""
        seq, stored = line["seq"], line["hash"]
        self._lines[seq] = stored
        try:
            hashes = {each: line_hash(each, line) for each in before or ()}
            entries, sums = _entries(line["entries"]), _line_sums(line["sums"])
        except UNREADABLE:
            self._chain_is_whole = False
            self._find("chain", seq, "changed")
            return {str(stored)}
        if before is not None and stored not in hashes.values():
            self._chain_is_whole = False
            self._find("chain", seq, "changed, or not in its place")
        for name, entry in entries.items():
            self._look_at_entry(seq, name, entry)
        self._sums |= sums
        kind = str(line["kind"])
        if kind.startswith("schema "):
            self._schema = kind
        if ENDS in kind.split(", "):
            self._ended[str(line["run_id"])] = seq
        return {str(stored), *hashes.values()}

    def _look_at_entry(self, seq: int, name: str, entry: Entry) -> None:
        rows = self._rows.get(name)
        if rows is None:
            self._find("chain", seq, f"names a table {name!r} that no ledger has")
            return
        digests: list[bytes] = []
        known = False
        ids = [hashable(each) for each in expanded(entry.ids)]
        for each in ids:
            known = known or each in rows.changed
            if each not in rows.digests:
                known = True
                self._find(name, shown(each), "missing")
            elif each in rows.claimed:
                self._find("chain", seq, f"claims a row of {name} again: {shown(each)}")
            else:
                digests.append(rows.digests[each])
            rows.claimed.add(each)
        if not known and combined(digests) != entry.digest:
            span = f"{shown(ids[0])} to {shown(ids[-1])}" if len(ids) > 1 else shown(ids[0])
            self._find(name, span, f"replaced: not what line {seq} of the chain sealed")

    def _look_at_unclaimed(self) -> None:
        """Rows that no line of the chain names."""
        for name, rows in self._rows.items():
            others = [each for each in rows.digests if each not in rows.claimed]
            if self._chain_is_whole:
                for each in others:
                    self._find(name, shown(each), "added")
            elif others:
                span = f"{shown(others[0])} to {shown(others[-1])}"
                self._find(name, span, f"in no line of the chain that is left: {len(others)} rows")

    def _look_at_head(self) -> dict[str, Sum]:
        """The running sums of now, after the head itself was looked at."""
        heads = list(self._scan(tables.chain_head))
        for extra in heads[1:]:
            self._find("chain_head", extra["id"], "added")
        if not heads:
            self._find("chain_head", 1, "missing")
            return {}
        head, last = heads[0], max((seq for seq in self._lines if type(seq) is int), default=0)
        if not is_intact(tables.chain_head, head):
            self._find("chain_head", head["id"], "changed")
        if type(head["seq"]) is int and head["seq"] > last:
            self._find_missing_lines(range(last + 1, head["seq"] + 1))
        elif head["seq"] != last or head["hash"] != self._lines.get(last):
            self._find("chain_head", head["id"], f"is not at the last line of the chain, {last}")
        if self._schema != schema_kind(HEAD) and self._chain_is_whole:
            self._find("chain", None, f"tells of no {schema_kind(HEAD)}")
        try:
            sums = _head_sums(head["sums"])
        except UNREADABLE:
            return {}
        for name, each in sums.items():
            if not each.moved and self._sums.get(name, ("", 0)) != (each.total, each.rows):
                self._find("chain_head", name, "its sum is not what the chain says")
        return sums

    # What is remembered.

    def _look_at_remembered(self, table: Table, sums: Mapping[str, Sum]) -> None:
        stored: dict[str, Sum] = {}
        intact: dict[str, Sum] = {}
        for row in self._scan(table):
            name = sum_name(table, row)
            stored.setdefault(name, Sum()).move(added=[stored_digest(row)])
            digest = computed_digest(table, row)
            intact.setdefault(name, Sum()).move(added=[digest or b""])
            if digest is None or digest != row["digest"]:
                self._find(table.name, key_of(table, row), "changed")
        told = {name for name in sums if name.partition("/")[0] == table.name}
        for name in sorted(told | stored.keys()):
            wanted = sums.get(name, Sum())
            there = stored.get(name, Sum())
            if wanted.total in (there.total, intact.get(name, Sum()).total):
                continue
            self._find_moved(table, name, wanted.rows - there.rows)

    def _find_moved(self, table: Table, name: str, lost: int) -> None:
        board = name.partition("/")[2]
        where = f"board {board}" if board else None
        if lost > 0:
            keys = self._lost_items(int(board)) if table is tables.items else []
            if len(keys) == lost:
                for key in keys:
                    self._find(table.name, [int(board), key], "missing")
            else:
                self._find(table.name, where, f"{lost} rows missing")
        elif lost < 0:
            self._find(table.name, where, f"{-lost} rows added")
        else:
            self._find(table.name, where, "rows replaced")

    def _lost_items(self, board: int) -> list[str]:
        """Keys whose last acknowledged operation put an item on the board that is not known."""
        operations, outcomes, items = tables.operations, tables.outcomes, tables.items
        wanted = (
            select(operations.c.key, operations.c.kind)
            .join(outcomes, outcomes.c.operation == operations.c.id)
            .where(operations.c.board == board, outcomes.c.outcome == "acknowledged")
            .order_by(operations.c.id)
        )
        last = {row.key: row.kind for row in self.connection.execute(wanted)}
        there = set(
            self.connection.execute(select(items.c.key).where(items.c.board == board)).scalars()
        )
        return [
            key for key, kind in last.items() if kind in {"create", "update"} and key not in there
        ]

    def _look_at_payloads(self) -> None:
        """A payload is what its hash says, or a purge accounts for its absence."""
        purges = list(self._scan(tables.purges))
        for row in self._scan(tables.records):
            payload, size = row["payload"], row["payload_size"]
            if payload is None:
                if size is not None and not any(_covers(purge, row) for purge in purges):
                    self._find("records", row["id"], "payload missing")
            elif (
                not isinstance(payload, bytes)
                or len(payload) != size
                or sha256(payload).digest()[:16] != row["payload_hash"]
            ):
                self._find("records", row["id"], "payload changed")

    def _look_at_seals(self, file: str, seals: Sequence[Seal | None] | None) -> None:
        """Each seal has its line, and each run that has ended its seal."""
        if not seals:
            if self._ended:
                what = "is missing" if seals is None else "is empty"
                self._find(file, None, f"{what}, but {len(self._ended)} runs have ended")
            return
        self.verdict.seals = len(seals)
        sealed = {seal.run for seal in seals if seal is not None}
        if sealed and self._ended and sealed.isdisjoint(self._ended):
            self._find(file, None, "holds the seals of another ledger")
            return
        for run in (each for each in self._ended if each not in sealed):
            self._find(tables.run_ends.name, run, f"ended without a seal in {file}")
        for number, seal in enumerate(seals, 1):
            if seal is None:
                self._find(file, number, "changed")
            elif seal.seq not in self._lines:
                self._find("chain", seal.seq, f"missing: run {seal.run} ended there")
            elif self._lines[seal.seq] != seal.hash:
                self._find("chain", seal.seq, f"is not the line that run {seal.run} ended with")

    def _look_at_signatures(self, file: str, seals: Sequence[Seal | None], key: str) -> None:
        first = first_signed(seals)
        if first is None:
            self._find(file, None, "holds no seal that is signed")
            return
        at, _ = first
        for number, seal in enumerate(seals[at:], at + 1):
            if seal is not None and not is_signed(seal, key):
                self._find(file, number, "is not signed with this key")

    def _look_at_anchor(self, anchor: Anchor) -> None:
        line = self._lines.get(anchor.seq)
        if line is None:
            self._find("chain", anchor.seq, "missing: it was noted elsewhere")
        elif not line.startswith(anchor.hash):
            self._find("chain", anchor.seq, "is not the line that was noted elsewhere")


def _covers(purge: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    return (
        record["at"] < purge["before"]
        and purge["stream"] in (None, record["stream"])
        and purge["key"] in (None, record["key"])
    )
