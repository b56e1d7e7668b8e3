"""How long the tap takes to read a large `$metadata`, and how much memory."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import TAP, tap_settings
from benchmarks.figures import Figure, Goal
from benchmarks.processes import measured, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.settings import Settings

__all__ = ["discovery"]


def discovery(settings: Settings) -> Iterator[Figure]:
    """A whole `--discover` of one stream, start-up included."""
    name = f"tap discovery, {settings.entity_types:,} entity types"
    with served([], types=settings.entity_types) as server, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "discovery.json"
        stream = {"entity_set": "Entity0Set", "projection": "Tenant"}
        config.write_text(json.dumps(tap_settings(server, 0, **stream)), encoding="utf-8")
        runs = [
            measured([TAP, "--config", str(config), "--discover"]) for _ in range(settings.rounds)
        ]
    seconds, megabytes = (run.seconds for run in runs), (run.megabytes for run in runs)
    yield Figure(name, "discovery", "s", tuple(seconds), Goal("at most", 5))
    yield Figure(name, "peak", "MB", tuple(megabytes), Goal("at most", 300))
