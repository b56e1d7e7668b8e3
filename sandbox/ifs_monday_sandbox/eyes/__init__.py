"""A read-only page of the boards."""
