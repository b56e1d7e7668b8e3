"""`target-monday-init`: a mapping file for boards that are there, for a person to edit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from target_monday.diff import GROUP
from target_monday.errors import RunFailed, TargetError
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.ledger.items import ItemStore
from target_monday.monday.boards import Board, board_names, boards_by_id
from target_monday.presets import preset_of
from target_monday.private import create_private, write_private
from target_monday.proposing.mapping_file import HEAD, board_lines, open_lines, unsure_lines
from target_monday.proposing.pairing import pair_boards
from target_monday.proposing.proposal import Memory, propose
from target_monday.proposing.streams import KnownStream
from target_monday.questions import (
    OneLine,
    SourceFault,
    questions,
    read_streams,
    settings_of,
    with_config,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["main"]

_ENVIRONMENT: Final = "TARGET_MONDAY_"
_FILE: Final = "boards.yml"


class FileExists(TargetError):
    """There is a mapping file already, and somebody may have edited it."""

    code = "FILE_EXISTS"
    exit_code: ClassVar[int] = 2


@click.command(cls=OneLine, name="target-monday-init")
@click.argument("source", required=False)
@click.option(
    "--output",
    default=_FILE,
    show_default=True,
    metavar="FILE",
    help="The file to write, or - to print it.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option(
    "--board",
    "named",
    multiple=True,
    metavar="STREAM=ID",
    help="The board of a stream, where its name does not tell.",
)
@with_config
@click.version_option(package_name="target-monday")
def main(
    source: str | None,
    output: str,
    *,
    force: bool,
    named: tuple[str, ...],
    configs: tuple[str, ...],
) -> None:
    """Propose a mapping of a tap's streams to the boards that are there.

    SOURCE is a Singer catalog (`meltano invoke --dump=catalog TAP`), or what a tap wrote: its
    SCHEMA lines are read; - is the input. Without it, the streams are those of the ledger. Streams
    and boards are matched by name, properties and columns by title and type. Only reads.
    """
    path = None if output == "-" else Path(output)
    if path is not None and path.exists() and not force:
        raise FileExists(f"{path} is there already: name another --output, or say --force.")
    chosen = dict(_choice(each) for each in named)
    config = settings_of(configs, without=["boards"])
    memories = _memories(config)
    streams = _streams(source, memories)
    unknown = chosen.keys() - {stream.name for stream in streams}
    if unknown:
        raise SourceFault(f"There is no stream {min(unknown)!r} to name a board for.")
    found = _look(config, streams, memories, chosen)
    text = "".join(f"{line}\n" for line in _file(streams, found, memories))
    if path is None:
        click.echo(text, nl=False)
        return
    _write(path, text, force=force)
    click.echo(
        f"{path}: {len(found.boards)} of {len(streams)} streams have a board. Read it, correct it, "
        "and put it under `boards`.",
        err=True,
    )


def _choice(given: str) -> tuple[str, str]:
    stream, _, board = given.rpartition("=")
    if not stream or not board.isdigit():
        raise SourceFault(f"--board {given!r} is not STREAM=ID, where ID is a board's number.")
    return stream, board


def _memories(config: Mapping[str, Any]) -> dict[str, Memory]:
    """What the ledger knows by stream; nothing of a stream that goes to several boards."""
    url = config.get("ledger_url") or default_ledger_url()
    try:
        engine = open_database(url, create=False)
    except RunFailed:
        return {}
    entries = ItemStore(engine, config["api_url"]).boards()
    engine.dispose()
    return {
        stream: Memory(entry.board_id, entry.key_column, entry.columns)
        for (stream, part), entry in entries.items()
        if not part
    }


def _streams(source: str | None, memories: Mapping[str, Memory]) -> list[KnownStream]:
    if source is None:
        if not memories:
            raise SourceFault(
                "The ledger knows no streams yet: give the tap's catalog, as "
                "`meltano invoke --dump=catalog TAP > catalog.json` writes it."
            )
        return [
            KnownStream(
                stream,
                {"properties": {name: {} for name in memory.columns if name != GROUP}},
                key=(),
                typed=False,
            )
            for stream, memory in memories.items()
        ]
    return read_streams(source)


@dataclass(frozen=True, slots=True)
class _Named:
    """A board by its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class _Found:
    """The boards by stream; and those that might be a stream's."""

    boards: Mapping[str, Board]
    unsure: Mapping[str, Sequence[Board]]


def _look(
    config: Mapping[str, Any],
    streams: Sequence[KnownStream],
    memories: Mapping[str, Memory],
    chosen: Mapping[str, str],
) -> _Found:
    """Find the boards: one call for each 500 names, one for the columns."""
    with questions(config) as calls:
        names = board_names(calls.query, config.get("workspace_id") or None)
        there = {number for numbers in names.values() for number in numbers}
        known = {
            stream.name: memories[stream.name].board_id
            for stream in streams
            if stream.name in memories and memories[stream.name].board_id in there
        }
        sure = {**known, **chosen}
        free = [
            _Named(number, name)
            for name, numbers in names.items()
            for number in numbers
            if number not in sure.values()
        ]
        called = {each.name: _called(each) for each in streams if each.name not in sure}
        pairs = pair_boards(called, free)
        sure |= {stream: board.id for stream, board in pairs.found.items()}
        maybe = {stream: [each.id for each in these] for stream, these in pairs.unsure.items()}
        wanted = {*sure.values(), *(number for these in maybe.values() for number in these)}
        boards = boards_by_id(calls.query, sorted(wanted))
    missing = [board for board in chosen.values() if board not in boards]
    if missing:
        raise SourceFault(f"There is no board {missing[0]}, or it is hidden from us.")
    return _Found(
        {stream: boards[board] for stream, board in sure.items() if board in boards},
        {stream: [boards[each] for each in these] for stream, these in maybe.items()},
    )


def _called(stream: KnownStream) -> list[str]:
    """What a board of the stream may be called."""
    preset = preset_of(stream.schema, stream.key)
    return [stream.name, *(preset.called if preset else ())]


def _file(
    streams: Sequence[KnownStream], found: _Found, memories: Mapping[str, Memory]
) -> Iterator[str]:
    yield from HEAD.splitlines()
    names = {stream.name for stream in streams}
    for stream in streams:
        yield ""
        board = found.boards.get(stream.name)
        if board is not None:
            memory = memories.get(stream.name)
            same = memory if memory and memory.board_id == board.id else None
            yield from board_lines(propose(stream, board, same, names))
        elif stream.name in found.unsure:
            yield from unsure_lines(stream.name, found.unsure[stream.name])
        else:
            yield from open_lines(stream.name)


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write the whole file or nothing; a file that came up meanwhile is left alone."""
    try:
        (write_private if force else create_private)(path, text)
    except FileExistsError as error:
        raise FileExists(f"{path} is there already: say --force to write over it.") from error
    except OSError as error:
        raise SourceFault(f"{path} cannot be written: {error.strerror}.") from error
