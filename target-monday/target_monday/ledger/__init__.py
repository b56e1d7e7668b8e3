"""The database of what was intended, sent, acknowledged and rejected."""
