"""`$metadata` documents kept on disk from run to run, each with the server's own validators.

A document that the server has given an etag or a time of last change is asked for with them the
next time; the server answers 304 while it is the same, and its many megabytes stay where they are.
"""

from __future__ import annotations

import logging
import os
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

import msgspec

from tap_ifs_cloud.odata.private import PART, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MetadataCache", "Stored", "conditions", "default_folder"]

logger = logging.getLogger(__name__)

_SUFFIX: Final = ".metadata"
_UNUSED: Final = 90 * 86_400  # seconds after which a document is dropped
_ABANDONED: Final = 86_400  # seconds after which nobody is still writing a file


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as the server sent it, and the validators that came with it."""

    body: bytes
    etag: str | None
    last_modified: str | None


class _Head(msgspec.Struct, frozen=True):
    """The first line of a file after its checksum."""

    url: str  # its digest: an address may hold what is nobody's business
    etag: str | None
    last_modified: str | None


_HEAD: Final = msgspec.json.Decoder(_Head)


def conditions(stored: Stored | None) -> dict[str, str]:
    """Headers that ask for the document only if it is another one than `stored`.

    The etag goes alone where there is one: it decides (RFC 9110, 13.1.3).
    """
    if stored is None:
        return {}
    if stored.etag:
        return {"If-None-Match": stored.etag}
    return {"If-Modified-Since": stored.last_modified} if stored.last_modified else {}


def default_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where a user's caches are (XDG base directories); None for a user without a home."""
    named = environment.get("XDG_CACHE_HOME", "")
    try:
        caches = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return caches / "tap-ifs-cloud"


@dataclass(slots=True)
class MetadataCache:
    """Documents in a folder, one file for each address. Without a folder nothing is kept.

    Files are readable by their owner only and replaced in one step. One that is damaged counts as
    not stored. What was not used for 90 days goes. No error of the disk ever reaches the caller.
    """

    folder: Path | None
    now: Callable[[], float] = time.time  # as files are stamped: seconds since 1970
    _warned: bool = field(default=False, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def stored(self, url: str) -> Stored | None:
        """The document of an address, if it is here and whole. Counts as a use of it."""
        if self.folder is None:
            return None
        path = self._path(self.folder, url)
        try:
            found = _decoded(path.read_bytes(), url)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(error)
            return None
        if found is not None:
            with suppress(OSError):  # in a folder that may only be read
                os.utime(path, (self.now(), self.now()))
        return found

    def store(self, url: str, body: bytes, etag: str | None, last_modified: str | None) -> None:
        """Keep a document; not one without a validator, which could never be asked about."""
        if self.folder is None or not (etag or last_modified):
            return
        try:
            path = self._path(self.folder, url)
            write_private(path, _encoded(Stored(body, etag, last_modified), url))
            os.utime(path, (self.now(), self.now()))
            self._drop_old(self.folder)
        except OSError as error:
            self._warn(error)

    def _path(self, folder: Path, url: str) -> Path:
        return folder / f"{_digest(url)}{_SUFFIX}"

    def _drop_old(self, folder: Path) -> None:
        for suffix, age in ((_SUFFIX, _UNUSED), (PART, _ABANDONED)):
            for path in folder.glob(f"*{suffix}"):
                try:
                    if path.stat().st_mtime < self.now() - age:
                        path.unlink()
                except FileNotFoundError:  # another run was first
                    continue

    def _warn(self, error: OSError) -> None:
        """Once in a run: the run is only slower for it."""
        with self._lock:
            warned, self._warned = self._warned, True
        if not warned:
            logger.warning(
                "metadata_cache.unusable folder=%s %s: $metadata is fetched anew in every run",
                self.folder,
                error.strerror,
            )


def _encoded(stored: Stored, url: str) -> bytes:
    head = msgspec.json.encode(_Head(_digest(url), stored.etag, stored.last_modified))
    content = head + b"\n" + zlib.compress(stored.body, 1)
    return _checksum(content) + content


def _decoded(file: bytes, url: str) -> Stored | None:
    """None for what was not written whole, or for another address."""
    checksum, content = file[:65], file[65:]
    if checksum != _checksum(content):
        return None
    line, _, body = content.partition(b"\n")
    try:
        head = _HEAD.decode(line)
        if head.url != _digest(url):
            return None
        return Stored(zlib.decompress(body), head.etag, head.last_modified)
    except (msgspec.DecodeError, zlib.error):  # whole, but of another version of this program
        return None


def _checksum(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode() + b"\n"


def _digest(url: str) -> str:
    return sha256(url.encode()).hexdigest()
