"""How a run ends that is told to: between two writes, and never as if all had been read."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_ifs_cloud.odata.errors import RunStopper

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Terminated", "Termination"]


class Terminated(RunStopper):
    """The process was told to end."""

    code = "TERMINATED"

    def __init__(self, signum: int) -> None:
        name = signal.Signals(signum).name
        super().__init__(f"{name} came before all was read: the next run goes on from the state")


@dataclass(slots=True)
class Termination:
    """Raises Terminated where the process stands, or behind the write that it is in.

    The SDK writes a STATE wherever the signal finds it, be it in the middle of a line, and exits as
    after a whole run. A second signal does not wait for a write that nobody takes.
    """

    _writing: bool = False
    _signum: int | None = None

    def handle(self, signum: int) -> None:
        """A signal has come. Raises Terminated."""
        if self._writing and self._signum is None:
            self._signum = signum
            return
        raise Terminated(signum)

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Around writes that belong together, one inside the other too.

        Raises Terminated when the outermost is done, if a signal came meanwhile.
        """
        is_inner = self._writing
        self._writing = True
        try:
            yield
        finally:
            self._writing = is_inner
        if self._signum is not None and not is_inner:
            raise Terminated(self._signum)
