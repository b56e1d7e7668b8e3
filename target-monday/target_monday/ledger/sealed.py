"""The one way to write to the ledger: a transaction that seals what it writes.

`with writing(engine, "settle", run_id) as ledger:` locks the head of the chain, so that writers
come one after another, also from several machines. Rows that are appended get the next ids, their
digests, and at the end one line of the chain for all of them; rows that are remembered move the
running sums. All of it commits together or not at all.

`write_later` puts a write off until anything else is asked of the ledger, and into one transaction
with that if it is a write: each durable transaction costs the disk's time.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    Float,
    RowMapping,
    Table,
    and_,
    bindparam,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from target_monday.errors import LedgerFailed
from target_monday.ledger import tables
from target_monday.ledger.digests import (
    FIRST_HASH,
    Entry,
    Id,
    Shape,
    Sum,
    combined,
    line_hash,
    ranges,
)
from target_monday.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement

__all__ = ["REDACT", "Writing", "begin_chain", "catch_up", "primary_key", "shape", "sum_name"]
__all__ += ["write_later", "writing"]

REDACT: Final = "redact"  # the execution option that holds what diagnostics pass
_CHUNK: Final = 500  # keys a statement
_UNSEALED: Final = frozenset({"digest"})
_BY_HASH: Final = {"records": frozenset({"payload"})}  # what a digest covers by a hash beside it
_PER_BOARD: Final = frozenset(
    {"items", "columns", "pending_cells", "link_targets", "pending_links"}
)
_json = msgspec.json.Encoder().encode
_counters = msgspec.json.Decoder(dict[str, int]).decode
_sums = msgspec.json.Decoder(dict[str, Sum]).decode


@cache
def shape(table: Table) -> Shape:
    """What the digests of a table's rows cover."""
    left_out = _UNSEALED | _BY_HASH.get(table.name, frozenset())
    columns = [each for each in table.columns if each.name not in left_out]
    names = tuple(sorted(str(each.name) for each in columns))
    floats = {str(each.name) for each in columns if isinstance(each.type, Float)}
    return Shape(
        str(table.name), names, tuple(at for at, name in enumerate(names) if name in floats)
    )


@cache
def primary_key(table: Table) -> tuple[str, ...]:
    """The names of the columns that tell a table's rows apart."""
    return tuple(str(each.name) for each in table.primary_key.columns)


@cache
def _diagnostics(table: Table) -> Mapping[str, int | None]:
    """The columns that hold diagnostics, and how long they may get."""
    found = (each for each in table.columns if each.info is tables.DIAGNOSTIC)
    return {str(each.name): getattr(each.type, "length", None) for each in found}


@cache
def _insertion(table: Table, mark: str) -> tuple[str, tuple[str, ...]]:
    """The statement that inserts a row, and its columns: as the digest has them, itself last."""
    sealed = shape(table).columns
    others = {str(each.name) for each in table.columns} - _UNSEALED.union(sealed)
    names = (*sealed, *others, *(_UNSEALED & set(table.columns.keys())))
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join([mark] * len(names))
    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', names  # noqa: S608 - our own names


def sum_name(table: Table, row: Mapping[str, Any] | RowMapping) -> str:
    """The running sum that a row is in: its table's, or that of its board in the table."""
    return f"{table.name}/{row['board']}" if table.name in _PER_BOARD else table.name


@dataclass(frozen=True, slots=True)
class _Late:
    """A write that was put off."""

    kind: str
    run_id: str | None
    write: Callable[[Writing], object]
    durable: bool


_late: WeakKeyDictionary[Engine, list[_Late]] = WeakKeyDictionary()


def write_later(
    engine: Engine,
    write: Callable[[Writing], object],
    kind: str,
    run_id: str | None = None,
    *,
    durable: bool = True,
) -> None:
    """Have this written before anything else is written or read over this engine."""
    if not event.contains(engine, "engine_connect", _catch_up_first):
        event.listen(engine, "engine_connect", _catch_up_first)
    _late.setdefault(engine, []).append(_Late(kind, run_id, write, durable))


