"""The hashes of records for which items need no change; none is known of the items so far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make room for them; rows that have none keep their digests."""
    op.add_column("items", sa.Column("record_hash", sa.LargeBinary))
    op.create_index("items_by_record", "items", ["board", "record_hash", "key"])


def downgrade() -> None:
    """Rows are compared one by one again."""
    op.drop_index("items_by_record", "items")
    op.drop_column("items", "record_hash")
