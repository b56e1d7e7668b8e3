"""Singer lines read fast and exactly: decimals stay digits, whole numbers stay whole."""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_monday.errors import InputFault
from target_monday.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LineReader"]

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class LineReader(GenericSingerReader[Any]):
    """The target's input. A signal may end the waiting for a line, never the work on one."""

    def __init__(
        self,
        termination: Termination | None = None,
        failed: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._termination = termination or Termination()
        self._failed = failed  # told of what ends the reading early, before it is raised
        self._line = 0

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
            for line in self._lines(file_input or self.default_input):
                stats[self._process(line, callbacks)] += 1
        except BaseException as error:
            self._failed(error)
            raise
        return stats

    def _process(self, line: Any, callbacks: Mapping[str, Callable[[dict[str, Any]], None]]) -> str:
        message = self.deserialize_json(line)
        kind = message.get("type")
        callback = callbacks.get(kind) if isinstance(kind, str) else None
        if callback is None:
            raise InputFault(f"Input line {self._line} is no Singer message: type {kind!r}.")
        callback(message)
        return str(kind)

    def _lines(self, source: IO[Any]) -> Iterator[Any]:
        while True:
            with self._termination.interruptible():
                line = source.readline()
            if not line:
                return
            self._line += 1
            if not line.isspace():
                yield line

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, Any]:
        try:
            message = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputFault(f"Input line {self._line} is not JSON: {error}.") from None
        if not isinstance(message, dict):
            raise InputFault(f"Input line {self._line} is not a JSON object.")
        return message
