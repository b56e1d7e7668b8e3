"""Items are found by their keys, no longer by the hashes of records.

Hashes that follow each other lie far apart in an index: each item that was written changed a page
of it, which was most of what a run wrote.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Leave the index out."""
    op.drop_index("items_by_record", "items")
