"""Settings as YAML, to be pasted into meltano.yml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["streams_yaml"]

# YAML 1.1 reads these as something else than text, which is what PyYAML does.
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def streams_yaml(streams: Iterable[Mapping[str, str]]) -> str:
    """The setting `streams`, without a newline at the end."""
    lines = ["streams:"]
    for entry in streams:
        marks = ["-", *[" "] * (len(entry) - 1)]
        lines += [
            f"{mark} {name}: {_scalar(value)}"
            for mark, (name, value) in zip(marks, entry.items(), strict=True)
        ]
    return "\n".join(lines)


def _scalar(text: str) -> str:
    """Bare where YAML takes it for the text that it is, else quoted as in JSON."""
    is_plain = re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII) and text.lower() not in _WORDS
    return text if is_plain else json.dumps(text)
