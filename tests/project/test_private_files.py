"""How both packages write files: for their owner only, whole, and through no planted link."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tap_ifs_cloud.odata.private
import target_monday.private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES = (target_monday.private, tap_ifs_cloud.odata.private)
WRITERS = ("write_private", "create_private", "append_private")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The process's umask, from none to all."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("writer", WRITERS)
def test_files_and_folders_are_the_owners_alone(tmp_path: Path, umask: int, writer: str) -> None:
    """Under any umask, also those folders that are made on the way."""
    path = tmp_path / "a" / "b" / "c.json"

    getattr(target_monday.private, writer)(path, b"x")

    assert path.read_bytes() == b"x", umask
    assert [mode(each) for each in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == ["c.json"]


def test_a_file_that_others_may_read_is_replaced_by_one_that_they_may_not(tmp_path: Path) -> None:
    """Its content may be another's from now on."""
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o666)

    target_monday.private.write_private(path, "new")

    assert (path.read_text(), mode(path)) == ("new", 0o600)


@pytest.mark.parametrize(
    ("writer", "outcome"),
    [("write_private", None), ("create_private", FileExistsError), ("append_private", OSError)],
)
@pytest.mark.parametrize("exists", [True, False], ids=["to a file", "to nothing"])
def test_a_link_in_the_place_of_the_file_is_not_followed(
    tmp_path: Path, writer: str, outcome: type[OSError] | None, *, exists: bool
) -> None:
    """What it leads to stays as it is; it is replaced, or the write fails by name."""
    victim, path = tmp_path / "victim", tmp_path / "out.json"
    if exists:
        victim.write_text("precious")
    path.symlink_to(victim)
    write: Callable[..., Any] = getattr(target_monday.private, writer)

    if outcome is None:
        write(path, b"new")
        assert (path.read_bytes(), path.is_symlink()) == (b"new", False)
    else:
        with pytest.raises(outcome, match=r"out\.json"):
            write(path, b"new")

    assert victim.exists() == exists
    assert not exists or victim.read_text() == "precious"


def test_a_planted_temporary_name_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that somebody has foreseen: it is opened only if nothing is there."""
    victim, path = tmp_path / "victim", tmp_path / "out.json"
    victim.write_text("precious")
    foreseen = iter(["foreseen", "free"])
    monkeypatch.setattr(tempfile, "_get_candidate_names", lambda: foreseen)
    (tmp_path / ".out.json.foreseen.part").symlink_to(victim)
    (tmp_path / f".out.json.{os.getpid()}").symlink_to(victim)

    target_monday.private.write_private(path, "new")

    assert (victim.read_text(), path.read_text()) == ("precious", "new")
    assert not (tmp_path / ".out.json.free.part").exists()


def test_what_cannot_be_written_is_named_as_asked_for(tmp_path: Path) -> None:
    """Not by a temporary name; nothing is left behind."""
    folder = tmp_path / "folder.html"
    folder.mkdir()

    with pytest.raises(OSError, match=r"folder\.html") as caught:
        target_monday.private.write_private(folder, "x")

    assert caught.value.filename == str(folder)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.html"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, writer: str) -> None:
    """Which is another fault than a file that is there already."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(NotADirectoryError, match="file"):
        getattr(target_monday.private, writer)(tmp_path / "file" / "out.json", b"x")


def test_both_packages_write_alike() -> None:
    """Each stands alone, so each has its copy."""
    assert len({Path(str(each.__file__)).read_bytes() for each in MODULES}) == 1


@pytest.mark.parametrize("package", ["target-monday", "tap-ifs-cloud"])
def test_nothing_else_opens_a_file_to_write(project_root: Path, package: str) -> None:
    """One function a package for every file that is written."""
    marks = ("write_text(", "write_bytes(", ".touch(", ".mkdir(", "O_CREAT", 'open("w', "mkstemp(")
    found = {
        path.name
        for path in (project_root / package).rglob("*.py")
        for mark in marks
        if mark in path.read_text(encoding="utf-8")
    }

    assert found <= {"private.py"}
