"""The console script.

A sixth of the time until the first request is the garbage collector walking over modules while they
are imported, none of which is garbage; it is put off, and later leaves them alone.
"""

from __future__ import annotations

import gc

__all__ = ["main"]


def main() -> None:
    """Run the tap's command line."""
    gc.disable()
    from tap_ifs_cloud.tap import TapIfsCloud  # noqa: PLC0415 # that is what takes the time

    gc.freeze()
    gc.enable()
    TapIfsCloud.cli()
