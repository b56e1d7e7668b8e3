"""Repeated warnings of a run: the first ones are logged, the others summed up at its end."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RepeatedWarnings"]

_LOGGED: Final = 10  # of each kind
_FIELD = re.compile(r"(\w+)=%[-.\d]*[a-z]")
_KIND_FIELDS: Final = ("stream", "board", "code", "column")


class RepeatedWarnings(logging.Filter):
    """Passes the first ten warnings of a kind on, and counts the others.

    Warnings are of one kind if event, stream, board, code and column are the same. Their
    other fields (key, reason) may differ.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self._counts: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        logger.addFilter(self)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        event, fields = _parts(record)
        pairs = [f"{name}={fields[name]}" for name in _KIND_FIELDS if name in fields]
        kind = " ".join([f"event={event}", *pairs])
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._reasons.setdefault(kind, fields.get("reason", "-"))
        return self._counts[kind] <= _LOGGED

    def close(self) -> None:
        """Stop the count, and log a line for each kind that had more."""
        self._logger.removeFilter(self)
        for line in self._lines():
            self._logger.warning("warning.repeated %s", line)

    def _lines(self) -> Iterator[str]:
        for kind, count in self._counts.items():
            if count > _LOGGED:
                yield f"{kind} not_logged={count - _LOGGED} first_reason={self._reasons[kind]!r}"


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    """Event of a log record, and its fields by name."""
    event = str(record.msg).split(" ", 1)[0].rstrip(":")
    values = record.args if isinstance(record.args, tuple) else ()
    names = _FIELD.findall(str(record.msg))
    return event, {name: str(value) for name, value in zip(names, values, strict=False)}
