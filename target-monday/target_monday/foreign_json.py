"""JSON that others wrote, decoded without trust. Pure.

Decoders raise more than decoding errors: bytes that are not UTF-8, numbers beyond any range and
values nested too deep each end in an exception of their own. Here they all become NotJson.

Some programs write `NaN`, half of a surrogate pair or an integer of thousands of digits. One such
value need not cost the whole text: `decode_around` reads the rest.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ANYTHING", "DEEPEST", "NotJson", "decode", "decode_around", "is_shallow"]

DEEPEST: Final = 100  # levels of nesting; what comes after it walks through values recursively
ANYTHING: Final = msgspec.json.Decoder(float_hook=Decimal)  # every digit of every number
_BOM: Final = b"\xef\xbb\xbf"
_TOKENS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_TOO_DEEP: Final = f"(nested more than {DEEPEST} levels deep)"
_CUT: Final = f'"\\ud800{_TOO_DEEP}"'  # half of a surrogate pair: no text that can be read

Decoded_co = TypeVar("Decoded_co", covariant=True)


class _Decoder(Protocol[Decoded_co]):
    def decode(self, buf: bytes | str, /) -> Decoded_co: ...


class NotJson(ValueError):
    """The text cannot be read, for the reason that the message states."""


def decode(content: bytes | str, decoder: _Decoder[Decoded_co]) -> Decoded_co:
    """The value that the decoder reads. Raises NotJson for whatever stops it."""
    try:
        return decoder.decode(content)
    except UnicodeDecodeError as error:
        raise NotJson("it is not UTF-8") from error
    except ValueError as error:
        raise NotJson(str(error)) from error
    except RecursionError as error:
        raise NotJson("it is nested too deep") from error
    except ArithmeticError as error:
        raise NotJson("it has a number beyond any range") from error


def is_shallow(content: bytes | str) -> bool:
    """Whether no value is nested more than DEEPEST levels deep."""
    brackets = (b"{", b"[") if isinstance(content, bytes) else ("{", "[")
    if sum(map(content.count, brackets)) <= DEEPEST:  # type: ignore[arg-type] # of its own kind
        return True
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError:
        return True  # no decoder reads it
    return _cut(text) is text


def decode_around(content: bytes | str, stand_in: Callable[[str], Any]) -> Any:
    """The value, with `stand_in` of the text of each part that cannot be read in its place.

    Such parts are `NaN` and infinities, numbers beyond any range, halves of surrogate pairs, and
    what is nested too deep. Raises NotJson if the text is not JSON at all.
    """

    def number(kind: Callable[[str], Any], digits: str) -> Any:
        try:
            return kind(digits)
        except (ValueError, ArithmeticError):
            return stand_in(digits)

    try:
        text = content if isinstance(content, str) else content.removeprefix(_BOM).decode()
        value = json.loads(
            _cut(text),
            parse_int=lambda digits: number(int, digits),
            parse_float=lambda digits: number(Decimal, digits),
            parse_constant=stand_in,
        )
    except UnicodeDecodeError as error:
        raise NotJson("it is not UTF-8") from error
    except ValueError as error:
        raise NotJson(str(error)) from error
    return _readable(value, stand_in)


def _cut(text: str) -> str:
    """The text with a mark in the place of each value that is nested too deep."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKENS.finditer(text):
        symbol = token.group()
        if symbol in {"[", "{"}:
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[start : token.start()], _CUT]
        elif symbol in {"]", "}"}:
            if depth == DEEPEST + 1:
                start = token.end()
            depth -= 1
    return "".join([*kept, text[start:]]) if kept else text


def _readable(value: Any, stand_in: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        return {_whole(name): _readable(each, stand_in) for name, each in value.items()}
    if isinstance(value, list):
        return [_readable(each, stand_in) for each in value]
    if isinstance(value, str) and (whole := _whole(value)) != value:
        return stand_in(_TOO_DEEP if whole == f"?{_TOO_DEEP}" else whole)
    return value


def _whole(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair."""
    return text.encode(errors="replace").decode()
