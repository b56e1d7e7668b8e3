"""Every command that a page shows, run as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

# In the order in which a reader meets them, but for the first: a sync resolves its rejects.
PAGES = (
    "docs/what-failed.md",
    "README.md",
    "sandbox/README.md",
    "tap-ifs-cloud/README.md",
    "target-monday/README.md",
    "docs/connect.md",
    "docs/map-a-board.md",
    "docs/operate.md",
    "docs/did-everything-arrive.md",
    "docs/who-wrote-it.md",
    "docs/deliver-again.md",
    "docs/reconcile.md",
    "docs/process-document.md",
    "docs/look-at-the-ledger.md",
    "docs/privacy.md",
    "docs/audit.md",
    "docs/settings.md",
    "docs/benchmarks.md",
    "docs/architecture.md",
)
PROGRAMS = re.compile(
    r"(?:meltano|make|datasette|openssl|ifs-monday-sandbox"
    r"|tap-ifs-cloud(?:-explore)?|target-monday(?:-audit|-init)?) \S"
)
# Commands that never end, or take this test's own time, are asked for their plan or their help.
STAND_INS = (
    (re.compile(r"^make( .*|$)"), r"make --dry-run\1"),
    (re.compile(r"^ifs-monday-sandbox serve.*"), "ifs-monday-sandbox serve --help"),
    (re.compile(r"^(datasette .*)"), r"\1 --get /-/versions.json"),
    (re.compile(r"^ifs-monday-sandbox reset$"), "ifs-monday-sandbox reset --help"),
    (re.compile(r"^(ifs-monday-sandbox tick)$"), r"\1 --ifs-url {ifs_url}"),
    (re.compile(r"^(meltano state clear) "), r"\1 --force "),
)
# Names in the pages that stand for the reader's own.
PLACEHOLDERS = re.compile(r"\bRUN\b|\b1[78]\b|\b1234567\b")


def commands(text: str) -> Iterator[str]:
    """Commands of a page, top to bottom: lines of shell blocks, and code spans."""
    language: str | None = None
    for line in text.splitlines():
        if line.startswith("```"):
            language = None if language is not None else line[3:].strip()
        elif language in {"", "sh", "console"}:
            command = re.split(r"\s{2,}#|\s# ", line.removeprefix("$ "))[0].strip()
            if PROGRAMS.match(command):
                yield command
        elif language is None:
            yield from (
                re.sub(r" \[.*\]", "", span)
                for span in re.findall(r"`([^`]+)`", line)
                if PROGRAMS.match(span)
            )


@dataclass(frozen=True)
class Reader:
    """A newcomer's clone with an empty home, and what the placeholders of the pages stand for."""

    clone: Path
    environment: dict[str, str]
    stands_for: dict[str, str]

    def as_meant(self, command: str) -> str:
        """The command with the reader's own names in place of the page's."""
        for pattern, stand_in in STAND_INS:
            command = pattern.sub(stand_in, command)
        command = PLACEHOLDERS.sub(lambda found: self.stands_for[found[0]], command)
        return command.replace("{ifs_url}", self.environment["TAP_IFS_CLOUD_BASE_URL"])

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command by the shell, in the clone."""
        return subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def must(self, command: str) -> str:
        """Standard output of a command; fails unless it succeeds."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Both systems, small and fast."""
    monday = replace(MondaySettings(), minute_seconds=1.0)
    with Sandbox(SandboxSettings(size=20, monday=monday)) as running:
        yield running


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, project_root: Path, sandbox: Sandbox
) -> Reader:
    """A clone of what is tracked, after a first sync that left two rejects."""
    room = tmp_path_factory.mktemp("reader")
    clone = room / "clone"
    tracked = subprocess.check_output(
        ["git", "ls-files", "-z"],  # noqa: S607  (the git of the PATH)
        cwd=project_root,
        text=True,
    )
    for name in filter(None, tracked.split("\0")):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_root / name, clone / name)
    for name in (".venv", ".tools"):
        (clone / name).symlink_to(project_root / name)
    ledger_url = f"sqlite:///{clone}/.meltano/target-monday/ledger-prod.db"
    environment = {
        "HOME": str(room / "home"),
        "PATH": f"{clone}/.venv/bin:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "TAP_IFS_CLOUD_BASE_URL": sandbox.ifs_url,
        "TARGET_MONDAY_API_URL": sandbox.monday_url,
        "TARGET_MONDAY_LEDGER_URL": ledger_url,
        # As .env would hold them.
        "IFS_BASE_URL": sandbox.ifs_url,
        "IFS_REALM": "sandbox",
        "IFS_CLIENT_ID": "sandbox",
        "IFS_CLIENT_SECRET": IfsSettings().client_secret,
        "MONDAY_API_TOKEN": MondaySettings().api_token,
        "MONDAY_WORKSPACE_ID": "",
        "MASK_KEY": "any",
        "TARGET_MONDAY_MAX_REJECTS": "10",  # a replay brings the two rejects again
    }
    tap = {
        "base_url": sandbox.ifs_url,
        "realm": "sandbox",
        "client_id": "sandbox",
        "client_secret": IfsSettings().client_secret,
    }
    target = {
        "api_token": MondaySettings().api_token,
        "api_url": sandbox.monday_url,
        "ledger_url": ledger_url,
        "max_rejects": 10,
    }
    files = {"config.json": tap, "settings.json": target, "state.json": {}}
    files["earlier.json"] = {"singer_state": {"bookmarks": {}}}
    for name, content in files.items():
        (clone / name).write_text(json.dumps(content))
    (room / "home").mkdir()
    new = Reader(clone, environment, {})
    new.must("meltano --environment=prod run tap-ifs-cloud target-monday")
    (clone / "rejected.jsonl").write_text("".join(map(_as_line, _rejected_rows())))
    new.must("target-monday --config settings.json <rejected.jsonl")
    rejects = json.loads(new.must("target-monday-audit rejects --json"))
    runs = json.loads(new.must("target-monday-audit runs --json"))
    [board] = [one for one in sandbox.account.boards.values() if one.name == "Purchase order"]
    new.stands_for.update(
        {
            "RUN": runs[0]["id"],
            "17": str(rejects[0]["id"]),
            "18": str(rejects[1]["id"]),
            "1234567": str(board.id),
        }
    )
    return new