def catch_up(engine: Engine) -> None:
    """Write what was put off. Raises LedgerFailed."""
    if engine in _late:
        *_, last = _late[engine]
        with writing(engine, last.kind, durable=last.durable):
            pass


def _catch_up_first(connection: Connection) -> None:
    catch_up(connection.engine)


@contextmanager
def writing(
    engine: Engine, kind: str, run_id: str | None = None, *, durable: bool = True
) -> Iterator[Writing]:
    """A transaction that is sealed when it ends well; what was put off is written first.

    `durable`: it outlives a power cut from then on. What is merely remembered may do without.
    Raises LedgerFailed where the database does not take it, for want of space for instance.
    """
    late = _late.pop(engine, [])
    kinds = dict.fromkeys([*(each.kind for each in late), kind])
    try:
        with engine.connect() as plain:
            lasting = durable or any(each.durable for each in late)
            connection = plain.execution_options(ledger="durable" if lasting else "quick")
            with connection.begin():
                run_id = run_id or next((each.run_id for each in late if each.run_id), None)
                ledger = Writing(connection, ", ".join(kinds), run_id)
                for each in late:
                    each.write(ledger)
                yield ledger
                ledger.seal()
    except BaseException as error:
        if late:
            _late[engine] = late
        if isinstance(error, (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)):
            raise LedgerFailed.because(error) from error
        raise


