"""Settings that Meltano changes on their way from meltano.yml to the plugin, each named.

Meltano drops nulls, splits the keys of nested objects at their dots, and replaces `$NAME` by
nothing where no such variable is set (checked with Meltano 4.4). The plugin receives the rest and
cannot know what was meant, so meltano.yml itself is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.settings_input import MELTANO_PROJECT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["given_settings", "lost_settings"]

# As in meltano.core.utils.ENV_VAR_PATTERN.
_VARIABLE: Final = re.compile(r"(\\)?\$(?:\{(\w+)\}|([A-Z][A-Z0-9_]*))")
_DOT: Final = re.compile(r"(?<!\\)\.")
_COLUMN: Final = 4  # keys from `boards` to a column: boards, stream, columns, property


def given_settings(variables: Mapping[str, str], kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of the running plugin as its project's files have them.

    General ones come first. Nothing is yielded where Meltano does not run the plugin, or where the
    files cannot be read.

    Args:
        variables: The environment, in which Meltano names project, environment and plugin.
        kind: Kind of the plugin: `extractor` or `loader`.
    """
    root = variables.get(MELTANO_PROJECT)
    name = variables.get(f"MELTANO_{kind.upper()}_NAME")
    if not root or not name:
        return
    files = list(_documents(Path(root)))
    plugins = {
        str(each.get("name")): each
        for file in files
        for each in _entries(file.get("plugins"), kind)
    }
    chain: list[str] = []
    while name in plugins and name not in chain:
        chain.insert(0, name)
        name = str(plugins[name].get("inherit_from"))
    for each in chain:
        yield _mapping(plugins[each].get("config"))
    for file in files:
        for environment in _mappings(file.get("environments")):
            if environment.get("name") == variables.get("MELTANO_ENVIRONMENT"):
                there = _entries(_mapping(environment.get("config")).get("plugins"), kind)
                yield from (
                    _mapping(one.get("config"))
                    for each in chain
                    for one in there
                    if one.get("name") == each
                )


def _documents(root: Path) -> Iterator[Mapping[str, Any]]:
    main = _document(root / "meltano.yml")
    yield main
    patterns = main.get("include_paths")
    for pattern in patterns if isinstance(patterns, list) else ():
        if isinstance(pattern, str) and not Path(pattern).is_absolute():
            yield from (_document(each) for each in sorted(root.glob(pattern)) if each.is_file())


def _document(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(msgspec.yaml.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return {}


def _entries(plugins: Any, kind: str) -> list[Mapping[str, Any]]:
    return _mappings(_mapping(plugins).get(f"{kind}s"))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def lost_settings(
    given: Sequence[Mapping[str, Any]],
    variables: Mapping[str, str],
    *,
    guards: Collection[str],
    secrets: Collection[str],
) -> Iterator[str]:
    """Yield the settings that Meltano does not hand over as they are written, a sentence each.

    Args:
        given: The settings as they are written, general ones first.
        variables: The environment, from which Meltano takes the values of `$NAME`.
        guards: Settings that may not be lost as a whole; others are optional.
        secrets: Settings whose values are not shown in part.
    """
    leaves = {".".join(path): (path, leaf) for each in given for path, leaf in _leaves(each, ())}
    for place, (path, leaf) in leaves.items():
        first = _DOT.split(path[0])[0]
        for key in path[1:]:
            if _DOT.search(key):
                escaped = _DOT.sub(r"\\.", key)
                yield (
                    f"`{place}` in meltano.yml: Meltano splits the key `{key}` at its dots. "
                    f"Write `{escaped}`."
                )
        if leaf is None:
            yield from _null_faults(place)
        for name in _unset(leaf, variables):
            is_whole = isinstance(leaf, str) and _VARIABLE.fullmatch(leaf) is not None
            if is_whole and place == first and first not in guards:
                continue
            shown = "a variable" if first in secrets else f"${name}"
            yield (
                f"`{place}` in meltano.yml: Meltano replaces {shown} by nothing, since no such "
                f"variable is set. Set it, or write `\\$` where a dollar sign is meant."
            )


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, str(key)))
    elif path:
        yield path, value


def _null_faults(place: str) -> Iterator[str]:
    """Nulls that have a meaning of their own; elsewhere null is the same as not set."""
    parts = _DOT.split(place)
    if parts[0] == "stream_maps" and len(parts) > 1:
        yield f"`{place}` in meltano.yml is null, which Meltano drops. Write `__NULL__`."
    elif parts[0] == "boards" and len(parts) == _COLUMN and parts[2] == "columns":
        yield f"`{place}` in meltano.yml is null, which Meltano drops. Write `false`."


def _unset(value: Any, variables: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, str):
        for escaped, braced, plain in _VARIABLE.findall(value):
            if not escaped and (braced or plain) not in variables:
                yield braced or plain
    elif isinstance(value, list):
        for each in value:
            yield from _unset(each, variables)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _unset(each, variables)
