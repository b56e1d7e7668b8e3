r"""The canonical key text of a record, as it stands in its item's key column. Pure, reversible.

Parts are joined with "|". Inside a part "\" and "|" are escaped with "\", control characters and
blanks at the edges (which forms and imports trim) become "\uXXXXXX", and an empty part is "\e", so
that a key is never an empty cell. A single part without any of these is its plain value.

An item that still has a key of a former definition stands in the ledger under that key behind "\f",
which begins no key.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

from target_monday.decimals import digits
from target_monday.quoting import quoted
from target_monday.rejects import BadCell, NullKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["bare", "former", "is_former", "key_of", "key_parts", "key_text", "part_text"]

_FORMER = "\\f"
_EMPTY = "\\e"
_PLAIN = re.compile(r"[!-\[\]-{}~]+(?: +[!-\[\]-{}~]+)*")  # printable ASCII, no "\", no "|"
_USUAL = re.compile(rf"{_PLAIN.pattern}(?:[|]{_PLAIN.pattern})*")  # plain parts, joined
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{6})|([\\|e]))")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def key_of(record: Mapping[str, object], key_properties: Sequence[str]) -> tuple[str, ...]:
    """The parts of the key of `record` as texts. Raises NullKey, or BadCell for a nested value."""
    parts = [
        value if type(value) is str else _part(value, name, record)
        for name, value in zip(key_properties, map(record.get, key_properties), strict=True)
    ]
    return tuple(parts)


def _part(value: object, name: str, record: Mapping[str, object]) -> str:
    if value is None:
        raise NullKey(name, missing=name not in record)
    return part_text(value, name)


def part_text(value: object, name: str) -> str:
    """One key part as text: strings verbatim ("007" stays), numbers as plain digits."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            try:
                return digits(value)
            except ValueError as error:
                raise BadCell(f"property {quoted(name)} {error}") from error
        case _:
            raise BadCell(f"property {quoted(name)} is neither a text nor a number")


def key_text(parts: Sequence[str]) -> str:
    """The parts as one text, see the module's first lines."""
    text = "|".join(parts)
    if _USUAL.fullmatch(text) and text.count("|") == len(parts) - 1:
        return text
    return "|".join(map(_escaped, parts))


def key_parts(text: str) -> tuple[str, ...]:
    """The parts that `key_text` was given."""
    parts = re.split(r"(?<!\\)((?:\\\\)*)\|", text)
    joined = [part + run for part, run in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    return tuple(_plain(part) for part in joined)


def former(key: str) -> str:
    """A key of a former definition, as it stands in the ledger."""
    return _FORMER + key


def is_former(key: str) -> bool:
    """Whether this stands for a key of a former definition."""
    return key.startswith(_FORMER)


def bare(key: str) -> str:
    """The key as its item carries it on the board."""
    return key.removeprefix(_FORMER)


def _escaped(part: str) -> str:
    if _PLAIN.fullmatch(part):
        return part
    if not part:
        return _EMPTY
    last = len(part) - 1
    return "".join(
        _escaped_character(character, edge=at in {0, last}) for at, character in enumerate(part)
    )


def _escaped_character(character: str, *, edge: bool) -> str:
    if character in "\\|":
        return "\\" + character
    hidden = unicodedata.category(character) in _HIDDEN
    if hidden or (edge and character.isspace()):
        return f"\\u{ord(character):06x}"
    return character


def _plain(part: str) -> str:
    return _ESCAPE.sub(_unescaped, part)


def _unescaped(found: re.Match[str]) -> str:
    code, escaped = found.groups()
    if code:
        return chr(int(code, 16))
    return "" if escaped == "e" else str(escaped)
