"""Rows that a run has skipped, kept by key in a file until a later run has read them.

A file for each stream, one JSON object a line. A row is in it before a bookmark can pass the row.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import field

from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.errors import IfsError
from tap_ifs_cloud.odata.private import append_private, make_private_folder, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Reject", "RejectFile", "RejectFileFailed", "default_reject_folder"]


class RejectFileFailed(IfsError):
    """The file of skipped rows cannot be read or written, so no row may be skipped."""

    code = "REJECT_FILE_FAILED"

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path}: {error.strerror}. Skipped rows would be lost, so the stream ends here. Set "
            "`reject_folder` to a folder that can be written"
        )


class Reject(msgspec.Struct, frozen=True):
    """A skipped row: its key, and what is wrong with it. A part of the key may be null."""

    entity_set: str
    key: dict[str, Any]
    columns: dict[str, str]  # column -> what is wrong with its value
    at: str  # when it was skipped, in UTC
    is_identified: bool = field(default=True)  # whether the key was read whole

    @property
    def identity(self) -> bytes:
        """What two lines about one row have in common."""
        return _LINE.encode(self.key)


_LINE: Final = msgspec.json.Encoder(decimal_format="number")
_REJECT: Final = msgspec.json.Decoder(Reject)


def default_reject_folder(
    base_url: str, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of a tenant among a user's states (XDG base directories); None without a home."""
    named = environment.get("XDG_STATE_HOME", "")
    try:
        states = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    parts = urlsplit(base_url)
    return states / "tap-ifs-cloud" / quote(f"{parts.netloc}{parts.path}".rstrip("/"), safe="")


@dataclass(frozen=True, slots=True)
class RejectFile:
    """The file of one stream. Raises RejectFileFailed where the disk fails."""

    path: Path

    @classmethod
    def of(cls, folder: Path, stream: str) -> RejectFile:
        """The file of a stream in a folder."""
        return cls(folder / f"{quote(stream, safe=' ').lstrip('.') or 'stream'}.jsonl")

    def read(self) -> list[Reject]:
        """The rows in it, each once. A line that was not written whole belongs to no bookmark."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RejectFileFailed(self.path, error) from error
        found: dict[bytes, Reject] = {}
        for line in lines:
            try:
                reject = decoded(_REJECT, line)
            except Undecodable:
                continue
            found[reject.identity] = reject
        return list(found.values())

    def add(self, rejects: Iterable[Reject]) -> None:
        """Append rows. They begin on a line of their own, also where one was not written whole."""
        try:
            make_private_folder(self.path.parent)
            append_private(self.path, b"\n" + _LINE.encode_lines(list(rejects)))
        except OSError as error:
            raise RejectFileFailed(self.path, error) from error

    def replace(self, rejects: Iterable[Reject]) -> None:
        """Keep just these rows; without any, there is no file."""
        content = _LINE.encode_lines(list(rejects))
        try:
            if content:
                write_private(self.path, content)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise RejectFileFailed(self.path, error) from error
