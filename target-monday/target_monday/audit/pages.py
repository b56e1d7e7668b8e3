"""Templates filled in: pages that need nothing but themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from target_monday.audit.comparing import cell_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["figure", "moment", "rendered"]


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": cell_text, "moment": moment, "figure": figure}
    return environment


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """The template with these values; what stands in them is text, never markup."""
    return _templates().get_template(template).render(values)


def moment(seconds: float | None) -> str:
    """Seconds since 1970 as people read them, in UTC."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def figure(number: str | float | None) -> str:
    """Digits in groups of three, divided by narrow blanks: 1 234 567.5."""
    if number is None:
        return ""
    whole, dot, rest = str(number).partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = [whole[max(end - 3, 0) : end] for end in range(len(whole), 0, -3)]
    return sign + "\u202f".join(reversed(groups)) + dot + rest
