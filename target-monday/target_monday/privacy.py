"""What of a record goes no further: properties that are denied, and those that are masked. Pure.

Both happen before anything else is done with a record, so that neither the board nor the ledger,
neither a log nor an export ever holds what was there.

A record of the ledger went through this before, perhaps under other settings, and may have been
corrected since. It goes through again, as `again` does it: what is a mask stays one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.settings_input import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = ["MASK", "Privacy", "is_mask", "is_masked", "key_fault", "misnamed", "privacy_faults"]
__all__ += ["privacy_of", "unused_entries"]

MASK: Final = "masked:"  # how a masked value begins
_DIGITS: Final = 24
_MASK: Final = re.compile(f"{MASK}[0-9a-f]{{{_DIGITS}}}")
_MASKED: Final = "x-masked"  # stands in the schema of a property that holds masks
_TEXT: Final[Mapping[str, Any]] = {"type": ["string", "null"], _MASKED: True}
_HOLD_MASKS: Final = frozenset({"text", "long_text"})
_ANY: Final = "*"
_SETTINGS: Final = ("deny", "mask")
_encode = msgspec.json.Encoder(decimal_format="number", order="deterministic", enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Privacy:
    """What happens to the properties of one stream. Without a `key` masks are plain hashes."""

    denied: frozenset[str]
    masked: frozenset[str]
    key: bytes | None

    def schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The stream's schema as its records are afterwards."""
        properties = {
            name: dict(_TEXT) if name in self.masked else definition
            for name, definition in schema["properties"].items()
            if name not in self.denied
        }
        return {**schema, "properties": properties}

    def apply(self, record: dict[str, Any], *, again: bool = False) -> None:
        """Take out what is denied and mask what is masked; a null stays a null.

        `again`: the record comes from the ledger, where a mask is the mask of a value. From the
        source it is a value like any other.
        """
        for name in self.denied:
            record.pop(name, None)
        for name in self.masked:
            value = record.get(name)
            if value is not None and not (again and is_mask(value)):
                record[name] = self.mask(value)

    def mask(self, value: Any) -> str:
        """What stands for a value: equal for equal values, and of 96 bits."""
        raw = value.encode(errors="surrogatepass") if isinstance(value, str) else _encode(value)
        if self.key is None:
            return MASK + hashlib.sha256(raw).hexdigest()[:_DIGITS]
        return MASK + hmac.new(self.key, raw, hashlib.sha256).hexdigest()[:_DIGITS]


def is_mask(value: object) -> bool:
    """Whether this looks like what `Privacy.mask` gives."""
    return isinstance(value, str) and _MASK.fullmatch(value) is not None


def is_masked(definition: object) -> bool:
    """Whether a property of this schema held masks when its records came."""
    return isinstance(definition, dict) and definition.get(_MASKED) is True


def privacy_of(stream: str, settings: Mapping[str, Any]) -> Privacy | None:
    """What `deny` and `mask` say of a stream; None if that is nothing."""
    denied = frozenset(_named(stream, settings.get("deny") or ()))
    masked = frozenset(_named(stream, settings.get("mask") or ())) - denied
    key = settings.get("mask_key")
    return Privacy(denied, masked, key.encode() if key else None) if denied or masked else None


def _named(stream: str, entries: Iterable[str]) -> Iterator[str]:
    for entry in entries:
        of, _, name = entry.rpartition(".")
        if of in {stream, _ANY}:
            yield name


