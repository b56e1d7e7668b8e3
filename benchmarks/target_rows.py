"""Order lines on their way to the target: as Singer lines in a file, and as a ledger knows them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from target_monday.delivery.pending import Pending
from target_monday.diff import Create
from target_monday.quiet import hashes_of
from target_monday.reader import decode_record
from target_monday.target import TargetMonday

from benchmarks.order_lines import COLUMNS, ETAG, KEY, STATES, order_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STREAM", "TARGET", "schema", "write_config", "write_ledger", "write_lines"]

TARGET: Final = str(Path(sys.executable).parent / "target-monday")
STREAM: Final = "lines"
VERSION: Final = 1_790_000_000_000
_CHUNK: Final = 2_000  # rows
_STRIDE: Final = 611_953  # a prime number
_TYPES: Final = {"Edm.Decimal": "number", "Edm.Boolean": "boolean"}
_FORMATS: Final = {"Edm.Date": "date", "Edm.DateTimeOffset": "date-time"}
_encode = msgspec.json.Encoder(decimal_format="number").encode


def schema(*, times: bool = True) -> dict[str, Any]:
    """The SCHEMA message; without `times` those are texts, since a file cannot hold them."""
    properties: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        properties[name] = {"type": [_TYPES.get(kind, "string"), "null"]}
        if kind in _FORMATS and (times or kind == "Edm.Date"):
            properties[name]["format"] = _FORMATS[kind]
    properties["Objstate"]["x-extensible-enum"] = list(STATES)
    asked = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": STREAM, "schema": asked, "key_properties": list(KEY)}


def _record(number: int, *, changed: bool) -> bytes:
    row = {name: value for name, value in order_line(number).items() if name != ETAG}
    return _encode({**row, "Note": f"now {number}"} if changed else row)


def write_lines(
    path: Path,
    rows: int,
    *,
    is_changed: Callable[[int], bool] = lambda _: False,
    times: bool = True,
    strewn: bool = False,
) -> Path:
    """A full read of so many rows, ended by STATE and ACTIVATE_VERSION; written once.

    `strewn`: rows that follow each other by their keys are far apart. Without a row there is no
    ACTIVATE_VERSION, which would ask for everything that is known.
    """
    if path.exists():
        return path
    head = f'{{"type":"RECORD","stream":"{STREAM}","record":'.encode()
    tail = f',"version":{VERSION},"time_extracted":"2026-11-24T08:00:00.123456Z"}}\n'.encode()
    ended = {"type": "ACTIVATE_VERSION", "stream": STREAM, "version": VERSION}
    state = {"type": "STATE", "value": {"bookmarks": {STREAM: {}}}}
    with path.open("wb") as file:
        file.write(_encode(schema(times=times)) + b"\n")
        for at in range(rows):
            number = at * _STRIDE % rows if strewn else at
            file.write(head + _record(number, changed=is_changed(number)) + tail)
        if rows:
            file.write(_encode(ended) + b"\n")
        file.write(_encode(state) + b"\n")
    return path


def write_config(path: Path, url: str, ledger: Path, **more: Any) -> Path:
    """A configuration file of the target."""
    path.write_text(json.dumps(_asked(url, ledger, **more)), encoding="utf-8")
    return path


def _asked(url: str, ledger: Path, **more: Any) -> dict[str, Any]:
    return {"api_token": "bench", "api_url": url, "ledger_url": f"sqlite:///{ledger}", **more}


def write_ledger(url: str, ledger: Path, rows: int, **more: Any) -> None:
    """The ledger after so many rows were delivered, without delivering them."""
    session = TargetMonday(config=_asked(url, ledger, **more)).session
    asked = schema()
    route = session.route(STREAM, asked["schema"], asked["key_properties"])
    plan = route.plans[""]
    by = session.intake.fingerprint(plan)
    if by is None:
        raise TypeError(plan.stream)
    items = session.loader.items
    for start in range(0, rows, _CHUNK):
        records = [_record(at, changed=False) for at in range(start, min(rows, start + _CHUNK))]
        known = {}
        for at, (record, one) in enumerate(zip(records, hashes_of(by, records), strict=True)):
            wanted = plan.row(decode_record(record) or {})
            made = Pending(plan, wanted.key, Create.of(wanted), record_hash=one).intent.after
            if made is not None:
                known[wanted.key] = made.under(str(10**9 + start + at))
        items.adopt(plan.ledger_id, known)
    session.close(status="done", exit_code=0, message=None)
