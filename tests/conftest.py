"""Fixtures that every part shares: the sandbox over real sockets, and the reference data."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import hypothesis
import pytest
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent


# A deadline of an example is a timing assertion, which fails on a busy machine.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")


def pytest_configure(config: pytest.Config) -> None:
    """The user's files are left alone, also by what is discovered while tests are collected."""
    for kind in ("CACHE", "STATE"):
        folder = TemporaryDirectory(prefix=f"{kind.lower()}-")
        config.add_cleanup(folder.cleanup)
        os.environ[f"XDG_{kind}_HOME"] = folder.name


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
    """Skips a test for want of something; with REQUIRE_ALL=1 the test fails instead."""

    def skip(what: str) -> None:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"REQUIRE_ALL=1, but this machine lacks {what}")
        pytest.skip(f"this machine lacks {what}")

    return skip


@pytest.fixture(scope="session")
def reference(miss: Callable[[str], None]) -> Callable[[str, str], Path]:
    """Gives the path of reference data outside the project, which an environment variable names."""

    def path(variable: str, what: str) -> Path:
        named = os.environ.get(variable)
        if not named:
            miss(f"{what} ({variable} names no path)")
        found = Path(named or "")
        if not found.exists():
            miss(f"{what} ({variable} names a path that does not exist)")
        return found

    return path


@pytest.fixture(scope="session")
def monday_schema(reference: Callable[[str, str], Path]) -> Path:
    """The folder with monday's own schema and operations."""
    return reference("MONDAY_SCHEMA", "monday's official schema")


@pytest.fixture(scope="session")
def real_ifs(reference: Callable[[str, str], Path]) -> Path:
    """The folder with recorded answers of a real tenant."""
    return reference("IFS_RECORDINGS", "recorded answers of a real IFS tenant")