def privacy_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with `deny` and `mask`, one sentence each."""
    for setting in ("deny", "mask"):
        for entry in config.get(setting) or ():
            of, _, name = entry.rpartition(".")
            if not of or not name:
                yield f"`{setting}` {entry!r} must be `stream.property`, or `*.property`."
            elif _ANY in name or (_ANY in of and of != _ANY):
                yield (
                    f"`{setting}` {entry!r}: `*` can stand for all streams only, in `*.property`. "
                    "Name each property."
                )
    for stream, asked in (config.get("boards") or {}).items():
        privacy = privacy_of(stream, config)
        if privacy is None or not isinstance(asked, dict):
            continue
        yield from _mapping_faults(stream, privacy, asked.get("columns") or {})


def _mapping_faults(stream: str, privacy: Privacy, columns: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in columns.items():
        if name in privacy.denied and entry:
            yield f"Stream {stream!r}: {name!r} is denied (`deny`), so it can have no column."
        kind = entry.get("type") if isinstance(entry, dict) else None
        if name in privacy.masked and kind not in {None, *_HOLD_MASKS}:
            yield (
                f"Stream {stream!r}: {name!r} is masked (`mask`), so its column can only be a "
                f"text, not of type {kind!r}."
            )


def misnamed(
    stream: str,
    settings: Mapping[str, Any],
    properties: Iterable[str],
    sources: Collection[str] = (),
) -> Iterator[str]:
    """Yield the entries of `deny` and `mask` that most likely mean a property of this stream.

    Each as a sentence. A property that is not there may be deselected in the tap. One that is there
    under a name that is almost the same would go on to the board.

    Args:
        stream: Name of the stream, after stream maps.
        settings: The configuration.
        properties: Its properties.
        sources: Names that it had before stream maps and that no stream has behind them.
    """
    known = set(properties)
    entries = {setting: set(_named(stream, settings.get(setting) or ())) for setting in _SETTINGS}
    open_ones = known - entries["deny"] - entries["mask"]
    for setting in _SETTINGS:
        for entry in settings.get(setting) or ():
            of, _, name = entry.rpartition(".")
            if of in {stream, _ANY}:
                fault = _misnamed_property(stream, of, name, known, open_ones)
            else:
                fault = _misnamed_stream(stream, of, name, open_ones, sources)
            if fault is not None:
                yield f"`{setting}` {entry!r}: {fault}"


def _misnamed_property(
    stream: str, of: str, name: str, known: Collection[str], open_ones: Collection[str]
) -> str | None:
    if name in known:
        return None
    if of == stream:
        meant = nearest(name, open_ones)
    else:  # of all streams: only another spelling is sure to mean this one's
        meant = next((each for each in open_ones if _letters(each) == _letters(name)), None)
    if meant is None:
        return None
    return f"stream {stream!r} has no property {name!r}. Did you mean {meant!r}?"


def _misnamed_stream(
    stream: str, of: str, name: str, open_ones: Collection[str], sources: Collection[str]
) -> str | None:
    parent = of.removeprefix(f"{stream}.").partition(".")[0]
    if of.startswith(f"{stream}.") and parent in open_ones:
        return (
            f"a part of a property cannot be named. Name the whole, `{stream}.{parent}`, or set "
            "`flattening_enabled`."
        )
    if name not in open_ones:
        return None
    if of in sources:
        return f"stream {of!r} is called {stream!r} after `stream_maps`: write `{stream}.{name}`."
    if _letters(of) == _letters(stream):
        return f"no stream is called {of!r}. Did you mean `{stream}.{name}`?"
    return None


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def unused_entries(
    settings: Mapping[str, Any], came: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the entries of `deny` and `mask` that no stream bears out: setting and entry.

    Args:
        settings: The configuration.
        came: The streams that came, each with its properties.
    """
    for setting in _SETTINGS:
        for entry in settings.get(setting) or ():
            of, _, name = entry.rpartition(".")
            if not any(of in {stream, _ANY} and name in names for stream, names in came.items()):
                yield setting, entry


def key_fault(stream: str, privacy: Privacy, key_properties: Sequence[str]) -> str | None:
    """What keeps the privacy from a stream with this key, in one sentence."""
    lost = sorted(privacy.denied.intersection(key_properties))
    if not lost:
        return None
    return (
        f"Stream {stream!r}: {', '.join(lost)} is in its key, without which its items cannot be "
        "told apart: `mask` it instead of `deny`."
    )
