"""Names in comparable form: `OrderNo`, "Order no." and `order_number` are the same words. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["core", "meaning", "words"]

_BREAK: Final = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|[^A-Za-z0-9]+"
)
_EMAIL: Final = re.compile(r"\be-mail", re.IGNORECASE)
_SIBILANTS: Final = ("sses", "xes", "ches", "shes")
_NO_PLURAL: Final = ("ss", "us", "is")
_SHORT: Final = 3  # words up to this many letters are no plurals
# What people write for one thing, and what business systems do.
_MEANINGS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("objstate", "rowstate", "state"), ("status",)),
    **dict.fromkeys(("no", "nr", "num", "nbr", "id"), ("number",)),
    **dict.fromkeys(("acct", "accnt", "acc"), ("account",)),
    **dict.fromkeys(("tel", "telephone", "mobile"), ("phone",)),
    **dict.fromkeys(("curr", "ccy"), ("currency",)),
    "vendor": ("supplier",),
    "amt": ("amount",),
    "desc": ("description",),
    "qty": ("quantity",),
    "mail": ("email",),
    "ref": ("reference",),
    "debet": ("debit",),
    "po": ("purchase", "order"),
    "uom": ("unit",),
}
# What one side often leaves out where the types of property and column say it.
_NOISE: Final = frozenset(
    {"the", "of", "in", "ifs", "erp", "code", "name", "date", "text", "currency", "value"}
)


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case, without accents and in the singular."""
    plain = "".join(
        each
        for each in unicodedata.normalize("NFKD", _EMAIL.sub("Email", name))
        if not unicodedata.combining(each)
    )
    return tuple(_singular(word.casefold()) for word in _BREAK.split(plain) if word)


def _singular(word: str) -> str:
    if len(word) <= _SHORT or not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(_SIBILANTS) else word[:-1]


def meaning(name: str) -> frozenset[str]:
    """What the words mean, whatever their order: `VendorNo` is a supplier's number."""
    return _meaning(words(name))


def _meaning(these: Iterable[str]) -> frozenset[str]:
    return frozenset(each for word in these for each in _MEANINGS.get(word, (word,)))


def core(name: str) -> frozenset[str]:
    """The meaning without what is often left out; empty if nothing else is there."""
    return meaning(name) - _NOISE
