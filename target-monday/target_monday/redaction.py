"""Diagnostics that anyone may read: without secrets, and without characters that act.

A diagnostic is a log line, an error message, an address or a server's own name of a request. It
passes a `Redactor` where it leaves: on its way to a handler of the log, to the terminal, to a
column of diagnostics. Keys, cells and records are evidence and pass none.

The tap and the target hold equal copies of this module: each package stands alone.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote
from urllib.request import getproxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "MASK",
    "Redactor",
    "address_secrets",
    "proxy_secrets",
    "redact_logs",
    "texts",
    "visible",
]

MASK: Final = "***"
_PART: Final = 8  # so many characters of a secret in a row give it away
_SHORTEST: Final = 4  # shorter values are in every text
_WORDS: Final = frozenset({"true", "false", "none", "null"})
_DEPTH: Final = 3  # escapes inside escapes
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_ESCAPE: Final = re.compile(
    r"%[0-9A-Fa-f]{2}"
    r"|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}"
    r"|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[^ux]"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{11,}")  # of eight bytes and more
_PLAIN_BASE64: Final = str.maketrans("-_", "+/")
# As bytes: blanks, controls and what `visible` puts for a character that acts.
_GAPS: Final = re.compile(r"[\x00-\x20\x7f+]+|\xef\xbf\xbd")  # "+" is a form's blank

# Secrets that nobody has told: of other owners, or of addresses that a server gives.
_NAME: Final = r"[\w.-]*(?:passw|pwd|secret|token|signature|credential|api[-_]?key)[\w.-]*"
_HOST: Final = r"(?:[\w.~%-]+|\[[0-9A-Fa-f:.]*\])(?::[0-9]*)?"
_SECRET_PARAMETER: Final = re.compile(rf"(?i:{_NAME}|pass|auth|sig|key|code)")
_PATTERNS: Final = (
    # Of words behind `Bearer` only those that look like no word.
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)(?=[\w~.+/-]*(?:\d|=|[.+/]\w))[\w.~+/=-]{4,}"),
    re.compile(rf"([?&;]{_SECRET_PARAMETER.pattern}=)[^&;#\s\"'<>]+"),
    re.compile(rf"(?i)(\"{_NAME}\"\s*:\s*\")[^\"]+"),
    # What is before the last `@` of an address is a user only where its authority is more than a
    # host with a port: a path and a query may hold one, too.
    re.compile(rf"(//)(?!{_HOST}[/?#])[^\s\"'<>]*(?=@)"),
)


def visible(text: str) -> str:
    """Return the text on one line, with each character that acts made visible.

    Controls (ESC and C1 among them), marks of writing direction and other format characters become
    U+FFFD; line breaks and other blanks become a blank.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else " " if each.isspace() else _REPLACEMENT for each in text
    )


class Redactor:
    """Redacts diagnostics: hides secrets in any spelling and makes characters that act visible.

    A secret is found whole or cut to eight characters and more, also percent-encoded, escaped for
    JSON or HTML, in base64, with blanks and line breaks in between, and in these inside each other.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]] = lambda: ()) -> None:
        """Initialize.

        Args:
            secrets: Returns the secrets known by now; a run gets new tokens.
        """
        self._secrets = secrets
        self._known: tuple[frozenset[str], _Needles] = (frozenset(), _Needles.of(()))

    def __call__(self, text: str) -> str:
        """Return the text as anyone may read it."""
        secrets = frozenset(self._secrets())
        known, needles = self._known
        if known != secrets:
            needles = _Needles.of(secrets)
            self._known = (secrets, needles)
        shown = needles.hidden(visible(text))
        for pattern in _PATTERNS:
            shown = pattern.sub(rf"\1{MASK}", shown)
        return shown


@dataclass(frozen=True, slots=True)
class _View:
    """A text as bytes, one character each, and where each came from in the first one."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def without(self, gaps: re.Pattern[str]) -> _View:
        """Return the view without what matches."""
        if not gaps.search(self.text):
            return self
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for first, last in [*(found.span() for found in gaps.finditer(self.text)), (None, None)]:
            parts.append(self.text[done:first])
            starts += self.starts[done:first]
            ends += self.ends[done:first]
            done = last or done
        return _View("".join(parts), starts, ends)

    def unescaped(self) -> _View | None:
        """Return the view with one layer of escapes taken off; None where there is none."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for found in _ESCAPE.finditer(self.text):
            plain = _meaning(found[0])
            if plain is None:
                continue
            first, last = found.start(), found.end()
            parts += (self.text[done:first], plain)
            starts += self.starts[done:first]
            ends += self.ends[done:first]
            starts += [self.starts[first]] * len(plain)
            ends += [self.ends[last - 1]] * len(plain)
            done = last
        if not parts:
            return None
        parts.append(self.text[done:])
        starts += self.starts[done:]
        ends += self.ends[done:]
        return _View("".join(parts), starts, ends)


def _view(text: str) -> _View:
    raw = _bytes(text)
    return _View(raw, range(len(raw)), range(1, len(raw) + 1))


def _bytes(text: str) -> str:
    """The text's UTF-8, a character a byte."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _meaning(escape: str) -> str | None:
    """What an escape stands for, as bytes; None if it is none."""
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    if escape[0] == "&":
        plain = unescape(escape)
        return None if plain == escape else _bytes(plain)
    if escape[1] in "ux":
        units = [int(unit, 16) for unit in re.split(r"\\[ux]", escape)[1:]]
        packed = b"".join(unit.to_bytes(2, "big") for unit in units)
        return _bytes(packed.decode("utf-16-be", "surrogatepass"))
    return {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}.get(escape[1], escape[1])


