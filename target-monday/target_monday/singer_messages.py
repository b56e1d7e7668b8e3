"""What a Singer message must hold before anything is done with it. Pure.

The SDK checks that some members are there, and shows the whole message where one is not. Here their
types are checked, and an error names members, never values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from target_monday.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["message_fault"]

_MISSING: Final = object()


def message_fault(message: Mapping[str, Any]) -> str | None:
    """What keeps a message of a known type from being used, as a clause; None if nothing does."""
    for member, check in _MEMBERS.get(message["type"], {}).items():
        value = message.get(member, _MISSING)
        if value is _MISSING:
            if (message["type"], member) not in _OPTIONAL:
                return f"without `{member}`"
        elif (fault := check(value)) is not None:
            return f"whose `{member}` {fault}"
    return None


def _name(value: Any) -> str | None:
    return None if isinstance(value, str) else "is not a text"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "is not an object"


def _state(value: Any) -> str | None:
    return None if value is None else _object(value)


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) else "is not a list"


def _version(value: Any) -> str | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return None if is_whole else "is not a whole number"


def _record_version(value: Any) -> str | None:
    return None if value is None else _version(value)


def _keys(value: Any) -> str | None:
    if value is None:  # some taps write null where there is no key
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        return "is not a list of names"
    return "names a property twice" if len(set(value)) < len(value) else None


def _schema(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "is not an object"
    properties = value.get("properties")
    if not isinstance(properties, dict):
        return "has no `properties`"
    faults = (
        f"cannot be read: property {quoted(name)} has {fault}"
        for name, definition in properties.items()
        if (fault := _definition(definition)) is not None
    )
    return next(faults, None)


def _definition(definition: Any) -> str | None:
    """What in a property's definition is not of the type that JSON Schema gives it, if anything."""
    if not isinstance(definition, dict):
        return None  # JSON Schema's `true`, and what taps write in its place: any value
    for word, (kinds, description) in _WORDS.items():
        value = definition.get(word)
        if value is not None and not isinstance(value, kinds):
            return f"a `{word}` that is not {description}"
    types = definition.get("type")
    if isinstance(types, list) and not all(isinstance(each, str) for each in types):
        return "a `type` that is not a text or a list of texts"
    return next(filter(None, map(_definition, _inner(definition))), None)


def _inner(definition: Mapping[str, Any]) -> Iterator[Any]:
    for word in ("anyOf", "oneOf"):
        yield from definition.get(word) or ()
    yield definition.get("items")


_WORDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "type": ((str, list), "a text or a list of texts"),
    "format": ((str,), "a text"),
    "maxLength": ((int, float, Decimal), "a number"),
    **dict.fromkeys(("enum", "x-extensible-enum", "anyOf", "oneOf"), ((list,), "a list")),
}
_MEMBERS: Final[Mapping[str, Mapping[str, Callable[[Any], str | None]]]] = {
    "SCHEMA": {"stream": _name, "schema": _schema, "key_properties": _keys},
    "RECORD": {"stream": _name, "record": _object, "version": _record_version},
    "BATCH": {"stream": _name, "encoding": _object, "manifest": _list},
    "STATE": {"value": _state},
    "ACTIVATE_VERSION": {"stream": _name, "version": _version},
}
_OPTIONAL: Final = frozenset({("SCHEMA", "key_properties"), ("RECORD", "version")})
