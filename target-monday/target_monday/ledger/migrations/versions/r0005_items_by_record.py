"""The index of record hashes begins with the hash.

With the board in front SQLite took it for look-ups by key as well, and read all of it each time.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it anew."""
    op.drop_index("items_by_record", "items")
    op.create_index("items_by_record", "items", ["record_hash", "board", "key"])
