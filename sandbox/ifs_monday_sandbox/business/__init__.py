"""A believable manufacturer, generated from a seed, and how its business moves on."""

from ifs_monday_sandbox.business.company import Business
from ifs_monday_sandbox.business.table import Row
from ifs_monday_sandbox.business.tick import Changes, SetChanges

__all__ = ["Business", "Changes", "Row", "SetChanges"]
