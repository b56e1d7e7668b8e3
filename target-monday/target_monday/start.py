"""The console script.

A good part of the time until the first line is the garbage collector walking over modules while
they are imported, none of which is garbage; it is put off, and later leaves them alone.
"""

from __future__ import annotations

import gc

__all__ = ["main"]


def main() -> None:
    """Run the target's command line."""
    gc.disable()
    from target_monday.target import TargetMonday  # noqa: PLC0415 # that is what takes the time

    gc.freeze()
    gc.enable()
    TargetMonday.cli()
