"""Corrected records of rejects: an event may name the one that counts from then on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the column; what is there names none, and its digests stay what they are."""
    op.add_column("reject_events", sa.Column("record", sa.Integer))
