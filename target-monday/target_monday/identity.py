"""What the keys of a stream's items are made of. Pure.

Another definition gives each row another key, so that none finds its item: the ledger keeps the
definition with the board, and a run that comes with another one is refused before it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.keys import key_parts
from target_monday.privacy import privacy_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_monday.mapping import BoardSpec

__all__ = ["Identity", "identity_fault", "identity_of", "parts_fault"]

_PROBE: Final = "key_properties"  # its mask tells one key of masks from another


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """The definition of a stream's keys.

    `masked`: the key properties that are masked, and `masks` tells by which key of masks. `former`:
    the properties that make up the keys of items which still have one of a former definition.
    """

    key_properties: tuple[str, ...]
    masked: tuple[str, ...] = ()
    masks: str | None = None
    former: tuple[str, ...] = ()

    @property
    def alone(self) -> Identity:
        """The definition, whatever items have of a former one."""
        return msgspec.structs.replace(self, former=())

    def after(self, known: Identity, former: Sequence[str]) -> Identity | None:
        """This one in place of `known`, whose keys these properties make up; None if they cannot.

        Masks cannot be undone, so keys with masks are not made anew.
        """
        fits = len(former) == len(known.key_properties) > 0 and self.key_properties
        if not fits or known.former or known.masked or self.masked:
            return None
        return msgspec.structs.replace(self, former=tuple(former))

    @property
    def told(self) -> str:
        """The properties by name."""
        names = (
            f"{name} (masked)" if name in self.masked else name for name in self.key_properties
        )
        return ", ".join(names) or "no property"


def identity_of(
    stream: str, key_properties: Sequence[str], settings: Mapping[str, Any]
) -> Identity:
    """The definition by a SCHEMA and these settings."""
    privacy = privacy_of(stream, settings)
    masked = [name for name in key_properties if privacy and name in privacy.masked]
    masks = privacy.mask(_PROBE) if privacy and masked else None
    return Identity(tuple(key_properties), tuple(masked), masks)


def identity_fault(where: str, known: Identity, now: Identity) -> str:
    """The sentence about items whose keys are of another definition."""
    key = "them with another `mask_key`" if known.told == now.told else now.told
    return (
        f"{where}: its items have keys made of {known.told}, the rows have keys made of {key}. "
        "No row is written, since each would make a second item. Go back to the former key, say "
        "by `former_key` which properties make up the keys of the items now, so that they get "
        "new ones, or give the stream another board (`board_name` or `board_id`)."
    )


def parts_fault(where: str, spec: BoardSpec, keys: Collection[str]) -> str | None:
    """The sentence about items whose keys have other numbers of parts; None if any has the same."""
    parts = len(spec.key_properties)
    if not keys or any(len(key_parts(key)) == parts for key in keys):
        return None
    return (
        f"{where}: none of the keys of its {len(keys)} items has {parts} parts, as those of the "
        f"rows have ({', '.join(spec.key_properties)}). No row is written, since each would make a "
        "second item. Go back to the former key, or give the stream another board (`board_name` or "
        "`board_id`)."
    )
