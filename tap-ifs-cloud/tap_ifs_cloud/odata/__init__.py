"""Knows OData and IFS Cloud, knows no Singer."""
