"""The tables of the ledger. Intents, outcomes and rejects are appended, never rewritten."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "METADATA",
    "boards",
    "budgets",
    "columns",
    "index_reads",
    "items",
    "leases",
    "link_targets",
    "operations",
    "outcomes",
    "pending_cells",
    "pending_links",
    "refusals",
    "rejects",
    "requests",
    "run_boards",
    "runs",
    "uploads",
]

METADATA: Final = MetaData()

runs = Table(
    "runs",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("started_at", Float, nullable=False),  # seconds since 1970, UTC
    Column("ended_at", Float),
    Column("status", String(20), nullable=False),
    Column("exit_code", Integer),
    Column("message", Text),
    Column("calls", Integer),
    Column("points", Integer),
    Column("version", String(40), nullable=False),
)
run_boards = Table(
    "run_boards",
    METADATA,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("stream", String(255), primary_key=True),
    Column("board_id", String(40), primary_key=True),  # "": rows that reached no board
    Column("counts", JSON, nullable=False),
    Column("totals", JSON),
)
boards = Table(
    "boards",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("scope", String(255), nullable=False),  # the API's address
    Column("stream", String(255), nullable=False),
    # Of a stream with several boards: the name that its template gives this one; else "".
    Column("part", String(255), nullable=False, server_default=""),
    Column("board_id", String(40), nullable=False),
    Column("key_column", String(60)),
    Column("other_items", Integer),  # items without a key of ours; null: read the index again
    UniqueConstraint("scope", "stream", "part"),
)
index_reads = Table(
    "index_reads",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("at", Float, nullable=False),  # when all items of the board were last read
)
columns = Table(
    "columns",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("property", String(255), primary_key=True),
    Column("column_id", String(60), nullable=False),
)
items = Table(
    "items",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("item_id", String(40), nullable=False),  # "": not known, the key finds it
    Column("name", Text, nullable=False),
    Column("cells", LargeBinary, nullable=False),  # JSON: column id -> canonical cell
    Column("version", Integer),  # the last complete version of the stream that held the row
)
requests = Table(
    "requests",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("scope", String(255), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sent_at", Float, nullable=False),
    Column("settled_at", Float),
    Index("requests_unsettled", "scope", "settled_at"),
)
uploads = Table(  # requests whose operations went as a file
    "uploads",
    METADATA,
    Column("request", ForeignKey("requests.id"), primary_key=True),
    Column("board", ForeignKey("boards.id"), nullable=False),
    Column("lane", String(10), nullable=False),  # ingest or backfill
    Column("job_id", String(60), nullable=False),
    Column("written", Integer),  # items created and updated; null: not known yet
)
budgets = Table(  # what is known of the account's limits, by name
    "budgets",
    METADATA,
    Column("scope", String(255), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("amount", Float, nullable=False),
    Column("at", Float, nullable=False),  # seconds since 1970, UTC
)
operations = Table(
    "operations",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("request", ForeignKey("requests.id"), nullable=False),
    Column("board", ForeignKey("boards.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("item_id", String(40)),
    Column("name", Text),
    Column("cells", LargeBinary),  # JSON: the cells as they are wanted after the operation
    Index("operations_by_key", "board", "key"),
    Index("operations_by_request", "request"),
)
outcomes = Table(
    "outcomes",
    METADATA,
    Column("operation", ForeignKey("operations.id"), primary_key=True),
    Column("outcome", String(20), nullable=False),
    Column("item_id", String(40)),
    Column("code", String(60)),
    Column("message", Text),
    Column("at", Float, nullable=False),
)
rejects = Table(
    "rejects",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("stream", String(255), nullable=False),
    Column("key", Text),
    Column("code", String(60), nullable=False),
    Column("message", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # JSON: the record
    Column("at", Float, nullable=False),
    Column("resolved_at", Float),
    Index("rejects_open", "scope", "stream", "resolved_at"),
)
refusals = Table(  # rows that monday refused as they are: not sent again while they stay so
    "refusals",
    METADATA,
    Column("reject", ForeignKey("rejects.id"), primary_key=True),
    Column("digest", String(64), nullable=False),  # of the operation
)
pending_cells = Table(  # cells of a row that did not fit into any request of its run
    "pending_cells",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("cells", LargeBinary, nullable=False),  # JSON: column id -> canonical cell
    Column("at", Float, nullable=False),
)
link_targets = Table(  # what the links of a column were made with
    "link_targets",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),  # that the column is on
    Column("column", String(255), primary_key=True),  # its name in the mapping
    Column("target", Text, primary_key=True),  # the key of the target's row
    Column("item_id", String(40), nullable=False),
)
pending_links = Table(  # links whose targets are not there yet
    "pending_links",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("column", String(255), primary_key=True),
    Column("targets", LargeBinary, nullable=False),  # JSON: the keys of the targets
    Column("record", LargeBinary, nullable=False),  # JSON: of the row its key, and what it links by
    Column("runs", Integer, nullable=False),  # that ended without the targets
    Column("told", Integer, nullable=False),  # 1: it stands as a reject
)
leases = Table(
    "leases",
    METADATA,
    Column("scope", String(255), primary_key=True),
    Column("board_id", String(40), primary_key=True),
    Column("run_id", String(36), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
)
