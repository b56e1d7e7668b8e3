"""What is known about monday's API. Knows no Singer, no ledger, no delivery."""
