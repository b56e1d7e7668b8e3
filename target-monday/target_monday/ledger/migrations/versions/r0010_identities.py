"""Boards say what their keys are made of, how settings named them, and since when to doubt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make room for it; the next run that opens a board fills it in."""
    op.add_column("boards", sa.Column("identity", sa.Text))
    op.add_column("boards", sa.Column("asked", sa.Text))
    op.add_column("boards", sa.Column("doubted_at", sa.Float))
