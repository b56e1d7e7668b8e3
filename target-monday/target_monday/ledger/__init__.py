"""What was intended, sent, acknowledged and rejected."""
