"""Moments as OData writes them, compared to their last digit."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, TypeAlias

__all__ = ["Moment", "moment"]

Moment: TypeAlias = tuple[datetime, str]  # to the second, and the digits of the fraction

_FRACTION: Final = re.compile(r"(?<=:\d\d)\.(\d+)")


def moment(text: str) -> Moment:
    """A value of Edm.DateTimeOffset in a form that compares as it does.

    Python holds six digits of a fraction, and services write up to twelve. Fractions without their
    last zeros compare as texts.
    Raises ValueError.
    """
    fraction = _FRACTION.search(text)
    if fraction is None:
        return datetime.fromisoformat(text), ""
    whole = text[: fraction.start()] + text[fraction.end() :]
    return datetime.fromisoformat(whole), fraction[1].rstrip("0")
