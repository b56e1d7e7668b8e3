"""The command line: serve both systems, let the business move on, start over."""

from __future__ import annotations

import json
import signal
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import PortTakenError, Sandbox, SandboxSettings

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["IFS_PORT", "MONDAY_PORT", "main"]

# The ports that the `sandbox` environment of meltano.yml expects.
IFS_PORT = 8470
MONDAY_PORT = 8471


@click.group()
@click.version_option(package_name="ifs-monday-sandbox")
def main() -> None:
    """IFS Cloud and monday.com on this machine, offline, for trying things out."""


@main.command()
@click.option("--ifs-port", default=IFS_PORT, show_default=True, help="0 takes any free port.")
@click.option(
    "--monday-port", default=MONDAY_PORT, show_default=True, help="0 takes any free port."
)
@click.option("--seed", default=1, show_default=True, help="The business is generated from it.")
@click.option("--size", default=100, show_default=True, help="100 is about 3,000 rows.")
@click.option("--page-cap", default=5000, show_default=True, help="Most rows IFS gives in a page.")
@click.option(
    "--requests-per-minute",
    default=1000,
    show_default=True,
    help="Of the IFS side; beyond it stands 429. 0 lifts the limit.",
)
@click.option(
    "--company",
    "companies",
    multiple=True,
    help="Of the IFS side: a company that the service user may see; may be repeated. "
    "Without it, all of them.",
)
@click.option(
    "--deny",
    "denied",
    multiple=True,
    help="Of the IFS side: a projection, or `Projection/Set`, that the service user has no grant "
    "on; may be repeated.",
)
@click.option(
    "--plan",
    type=click.Choice(["free", "basic", "standard", "pro", "enterprise"]),
    default="pro",
    show_default=True,
    help="The monday account's plan, which sets its limits.",
)
@click.option(
    "--minute",
    default=60.0,
    show_default=True,
    help="Seconds in a minute of monday's budgets; less makes a demo fast.",
)
def serve(  # noqa: PLR0913  (one option each)
    *,
    ifs_port: int,
    monday_port: int,
    seed: int,
    size: int,
    page_cap: int,
    requests_per_minute: int,
    companies: tuple[str, ...],
    denied: tuple[str, ...],
    plan: Any,
    minute: float,
) -> None:
    """Serve both systems until Ctrl-C or SIGTERM. Nothing is kept afterwards."""
    settings = SandboxSettings(
        seed=seed,
        size=size,
        ifs_port=ifs_port,
        monday_port=monday_port,
        ifs=IfsSettings(
            page_cap=page_cap,
            requests_per_minute=requests_per_minute,
            companies=frozenset(companies) or None,
            denied=frozenset(denied),
        ),
        monday=replace(MondaySettings(), plan=plan, minute_seconds=minute),
    )
    stopped = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  (a signal handler)
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        with Sandbox(settings) as sandbox:
            click.echo(f"IFS Cloud   {sandbox.ifs_url}")
            click.echo(f"monday.com  {sandbox.monday_url}")
            click.echo(f"boards      {sandbox.boards_url}/")
            stopped.wait()
    except PortTakenError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--ifs-url", default=f"http://127.0.0.1:{IFS_PORT}", show_default=True)
def tick(ifs_url: str) -> None:
    """Let a business day pass: new documents, changed states, a few deletions."""
    for entity_set, counts in sorted(_post(f"{ifs_url}/sandbox/tick")["changes"].items()):
        told = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        if told:
            click.echo(f"{entity_set}: {told}")


@main.command()
@click.option("--ifs-url", default=f"http://127.0.0.1:{IFS_PORT}", show_default=True)
@click.option("--monday-url", default=f"http://127.0.0.1:{MONDAY_PORT}", show_default=True)
def reset(ifs_url: str, monday_url: str) -> None:
    """Start over: the business as generated, the account without boards."""
    for url in (ifs_url, monday_url):
        _post(f"{url}/sandbox/reset")
    click.echo("The business is as generated and all boards are gone.")


def _post(url: str) -> Any:
    """The JSON answer to an empty POST to a running sandbox."""
    request = urllib.request.Request(url, data=b"", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.URLError as error:
        raise click.ClickException(
            f"no sandbox answers at {url} ({error.reason}): start one with `make sandbox`"
        ) from error
