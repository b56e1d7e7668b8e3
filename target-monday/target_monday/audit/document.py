"""`document`: the process document, from the live settings."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from sqlalchemy import make_url

from target_monday.audit.command import asked, finding
from target_monday.audit.live import configured, ledger_of, live_settings
from target_monday.audit.pages import rendered
from target_monday.audit.process import Process, markdown, process_hash, sections
from target_monday.errors import RunFailed
from target_monday.ledger.database import project_folder
from target_monday.ledger.evidence import Evidence
from target_monday.private import make_private_folder, write_private
from target_monday.settings import SECRETS, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.audit.process import Section
    from target_monday.ledger.evidence import BoardOnRecord

__all__ = ["document"]

_TITLE: Final = "From IFS Cloud to monday.com: process document"
_PROJECT: Final = "meltano.yml"
_HASH: Final = re.compile(r"\b[0-9a-f]{64}\b")
# What may hold secrets under names of its own, or differs between machines.
_NOT_TOLD: Final = frozenset({"stream_map_config", "faker_config"})


@click.command()
@configured
@click.option(
    "--project",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The meltano.yml with jobs and schedules; default: the project's own.",
)
@click.option("--owner", help="Who answers for the process; stands in the document.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for process.md and process.html."
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Say whether this document still is true instead; exit code 1 if not.",
)
@finding
def document(
    *,
    configs: tuple[str, ...],
    project: Path | None,
    owner: str | None,
    out: Path | None,
    check: Path | None,
) -> None:
    """Write what flows where, by which rules and schedules, under which controls.

    It is made of the live settings, of meltano.yml and of the boards that the ledger knows, and it
    carries a hash of what it says: another mapping, another hash.
    """
    parts = sections(_process(live_settings(configs), project, owner))
    digest = process_hash(parts)
    if check is not None:
        _check(check, digest)
        return
    facts = (
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Hash", digest),
        ("Made by", f"target-monday-audit document {version('target-monday')}"),
    )
    if out is None:
        click.echo(markdown(_TITLE, facts, parts), nl=False)
        return
    _write(make_private_folder(out), facts, parts)
    click.echo(f"{digest} written to {out}")


def _process(settings: Mapping[str, Any], project: Path | None, owner: str | None) -> Process:
    told = {
        name: value
        for name, value in settings.items()
        if name in SETTINGS["properties"] and name not in SECRETS | _NOT_TOLD
    }
    where, boards = _ledger(settings)
    content = _project(project)
    environment = asked().get("environment") or os.environ.get("MELTANO_ENVIRONMENT")
    return Process(
        settings=told,
        version=version("target-monday"),
        ledger=where,
        boards=boards,
        project=content,
        environment=environment or content.get("default_environment"),
        owner=owner,
    )


def _ledger(settings: Mapping[str, Any]) -> tuple[str, Sequence[BoardOnRecord]]:
    """Where the ledger is, and its boards; a project that has not run yet has none."""
    url = asked().get("ledger_url") or settings.get("ledger_url")
    sqlite = not url or make_url(url).get_backend_name() == "sqlite"
    where = "a SQLite file" if sqlite else f"a {make_url(str(url)).get_backend_name()} database"
    try:
        engine = ledger_of(settings)
    except RunFailed:
        return f"{where} that no run has made yet", ()
    return where, Evidence(engine, settings["api_url"]).boards()


def _project(path: Path | None) -> dict[str, Any]:
    """meltano.yml as data; empty where there is none."""
    if path is None:
        told = os.environ.get("MELTANO_PROJECT_ROOT")
        folder = Path(told) if told else project_folder(Path.cwd())
        path = folder / _PROJECT if folder else None
    if path is None or not path.is_file():
        return {}
    try:
        found = msgspec.yaml.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise RunFailed(f"{path} is not YAML: {error}.") from error
    return found if isinstance(found, dict) else {}


def _write(folder: Path, facts: Sequence[tuple[str, str]], parts: Sequence[Section]) -> None:
    write_private(folder / "process.md", markdown(_TITLE, facts, parts))
    page = rendered("process.html.j2", {"title": _TITLE, "facts": facts, "parts": parts})
    write_private(folder / "process.html", page)


def _check(path: Path, digest: str) -> None:
    found = _HASH.search(path.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise RunFailed(f"{path} is no process document: it carries no hash.")
    if found[0] == digest:
        click.echo(f"{path} is true: {digest}")
        return
    click.echo(f"{path} is no longer true: it says {found[0]}, and it would be {digest} now.")
    sys.exit(1)