def _rejected_rows() -> Iterator[dict[str, Any]]:
    """Two rows whose amounts are words."""
    keys = ["Company", "VoucherType", "AccountingYear", "VoucherNo"]
    text = {name: {"type": ["string", "null"]} for name in keys}
    yield {
        "type": "SCHEMA",
        "stream": "voucher",
        "schema": {"properties": text | {"NetAmount": {"type": ["number", "null"]}}},
        "key_properties": keys,
    }
    for number in ("1", "2"):
        record = dict(zip(keys, ("10", "M", "2026", number), strict=True))
        yield {"type": "RECORD", "stream": "voucher", "record": record | {"NetAmount": "twelve"}}


def _as_line(message: dict[str, Any]) -> str:
    return f"{json.dumps(message)}\n"


def test_every_page_is_known(project_root: Path) -> None:
    """A new page of the docs has its commands run, too."""
    pages = {str(path.relative_to(project_root)) for path in project_root.glob("docs/*.md")}

    assert pages <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_succeeds(reader: Reader, project_root: Path, page: str) -> None:
    """A reader who types what a page shows, top to bottom, meets no error."""
    failed = []
    for command in commands((project_root / page).read_text(encoding="utf-8")):
        meant = reader.as_meant(command)
        done = reader.run(meant)
        if done.returncode:
            ended = f"{meant}: exit {done.returncode}"
            failed.append(f"{ended}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")

    assert not failed, "\n\n".join(failed)
