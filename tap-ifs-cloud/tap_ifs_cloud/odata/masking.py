"""What errors and logs may never show: tokens, secrets, passwords; in any form they come back."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "header_secrets", "masked"]

MASK: Final = "***"
# Of a longer secret, so much of its beginning is enough to know it: excerpts cut it.
_BEGINNING: Final = 8
_SHORTEST: Final = 4  # shorter values are words of every text
_WORDS: Final = frozenset({"true", "false", "none", "null"})
_TOKEN: Final = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)
# An address may go up to the next blank or quotation mark; what is before its last `@` is a user
# only where its authority is more than a host with a port.
_BEFORE_AT: Final = re.compile(r"""//[^\s"'<>]*@""")
_HOST: Final = re.compile(r"//(?:[\w.~%-]+|\[[\da-fA-F:.]*\])(?::\d*)?(?=[/?#])")


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the secrets, without tokens of other owners and passwords in addresses.

    A secret is found as it is and as HTML, JSON and forms write it, also if its end is cut off.
    """
    forms = {form for secret in secrets if _is_secret(secret) for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    for beginning in {form[:_BEGINNING] for form in forms if len(form) > _BEGINNING}:
        text = _without_cut(text, beginning, forms)
    return _without_users(_TOKEN.sub(rf"\1 {MASK}", text))


def header_secrets(values: Iterable[str]) -> Iterator[str]:
    """The values of headers, and what stands behind a scheme such as `Bearer`."""
    for value in values:
        yield value
        yield value.rpartition(" ")[2]


def _without_users(text: str) -> str:
    """Hide user and password of each address; an `@` in its path or query hides nothing."""
    kept = []
    while found := _BEFORE_AT.search(text):
        host = _HOST.match(text, found.start())
        kept.append(text[: host.end()] if host else f"{text[: found.start()]}//{MASK}@")
        text = text[(host or found).end() :]
    return "".join((*kept, text))


def _is_secret(text: str) -> bool:
    return len(text) >= _SHORTEST and text.lower() not in _WORDS


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret), escape(secret))
    yield json.dumps(secret)[1:-1]


def _without_cut(text: str, beginning: str, forms: Iterable[str]) -> str:
    """The text without what is left of forms that begin so; one may begin as another does."""
    kept, found, rest = text.partition(beginning)
    if not found:
        return text
    ends = [form[len(beginning) :] for form in forms if form.startswith(beginning)]
    cut = max(_in_common(rest, end) for end in ends)
    return f"{kept}{MASK}{_without_cut(rest[cut:], beginning, forms)}"


def _in_common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
