"""A mapping proposed for boards that are there: streams to boards, properties to columns."""
