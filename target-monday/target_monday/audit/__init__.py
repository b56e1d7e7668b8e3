"""The commands of `target-monday-audit`, one a module: what the ledger says, and what to do."""
