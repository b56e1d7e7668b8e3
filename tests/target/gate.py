"""A way to a server that can be shut, for tests of what never left."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

__all__ = ["Gate"]

HOST = "127.0.0.1"
PIECE = 1 << 16  # bytes


class Gate:
    """Passes bytes on to a port. Once shut, what was connected is cut, and nobody can connect."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        """Let through."""
        threading.Thread(target=self._let_in, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Shut it."""
        self.shut()

    def shut(self) -> None:
        """Cut everybody off."""
        for each in (self._listening, *self._ends):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                outside, _ = self._listening.accept()
                inside = socket.create_connection((HOST, self._behind))
                self._ends += [outside, inside]
                for pair in ((outside, inside), (inside, outside)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
