"""Items that have the cells of the operation that made them point to it, and do not repeat them."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Have room for it; the items that are known keep their cells."""
    op.execute("ALTER TABLE items ADD COLUMN made_by INTEGER REFERENCES operations (id)")
