"""Knows the monday API, knows no Singer."""
