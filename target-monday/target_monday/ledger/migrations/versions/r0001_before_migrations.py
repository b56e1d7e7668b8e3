"""The tables as they were before the ledger knew of migrations; such a ledger is taken for this."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: new ledgers are made at the newest revision."""
