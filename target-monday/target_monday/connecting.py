"""Which streams and boards links can lead to, and links that cannot find their targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_monday.keys import key_parts
from target_monday.mapping import BoardSpec, is_left_out
from target_monday.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.links import Link
    from target_monday.monday.boards import Board
    from target_monday.plan import BoardPlan

__all__ = ["Connecting"]


@dataclass(slots=True)
class Connecting:
    """The boards that links lead to. `plans`: by stream and part, those of this run so far.

    `entries_of` gives the live boards of a stream.
    """

    items: ItemStore
    settings: Mapping[str, Any]
    entries_of: Callable[[str], Sequence[BoardEntry]]
    plans: Mapping[tuple[str, str], BoardPlan]

    def linkable(self) -> dict[str, int]:
        """The streams with boards that presets may link to, each with its key's parts."""
        streams = {link.stream for preset in PRESETS for link in preset.links}
        counts = {stream: self._key_parts(stream) for stream in streams}
        return {stream: count for stream, count in counts.items() if count}

    def with_boards(self, spec: BoardSpec, board: Board) -> BoardSpec:
        """The same with the boards that its columns of links connect."""
        columns = [
            replace(
                column, options=replace(column.options, connects=self._connects(spec, board, link))
            )
            if (link := column.link)
            else column
            for column in spec.columns
        ]
        return replace(spec, columns=tuple(columns))

    def _connects(self, spec: BoardSpec, board: Board, link: Link) -> tuple[str, ...]:
        if link.stream == spec.stream:
            return (board.id,)
        return tuple(dict.fromkeys(entry.board_id for entry in self.entries_of(link.stream)))

    def faults(self, spec: BoardSpec) -> Iterator[str]:
        """Links that cannot find their targets, one sentence each."""
        asked = self.settings.get("boards") or {}
        for column in spec.columns:
            if column.link is None:
                continue
            stream, parts = column.link.stream, self._key_parts(column.link.stream)
            if stream == spec.stream:
                parts = len(spec.key_properties)
            where = f"stream {spec.stream!r}: column {column.property!r} links to stream {stream!r}"
            if asked.get(stream) is False or (
                stream not in asked and is_left_out(stream, self.settings)
            ):
                yield f"{where}, which the settings leave out."
            elif parts == 0:
                yield f"{where}, whose rows have no key to be found by."
            elif parts is not None and parts != len(column.link.key):
                yield (
                    f"{where}, whose key has {parts} parts; its `key` has {len(column.link.key)}."
                )

    def _key_parts(self, stream: str) -> int | None:
        """How many parts the keys of a stream have; None if that is not known."""
        for (name, _), plan in self.plans.items():
            if name == stream:
                return len(plan.spec.key_properties)
        keys = (self.items.a_key(entry.id) for entry in self.entries_of(stream))
        return next((len(key_parts(key)) for key in keys if key is not None), None)
