"""The tap against the sandbox: whole, unchanged by faults, and in step with each business day."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from tap_ifs_cloud.presets import PRESETS
from tap_ifs_cloud.tap import TapIfsCloud

if TYPE_CHECKING:
    from collections.abc import Callable

Board = dict[tuple[Any, ...], dict[str, Any]]


class Mirror:
    """What a target that does as it is told would hold."""

    def __init__(self) -> None:
        self.streams: dict[str, Board] = defaultdict(dict)
        self.versions: dict[str, dict[tuple[Any, ...], int]] = defaultdict(dict)
        self.state: dict[str, Any] = {}
        self.rows = 0

    def take(self, lines: list[bytes]) -> None:
        """Apply the messages of a run."""
        keys: dict[str, list[str]] = {}
        for message in map(json.loads, lines):
            match message["type"]:
                case "SCHEMA":
                    keys[message["stream"]] = message["key_properties"]
                case "RECORD":
                    self._record(message, keys[message["stream"]])
                case "ACTIVATE_VERSION":
                    self._activate(message["stream"], message["version"])
                case "STATE":
                    self.state = message["value"]

    def _record(self, message: dict[str, Any], keys: list[str]) -> None:
        stream, record = message["stream"], message["record"]
        key = tuple(record[name] for name in keys)
        self.rows += 1
        self.streams[stream][key] = record
        self.versions[stream][key] = message.get("version", 0)

    def _activate(self, stream: str, version: int) -> None:
        for key, seen in list(self.versions[stream].items()):
            if seen != version:
                del self.streams[stream][key], self.versions[stream][key]


HABITS = {
    "usual": {},
    "compares-nothing": {"comparison_refused": True},
    "rounds-numbers": {"rounded_numbers": True},
    "sorts-otherwise": {"linguistic_order": True},
}


@pytest.fixture
def habits() -> dict[str, Any]:
    """What the server does otherwise than usual."""
    return {}


@pytest.fixture
def sandbox(start_sandbox: Callable[[SandboxSettings], Sandbox], habits: dict[str, Any]) -> Sandbox:
    """A small business behind a server that caps its pages silently."""
    return start_sandbox(SandboxSettings(size=10, ifs=IfsSettings(page_cap=7, **habits)))


@pytest.fixture
def run(sandbox: Sandbox, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[[Mirror], None]:
    """Runs the tap from a mirror's state into the mirror."""

    def once(mirror: Mirror) -> None:
        capfdbinary.readouterr()
        config = {
            "base_url": sandbox.ifs_url,
            "realm": "sandbox",
            "client_id": "sandbox",
            "client_secret": "s4ndb0x-1fs-cl0ud",
            "lookback": 0,
        }
        tap = TapIfsCloud(config=config, state=mirror.state)
        tap.session.sleep = lambda _: None
        tap.sync_all()
        mirror.take(capfdbinary.readouterr().out.splitlines())

    return once


def served(sandbox: Sandbox) -> dict[str, int]:
    """How many rows the business has in each stream."""
    return {p.name: len(sandbox.business.rows(p.entity_set)) for p in PRESETS}


def held(mirror: Mirror) -> dict[str, int]:
    return {name: len(board) for name, board in mirror.streams.items()}


@pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS.keys())
def test_every_row_of_every_preset_is_read_once(
    sandbox: Sandbox, run: Callable[[Mirror], None]
) -> None:
    """Also when the server sends seven rows where 5000 were asked for."""
    mirror = Mirror()

    run(mirror)

    assert held(mirror) == served(sandbox)
    assert mirror.rows == sum(served(sandbox).values())


def test_a_business_day_arrives_and_little_else(
    sandbox: Sandbox, run: Callable[[Mirror], None]
) -> None:
    """After each day the mirror equals a fresh one; of stamped sets only changes travelled."""
    mirror = Mirror()
    run(mirror)
    for _ in range(3):
        sandbox.business.tick()
        mirror.rows = 0
        run(mirror)

        fresh = Mirror()
        run(fresh)
        assert mirror.streams == fresh.streams
        assert held(mirror) == served(sandbox)
        assert mirror.rows < fresh.rows


def test_faults_change_nothing(sandbox: Sandbox, run: Callable[[Mirror], None]) -> None:
    """Lost, refused and broken answers in between leave the result as it is."""
    quiet, stormy = Mirror(), Mirror()
    run(quiet)

    def on_set(request: Any) -> bool:
        return "Set" in request.url.path

    for fault in (
        Fault(lose=True, matches=on_set),
        Fault(503, headers={"Retry-After": "1"}, matches=on_set),
        Fault(401, matches=on_set),
        Fault(200, body='{"value":[', matches=on_set),
        Fault(429, matches=on_set),
    ):
        sandbox.ifs_faults.plan(fault)
    run(stormy)

    assert stormy.streams == quiet.streams
    assert stormy.state == quiet.state
