"""Singer target for monday.com."""
