"""What the ledger says of a run when it begins: who, where, with which versions and settings."""

from __future__ import annotations

import getpass
import os
import platform
import socket
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.ledger.runs import RunHeader
from target_monday.settings import SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["run_header", "user_name"]

# Where and how fast, not what is written.
_DELIVERY: Final = frozenset(
    {
        *("api_url", "api_version", "max_calls", "reserve_calls", "lane", "backfill"),
        *("poll_interval", "max_rejects", "max_aliases", "timeout", "batch_size_rows"),
        *("payload_days", "seals"),
    }
)
_PACKAGES: Final = ("target-monday", "singer-sdk", "sqlalchemy", "msgspec", "requests")
_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


def run_header(config: Mapping[str, Any], target_version: str) -> RunHeader:
    """The header of a run of this process with these settings; no secret is in it."""
    settings = {name: value for name, value in config.items() if name not in SECRETS}
    mapping = {name: value for name, value in settings.items() if name not in _DELIVERY}
    text = _encode(mapping)
    return RunHeader(
        version=target_version,
        user=user_name(),
        host=socket.gethostname(),
        pid=os.getpid(),
        versions=_encode({"python": platform.python_version(), **_versions()}).decode(),
        settings_hash=sha256(_encode(settings)).hexdigest(),
        mapping_hash=sha256(text).hexdigest(),
        mapping=text.decode(),
        git_commit=git_commit(Path.cwd()),
        token_fingerprint=sha256(str(config["api_token"]).encode()).hexdigest()[:12],
    )


def user_name() -> str | None:
    """Whoever runs this; None where the system knows no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


@cache
def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out where `folder` lies; None where there is no repository."""
    for each in (folder, *folder.parents):
        mark = each / ".git"
        with suppress(OSError, UnicodeDecodeError):
            if mark.is_file():  # a worktree
                mark = each / mark.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
            if mark.is_dir():
                return _head_of(mark)
    return None


def _head_of(repository: Path) -> str | None:
    head = (repository / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = repository / "commondir"
    shared = repository / common.read_text(encoding="utf-8").strip() if common.exists() else None
    for place in (repository, shared):
        if place is None:
            continue
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8").strip()
        packed = place / "packed-refs"
        lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
        for line in lines:
            if line.endswith(f" {name}"):
                return line.split()[0]
    return None
