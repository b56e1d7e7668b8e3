"""Singer lines read fast and exactly: decimals stay digits, whole numbers stay whole."""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_monday.errors import InputFault
from target_monday.foreign_json import ANYTHING, NotJson, decode, decode_around, is_shallow
from target_monday.quoting import quoted
from target_monday.record_lines import MOST_PAGES, stream_of
from target_monday.singer_messages import message_fault
from target_monday.termination import Termination
from target_monday.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_monday.record_lines import RecordLines

__all__ = ["LONGEST_LINE", "LineReader", "decode_record", "page_of", "parse_line", "parse_object"]

_READ: Final = 1 << 20  # bytes at most; a pipe gives what is there
_FEW: Final = 16  # lines that are alike and not worth the search for them
_MANY: Final = 4096
LONGEST_LINE: Final = 64 << 20  # bytes; what never ends must not fill the memory
_RECORD: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def parse_line(line: str | bytes, number: int) -> dict[str, Any]:
    """The message in a line of the input. Raises InputFault.

    A bookmark has to go out as it came, so each of its values has to be read.
    """
    where = f"Input line {number}"
    message = parse_object(line, where)
    if message.get("type") == "STATE" and _whole(line) is None:
        raise InputFault(f"{where} is a STATE with a value that cannot be read.")
    return message


def parse_object(line: str | bytes, where: str) -> dict[str, Any]:
    """The object in a line, with an Unreadable for each value that cannot be read.

    Raises InputFault, which names the line by `where`.
    """
    found = _whole(line)
    if found is None:
        try:
            found = decode_around(line, Unreadable)
        except NotJson as error:
            raise InputFault(f"{where} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InputFault(f"{where} is not a JSON object.")
    return found


def _whole(line: str | bytes) -> Any:
    """The value in a line; None if some part of it cannot be read."""
    try:
        return decode(line, ANYTHING) if is_shallow(line) else None
    except NotJson:
        return None


def decode_record(record: bytes) -> dict[str, Any] | None:
    """The object in these bytes; None if it cannot be read whole."""
    if not is_shallow(record):
        return None
    try:
        return decode(record, _RECORD)
    except NotJson:
        return None


def page_of(message: Mapping[str, Any]) -> int | None:
    """The page of the source that a RECORD message was read from, if it tells one.

    Singer knows no such member; tap-ifs-cloud writes it.
    """
    page = message.get("page")
    return page if type(page) is int and 0 < page < MOST_PAGES else None


class LineReader(GenericSingerReader[Any]):
    """The target's input. A signal may end the waiting for a line, never the work on one.

    `lines_of` gives where lines of a stream wait that need not be parsed, if it has such a place.
    """

    def __init__(
        self,
        termination: Termination | None = None,
        failed: Callable[[BaseException], None] = lambda _: None,
        lines_of: Callable[[str], RecordLines | None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._termination = termination or Termination()
        self._failed = failed  # told of what ends the reading early, before it is raised
        self._lines_of = lines_of
        self._current: RecordLines | None = None
        self._line = 0
        self._singly = 0  # lines until it is tried again to take several at once
        self._pause = 1  # how many these are after lines that were not alike

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    @override
    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        stats: Counter[str] = Counter()
        try:
            for text in _whole_lines(self._read(file_input or self.default_input)):
                stats.update(self._process_all(text, callbacks))
        except BaseException as error:
            self._failed(error)
            raise
        return stats

    def _process_all(
        self, text: bytes, callbacks: Mapping[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Lines, as many at once as are alike; one by one where these are few."""
        stats: Counter[str] = Counter()
        taken = start = 0
        while start < len(text):
            if self._singly == 0 and self._current is not None:
                alike, start = self._current.take_alike(text, start, self._line + 1)
                self._line += alike
                taken += alike
                self._pause = 1 if alike >= _FEW else min(2 * self._pause, _MANY)
                self._singly = self._pause
                continue
            self._singly = max(0, self._singly - 1)
            end = text.index(b"\n", start)
            line, start = text[start:end], end + 1
            self._line += 1
            if self._is_taken(line):
                taken += 1
            elif line and not line.isspace():
                self._termination.check()
                stats[self._process(line, callbacks)] += 1
        stats["RECORD"] += taken
        return stats

    def _is_taken(self, line: bytes) -> bool:
        current = self._current
        if current is not None and line.startswith(current.beginning):
            return current.take(line, self._line)
        return self._turn(line)

    def _turn(self, line: bytes) -> bool:
        """Whether the line, which begins otherwise than those before, need not be parsed either."""
        stream = stream_of(line)
        current = None if stream is None else self._lines_of(stream)
        if current is None:
            return False
        current.begin(line)
        self._current = current
        return current.take(line, self._line)

    def _process(
        self, line: bytes, callbacks: Mapping[str, Callable[[dict[str, Any]], None]]
    ) -> str:
        message = self.deserialize_json(line)
        kind = message.get("type")
        callback = callbacks.get(kind) if isinstance(kind, str) else None
        if callback is None:
            raise InputFault(f"Input line {self._line} is no Singer message: type {quoted(kind)}.")
        fault = message_fault(message)
        if fault is not None:
            raise InputFault(f"Input line {self._line} is a {kind}{_of_stream(message)} {fault}.")
        if kind == "SCHEMA":  # its lines may have to wait elsewhere from now on
            self._current = None
        callback(message)
        return str(kind)

    def _read(self, source: IO[Any]) -> Iterator[bytes]:
        """The input in pieces, as they come."""
        binary: Any = getattr(source, "buffer", source)
        read = getattr(binary, "read1", binary.read)
        while True:
            with self._termination.interruptible():
                piece = read(_READ)
            if not piece:
                return
            yield piece if isinstance(piece, bytes) else piece.encode()

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, Any]:
        return parse_line(line, self._line)


def _of_stream(message: Mapping[str, Any]) -> str:
    stream = message.get("stream")
    return f" of stream {quoted(stream)}" if isinstance(stream, str) else ""


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, as many as a piece ends; a last one that lacks its end is given one."""
    begun: list[bytes] = []
    length = 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join((*begun, piece[:end]))
            begun, length = [], 0
        begun.append(piece[end:])
        length += len(piece) - end
        if length > LONGEST_LINE:
            raise InputFault(f"A line of the input is longer than {LONGEST_LINE >> 20} MiB.")
    if rest := b"".join(begun):
        yield rest + b"\n"
