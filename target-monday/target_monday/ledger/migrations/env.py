"""Runs the revisions over the connection that `database` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from target_monday.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
