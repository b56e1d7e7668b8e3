"""Files that only their owner may read: they hold business data, or what tells of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from target_monday.errors import RunFailed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_private_folder", "write_private"]

_OWNER_ONLY: Final = 0o600


def make_private_folder(folder: Path) -> Path:
    """The folder, made for its owner alone where it is missing. Raises RunFailed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RunFailed(f"{folder} cannot be made: {error.strerror}.") from error
    return folder


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file whole, readable by its owner only; one that is there is put in its place.

    Whoever reads meanwhile sees the old file or the new one. Raises RunFailed.
    """
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
            file.write(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise RunFailed(f"{path} cannot be written: {error.strerror}.") from error