class Writing:
    """A transaction under way. `connection` is for reading in it, never for writing.

    What is done for each row, or each time, goes to the driver as it is: SQLAlchemy's own way would
    take longer than the database.
    """

    def __init__(self, connection: Connection, kind: str, run_id: str | None = None) -> None:
        self.connection = connection
        self._kind, self._run_id = kind, run_id
        self._redact: Redactor = connection.get_execution_options().get(REDACT) or Redactor()
        self._cursor = connection.connection.cursor()
        is_sqlite = connection.dialect.name == "sqlite"
        self._mark = "?" if is_sqlite else "%s"
        if not is_sqlite and connection.get_execution_options().get("ledger") == "quick":
            self._cursor.execute("SET LOCAL synchronous_commit = off")
        locked = "" if is_sqlite else " FOR UPDATE"
        self._cursor.execute(f"SELECT seq, hash, counters, sums FROM chain_head{locked}")  # noqa: S608 - a constant
        head = self._cursor.fetchone()
        if head is None:
            raise LedgerFailed(
                "The ledger has lost the head of its chain: `target-monday-audit verify` tells "
                "what else was altered. Restore it from a backup, or start with a new one."
            )
        self.seq: int = head[0]
        self.hash: str = head[1]
        self._counters = _counters(head[2])
        self._sums = _sums(head[3])
        self._moved = self._marked = False
        self._entries: dict[str, tuple[list[Id], list[bytes]]] = {}

    def read(self, question: str, values: Sequence[Any]) -> Sequence[Any]:
        """The rows that a SELECT gives, as tuples; the values stand as `?` in it."""
        self._cursor.execute(question.replace("?", self._mark), values)
        return self._cursor.fetchall()

    def append(self, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
        """Add rows for good; gives their ids where the table numbers its rows."""
        if not rows:
            return []
        numbers = self._number(table, rows)
        digests = self._insert(table, rows)
        key = primary_key(table)
        ids, known = self._entries.setdefault(str(table.name), ([], []))
        ids += [row[key[0]] if len(key) == 1 else [row[name] for name in key] for row in rows]
        known += digests
        return numbers

    def put(self, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
        """Remember rows, in place of those with the same keys; gives ids as `append` does.

        They are written anew: a row that grows where it is would split its page.
        """
        if not rows:
            return []
        numbers = self._number(table, rows)
        key = primary_key(table)
        self.forget(table, (tuple([row[name] for name in key]) for row in rows))
        digests = self._insert(table, rows)
        moves: dict[str, list[bytes]] = {}
        for row, digest in zip(rows, digests, strict=True):
            moves.setdefault(sum_name(table, row), []).append(digest)
        for name, added in moves.items():
            self._sum(name).move(added=added)
        return numbers

    def change(self, table: Table, which: ColumnElement[bool], **values: Any) -> int:
        """Change remembered rows; gives how many. No column of the primary key may change."""
        found = self.connection.execute(select(table).where(which)).mappings().all()
        digest = shape(table).digest
        values = self._redacted(table, values)
        for row in found:
            new = {**values, "digest": digest({**row, **values})}
            this = and_(*(table.c[name] == row[name] for name in primary_key(table)))
            self.connection.execute(update(table).where(this).values(**new))
            moved = self._sum(sum_name(table, row))
            moved.move(added=[new["digest"]], removed=[row["digest"] or b""])
        return len(found)

    def remove(self, table: Table, which: ColumnElement[bool]) -> int:
        """Forget remembered rows; gives how many."""
        wanted = [table.c.digest, *([table.c.board] if table.name in _PER_BOARD else [])]
        moves: dict[str, list[bytes]] = {}
        rows = self.connection.execute(select(*wanted).where(which)).mappings().all()
        for row in rows:
            moves.setdefault(sum_name(table, row), []).append(row["digest"] or b"")
        if rows:
            self.connection.execute(delete(table).where(which))
        for name, removed in moves.items():
            self._sum(name).move(removed=removed)
        return len(rows)

    def forget(self, table: Table, keys: Iterable[tuple[Any, ...]]) -> int:
        """Forget remembered rows by their primary keys; gives how many there were."""
        count = 0
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for key in keys:
            groups.setdefault(key[:-1], []).append(key[-1])
        for first, last in groups.items():
            for start in range(0, len(last), _CHUNK):
                count += self._forget(table, first, last[start : start + _CHUNK])
        return count

    def _forget(self, table: Table, first: tuple[Any, ...], last: Sequence[Any]) -> int:
        """The rows whose primary keys are `first` and one of `last`."""
        names, values = primary_key(table), (*first, *last)
        same = "".join(f'"{name}" = {self._mark} AND ' for name in names[:-1])
        marks = ", ".join(repeat(self._mark, len(last)))
        these = f'FROM "{table.name}" WHERE {same}"{names[-1]}" IN ({marks})'
        self._cursor.execute(f"SELECT digest {these}", values)
        found = self._cursor.fetchall()
        if found:
            self._cursor.execute(f"DELETE {these}", values)
            name = sum_name(table, dict(zip(names, first, strict=False)))
            self._sum(name).move(removed=[digest or b"" for (digest,) in found])
        return len(found)

    def empty_payloads(self, which: ColumnElement[bool], purge: Mapping[str, Any]) -> int:
        """Empty the payloads of these records; their hashes stay. Gives how many.

        `purge` is the row of `purges` that accounts for it, without `payloads`: each record must be
        from before its `before`, and of its `stream` and `key` where it names them.
        """
        table = tables.records
        held = which & table.c.payload.is_not(None)
        emptied = self.connection.execute(update(table).where(held).values(payload=None)).rowcount
        if emptied:
            self.append(tables.purges, [{**purge, "payloads": emptied}])
        return emptied

    def holds(self, table: Table) -> bool:
        """Whether there are any remembered rows in a table."""
        name = str(table.name)
        return any(each.rows for of, each in self._sums.items() if of.partition("/")[0] == name)

    def mark(self) -> None:
        """Have a line of the chain even if nothing is appended."""
        self._marked = True

    def take_over(self, table: Table) -> None:
        """Seal the rows of a table that no transaction of this kind has written."""
        key = primary_key(table)
        order = [table.c[name] for name in key]
        rows = self.connection.execute(select(table).order_by(*order)).mappings().all()
        digest = shape(table).digest
        digests = [digest(dict(row)) for row in rows]
        this = and_(*(table.c[name] == bindparam(f"key_{name}") for name in key))
        statement = update(table).where(this).values(digest=bindparam("sealed"))
        for start in range(0, len(rows), _CHUNK):
            part = zip(rows[start : start + _CHUNK], digests[start : start + _CHUNK], strict=True)
            keyed = [
                {"sealed": each, **{f"key_{name}": row[name] for name in key}} for row, each in part
            ]
            self.connection.execute(statement, keyed)
        if rows and key == ("id",) and table.name != "runs":
            self._counters[table.name] = max(row["id"] for row in rows)
        if table in tables.REMEMBERED:
            for row, each in zip(rows, digests, strict=True):
                self._sum(sum_name(table, row)).move(added=[each])
        elif rows:
            ids = [row[key[0]] if len(key) == 1 else [row[n] for n in key] for row in rows]
            self._entries[table.name] = (ids, digests)

    def seal(self) -> None:
        """Write the chain's line and its head."""
        if self._entries or self._marked:
            self._append_line()
        if self._entries or self._moved or self._marked:
            self._write_head()

    def _append_line(self) -> None:
        moved = {name: each for name, each in sorted(self._sums.items()) if each.moved}
        entries = {
            name: Entry(ranges(ids), combined(digests))
            for name, (ids, digests) in self._entries.items()
        }
        line: dict[str, Any] = {
            "seq": self.seq + 1,
            "at": time.time(),
            "run_id": self._run_id,
            "kind": self._kind,
            "entries": _json(entries).decode(),
            "sums": _json({name: [each.total, each.rows] for name, each in moved.items()}).decode(),
        }
        for each in moved.values():
            each.moved = False
        self.hash = line["hash"] = line_hash(self.hash, line)
        self.seq += 1
        statement, names = _insertion(tables.chain, self._mark)
        self._cursor.execute(statement, [line[name] for name in names])

    def _write_head(self) -> None:
        head = _head(self.seq, self.hash, self._counters, self._sums)
        changed = ", ".join(f"{name} = {self._mark}" for name in head)
        self._cursor.execute(f"UPDATE chain_head SET {changed}", tuple(head.values()))  # noqa: S608 - our own names

    def _number(self, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
        """Give the next ids to rows that have none, where rows are numbered."""
        if primary_key(table) != ("id",) or table.name == "runs":
            return []
        for row in rows:
            if "id" not in row:
                row["id"] = self._counters[table.name] = self._counters.get(table.name, 0) + 1
        return [row["id"] for row in rows]

    def _insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> list[bytes]:
        digest_of = shape(table).digest_of
        statement, names = _insertion(table, self._mark)
        inserted, digests = [], []
        for row in rows:
            values = list(map(self._redacted(table, row).get, names))
            values[-1] = digest = digest_of(values)
            inserted.append(values)
            digests.append(digest)
        self._cursor.executemany(statement, inserted)
        return digests

    def _redacted(self, table: Table, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its diagnostics as anyone may read them; all else is evidence."""
        found = {
            name: self._redact(str(row[name]))[:length]
            for name, length in _diagnostics(table).items()
            if row.get(name) is not None
        }
        return {**row, **found} if found else row

    def _sum(self, name: str) -> Sum:
        self._moved = True
        return self._sums.setdefault(name, Sum())


def _head(
    seq: int, line: str, counters: Mapping[str, int], sums: Mapping[str, Sum]
) -> dict[str, Any]:
    head: dict[str, Any] = {
        "id": 1,
        "seq": seq,
        "hash": line,
        "counters": _json(counters).decode(),
        "sums": _json(sums).decode(),
    }
    return {**head, "digest": shape(tables.chain_head).digest(head)}


def begin_chain(connection: Connection, kind: str) -> None:
    """Seal the rows of a ledger that has no chain yet, as the chain's first line."""
    connection.execute(insert(tables.chain_head).values(**_head(0, FIRST_HASH, {}, {})))
    ledger = Writing(connection, kind)
    for table in (*tables.APPENDED, *tables.REMEMBERED):
        ledger.take_over(table)
    ledger.mark()
    ledger.seal()
