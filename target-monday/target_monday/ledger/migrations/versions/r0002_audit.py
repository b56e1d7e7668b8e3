"""Appended tables for the audit, and digests everywhere. Items, boards and rejects are kept."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CHUNK = 500


def upgrade() -> None:
    """Make what is new, move what has another place now, drop what was left behind."""
    bind = op.get_bind()
    old = sa.MetaData()
    old.reflect(bind)
    _make_tables()
    _move_runs(bind, old)
    _move_requests(bind, old)
    _move_operations(bind, old)
    _move_rejects(bind, old)
    _divide_streams(bind)
    op.drop_column("items", "version")
    op.add_column("items", sa.Column("layout", sa.Integer))
    op.add_column("leases", sa.Column("machine", sa.String(80)))
    for name in (
        *("runs", "requests", "operations", "outcomes", "rejects", "refusals", "boards"),
        *("index_reads", "columns", "items", "uploads", "budgets", "pending_cells", "leases"),
    ):
        op.add_column(name, _digest())


def _digest() -> sa.Column[bytes]:
    return sa.Column("digest", sa.LargeBinary)


def _make_tables() -> None:
    op.create_table(
        "run_ends",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("exit_code", sa.Integer),
        sa.Column("message", sa.Text),
        sa.Column("calls", sa.Integer),
        sa.Column("points", sa.Integer),
        _digest(),
    )
    op.create_table(
        "run_books",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("stream", sa.String(255), primary_key=True),
        sa.Column("board_id", sa.String(40), primary_key=True),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("totals", sa.Text),
        _digest(),
    )
    op.create_table(
        "mappings",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("mapping", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        _digest(),
    )
    op.create_table(
        "schemas",
        sa.Column("hash", sa.String(16), primary_key=True),
        sa.Column("stream", sa.String(255), nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("key_properties", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        _digest(),
    )
    op.create_table(
        "layouts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("columns", sa.Text, nullable=False, unique=True),
        _digest(),
    )
    op.create_table(
        "records",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("stream", sa.String(255), nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("row_version", sa.Text),
        sa.Column("page", sa.Integer),
        sa.Column("schema_hash", sa.String(16)),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("payload_size", sa.Integer),
        sa.Column("payload_hash", sa.LargeBinary, nullable=False),
        _digest(),
    )
    op.create_index("records_by_key", "records", ["stream", "key"])
    op.create_table(
        "settlements",
        sa.Column("request", sa.Integer, sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("request_id", sa.String(80)),
        sa.Column("how", sa.String(10), nullable=False),
        _digest(),
    )
    op.create_table(
        "reject_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reject", sa.Integer, sa.ForeignKey("rejects.id"), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("run_id", sa.String(36)),
        sa.Column("who", sa.String(255)),
        sa.Column("reason", sa.Text),
        sa.Column("ticket", sa.String(80)),
        _digest(),
    )
    op.create_index("reject_events_by_reject", "reject_events", ["reject"])
    op.create_table(
        "purges",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("stream", sa.String(255)),
        sa.Column("key", sa.Text),
        sa.Column("before", sa.Float, nullable=False),
        sa.Column("payloads", sa.Integer, nullable=False),
        sa.Column("who", sa.String(255)),
        sa.Column("reason", sa.Text),
        _digest(),
    )
    op.create_table(
        "chain",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("run_id", sa.String(36)),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("entries", sa.Text, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("counters", sa.Text, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
        _digest(),
    )
    op.create_table(
        "sightings",
        sa.Column("board", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("keys", sa.LargeBinary, nullable=False),
        _digest(),
    )
    op.create_table(
        "link_targets",
        sa.Column("board", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("column", sa.String(255), primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("item_id", sa.String(40), nullable=False),
        _digest(),
    )
    op.create_table(
        "pending_links",
        sa.Column("board", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("column", sa.String(255), primary_key=True),
        sa.Column("targets", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        _digest(),
    )
    op.create_table(
        "open_requests",
        sa.Column("request", sa.Integer, sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _digest(),
    )


def _divide_streams(bind: sa.Connection) -> None:
    """A stream may have several boards from now on."""
    part = sa.Column("part", sa.String(255), nullable=False, server_default="")
    if bind.dialect.name != "sqlite":
        op.add_column("boards", part)
        op.drop_constraint("boards_scope_stream_key", "boards", type_="unique")
        op.create_unique_constraint(None, "boards", ["scope", "stream", "part"])
        return
    op.create_table(  # SQLite changes no constraint of a table that is there
        "boards_new",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("stream", sa.String(255), nullable=False),
        part,
        sa.Column("board_id", sa.String(40), nullable=False),
        sa.Column("key_column", sa.String(60)),
        sa.Column("other_items", sa.Integer),
        sa.UniqueConstraint("scope", "stream", "part"),
    )
    names = "id, scope, stream, board_id, key_column, other_items"
    bind.exec_driver_sql(f"INSERT INTO boards_new ({names}) SELECT {names} FROM boards")  # noqa: S608 - no values
    op.drop_table("boards")
    op.rename_table("boards_new", "boards")


def _new(name: str, bind: sa.Connection) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=bind)


def _insert(bind: sa.Connection, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        bind.execute(sa.insert(_new(name, bind)), rows)


def _move_runs(bind: sa.Connection, old: sa.MetaData) -> None:
    runs = old.tables["runs"]
    names = ("ended_at", "status", "exit_code", "message", "calls", "points")
    ended = bind.execute(sa.select(runs).where(runs.c.ended_at.is_not(None))).mappings().all()
    _insert(
        bind,
        "run_ends",
        [{"run_id": row["id"], **{name: row[name] for name in names}} for row in ended],
    )
    books = old.tables["run_boards"]
    _insert(
        bind,
        "run_books",
        [
            {
                **row,
                "board_id": row["board_id"] or "",
                "counts": msgspec.json.encode(row["counts"]).decode(),
            }
            for row in bind.execute(sa.select(books)).mappings()
        ],
    )
    op.drop_table("run_boards")
    for name in names:
        op.drop_column("runs", name)
    for column in (
        sa.Column("user", sa.String(255)),
        sa.Column("host", sa.String(255)),
        sa.Column("pid", sa.Integer),
        sa.Column("versions", sa.Text),
        sa.Column("settings_hash", sa.String(64)),
        sa.Column("mapping_hash", sa.String(64)),
        sa.Column("git_commit", sa.String(64)),
        sa.Column("token_fingerprint", sa.String(12)),
    ):
        op.add_column("runs", column)


def _move_requests(bind: sa.Connection, old: sa.MetaData) -> None:
    requests, uploads, operations = (old.tables[n] for n in ("requests", "uploads", "operations"))
    lanes = {row.request: row.lane for row in bind.execute(sa.select(uploads))}
    loaded = set(bind.execute(sa.select(operations.c.request).distinct()).scalars())
    op.add_column("requests", sa.Column("body_hash", sa.String(64)))
    op.add_column("requests", sa.Column("lane", sa.String(10)))
    changed = _new("requests", bind)
    settled: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for row in bind.execute(sa.select(requests)).all():
        lane = lanes.get(row.id) or ("alias" if row.id in loaded else "structure")
        values = {"body_hash": sha256(row.body).hexdigest(), "lane": lane}
        bind.execute(sa.update(changed).where(changed.c.id == row.id).values(**values))
        if row.settled_at is None:
            waiting.append({"request": row.id, "body": row.body})
        else:
            settled.append({"request": row.id, "at": row.settled_at, "how": "answer"})
    _insert(bind, "settlements", settled)
    _insert(bind, "open_requests", waiting)
    op.drop_index("requests_unsettled", "requests")
    op.drop_column("requests", "body")
    op.drop_column("requests", "settled_at")


def _move_operations(bind: sa.Connection, old: sa.MetaData) -> None:
    operations = old.tables["operations"]
    for column in (
        sa.Column("name_before", sa.Text),
        sa.Column("layout", sa.Integer),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("record", sa.Integer),
    ):
        op.add_column("operations", column)
    changed = _new("operations", bind)
    layouts: dict[str, int] = {}
    this = changed.c.id == sa.bindparam("this")
    statement = (
        sa.update(changed)
        .where(this)
        .values(layout=sa.bindparam("its_layout"), after=sa.bindparam("its_cells"))
    )
    rows: list[dict[str, Any]] = []
    for row in bind.execute(sa.select(operations).where(operations.c.cells.is_not(None))).all():
        cells = dict(sorted(msgspec.json.decode(row.cells).items()))
        columns = msgspec.json.encode(list(cells)).decode()
        number = layouts.setdefault(columns, len(layouts) + 1)
        after = msgspec.json.encode(list(cells.values())).decode()
        rows.append({"this": row.id, "its_layout": number, "its_cells": after})
    for start in range(0, len(rows), _CHUNK):
        bind.execute(statement, rows[start : start + _CHUNK])
    _insert(bind, "layouts", [{"id": n, "columns": columns} for columns, n in layouts.items()])
    op.drop_column("operations", "cells")
    op.alter_column("operations", "after", new_column_name="cells")


def _move_rejects(bind: sa.Connection, old: sa.MetaData) -> None:
    rejects = old.tables["rejects"]
    for column in (
        sa.Column("board_id", sa.String(40)),
        sa.Column("column_id", sa.String(60)),
        sa.Column("record", sa.Integer),
    ):
        op.add_column("rejects", column)
    changed = _new("rejects", bind)
    records: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for number, row in enumerate(bind.execute(sa.select(rejects).order_by(rejects.c.id)).all(), 1):
        records.append(
            {
                "id": number,
                "run_id": row.run_id,
                "stream": row.stream,
                "key": row.key,
                "at": row.at,
                "payload": row.payload,
                "payload_size": len(row.payload),
                "payload_hash": sha256(row.payload).digest()[:16],
            }
        )
        bind.execute(sa.update(changed).where(changed.c.id == row.id).values(record=number))
        if row.resolved_at is not None:
            event = {"id": len(events) + 1, "reject": row.id, "state": "resolved"}
            events.append({**event, "at": row.resolved_at})
    _insert(bind, "records", records)
    _insert(bind, "reject_events", events)
    op.drop_index("rejects_open", "rejects")
    op.drop_column("rejects", "payload")
    op.drop_column("rejects", "resolved_at")
    op.create_index("rejects_by_key", "rejects", ["scope", "stream", "key"])
    op.alter_column("refusals", "digest", new_column_name="operation")
