"""`datasette`: what Datasette needs to open the ledger with prepared questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from target_monday.audit.command import finding, ledger
from target_monday.errors import SettingsFault
from target_monday.private import make_private_folder, write_private

__all__ = ["datasette"]

_QUERIES: Final = Path(__file__).parent / "templates" / "queries.yaml"


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder for metadata.json.",
)
@finding
@click.pass_context
def datasette(context: click.Context, out: Path) -> None:
    """Write a metadata file with prepared questions, and say how Datasette opens the ledger."""
    address = ledger(context).url
    if address.get_backend_name() != "sqlite" or not address.database:
        raise SettingsFault(["Datasette opens SQLite files; this ledger is in another database."])
    file = Path(address.database)
    metadata = make_private_folder(out) / "metadata.json"
    text = msgspec.json.format(msgspec.json.encode(_metadata(file.stem)), indent=2)
    write_private(metadata, text + b"\n")
    click.echo(f"datasette {file} --metadata {metadata}")


def _metadata(database: str) -> dict[str, Any]:
    return {
        "title": "Ledger of target-monday",
        "description": "What was sent to monday.com and what became of it. Times are UTC.",
        "databases": {database: {"queries": msgspec.yaml.decode(_QUERIES.read_bytes())}},
    }
