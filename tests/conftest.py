"""Fixtures that every part shares: the sandbox over real sockets, and the reference data."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """The user's caches are left alone, also by what is discovered while tests are collected."""
    caches = TemporaryDirectory(prefix="caches-")
    config.add_cleanup(caches.cleanup)
    os.environ["XDG_CACHE_HOME"] = caches.name


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The directory of meltano.yml."""
    return ROOT


@pytest.fixture
def start_sandbox() -> Iterator[Callable[[SandboxSettings], Sandbox]]:
    """Starts sandboxes with given settings; all are stopped after the test."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Sandbox(settings))


@pytest.fixture(scope="session")
def miss() -> Callable[[str], None]:
    """Skips for want of something; with CI=true that is a failure, since CI has all of it."""

    def skip(what: str) -> None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {what}")
        pytest.skip(f"this machine has no {what}")

    return skip


@pytest.fixture(scope="session")
def reference(project_root: Path, miss: Callable[[str], None]) -> Callable[[str, str], Path]:
    """Gives the path of reference data beside the project, which is not part of it."""

    def path(name: str, what: str) -> Path:
        found = project_root.parent / "shared" / name
        if not found.exists():
            miss(f"{what} at ../shared/{name}")
        return found

    return path
