"""The target as a process, the sandbox as monday, and a reader of boards that is not ours."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

from benchmarks.simulation import Simulation
from tests.target.postgresql import Cluster, programs

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from starlette.requests import Request

TARGET = Path(sys.executable).parent / "target-monday"
AUDIT = Path(sys.executable).parent / "target-monday-audit"

# Without byte code on disk and with unbuffered pipes a Python program starts at half its speed.
SLOW = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in SLOW}

BOARDS = """query { boards(limit: 100) { id name items_count columns { id title type }
  items_page(limit: 500) { items { id name group { id title }
    column_values { id text value column { title } } } } } }"""


@dataclass(frozen=True)
class Ended:
    """A run of the target that has ended."""

    code: int
    states: list[dict[str, Any]]
    log: str

    def counts(self, stream: str | None = None) -> dict[str, int]:
        """The numbers of a stream's line of the summary, or of the total."""
        mark = f" board stream={stream} " if stream else " total boards="
        line = next(line for line in self.log.splitlines() if mark in line)
        pairs = (word.partition("=") for word in line.split() if "=" in word)
        return {name: int(value) for name, _, value in pairs if value.isdigit()}


@dataclass
class Rehearsal:
    """One target against one sandbox, with its own ledger."""

    sandbox: Sandbox
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.db"

    @property
    def ledger_url(self) -> str:
        """The ledger's address: that file's, unless the settings name another one."""
        return str(self.settings.get("ledger_url", f"sqlite:///{self.ledger}"))

    def command(self, **settings: Any) -> list[str]:
        """The command line of a run with these settings."""
        config = {
            "api_token": "s4ndb0x-m0nd4y",
            "api_url": self.sandbox.monday_url,
            "ledger_url": self.ledger_url,
            **self.settings,
            **settings,
        }
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return [str(TARGET), "--config", str(path)]

    def run(self, messages: Iterable[Mapping[str, Any] | str], **settings: Any) -> Ended:
        """Run the target over these messages to its end."""
        done = subprocess.run(
            self.command(**settings),
            input=as_lines(messages),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=ENVIRONMENT,
        )
        return _ended(done.returncode, done.stdout, done.stderr)

    def start(self, **settings: Any) -> subprocess.Popen[str]:
        """Start the target with its pipes open."""
        return subprocess.Popen(
            self.command(**settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    def end(self, process: subprocess.Popen[str], signum: signal.Signals | None = None) -> Ended:
        """Wait for a started target's end, after a signal if one is given."""
        if signum is not None:
            os.kill(process.pid, signum)
        out, log = process.communicate(timeout=60)
        return _ended(process.returncode, out, log)

    def kill_at(
        self,
        process: subprocess.Popen[str],
        matches: Callable[[Request], bool],
        *,
        served: bool = False,
    ) -> None:
        """Kill a started target at its first request that matches, which gets no answer.

        `served`: it has arrived as a whole and is served first; else nothing of it happens.
        """

        def is_the_one(request: Request) -> bool:
            found = matches(request)
            if found and not served:
                process.kill()
            return found

        after = process.kill if served else lambda: None
        fault = Fault(503, lose=served, meanwhile=after, matches=is_the_one)
        self.sandbox.monday_faults.plan(fault)

    def end_with_input(
        self, process: subprocess.Popen[str], messages: Iterable[Mapping[str, Any] | str]
    ) -> Ended:
        """Give a started target all its input and wait for its end."""
        out, log = process.communicate(as_lines(messages), timeout=60)
        return _ended(process.returncode, out, log)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask the sandbox as a person with a browser would."""
        answer = requests.post(
            self.sandbox.monday_url,
            json={"query": query, "variables": dict(variables or {})},
            headers={"Authorization": "s4ndb0x-m0nd4y", "API-Version": "2026-10"},
            timeout=30,
        )
        data: dict[str, Any] = answer.json()["data"]
        return data

    def board(self, name: str) -> dict[str, Any]:
        """A board with its items; `cells` of an item maps column titles to texts."""
        board = next(each for each in self.ask(BOARDS)["boards"] if each["name"] == name)
        for item in board["items_page"]["items"]:
            item["cells"] = {
                value["column"]["title"]: value["text"] for value in item["column_values"]
            }
        board["items"] = board["items_page"]["items"]
        return dict(board)

    def cells(self, name: str, key: str) -> dict[str, Any]:
        """The texts of the one item that carries this key."""
        (item,) = (each for each in self.board(name)["items"] if each["cells"]["Record key"] == key)
        return dict(item["cells"])

    def usage(self) -> dict[str, Any]:
        """The sandbox's own count of calls, mutations and points."""
        url = self.sandbox.monday_url.removesuffix("/v2") + "/sandbox/usage"
        return dict(requests.get(url, timeout=30).json())

    def audit_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of `target-monday-audit` on this ledger, whatever it ends with."""
        return subprocess.run(
            [str(AUDIT), *arguments, "--ledger-url", self.ledger_url],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=ENVIRONMENT,
        )

    def audit(self, *arguments: str) -> Any:
        """What `target-monday-audit` says, as JSON."""
        return json.loads(self.audit_text(*arguments, "--json"))

    def audit_text(self, *arguments: str, code: int = 0, given: str | None = None) -> str:
        """What `target-monday-audit` prints; fails unless it ends with `code`."""
        done = subprocess.run(
            [str(AUDIT), "--ledger-url", self.ledger_url, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=ENVIRONMENT,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
        return done.stdout if "--json" in arguments else done.stdout + done.stderr


def _ended(code: int, out: str, log: str) -> Ended:
    assert "Traceback" not in log
    return Ended(code, [json.loads(line) for line in out.splitlines()], log)


def as_lines(messages: Iterable[Mapping[str, Any] | str]) -> str:
    """Messages as a tap writes them; a text goes out as it is."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in messages)
    return "".join(f"{line}\n" for line in lines)


class Messages:
    """Singer messages in short."""

    lines = staticmethod(as_lines)

    @staticmethod
    def schema(
        stream: str, properties: Mapping[str, Any], keys: Sequence[str] = ("Id",)
    ) -> dict[str, Any]:
        """A SCHEMA; a property's definition may be given by its type's name."""
        spelt = {
            name: {"type": [kind, "null"]} if isinstance(kind, str) else kind
            for name, kind in properties.items()
        }
        schema = {"type": "object", "properties": spelt}
        return {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": list(keys)}

    @staticmethod
    def record(stream: str, version: int | None = None, **record: Any) -> dict[str, Any]:
        """A RECORD."""
        message: dict[str, Any] = {"type": "RECORD", "stream": stream, "record": record}
        return message if version is None else {**message, "version": version}

    @staticmethod
    def state(value: Any) -> dict[str, Any]:
        """A STATE whose value is easy to tell."""
        return {"type": "STATE", "value": {"bookmarks": {"at": value}}}

    @staticmethod
    def activate(stream: str, version: int) -> dict[str, Any]:
        """An ACTIVATE_VERSION."""
        return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


@pytest.fixture(scope="session")
def postgresql(miss: Callable[[str], None]) -> Iterator[Cluster]:
    """A PostgreSQL of the test session's own."""
    found = programs()
    if found is None:
        miss("PostgreSQL server (Debian: postgresql)")
        raise AssertionError
    with Cluster(found) as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new ledger, in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.database()


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., Simulation]]:
    """Starts accounts with given settings, each with a target and a clock of its own."""
    with ExitStack() as running:

        def start(**monday: Any) -> Simulation:
            folder = tmp_path / secrets.token_hex(4)
            folder.mkdir()
            return running.enter_context(Simulation(folder, MondaySettings(**monday)))

        yield start


@pytest.fixture
def messages() -> type[Messages]:
    """Builds Singer messages."""
    return Messages


@pytest.fixture
def rehearse(
    tmp_path: Path, start_sandbox: Callable[[SandboxSettings], Sandbox]
) -> Callable[..., Rehearsal]:
    """Starts a sandbox whose monday has these settings, with a target that writes to it."""

    def start(**monday: Any) -> Rehearsal:
        settings = SandboxSettings(size=1, monday=MondaySettings(**monday))
        return Rehearsal(start_sandbox(settings), tmp_path)

    return start


@pytest.fixture
def rehearsal(rehearse: Callable[..., Rehearsal]) -> Rehearsal:
    """A target against a sandbox that behaves."""
    return rehearse()
