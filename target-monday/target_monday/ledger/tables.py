"""The tables of the ledger: what is appended for good, and what is remembered for a while.

Every row carries the `digest` of its other columns, and every write goes through
`target_monday.ledger.sealed.writing`, which puts appended rows into the `chain` and keeps running
sums over the others; `target-monday-audit verify` recomputes all of it. Texts named as JSON are
read with any JSON decoder. Times are seconds since 1970, UTC.

How they hang together: `runs` -> `requests` -> `operations` -> `outcomes`; an operation knows the
`records` row that led to it, a record the `schemas` row that it came under, a run its `mappings`
row. A request without a row in `open_requests` is settled, and `settlements` says how. `before` and
`cells` of an operation are lists in the order of the columns of its row in `layouts` (null: empty).
The state of a reject is that of its last row in `reject_events`; one without any is open.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
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
    "APPENDED",
    "DIAGNOSTIC",
    "METADATA",
    "REMEMBERED",
    "boards",
    "budgets",
    "chain",
    "chain_head",
    "columns",
    "index_reads",
    "items",
    "layouts",
    "leases",
    "link_revisions",
    "link_targets",
    "lost_links",
    "mappings",
    "open_requests",
    "operations",
    "outcomes",
    "pending_cells",
    "pending_links",
    "purges",
    "records",
    "refusals",
    "reject_events",
    "rejects",
    "requests",
    "run_books",
    "run_ends",
    "runs",
    "schemas",
    "settlements",
    "sightings",
    "uploads",
]

METADATA: Final = MetaData()
DIAGNOSTIC: Final = {"diagnostic": True}  # of a column whose texts are redacted when written


def _digest() -> Column[bytes]:
    """The first 16 bytes of a SHA-256 over the other columns of the row."""
    return Column("digest", LargeBinary)


# Appended, never changed.

runs = Table(
    "runs",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("version", String(40), nullable=False),
    Column("user", String(255)),  # of the operating system
    Column("host", String(255)),
    Column("pid", Integer),
    Column("versions", Text),  # JSON: python, singer-sdk, target...
    Column("settings_hash", String(64)),
    Column("mapping_hash", String(64)),  # -> mappings.hash
    Column("git_commit", String(64)),  # of the working directory
    Column("token_fingerprint", String(12)),  # the first digits of the SHA-256 of the token
    _digest(),
)
run_ends = Table(
    "run_ends",
    METADATA,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("ended_at", Float, nullable=False),
    Column("status", String(20), nullable=False),
    Column("exit_code", Integer),
    Column("message", Text, info=DIAGNOSTIC),
    Column("calls", Integer),
    Column("points", Integer),
    _digest(),
)
run_books = Table(
    "run_books",
    METADATA,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("stream", String(255), primary_key=True),
    Column("board_id", String(40), primary_key=True),  # "": rows that reached no board
    Column("counts", Text, nullable=False),  # JSON
    Column("totals", Text),  # JSON: control totals
    _digest(),
)
mappings = Table(
    "mappings",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("mapping", Text, nullable=False),  # JSON: the settings that decide what is written
    Column("at", Float, nullable=False),
    _digest(),
)
schemas = Table(
    "schemas",
    METADATA,
    Column("hash", String(16), primary_key=True),
    Column("stream", String(255), nullable=False),
    Column("schema", Text, nullable=False),  # JSON
    Column("key_properties", Text, nullable=False),  # JSON
    Column("at", Float, nullable=False),
    _digest(),
)
layouts = Table(
    "layouts",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("columns", Text, nullable=False, unique=True),  # JSON: column ids
    _digest(),
)
records = Table(  # those that led to an operation or a reject; unchanged ones leave no trace
    "records",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("stream", String(255), nullable=False),
    Column("key", Text),
    Column("at", Float, nullable=False),
    Column("etag", Text),
    Column("row_version", Text),
    Column("page", Integer),  # of the source, from 1
    Column("schema_hash", String(16)),  # -> schemas.hash
    Column("payload", LargeBinary),  # JSON; null: never kept (payload_size is null) or purged
    Column("payload_size", Integer),  # bytes of the payload when it was kept
    Column("payload_hash", LargeBinary, nullable=False),  # of the record, 16 bytes of its SHA-256
    Index("records_by_key", "stream", "key"),
    _digest(),  # over all but the payload, for which its hash stands
)
requests = Table(
    "requests",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("scope", String(255), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),  # SHA-256
    Column("sent_at", Float, nullable=False),
    Column("lane", String(10), nullable=False),  # alias, ingest, backfill or structure
    _digest(),
)
settlements = Table(
    "settlements",
    METADATA,
    Column("request", ForeignKey("requests.id"), primary_key=True),
    Column("at", Float, nullable=False),
    Column("request_id", String(80), info=DIAGNOSTIC),  # monday's own name of it
    Column("how", String(10), nullable=False),  # answer, resend, reading or report
    _digest(),
)
operations = Table(
    "operations",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("request", ForeignKey("requests.id"), nullable=False),
    Column("board", ForeignKey("boards.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(10), nullable=False),  # create, update, archive or delete
    Column("item_id", String(40)),
    Column("name", Text),  # null: left as it was
    Column("name_before", Text),
    Column("layout", ForeignKey("layouts.id")),
    Column("before", Text),  # JSON list; null: nothing is known of what was there, or nothing was
    Column("cells", Text),  # JSON list: the cells as they are wanted after the operation
    Column("record", ForeignKey("records.id")),
    Index("operations_by_key", "board", "key"),
    Index("operations_by_request", "request"),
    _digest(),
)
outcomes = Table(
    "outcomes",
    METADATA,
    Column("operation", ForeignKey("operations.id"), primary_key=True),
    Column("outcome", String(20), nullable=False),
    Column("item_id", String(40)),
    Column("code", String(60), info=DIAGNOSTIC),
    Column("message", Text, info=DIAGNOSTIC),
    Column("at", Float, nullable=False),
    _digest(),
)
rejects = Table(
    "rejects",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("stream", String(255), nullable=False),
    Column("board_id", String(40)),
    Column("column_id", String(60)),
    Column("key", Text),
    Column("code", String(60), info=DIAGNOSTIC, nullable=False),
    Column("message", Text, info=DIAGNOSTIC, nullable=False),
    Column("record", ForeignKey("records.id")),
    Column("at", Float, nullable=False),
    Index("rejects_by_key", "scope", "stream", "key"),
    _digest(),
)
reject_events = Table(
    "reject_events",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("reject", ForeignKey("rejects.id"), nullable=False),
    Column("state", String(10), nullable=False),  # open, retried, resolved or waived
    Column("at", Float, nullable=False),
    Column("run_id", String(36)),
    Column("who", String(255)),
    Column("reason", Text, info=DIAGNOSTIC),
    Column("ticket", String(80)),
    Column("record", ForeignKey("records.id")),  # the corrected one that counts from now on
    Index("reject_events_by_reject", "reject"),
    _digest(),
)
purges = Table(  # payloads that were emptied: of records before `before` of one stream, or of all
    "purges",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("stream", String(255)),  # null: of all streams
    Column("key", Text),  # null: of all keys
    Column("before", Float, nullable=False),
    Column("payloads", Integer, nullable=False),  # how many
    Column("who", String(255)),
    Column("reason", Text),
    _digest(),
)
chain = Table(  # a line for each transaction that appended anything
    "chain",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    Column("at", Float, nullable=False),
    Column("run_id", String(36)),
    Column("kind", String(40), nullable=False),  # what the transaction was for
    Column("entries", Text, nullable=False),  # JSON: table -> ids and a digest over their rows
    Column("sums", Text, nullable=False),  # JSON: sums that moved since the line before
    Column("hash", String(64), nullable=False),  # SHA-256 over the hash before and this line
)

# Remembered: caches of the boards, and what is still open.

chain_head = Table(  # one row: the end of the chain, the last ids and the sums of now
    "chain_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("counters", Text, nullable=False),  # JSON: table -> the last id that was given
    Column("sums", Text, nullable=False),  # JSON: table, or table/board -> sum and count of rows
    _digest(),
)
boards = Table(
    "boards",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("scope", String(255), nullable=False),  # the API's address
    Column("stream", String(255), nullable=False),
    # Of a stream with several boards: the name that its template gives this one; else "".
    Column("part", String(255), nullable=False, server_default=""),
    Column("board_id", String(40), nullable=False),
    Column("key_column", String(60)),
    Column("other_items", Integer),  # items without a key of ours; null: read the index again
    Column("identity", Text),  # JSON: what the keys are made of; null: of an earlier version
    Column("asked", Text),  # JSON: what the settings named the board by; null: likewise
    Column("doubted_at", Float),  # what was remembered of the board before is not believed
    UniqueConstraint("scope", "stream", "part"),
    _digest(),
)
index_reads = Table(
    "index_reads",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("at", Float, nullable=False),  # when all items of the board were last read
    _digest(),
)
columns = Table(
    "columns",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("property", String(255), primary_key=True),
    Column("column_id", String(60), nullable=False),
    _digest(),
)
items = Table(
    "items",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("item_id", String(40), nullable=False),  # "": not known, the key finds it
    Column("name", Text, nullable=False),
    Column("layout", ForeignKey("layouts.id")),  # null: `cells` is an object by column id
    # JSON: canonical cells in the layout's order; earlier versions deflated them.
    Column("cells", LargeBinary, nullable=False),
    Column("made_by", ForeignKey("operations.id")),  # whose cells it has; then `cells` is empty
    Column("record_hash", LargeBinary),  # of a record for which the item needs no change
    _digest(),
)
sightings = Table(  # which keys the version of a stream named that is being read
    "sightings",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("keys", LargeBinary, nullable=False),  # 8 bytes of each key's BLAKE2
    _digest(),
)
open_requests = Table(  # not settled yet: a lost answer may need the same bytes again
    "open_requests",
    METADATA,
    Column("request", ForeignKey("requests.id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    _digest(),
)
uploads = Table(  # requests whose operations went as a file
    "uploads",
    METADATA,
    Column("request", ForeignKey("requests.id"), primary_key=True),
    Column("board", ForeignKey("boards.id"), nullable=False),
    Column("lane", String(10), nullable=False),  # ingest or backfill
    Column("job_id", String(60), nullable=False),
    # Items created and updated, or the rows of a file that has arrived; null: it may not have.
    Column("written", Integer),
    _digest(),
)
budgets = Table(  # what is known of the account's limits, by name
    "budgets",
    METADATA,
    Column("scope", String(255), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("amount", Float, nullable=False),
    Column("at", Float, nullable=False),
    _digest(),
)
refusals = Table(  # rows that monday refused as they are: not sent again while they stay so
    "refusals",
    METADATA,
    Column("reject", ForeignKey("rejects.id"), primary_key=True),
    Column("operation", String(64), nullable=False),  # SHA-256 of what was refused
    _digest(),
)
pending_cells = Table(  # cells of a row that did not fit into any request of its run
    "pending_cells",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("cells", LargeBinary, nullable=False),  # JSON: column id -> canonical cell
    Column("at", Float, nullable=False),
    _digest(),
)
link_targets = Table(  # what the links of a column were made with
    "link_targets",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),  # that the column is on
    Column("column", String(255), primary_key=True),  # its name in the mapping
    Column("target", Text, primary_key=True),  # the key of the target's row
    Column("item_id", String(40), nullable=False),
    Index("link_targets_by_target", "target"),
    _digest(),
)
link_revisions = Table(  # moves when an item that links of the board point to is another, or none
    "link_revisions",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("revision", Integer, nullable=False),
    _digest(),
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
    Column("told", Integer, nullable=False),  # it stands as a reject: 1, or 2 (unconnected board)
    _digest(),
)
lost_links = Table(  # links that their board was seen not to have any more
    "lost_links",
    METADATA,
    Column("board", ForeignKey("boards.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("column", String(255), primary_key=True),
    Column("target", Text, primary_key=True),  # the key of the target's row
    Column("item_id", String(40), nullable=False),  # of the target; "": it was seen to be gone
    Column("at", Float, nullable=False),  # when the board was read
    _digest(),
)
leases = Table(
    "leases",
    METADATA,
    Column("scope", String(255), primary_key=True),
    Column("board_id", String(40), primary_key=True),
    Column("run_id", String(36), nullable=False),
    Column("host", String(255), nullable=False),
    Column("machine", String(80)),  # which boot of which machine, and which of its containers
    Column("pid", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    _digest(),
)

APPENDED: Final = (
    *(runs, run_ends, run_books, mappings, schemas, layouts, records, requests, settlements),
    *(operations, outcomes, rejects, reject_events, purges),
)
REMEMBERED: Final = (
    *(boards, index_reads, columns, items, sightings, open_requests, uploads, budgets),
    *(refusals, pending_cells, link_targets, link_revisions, pending_links, lost_links, leases),
)
