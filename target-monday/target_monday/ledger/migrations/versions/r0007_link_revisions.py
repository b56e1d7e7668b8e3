"""A number for the links of each board, which moves with what they point to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make room for it; boards without one have the number 0."""
    op.create_table(
        "link_revisions",
        sa.Column("board", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary),
    )
    op.create_index("link_targets_by_target", "link_targets", ["target"])
