"""Settings as they are given: texts in the types of the settings, and names that do not exist."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = ["MELTANO_PROJECT", "UnknownName", "environment_settings", "nearest", "typed"]
__all__ += ["misnamed_removals", "unknown_names", "unused_maps"]

_TRUTHS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
MELTANO_PROJECT: Final = "MELTANO_PROJECT_ROOT"  # Meltano sets it for its plugins
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_REMOVED: Final = (None, "__NULL__")  # by either a stream map takes a property away
_NOT_SETTINGS: Final = frozenset({"loglevel"})  # the SDK's own variable
_SEPARATOR: Final = re.compile(r"(?<!\\)\.")  # Meltano's dot between the keys of nested objects


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name that no setting has.

    Attributes:
        path: Setting that holds the name, such as `boards.invoice`; empty for the settings.
        name: The name as it was given.
        nearest: The setting that was most likely meant; None if no name is near.
    """

    path: str
    name: str
    nearest: str | None

    @property
    def sentence(self) -> str:
        """One sentence for the user, with the nearest name."""
        place = f"{self.path}.{self.name}" if self.path else self.name
        meant = f" Did you mean `{self.nearest}`?" if self.nearest else ""
        return f"`{place}` is not a setting.{meant}"


def environment_settings(
    variables: Mapping[str, str], prefix: str, known: Collection[str], objects: Collection[str]
) -> dict[str, Any]:
    """Return the settings that environment variables name, as texts; objects as they are nested.

    A variable that names no setting is among them, so that it can be reported. The variables that
    Meltano adds for nested values, for its own extras and for plugins that inherit from this one
    are not.

    Args:
        variables: The environment.
        prefix: Start of the variables' names, such as `TARGET_MONDAY_`.
        known: Names of the settings.
        objects: Names of the settings that are objects.
    """
    found: dict[str, Any] = {}
    for variable, text in variables.items():
        name = variable.removeprefix(prefix).lower()
        if variable.startswith(prefix) and text and not _is_by_meltano(name, known, objects):
            in_meltano = name in objects and MELTANO_PROJECT in variables
            found[name] = _nested(text) if in_meltano else text
    return found


def _is_by_meltano(name: str, known: Iterable[str], objects: Iterable[str]) -> bool:
    if name in known:
        return False
    nested = any(name.startswith(f"{each}_") for each in objects)
    inherited = any(name.endswith(f"_{each}") for each in known)
    return nested or inherited or name.startswith("_") or name in _NOT_SETTINGS


def _nested(text: str) -> Any:
    """Undo Meltano's flattening: `{"s.columns.Name": "x"}` stands for nested objects."""
    value = _decoded(text)
    if not isinstance(value, dict) or any(map(_is_filled_object, value.values())):
        return value
    tree: dict[str, Any] = {}
    for path, leaf in value.items():
        *parents, last = (part.replace("\\.", ".") for part in _SEPARATOR.split(path))
        at: Any = tree
        for part in parents:
            at = at.setdefault(part, {}) if isinstance(at, dict) else {}
        if isinstance(at, dict):
            at[last] = leaf
    return tree


def _is_filled_object(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value with its texts in the types that the schema asks for.

    A text that is not of its type stays as it is: the check by schema names it.
    """
    kinds = _types(schema)
    if isinstance(value, str):
        value = value if "string" in kinds or not kinds else _of_type(value.strip(), kinds, value)
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        rest = others if isinstance(others, dict) else {}
        return {name: typed(each, properties.get(name, rest)) for name, each in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [typed(each, schema["items"]) for each in value]
    return value


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    kinds = schema.get("type", ())
    return frozenset({kinds} if isinstance(kinds, str) else kinds)


def _of_type(text: str, kinds: Collection[str], otherwise: Any) -> Any:
    if "boolean" in kinds and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if {"integer", "number"}.intersection(kinds) and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if "object" in kinds and text.startswith("{"):
        return _decoded(text)
    if "array" in kinds:
        parts = [each.strip() for each in text.split(",")]
        return _decoded(text) if text.startswith("[") else parts
    return otherwise


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def unknown_names(
    value: Any, schema: Mapping[str, Any], path: str = "", *, closed: bool = True
) -> Iterator[UnknownName]:
    """Yield the names in a value that its schema does not know.

    Args:
        value: A setting, or all of them.
        schema: Its JSON schema.
        path: Place of the value among the settings.
        closed: Whether names are known only if the schema lists them. Nested objects say so
            themselves (`additionalProperties`).
    """
    if isinstance(value, list):
        for at, each in enumerate(value):
            yield from unknown_names(each, schema.get("items", {}), f"{path}[{at}]", closed=False)
    if not isinstance(value, dict):
        return
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, each in value.items():
        if name in properties or isinstance(others, dict):
            place = f"{path}.{name}" if path else name
            yield from unknown_names(each, properties.get(name, others), place, closed=False)
        elif closed or others is False:
            yield UnknownName(path, name, nearest(name, properties))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a name, whatever its case; None if none is."""
    plain = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold().replace("-", "_"), plain, n=1)
    return plain[found[0]] if found else None


def misnamed_removals(
    stream: str, maps: Mapping[str, Any], properties: Iterable[str]
) -> Iterator[str]:
    """Yield the properties that stream maps take away under a name that is almost theirs.

    Args:
        stream: Name of the stream before stream maps.
        maps: The setting `stream_maps`.
        properties: Properties of the stream.
    """
    known = set(properties)
    for pattern, entry in maps.items():
        if not isinstance(entry, dict) or not fnmatch(stream, entry.get("__source__", pattern)):
            continue
        for name, value in entry.items():
            if value in _REMOVED and not name.startswith("__") and name not in known:
                meant = nearest(name, known - entry.keys())
                if meant is not None:
                    yield (
                        f"Stream {stream!r} has no property {name!r} (`stream_maps`). Did you "
                        f"mean {meant!r}?"
                    )


def unused_maps(maps: Mapping[str, Any], streams: Collection[str]) -> Iterator[str]:
    """Yield the streams of stream maps that are none of these."""
    for pattern, entry in maps.items():
        source = entry.get("__source__", pattern) if isinstance(entry, dict) else pattern
        if not source.startswith("__") and not any(fnmatch(each, source) for each in streams):
            yield source
