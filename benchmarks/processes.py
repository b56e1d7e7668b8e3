"""Child processes: started with a clean environment, timed, weighed, and always ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.page_server import SERVICE, entity_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ChildFailed", "Run", "Server", "environment", "measured", "monday"]
__all__ += ["printed", "served"]

# Both cost every process time, and neither is set where the plugins run in earnest.
_COSTLY: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
_ROOT: Final = Path(__file__).resolve().parent.parent
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
_MEGABYTE: Final = 1_000_000
_LAST_WORDS: Final = 2000  # characters of a failed child's log that are shown


class ChildFailed(Exception):
    """A process ended otherwise than it should, or wrote something else."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a process did: seconds by the clock and of computing, megabytes (10^6) at its peak."""

    seconds: float
    cpu_seconds: float  # of all its threads, system calls included
    megabytes: float


@dataclass(frozen=True, slots=True)
class Server:
    """A page server that runs."""

    base_url: str

    def url(self, rows: int) -> str:
        """The address of the set with so many rows."""
        return f"{self.base_url}{SERVICE}/{entity_set(rows)}"


def environment() -> dict[str, str]:
    """What children see: no costly variables, no proxy before the loopback interface."""
    kept = {name: value for name, value in os.environ.items() if name not in _COSTLY}
    path = os.pathsep.join(filter(None, (str(_ROOT), kept.get("PYTHONPATH"))))
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": path}


def measured(command: Sequence[str], given: Path | None = None) -> Run:
    """Run a command to its end, over a file if one is given; what it writes is thrown away.

    Raises ChildFailed.

    The peak of a child is at least what its parent held when it started it, so this process must
    stay small.
    """
    started = time.perf_counter()
    with (
        (given or Path(os.devnull)).open("rb") as source,
        subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as child,
    ):
        said = child.stderr.read() if child.stderr else b""
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    _check(command, child.returncode, said)
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu_seconds, usage.ru_maxrss * _RSS_UNIT / _MEGABYTE)


def printed(command: Sequence[str]) -> Iterator[bytes]:
    """The lines that a command writes. Raises ChildFailed when it has ended badly."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    ) as child:
        yield from child.stdout or ()
    _check(command, child.returncode, b"(run it by hand to see its log)")


def _check(command: Sequence[str], code: int, said: bytes) -> None:
    if code:
        words = said.decode(errors="replace")[-_LAST_WORDS:]
        raise ChildFailed(f"{' '.join(command)}\nended with {code}: {words}")


@contextmanager
def monday(seconds: float = 0.0) -> Iterator[str]:
    """A monday in a process of its own: its address. It takes `seconds` for 100 mutations."""
    with _serving("monday_stub", str(seconds)) as address:
        yield f"{address}/v2"


@contextmanager
def served(sizes: Sequence[int], *, kept: int = 0, types: int = 1) -> Iterator[Server]:
    """A page server in a process of its own, which ends when its input is closed."""
    options = [f"--rows={rows}" for rows in dict.fromkeys(sizes)]
    with _serving("page_server", *options, f"--kept={kept}", f"--types={types}") as address:
        yield Server(address)


@contextmanager
def _serving(module: str, *options: str) -> Iterator[str]:
    """A server in a process of its own, which tells its port: its address."""
    with subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as child:
        port = child.stdout.readline().decode().strip() if child.stdout else ""
        if not port:
            raise ChildFailed(f"benchmarks.{module} did not start")
        yield f"http://127.0.0.1:{port}"
        if child.stdin:
            child.stdin.close()
