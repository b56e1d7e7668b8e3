"""The time that a run goes by; a rehearsal may bring its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]


@dataclass(frozen=True, slots=True)
class Clock:
    """`elapsed` measures durations in seconds, `wall` tells seconds since 1970.

    `sleep` takes the place of waiting; None: wait, unless the end of the run is asked for.
    """

    elapsed: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] | None = None
