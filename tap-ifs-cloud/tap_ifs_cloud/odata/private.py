"""The one way to write files: for their owner only, whole or not at all, through no planted link.

They hold business data, or what tells of it. The tap and the target hold equal copies of this
module: each package stands alone. All functions raise OSError with the path that was asked for.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from tempfile import mkstemp
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PART", "append_private", "create_private", "make_private_folder", "write_private"]

PART: Final = ".part"  # how the name of a file ends that is still written
_FILE: Final = 0o600
_FOLDER: Final = 0o700
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


def make_private_folder(folder: Path) -> Path:
    """Return the folder, made for its owner alone where it is missing, as are those above it."""
    with _naming(folder):
        for each in reversed([folder, *folder.parents]):
            if each.exists() and not each.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not each.exists():
                each.mkdir(_FOLDER, exist_ok=True)
                each.chmod(_FOLDER)  # whatever the umask left of it
    return folder


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file whole; one that is there, or a link, is put in its place.

    Whoever reads meanwhile sees the old file or the new one. Missing folders are made.
    """
    make_private_folder(path.parent)
    with _naming(path):
        # A name that nobody can foresee, opened with O_EXCL and O_NOFOLLOW.
        handle, name = mkstemp(PART, f".{path.name[:100]}.", path.parent)
        part = path.with_name(os.path.basename(name))  # noqa: PTH119 - of a text
        try:
            _fill(handle, content)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def create_private(path: Path, content: str | bytes = b"") -> None:
    """Write a file that must not be there, nor a link. Raises FileExistsError."""
    make_private_folder(path.parent)
    with _naming(path):
        _fill(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, _FILE), content)


def append_private(path: Path, content: bytes) -> None:
    """Append to a file in one write; it is made where it is missing. A link is not followed."""
    with suppress(FileExistsError):
        create_private(path)
    with _naming(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | _NO_LINK)
        try:
            os.write(handle, content)
        finally:
            os.close(handle)


def _fill(handle: int, content: str | bytes) -> None:
    with open(handle, "wb") as file:
        os.fchmod(handle, _FILE)  # whatever the umask left of it
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors name the path that was asked for, not one that it was written by."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
