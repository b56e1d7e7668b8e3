"""What an account knows beyond its boards: people, tags, how its weeks begin. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Directory", "address_key", "addresses", "tag_name"]

_SEPARATORS: Final = re.compile(r"[,;\s]+")


@dataclass(slots=True)
class Directory:
    """What was looked up so far; `lookups` asks monday for what is not here yet.

    `people` maps e-mail addresses in lower case to user ids, None where the account has no such
    user, or several. `tags` maps names to ids. `week_begins`: 0 Monday, 6 Sunday.
    """

    people: dict[str, int | None] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    week_begins: int = 0


def addresses(value: object) -> list[str]:
    """The e-mail addresses in a value, in lower case: a list, or a text with several."""
    texts = value if isinstance(value, list) else [value]
    return [
        address_key(part)
        for text in texts
        if isinstance(text, str)
        for part in _SEPARATORS.split(text)
        if part
    ]


def address_key(address: str) -> str:
    """What spellings of one address share. `ß` stays: with `ss` it would be another person's."""
    return address.lower()


def tag_name(text: str) -> str:
    """The name that monday gives a tag: without blanks."""
    return "".join(text.split())
