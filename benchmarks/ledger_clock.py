"""The target with a clock on its ledger: `python -m benchmarks.ledger_clock FILE --config ...`.

Time counts from where code outside of `target_monday.ledger` calls into it to where that returns,
and also where a run's operations are put together for it: waits for the disk by the clock, work by
CPU time. When the run ends, `FILE` holds its times as JSON, those of the whole process beside them.
"""

from __future__ import annotations

import atexit
import inspect
import json
import pkgutil
import sys
import time
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import target_monday.ledger
from target_monday.start import main as run_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

__all__ = ["main"]

_PACKAGE: Final = target_monday.ledger.__name__
_OURS: Final = ("target_monday.delivery.pending", "Pending", "_intended")


@dataclass(slots=True)
class _Clock:
    """Seconds in the ledger; calls from inside it are part of the outermost one."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    _inside: bool = False
    _began: tuple[float, float] = field(default=(0.0, 0.0))

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted; of a generator that of each of its steps."""
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
                each = iter(function(*args, **kwargs))
                end = object()
                while (value := self._call(next, each, end)) is not end:
                    yield value

            return steps

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(function, *args, **kwargs)

        return call

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._inside:
            return function(*args, **kwargs)
        self._inside = True
        began, cpu_began = time.perf_counter(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            self._inside = False
            self.seconds += time.perf_counter() - began
            self.cpu_seconds += time.process_time() - cpu_began


def _watch(clock: _Clock) -> None:
    """Put the clock on all that the ledger's modules offer, before others take it from there."""
    for each in pkgutil.iter_modules(target_monday.ledger.__path__, f"{_PACKAGE}."):
        if not each.ispkg:
            _watch_module(import_module(each.name), clock)
    module, name, method = _OURS
    owner = getattr(import_module(module), name)
    setattr(owner, method, clock.timed(getattr(owner, method)))


def _watch_module(module: ModuleType, clock: _Clock) -> None:
    for name in getattr(module, "__all__", ()):
        offered = getattr(module, name)
        if getattr(offered, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(offered):
            setattr(module, name, clock.timed(offered))
        elif inspect.isclass(offered):
            for method, function in list(vars(offered).items()):
                if inspect.isfunction(function) and not method.startswith("__"):
                    setattr(offered, method, clock.timed(function))


def main() -> None:
    """Run the target; its own way out, its exit code too."""
    path, clock = Path(sys.argv.pop(1)), _Clock()
    began = time.perf_counter()
    _watch(clock)

    def tell() -> None:
        told = {
            "ledger_seconds": clock.seconds,
            "ledger_cpu_seconds": clock.cpu_seconds,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time(),
        }
        path.write_text(json.dumps(told), encoding="utf-8")

    atexit.register(tell)
    run_target()


if __name__ == "__main__":
    main()
