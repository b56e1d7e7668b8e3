"""Value <-> column value: one codec a column type. Pure.

A cell has one canonical form whatever way it comes: from a Singer value (`canonical`), or read
back from the board (`decode`). Two cells are equal if their canonical forms are; `encode` turns it
into what monday takes. None is an empty cell everywhere, and the one form that clears it.
Column values: developer.monday.com/api-reference/reference/column-values-v2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from target_monday.cells.choices import dropdown, people, status, tags
from target_monday.cells.codec import Canonical, Codec, Encode, Setup, guarded, readable
from target_monday.cells.figures import checkbox, numbers, rating
from target_monday.cells.links import board_relation
from target_monday.cells.places import country, location
from target_monday.cells.texts import LONG_TEXT_LIMIT, TEXT_LIMIT, email, link, long_text, phone
from target_monday.cells.texts import text as text_codec
from target_monday.cells.times import date_codec, hour, timeline, week, world_clock, zones
from target_monday.truncation import TITLE_LIMIT, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_monday.labels import Labels

__all__ = [
    "LONG_TEXT_LIMIT",
    "NAME_LIMIT",
    "READ_ONLY_TYPES",
    "SUPPORTED_TYPES",
    "TEXT_LIMIT",
    "Canonical",
    "Codec",
    "Encode",
    "Setup",
    "codec_for",
    "shorten",
    "zones",
]

NAME_LIMIT: Final = TITLE_LIMIT

_CODECS: Final[Mapping[str, Callable[[Setup], Codec]]] = {
    "board_relation": board_relation,
    "checkbox": checkbox,
    "country": country,
    "date": date_codec,
    "dropdown": dropdown,
    "email": email,
    "hour": hour,
    "link": link,
    "location": location,
    "long_text": long_text,
    "numbers": numbers,
    "people": people,
    "phone": phone,
    "rating": rating,
    "status": status,
    "tags": tags,
    "text": text_codec,
    "timeline": timeline,
    "week": week,
    "world_clock": world_clock,
}

SUPPORTED_TYPES: Final = frozenset(_CODECS)

# Column types that monday fills itself: a write is refused, or accepted and without effect.
READ_ONLY_TYPES: Final = frozenset(
    {
        *("auto_number", "button", "creation_log", "doc", "direct_doc", "file", "formula"),
        *("integration", "item_assignees", "item_id", "last_updated", "mirror", "name"),
        *("progress", "subtasks", "time_tracking", "vote"),
    }
)


def codec_for(column_type: str, labels: Labels | None = None, setup: Setup | None = None) -> Codec:
    """The codec of a column type; status and dropdown columns need their labels."""
    setup = setup or Setup()
    codec = _CODECS[column_type](replace(setup, labels=labels) if labels else setup)
    canonical, decode = guarded(codec.canonical, column_type), readable(codec.decode)
    return replace(codec, canonical=canonical, decode=decode)
