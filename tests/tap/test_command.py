"""The console script as a process."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tap(tmp_path: Path) -> Any:
    """Runs `tap-ifs-cloud` with settings in a file."""

    def run(settings: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        command = command_of(settings, tmp_path, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def start_tap(tmp_path: Path) -> Iterator[Any]:
    """Starts `tap-ifs-cloud`; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(settings: dict[str, Any]) -> subprocess.Popen[str]:
        command = command_of(settings, tmp_path)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:  # closes its pipes
            process.kill()


def command_of(settings: dict[str, Any], folder: Path, *arguments: str) -> list[str]:
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    script = Path(sys.executable).with_name("tap-ifs-cloud")
    return [str(script), "--config", str(path), *arguments]


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


@pytest.mark.parametrize(
    ("arguments", "code"), [((), "IFS_FORBIDDEN"), (("--test",), "ENTITY_SET_REFUSED")]
)
def test_a_failed_stream_ends_the_process_with_an_error(
    tap: Any, config: dict[str, Any], ifs: Any, failure: Any, arguments: tuple[str, ...], code: str
) -> None:
    """The exit code is not 0, and the stream is named."""
    config["streams"][0]["replication"] = "full"
    ifs.plan(failure(403, "SE_UNAUTHORIZED", "Insufficient privileges.", part="OrderSet?"))

    ended = tap(config, *arguments)

    assert ended.returncode == 1
    assert f"STREAMS_FAILED: not all streams could be read: order: {code}" in ended.stderr
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
@pytest.mark.parametrize("content", [None, "{not json", "a folder"])
def test_a_file_that_cannot_be_read_is_told_without_a_traceback(
    tap: Any, config: dict[str, Any], tmp_path: Path, option: str, content: str | None
) -> None:
    """One line with a code, whichever file it is."""
    path = tmp_path / "file.json"
    if content == "a folder":
        path.mkdir()
    elif content is not None:
        path.write_text(content)

    ended = tap(config, option, str(path))

    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert "Errno" not in ended.stderr
    said = ("SETTING_FILE: ", "No such file", "Is a directory")
    assert any(each in ended.stderr for each in said)


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


def test_a_connection_test_tells_each_step_and_the_fault(
    tap: Any, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """Also of streams that discovery would leave out; no record of a faulty set is written."""
    ifs.sets["OrderSet"] = orders(3)
    config["streams"].append({"entity_set": "OtherSet", "projection": "Other"})

    ended = tap(config, "--test")

    assert ended.returncode == 1
    for step in ("test.token ok", "test.rows stream=order ok", "test.stream stream=order ok"):
        assert step in ended.stderr
    assert "test.stream stream=other failed PROJECTION_UNREACHABLE: " in ended.stderr
    assert "STREAMS_FAILED: not all streams could be read: other: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_end_does_not_end_as_if_all_was_read(
    start_tap: Any, config: dict[str, Any], ifs: Any, orders: Any, number: signal.Signals
) -> None:
    """Whole lines, the state of what was written, no ACTIVATE_VERSION, exit code 1."""
    ifs.sets["OrderSet"] = orders(4, lambda n: f"2026-01-0{n + 1}T00:00:00Z")
    ifs.hold("0002")  # the third page is never answered
    process = start_tap(config | {"page_size": 1, "lookback": 0})
    ifs.held.wait(30)

    process.send_signal(number)
    out, said = process.communicate(timeout=30)

    messages = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 1
    assert f"TERMINATED: {number.name} came before all was read" in said
    assert "ACTIVATE_VERSION" not in {message["type"] for message in messages}
    assert messages[-1]["type"] == "STATE"


def sleeping_with(process: int) -> int:
    """Waits until the main thread of a process does, for something; gives another thread of it."""
    tasks = Path(f"/proc/{process}/task")
    main, looks, ran = tasks / str(process), 0, ""
    while looks < 300:
        is_asleep = (main / "stat").read_text().rpartition(")")[2].split()[0] == "S"
        ran, before = (main / "schedstat").read_text(), ran
        looks = looks + 1 if is_asleep and ran == before else 0
    return next(int(each.name) for each in tasks.iterdir() if each != main)


def test_a_signal_that_another_thread_takes_ends_the_waiting_for_a_page(
    start_tap: Any, config: dict[str, Any], ifs: Any, orders: Any, miss: Any
) -> None:
    """The system may give it to any of them: it interrupts no wait then, and is heard yet."""
    tgkill = getattr(ctypes.CDLL(None), "tgkill", None)
    if tgkill is None:
        miss("tgkill (glibc 2.30)")
    ifs.sets["OrderSet"] = orders(4, lambda n: f"2026-01-0{n + 1}T00:00:00Z")
    ifs.hold("0002")  # the third page is never answered
    process = start_tap(config | {"page_size": 1, "lookback": 0})
    ifs.held.wait(30)
    other = sleeping_with(process.pid)

    tgkill(process.pid, other, signal.SIGTERM)
    out, said = process.communicate(timeout=30)

    assert (process.returncode, "TERMINATED: SIGTERM" in said) == (1, True)
    assert json.loads(out.splitlines()[-1])["type"] == "STATE"
