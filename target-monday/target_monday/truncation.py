"""Texts that are longer than monday takes: where they are cut, and how two stay apart. No I/O."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import regex  # type: ignore[import-untyped] # it ships no types

__all__ = ["TITLE_LIMIT", "shorten", "title_of"]

# Characters of a board's, a column's or a group's title; documented for items and groups, assumed
# for the others.
TITLE_LIMIT: Final = 255
_HASH: Final = 8  # hexadecimal digits


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between graphemes and ended with an ellipsis.

    A single grapheme that is longer than the limit is cut inside.
    """
    if len(text) <= limit:
        return text
    end = 0
    for grapheme in regex.finditer(r"\X", text):
        if grapheme.end() > limit - 1:
            break
        end = grapheme.end()
    return text[: end or limit - 1] + "…"


def title_of(name: str) -> str:
    """The title that monday gets for a name: the name itself, or what fits of it.

    A name of more than `TITLE_LIMIT` characters is cut and ends with a hash of the whole name, such
    as `… (1a2b3c4d)`: two names that begin alike get different titles, the same ones in each run. A
    name of blanks is no title, and gets the hash alone.
    """
    if len(name) <= TITLE_LIMIT and not name.isspace() and name:
        return name
    mark = f"({sha256(name.encode(errors='replace')).hexdigest()[:_HASH]})"
    return f"{shorten(name.strip(), TITLE_LIMIT - len(mark) - 1)} {mark}".strip()
