"""Bodies as they travel: put together from pieces, unpacked, never beyond a size. No I/O."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ACCEPTED", "CannotUnpack", "beginning", "gathered", "unpacked"]

ACCEPTED: Final = "gzip"
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_PLAIN: Final = frozenset({"", "identity"})
_WINDOW: Final = 16 + zlib.MAX_WBITS  # a gzip header and trailer are expected
_MAGIC: Final = b"\x1f"
_FED: Final = 65_536  # bytes; one can become a thousand
_GIVEN: Final = 4 * 2**20


class CannotUnpack(ValueError):
    """The body is not what its Content-Encoding says."""


def gathered(pieces: Iterable[bytes], largest: int) -> bytes | None:
    """The pieces as one, or `None` if that is more than `largest`; then no more are asked for."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > largest:
            return None
        kept.append(piece)
    return kept[0] if len(kept) == 1 else b"".join(kept)


def beginning(pieces: Iterable[bytes], enough: int) -> bytes:
    """The first `enough` bytes of the pieces, or all; no more are asked for."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) >= enough:
            break
    return bytes(kept[:enough])


def unpacked(body: bytes, encoding: str) -> Iterator[bytes]:
    """The content in pieces of at most 4 MiB. Raises CannotUnpack, also if the end is missing."""
    encoding = encoding.strip().lower()
    if encoding in _PLAIN or not body:
        yield body
    elif encoding in _GZIP:
        yield from _gunzipped(body)
    else:
        raise CannotUnpack(f"Content-Encoding {encoding!r} was not asked for")


def _gunzipped(body: bytes) -> Iterator[bytes]:
    """One or more gzip members; what follows them and is none is left out, as gzip does."""
    member = zlib.decompressobj(_WINDOW)
    view = memoryview(body)
    for start in range(0, len(body), _FED):
        rest: bytes | memoryview = view[start : start + _FED]
        while rest:
            if member.eof:
                if rest[:1] != _MAGIC:
                    return
                member = zlib.decompressobj(_WINDOW)
            try:
                piece = member.decompress(rest, _GIVEN)
            except zlib.error as error:
                raise CannotUnpack(str(error)) from error
            if piece:
                yield piece
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise CannotUnpack("the end of the packed body is missing")
