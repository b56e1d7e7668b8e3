"""Who reads: each a command that writes all rows of a set as Singer lines, and how exactly."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.order_lines import BLOCK, COLUMNS, ROWS_AN_ORDER, STAMP, order_line
from benchmarks.processes import ChildFailed, printed

if TYPE_CHECKING:
    from benchmarks.processes import Server

__all__ = ["CONTESTANTS", "TAP", "Contestant", "OutputWrong", "check_output", "tap_settings"]

TAP: Final = str(Path(sys.executable).parent / "tap-ifs-cloud")
_SAMPLE: Final = 97  # one record of so many is compared value by value
_TYPE: Final = re.compile(rb'\{"type": ?"(\w+)"')
_NUMBER: Final = re.compile(rb'"OrderNo": ?"P(\d+)", ?"LineNo": ?"(\d)".*"LineItemNo": ?"?(\d)')

Command = Callable[["Server", int, Path], list[str]]


class OutputWrong(ChildFailed):
    """A contestant left out rows, repeated rows, or changed values."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to read: `written` is what it makes of a decimal, `messages` what it must write."""

    name: str
    command: Command
    written: Callable[[Decimal], Any]
    extra: frozenset[str] = field(default=frozenset())  # columns beside those of the row
    messages: frozenset[str] = field(default=frozenset({"SCHEMA", "RECORD"}))


def tap_settings(server: Server, rows: int, **stream: Any) -> dict[str, Any]:
    """Settings of the tap to read one set."""
    return {
        "base_url": server.base_url,
        "realm": "bench",
        "client_id": "BENCH",
        "client_secret": "none",
        "streams": [
            {"entity_set": f"Lines{rows}Set", "projection": "Bench", "name": "lines"} | stream
        ],
    }


def _raw(*options: str) -> Command:
    def command(server: Server, rows: int, _: Path) -> list[str]:
        return [sys.executable, "-m", "benchmarks.raw_loop", server.url(rows), *options]

    return command


def _stock(server: Server, rows: int, folder: Path) -> list[str]:
    config = _config(folder, f"stock-{rows}", {"url": server.url(rows)})
    return [sys.executable, "-m", "benchmarks.stock_stream", "--config", config]


def _tap(name: str, stream: Mapping[str, Any], **settings: Any) -> Command:
    def command(server: Server, rows: int, folder: Path) -> list[str]:
        given = tap_settings(server, rows, **stream) | settings
        return [TAP, "--config", _config(folder, f"{name}-{rows}", given)]

    return command


def _config(folder: Path, name: str, settings: Mapping[str, Any]) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return str(path)


def _exactly(number: Decimal) -> Decimal:
    return number


def _as_text(number: Decimal) -> str:
    return f"{number:f}"


def _rounded(number: Decimal) -> float:
    return float(number)


_IFS_COLUMNS: Final = frozenset({"_ifs_etag", "_ifs_row_version"})
_STATE: Final = frozenset({"SCHEMA", "RECORD", "STATE"})
_VERSION: Final = _STATE | {"ACTIVATE_VERSION"}
_FULL: Final = {"replication": "full"}
_STAMPED: Final = {"replication": "attribute", "replication_key": STAMP}

CONTESTANTS: Final[Mapping[str, Contestant]] = {
    one.name: one
    for one in (
        Contestant("raw loop", _raw(), _rounded),
        Contestant("raw loop, decimals as text", _raw("--as-text"), _as_text),
        Contestant("raw loop, a page a write", _raw("--as-text", "--joined"), _as_text),
        Contestant("stock SDK stream", _stock, _rounded),
        Contestant("tap, full", _tap("full", _FULL), _exactly, _IFS_COLUMNS, _VERSION),
        Contestant("tap, incremental", _tap("stamped", _STAMPED), _exactly, _IFS_COLUMNS, _STATE),
        Contestant(
            "tap, stream map",
            _tap("mapped", _FULL, stream_maps={"lines": {"Site": "Contract"}}),
            _exactly,
            _IFS_COLUMNS | {"Site"},
            _VERSION,
        ),
    )
}


def check_output(contestant: Contestant, server: Server, rows: int, folder: Path) -> None:
    """Run a contestant and hold its output against the rows. Raises OutputWrong, ChildFailed."""
    missing = bytearray(b"\x01") * rows
    records, messages = 0, set()
    for line in printed(contestant.command(server, rows, folder)):
        found = _TYPE.match(line)
        messages.add(found[1].decode() if found else "none")
        if not found or found[1] != b"RECORD":
            continue
        number = _row_number(contestant, line)
        if number >= rows:
            raise OutputWrong(f"{contestant.name}: a row that there is not: {line[:300]!r}")
        missing[number] = 0
        records += 1
        if number % _SAMPLE == 0:
            _compare(contestant, number, line)
    if records != rows or any(missing):
        raise OutputWrong(
            f"{contestant.name}: {records} records of {rows} rows, {sum(missing)} rows left out"
        )
    if absent := contestant.messages - messages:
        raise OutputWrong(f"{contestant.name}: it wrote no {', '.join(sorted(absent))}")


def _row_number(contestant: Contestant, line: bytes) -> int:
    found = _NUMBER.search(line)
    if found is None:
        raise OutputWrong(f"{contestant.name}: a record without its key: {line[:300]!r}")
    order, line_no, item = (int(part) for part in found.groups())
    block, order_place = divmod(order, 1000)
    return block * BLOCK + order_place * ROWS_AN_ORDER + (line_no - 1) * 2 + item


def _compare(contestant: Contestant, number: int, line: bytes) -> None:
    """Value by value; a decimal counts as the same only with the same digits."""
    is_exact = contestant.written is _exactly
    numbers = Decimal if is_exact else float
    record = json.loads(line, parse_float=numbers, parse_int=numbers)["record"]
    row = order_line(number)
    for column in COLUMNS:
        sent, wanted = record.get(column), row[column]
        if isinstance(wanted, Decimal):
            wanted = contestant.written(wanted)
        if (type(sent), str(sent)) != (type(wanted), str(wanted)):
            raise OutputWrong(f"{contestant.name}: {column} of row {number} is {sent!r}")
    absent = [name for name in contestant.extra if record.get(name) is None]
    if absent:
        raise OutputWrong(f"{contestant.name}: row {number} has no {', '.join(absent)}")
