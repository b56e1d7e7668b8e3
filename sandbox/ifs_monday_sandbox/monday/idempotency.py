"""Replies kept under an `Idempotency-Key`, so that a repeated mutation is answered and not redone.

Source: developer.monday.com/api-reference/docs/idempotency. The key covers the whole request; the
body is not compared.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ifs_monday_sandbox.monday.errors import MondayError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConflictError", "Replies", "Reply"]

LIFE_SECONDS = 30 * 60
MOST_BYTES = 1_000_000


class ConflictError(MondayError):
    """A request with the same key is being executed."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__(
            "IDEMPOTENCY_CONFLICT",
            "A request with this Idempotency-Key is in progress",
            status_code=409,
            retry_in_seconds=self.retry_after,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it left."""

    body: bytes
    kept: float


class Replies:
    """Replies to mutations by key, each for 30 minutes; those over 1 MB are not kept."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._kept: dict[str, Reply] = {}
        self._in_flight: set[str] = set()

    def begin(self, key: str) -> bytes | None:
        """The kept answer, or None after which `end` must follow; raises ConflictError."""
        with self._lock:
            reply = self._kept.get(key)
            if reply is not None and self._elapsed() - reply.kept <= LIFE_SECONDS:
                return reply.body
            if key in self._in_flight:
                raise ConflictError
            self._in_flight.add(key)
            return None

    def end(self, key: str, body: bytes | None) -> None:
        """Keep the answer of an executed request; None if nothing was executed."""
        with self._lock:
            self._in_flight.discard(key)
            if body is not None and len(body) <= MOST_BYTES:
                self._kept[key] = Reply(body, self._elapsed())
