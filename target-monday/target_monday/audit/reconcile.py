"""`reconcile`: the boards read back and held against the ledger, with a certificate of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from target_monday.audit.certificate import board_part, exceptions_of, written_by
from target_monday.audit.command import finding
from target_monday.audit.comparing import cell_text
from target_monday.audit.live import calling, configured, ledger_of, live_settings
from target_monday.audit.pages import rendered
from target_monday.audit.reading_back import ReadingBack
from target_monday.audit.signing import sealed, signature_fault
from target_monday.audit.spreadsheet import as_csv
from target_monday.errors import RunFailed, SettingsFault, Stopped
from target_monday.ledger.evidence import Evidence
from target_monday.ledger.leases import Leases
from target_monday.ledger.reports import open_rejects
from target_monday.private import make_private_folder, write_private
from target_monday.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Engine

    from target_monday.audit.reading_back import BoardRead
    from target_monday.delivery.calls import Calls

__all__ = ["reconcile"]

_FORMAT: Final = 1
_EXIT_CODES: Final = {"PASS": 0, "FAIL": 1, "INCOMPLETE": Stopped.exit_code}
_SHOWN: Final = 20
_COLUMNS: Final = (
    *("result", "stream", "board_id", "board_name", "key", "item_id", "column_id", "column"),
    *("property", "ledger", "board", "rows", "explanation", "last_run", "last_sent_at"),
    *("ledger_hash", "board_hash"),
)


@click.command()
@configured
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the certificate.")
@click.option("--stream", "streams", multiple=True, help="Only boards of this stream.")
@click.option(
    "--max-calls",
    type=click.IntRange(min=1),
    help="Calls it may make. A board that they do not read whole is read as a sample, or not at "
    "all; the certificate says which.",
)
@click.option("--sample", type=click.IntRange(min=1), help="So many rows of each board.")
@click.option("--seed", help="What the sample is drawn by; default: the id of the last run.")
@click.option(
    "--people-add", is_flag=True, help="Items without a key belong to people: no exception."
)
@click.option(
    "--sign-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your Ed25519 private key (PEM): the certificate is signed.",
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check this certificate.json instead: its digest, and its signature.",
)
@click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --check: the Ed25519 public key (PEM) that must have signed it.",
)
@finding
def reconcile(  # noqa: PLR0913 - one option each
    *,
    configs: tuple[str, ...],
    out: Path | None,
    streams: tuple[str, ...],
    max_calls: int | None,
    sample: int | None,
    seed: str | None,
    people_add: bool,
    sign_key: Path | None,
    check: Path | None,
    public_key: Path | None,
) -> None:
    """Read the boards back and certify that they hold what was delivered.

    Exit code 0: PASS, 1: FAIL, and each exception stands in the certificate, 4: INCOMPLETE, since
    the calls did not reach all boards and no exception was found. Writes nothing to boards.
    """
    if check is not None:
        _check(check, public_key)
        return
    key = sign_key.read_bytes() if sign_key else None
    settings = live_settings(configs)
    engine = ledger_of(settings)
    with calling(settings, engine, max_calls=max_calls) as calls:
        reading = ReadingBack(
            calls.query,
            Evidence(engine, settings["api_url"]),
            sample=sample,
            max_calls=max_calls,
            seed=seed,
            people_add=people_add,
        )
        body = _certificate(engine, settings, calls, reading, streams)
    certificate = sealed(body, key)
    if out is not None:
        _write(make_private_folder(out), certificate)
    _tell(certificate, out)
    sys.exit(_EXIT_CODES[certificate["verdict"]])


def _certificate(
    engine: Engine,
    settings: Mapping[str, Any],
    calls: Calls,
    reading: ReadingBack,
    streams: Sequence[str],
) -> dict[str, Any]:
    evidence = reading.evidence
    _refuse_unknown(evidence, streams)
    _refuse_while_written(engine, settings["api_url"])
    before = evidence.last_operation()
    reads = reading.boards(streams)
    _refuse_while_written(engine, settings["api_url"])
    if evidence.last_operation() != before:
        raise Stopped("A run wrote to the boards while they were read: start again.")
    exceptions = [each for read in reads for each in _exceptions(reading, read)]
    return {
        "certificate": "target-monday reconcile",
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": _verdict(exceptions, reads),
        "version": version("target-monday"),
        "api_url": settings["api_url"],
        "last_run": evidence.last_run(),
        "calls": calls.made,
        "open_rejects": len(open_rejects(engine)),
        "boards": [board_part(read) for read in reads],
        "exceptions": exceptions,
    }


def _verdict(exceptions: Sequence[object], reads: Sequence[BoardRead]) -> str:
    if exceptions:
        return "FAIL"
    return "INCOMPLETE" if any(read.not_looked_at for read in reads) else "PASS"


def _refuse_unknown(evidence: Evidence, streams: Sequence[str]) -> None:
    known = {each.stream for each in evidence.boards()}
    unknown = [stream for stream in streams if stream not in known]
    if unknown or not known:
        of = f"of {', '.join(unknown)}" if unknown else "at all at this `api_url`"
        raise SettingsFault(
            [f"The ledger knows no board {of}. It knows: {', '.join(sorted(known)) or 'none'}."]
        )


def _refuse_while_written(engine: Engine, scope: str) -> None:
    live = Leases(engine, scope, run_id="").live_runs()
    if live:
        raise Stopped(f"Run {', '.join(sorted(live))} is at work: reconcile when it has ended.")


def _exceptions(reading: ReadingBack, read: BoardRead) -> list[dict[str, Any]]:
    writers = reading.writers(read)
    writes = reading.evidence.writes(written_by(read, writers))
    return exceptions_of(read, writers, writes)


def _write(folder: Path, certificate: Mapping[str, Any]) -> None:
    whole = msgspec.json.format(msgspec.json.encode(certificate), indent=2)
    write_private(folder / "certificate.json", whole + b"\n")
    write_private(folder / "certificate.csv", _csv(certificate))
    boards = certificate["boards"]
    page = rendered(
        "certificate.html.j2",
        {
            "signature": None,
            **certificate,
            "sampled": any(board["sample"] for board in boards),
            "compared": sum(board["compared_rows"] for board in boards),
        },
    )
    write_private(folder / "certificate.html", page)


def _csv(certificate: Mapping[str, Any]) -> str:
    """A line for each exception, and one for each row with its hashes."""
    lines = (*_exception_lines(certificate), *_row_lines(certificate))
    return as_csv({name: line.get(name) for name in _COLUMNS} for line in lines)


def _exception_lines(certificate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in certificate["exceptions"]:
        write = each["last_write"] or {}
        line = {name: each[name] for name in _COLUMNS if name in each}
        yield {
            **line,
            "result": each["kind"],
            "ledger": cell_text(each["ledger"]),
            "board": cell_text(each["board"]),
            "last_run": write.get("run"),
            "last_sent_at": _moment(write.get("sent_at")),
        }


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _row_lines(certificate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for board in certificate["boards"]:
        for row in board["rows"]:
            yield {
                "result": "equal" if row["ledger"] == row["board"] else "differs",
                "stream": board["stream"],
                "board_id": board["board_id"],
                "board_name": board["board_name"],
                "key": row["key"],
                "item_id": row["item_id"],
                "ledger_hash": row["ledger"],
                "board_hash": row["board"],
            }


def _tell(certificate: Mapping[str, Any], out: Path | None) -> None:
    for board in certificate["boards"]:
        sample = f" sample={board['sample']['rows']}" if board["sample"] else ""
        click.echo(
            f"board stream={board['stream']} board={board['board_id']} "
            f"name={quoted(board['board_name'] or '')} "
            f"rows={board['ledger_rows']} compared={board['compared_rows']} "
            f"equal={board['equal_rows']} exceptions={sum(board['exceptions'].values())}{sample}"
        )
    for board in certificate["boards"]:
        if board["not_looked_at"]:
            click.echo(f"not looked at stream={board['stream']}: {board['not_looked_at']}")
    for each in certificate["exceptions"][:_SHOWN]:
        place = " ".join(
            f"{name}={quoted(each[name])}"
            for name in ("stream", "key", "item_id", "column")
            if each[name]
        )
        click.echo(f"{each['kind']} {place}: {each['explanation']}")
    more = len(certificate["exceptions"]) - _SHOWN
    if more > 0:
        click.echo(f"and {more} more")
    where = f" written to {out}" if out else ""
    click.echo(f"{certificate['verdict']} digest={certificate['digest']}{where}")


def _check(path: Path, public_key: Path | None) -> None:
    try:
        certificate = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise RunFailed(f"{path} is not a certificate: it is not JSON.") from error
    if not isinstance(certificate, dict):
        raise RunFailed(f"{path} is not a certificate: it is no object.")
    fault = signature_fault(certificate, public_key.read_bytes() if public_key else None)
    if fault is not None:
        raise RunFailed(f"{path} is not the certificate that was made: {fault}.")
    signed = "signature and digest" if public_key else "digest"
    click.echo(f"{path}: {signed} are right; {certificate.get('verdict')} {certificate['digest']}")
