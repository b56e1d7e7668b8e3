"""The console script as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tap(tmp_path: Path) -> Any:
    """Runs `tap-ifs-cloud` with settings in a file."""

    def start(settings: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(settings))
        script = Path(sys.executable).with_name("tap-ifs-cloud")
        return subprocess.run(
            [script, "--config", path, *arguments], capture_output=True, text=True, check=False
        )

    return start


def test_discovered_streams_can_be_read(
    tap: Any, config: dict[str, Any], ifs: Any, orders: Any, tmp_path: Path
) -> None:
    """A catalog from --discover goes back in by --catalog, and stdout holds messages only."""
    ifs.sets["OrderSet"] = orders(3)

    found = tap(config, "--discover")
    catalog = tmp_path / "catalog.json"
    catalog.write_text(found.stdout)
    read = tap(config, "--catalog", str(catalog))

    messages = [json.loads(line) for line in read.stdout.splitlines()]
    assert (found.returncode, read.returncode) == (0, 0)
    assert sum(message["type"] == "RECORD" for message in messages) == 3


@pytest.mark.parametrize("arguments", [(), ("--discover",), ("--test",)])
def test_missing_settings_are_told_without_a_traceback(
    tap: Any, arguments: tuple[str, ...]
) -> None:
    """One line each, exit code 1, nothing on stdout."""
    ended = tap({"base_url": ""}, *arguments)

    assert ended.returncode == 1
    assert "SETTING_MISSING: `base_url`" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("--discover",), ("--test",)])
def test_a_refused_client_is_told_without_a_traceback_or_secret(
    tap: Any, config: dict[str, Any], ifs: Any, answer: Any, arguments: tuple[str, ...]
) -> None:
    """AUTH_IFS, exit code 1."""
    ifs.plan(answer(401, b'{"error":"invalid_client"}', part="token"))

    ended = tap(config, *arguments)

    assert ended.returncode == 1
    assert "AUTH_IFS: no token for client 'ID'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "s3cr3t-value" not in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_a_failed_stream_ends_the_process_with_an_error(
    tap: Any, config: dict[str, Any], ifs: Any, failure: Any, arguments: tuple[str, ...]
) -> None:
    """The exit code is not 0, and the stream is named."""
    ifs.plan(failure(403, "SE_UNAUTHORIZED", "Insufficient privileges.", part="OrderSet?"))

    ended = tap(config, *arguments)

    assert ended.returncode == 1
    assert "STREAMS_FAILED: not all streams could be read: order: IFS_FORBIDDEN" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_about_lists_settings_and_capabilities(tap: Any) -> None:
    """`--about --format json` is what documentation and Hub entries are made from."""
    about = json.loads(tap({}, "--about", "--format", "json").stdout)

    assert {"catalog", "state", "discover", "activate-version", "stream-maps"} <= {
        *about["capabilities"]
    }
    assert "batch" not in about["capabilities"]
    assert {"base_url", "client_secret", "streams"} <= {*about["settings"]["properties"]}


@pytest.mark.parametrize("option", ["--config", "--catalog", "--state"])
@pytest.mark.parametrize("content", [None, "{not json"])
def test_a_file_that_cannot_be_read_is_told_without_a_traceback(
    tap: Any, config: dict[str, Any], tmp_path: Path, option: str, content: str | None
) -> None:
    """One line with a code, whichever file it is."""
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)

    ended = tap(config, option, str(path))

    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert "SETTING_FILE: " in ended.stderr or "No such file" in ended.stderr


def test_a_connection_test_that_works_tells_no_error(
    tap: Any, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """The end at one row is no fault."""
    ifs.sets["OrderSet"] = orders(3)

    ended = tap(config, "--test")

    assert ended.returncode == 0
    assert "error" not in ended.stderr.lower()
    assert len([line for line in ended.stdout.splitlines() if '"RECORD"' in line]) == 1


def test_empty_environment_variables_are_not_set(
    tap: Any, config: dict[str, Any], ifs: Any, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists, objects and numbers too."""
    ifs.sets["OrderSet"] = orders(1)
    for name in ("HEADERS", "STREAMS", "PAGE_SIZE", "LOOKBACK"):
        monkeypatch.setenv(f"TAP_IFS_CLOUD_{name}", "")

    assert tap(config, "--config", "ENV").returncode == 0
