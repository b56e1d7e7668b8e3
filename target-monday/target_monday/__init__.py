"""Singer target for monday.com: only changes are sent, every row is accounted for."""

from __future__ import annotations

__all__: list[str] = []