@dataclass(frozen=True, slots=True)
class _Needles:
    """The secrets as they are looked for: short ones whole, of longer ones any eight bytes."""

    parts: frozenset[str]
    whole: tuple[str, ...]

    @classmethod
    def of(cls, secrets: Iterable[str]) -> _Needles:
        """Return what to look for."""
        parts: set[str] = set()
        whole: set[str] = set()
        for secret in secrets:
            view = _view(visible(secret).strip())
            tight = view.without(_GAPS).text
            if len(tight) >= _PART:
                parts.update(_windows(tight))
            elif len(view.text) >= _SHORTEST and view.text.lower() not in _WORDS:
                whole.add(view.text)
        return cls(frozenset(parts), tuple(whole))

    def hidden(self, text: str) -> str:
        """Return the text with a mask in the place of each secret."""
        if not self.parts and not self.whole:
            return text
        view: _View | None = _view(text)
        spans: list[tuple[int, int]] = []
        for _ in range(_DEPTH + 1):
            if view is None:
                break
            spans += self._found(view)
            view = view.unescaped()
        return _masked(text, spans) if spans else text

    def _found(self, view: _View) -> Iterator[tuple[int, int]]:
        """Where secrets are, in the first text."""
        whole = ((view, span) for span in self._whole_in(view.text))
        in_base64 = ((view, span) for span in self._in_base64(view.text))
        tight = view.without(_GAPS)
        parts = ((tight, span) for span in self._parts_in(tight.text))
        for seen in (whole, in_base64, parts):
            for of, (first, last) in seen:
                yield of.starts[first], of.ends[last - 1]

    def _whole_in(self, text: str) -> Iterator[tuple[int, int]]:
        for needle in self.whole:
            at = text.find(needle)
            while at >= 0:
                yield at, at + len(needle)
                at = text.find(needle, at + 1)

    def _parts_in(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.parts.isdisjoint(_windows(text)):
            for at, window in enumerate(_windows(text)):
                if window in self.parts:
                    yield at, at + _PART

    def _in_base64(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets are in runs of base64, which may begin anywhere in a group of four."""
        for found in _BASE64.finditer(text):
            run = found[0].translate(_PLAIN_BASE64)
            for offset in range(4):
                plain = _from_base64(run[offset:])
                for spans in (self._whole_in(plain), self._parts_in(plain)):
                    for first, last in spans:
                        begin = found.start() + offset
                        yield begin + first * 4 // 3, begin - (-last * 4 // 3)


def _windows(text: str) -> Iterator[str]:
    """All parts of the text that are long enough to give a secret away."""
    return (text[at : at + _PART] for at in range(len(text) - _PART + 1))


def _from_base64(run: str) -> str:
    kept = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return b64decode(kept + "=" * (-len(kept) % 4)).decode("latin-1")


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    raw = _bytes(text)
    parts: list[str] = []
    done = 0
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    for start, end in merged:
        parts += (raw[done:start], MASK)
        done = end
    parts.append(raw[done:])
    return "".join(parts).encode("latin-1").decode("utf-8", "replace")


def texts(value: object) -> Iterator[str]:
    """Yield the texts in a setting of any type: a secret may be given as a list or a number."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        yield text
        scheme, _, rest = text.partition(" ")
        if scheme.isalpha():  # such as `Bearer`
            yield rest.strip()


def address_secrets(address: str) -> Iterator[str]:
    """Yield the secrets in an address: its password, and parameters whose names say as much."""
    before, mark, _ = address.rpartition("@")
    if mark:  # an unquoted password may hold any character
        credentials = before.partition("//")[2] or before
        user, _, password = credentials.partition(":")
        yield from (password or user, unquote(password or user))
    for name, value in parse_qsl(address.partition("?")[2]):
        if _SECRET_PARAMETER.fullmatch(name):
            yield value


def proxy_secrets() -> Iterator[str]:
    """Yield the passwords of the proxies that the environment names."""
    for address in getproxies().values():
        yield from address_secrets(address)


def redact_logs(redact: Callable[[str], str]) -> None:
    """Have every record of this process's log redacted before a handler sees it.

    A record is one line; the lines of a traceback are indented, so that none looks like a record.
    """

    def record(*arguments: Any, **named: Any) -> logging.LogRecord:
        made = logging.LogRecord(*arguments, **named)
        try:
            message = made.getMessage()
        except (TypeError, ValueError):  # the arguments do not fit
            message = str(made.msg)
            made.args = ()
        if (shown := redact(message)) != message:
            made.msg, made.args = shown, ()
        if made.exc_info:
            lines = logging.Formatter().formatException(made.exc_info).splitlines()
            clean = [redact(line) for line in lines]
            made.exc_text = "\n".join(f"  {line}" for line in clean)
            if clean != lines:
                made.exc_info = None
        return made

    logging.setLogRecordFactory(record)
