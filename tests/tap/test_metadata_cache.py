"""`$metadata` kept on disk from run to run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tap_ifs_cloud.odata.metadata_cache import MetadataCache, Stored, conditions, default_folder

URL = "https://tenant.example/main/ifsapplications/projection/v1/P.svc/$metadata"
BODY = b"<edmx/>" * 100
WHEN = "Tue, 03 Mar 2026 10:00:00 GMT"
DAY = 86_400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "tap-ifs-cloud"


def only_file(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


def test_a_document_comes_back_in_another_run(folder: Path) -> None:
    """Body and validators are what the server sent."""
    MetadataCache(folder).store(URL, BODY, 'W/"a"', WHEN)

    assert MetadataCache(folder).stored(URL) == Stored(BODY, 'W/"a"', WHEN)


def test_a_newer_document_replaces_the_older(folder: Path) -> None:
    """There is one file for each address."""
    cache = MetadataCache(folder)
    cache.store(URL, b"old", '"1"', None)
    cache.store(URL, b"new", None, WHEN)

    assert cache.stored(URL) == Stored(b"new", None, WHEN)
    assert only_file(folder).is_file()


def test_addresses_never_mix(folder: Path) -> None:
    """Another tenant, gateway or service has nothing of this one, even under its file's name."""
    cache = MetadataCache(folder)
    other = URL.replace("tenant", "tenant2")
    cache.store(URL, BODY, '"1"', None)
    mine = only_file(folder)
    assert cache.stored(other) is None

    cache.store(other, b"other", '"2"', None)
    [theirs] = set(folder.iterdir()) - {mine}
    theirs.write_bytes(mine.read_bytes())

    assert cache.stored(other) is None


def test_a_document_without_validators_is_not_kept(folder: Path) -> None:
    """Nobody could ever ask whether it is still the same."""
    cache = MetadataCache(folder)
    cache.store(URL, BODY, None, None)
    cache.store(URL, BODY, "", "")

    assert cache.stored(URL) is None
    assert not folder.exists()


def test_files_are_the_owners_alone_and_hold_no_address(folder: Path) -> None:
    """Modes 0600 and 0700; an address is there as a digest only."""
    MetadataCache(folder).store(URL.replace("//", "//user:pw@"), BODY, '"1"', None)

    path = only_file(folder)
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not any(part in path.read_bytes() for part in (b"tenant", b"user", b"pw@"))
    assert "tenant" not in path.name


def test_a_damaged_file_counts_as_not_stored(folder: Path) -> None:
    """Cut anywhere or changed in any byte: the document is fetched anew."""
    cache = MetadataCache(folder)
    cache.store(URL, BODY, '"1"', WHEN)
    path = only_file(folder)
    whole = path.read_bytes()

    for index in range(len(whole)):
        path.write_bytes(whole[:index])
        assert cache.stored(URL) is None
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        assert cache.stored(URL) is None

    path.write_bytes(whole)
    assert cache.stored(URL) is not None


def test_what_is_not_used_for_ninety_days_goes(folder: Path) -> None:
    """Reading is a use; so is storing. What a killed run left half-written goes after a day."""
    times = [0.0]
    cache = MetadataCache(folder, now=lambda: times[0])
    cache.store("unused", BODY, '"1"', None)
    cache.store("used", BODY, '"1"', None)
    times[0] = 60 * DAY
    assert cache.stored("used") is not None
    times[0] = 91 * DAY
    cache.store("new", BODY, '"1"', None)

    assert cache.stored("unused") is None
    assert cache.stored("used") is not None
    assert len(list(folder.iterdir())) == 2


def test_half_written_files_of_killed_runs_go(folder: Path) -> None:
    """They are not waited for longer than a day."""
    folder.mkdir(parents=True)
    (folder / "abc.part").write_bytes(b"half")
    when = (folder / "abc.part").stat().st_mtime

    MetadataCache(folder, now=lambda: when + 60).store(URL, BODY, '"1"', None)
    assert (folder / "abc.part").exists()
    MetadataCache(folder, now=lambda: when + 2 * DAY).store(URL, BODY, '"1"', None)
    assert not (folder / "abc.part").exists()


def test_a_folder_that_cannot_be_used_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on without it."""
    (tmp_path / "file").write_text("no folder")
    cache = MetadataCache(tmp_path / "file" / "below")

    with caplog.at_level(logging.WARNING):
        cache.store(URL, BODY, '"1"', None)
        cache.store(URL, BODY, '"1"', None)
        assert cache.stored(URL) is None

    [record] = caplog.records
    assert record.getMessage().startswith("metadata_cache.unusable folder=")


def test_without_a_folder_nothing_is_kept() -> None:
    """As for a user without a home."""
    cache = MetadataCache(None)
    cache.store(URL, BODY, '"1"', None)

    assert cache.stored(URL) is None


@pytest.mark.parametrize(
    ("stored", "headers"),
    [
        (None, {}),
        (Stored(BODY, 'W/"1"', WHEN), {"If-None-Match": 'W/"1"'}),
        (Stored(BODY, None, WHEN), {"If-Modified-Since": WHEN}),
    ],
)
def test_the_strongest_validator_is_sent(stored: Stored | None, headers: dict[str, str]) -> None:
    """Verbatim, as the server wrote it."""
    assert conditions(stored) == headers


def test_the_folder_is_where_the_users_caches_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG base directories: a relative path there does not count."""
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".cache" / "tap-ifs-cloud"

    assert default_folder({"XDG_CACHE_HOME": "/var/c"}) == Path("/var/c/tap-ifs-cloud")
    assert default_folder({"XDG_CACHE_HOME": "c"}) == usual
    assert default_folder({}) == usual
