"""Links that a board was seen not to have any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make room for them."""
    op.create_table(
        "lost_links",
        sa.Column("board", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("column", sa.String(255), primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("item_id", sa.String(40), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("digest", sa.LargeBinary),
    )
