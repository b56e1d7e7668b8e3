"""Offline twin of IFS Cloud and monday.com."""
