"""BATCH messages: records in files of JSON lines, read one by one with all their digits.

What a BATCH holds is treated as if it had come in RECORD messages, stream maps included. Files
elsewhere than on this machine, and other formats, are refused: nothing of a BATCH is passed over.
"""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from target_monday.errors import InputFault
from target_monday.quoting import quoted
from target_monday.reader import LONGEST_LINE, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BatchFault", "batch_records"]

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


class BatchFault(InputFault):
    """A BATCH that cannot be read; nothing after it is."""

    code = "BATCH"


def batch_records(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of a BATCH, in order. Raises BatchFault."""
    stream, encoding, names = message["stream"], message["encoding"], message["manifest"]
    if not (isinstance(encoding, dict) and isinstance(names, list)):
        raise BatchFault(f"Stream {stream!r} sends a BATCH without an encoding or a manifest.")
    form, compression = encoding.get("format"), encoding.get("compression")
    if form != "jsonl" or compression not in (None, "none", "gzip"):
        raise BatchFault(
            f"Stream {stream!r} sends a BATCH of format {quoted(form)}, compression "
            f"{quoted(compression)}; `jsonl`, plain or with `gzip`, can be read. Change the tap's "
            "`batch_config`."
        )
    for name in names:
        yield from _records(stream, str(name), zipped=compression == "gzip")


def _records(stream: str, name: str, *, zipped: bool) -> Iterator[dict[str, Any]]:
    path, number = _path(stream, name), 0
    with _reading(stream, name), _opened(path, zipped=zipped) as lines:
        while line := lines.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise ValueError(f"line {number} is longer than {LONGEST_LINE >> 20} MiB")
            if not line.isspace():
                yield parse_object(line, f"Line {number}")


def _opened(path: Path, *, zipped: bool) -> IO[bytes]:
    if path.exists() and not path.is_file():  # a pipe or a device may never end
        raise ValueError("it is not a file")
    return gzip.open(path) if zipped else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _reading(stream: str, name: str) -> Iterator[None]:
    try:
        yield
    except (InputFault, OSError, EOFError, ValueError, zlib.error) as error:
        reason = str(error).rstrip(".")
        raise BatchFault(
            f"Stream {stream!r}: {name!r} of a BATCH cannot be read: {reason}."
        ) from None


def _path(stream: str, name: str) -> Path:
    scheme = _SCHEME.match(name)
    if scheme is None:
        return Path(name)
    if scheme.group(1).lower() != "file":
        raise BatchFault(
            f"Stream {stream!r} sends a BATCH at {scheme.group(0)}; only files of this machine can "
            "be read. Let the tap write its batches to a `file://` root, or send records."
        )
    return Path(name[scheme.end() :])
