"""The IFS Cloud side: tokens, metadata, entity sets."""
