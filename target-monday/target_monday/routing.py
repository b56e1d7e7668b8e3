"""Which of its boards a record goes to, where a stream has several."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_monday.rejects import BadCell, NoBoard, Reject
from target_monday.templates import Absent, is_empty
from target_monday.truncation import TITLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.mapping import BoardSpec
    from target_monday.plan import BoardPlan
    from target_monday.settling import Row

__all__ = ["Division", "Route"]


@dataclass(slots=True)
class Division:
    """The rows of a batch by the part of their stream that is their board."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    rejected: list[tuple[Row, Reject]] = field(default_factory=list)


@dataclass(slots=True)
class Route:
    """The boards of one stream, by part: one, or one for each name that its template gives."""

    spec: BoardSpec
    plans: dict[str, BoardPlan]

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.spec.stream

    @property
    def only(self) -> BoardPlan | None:
        """The board, where all records go to one."""
        return None if self.spec.name_by else self.plans[""]

    def others(self, plan: BoardPlan) -> list[BoardPlan]:
        """The stream's boards but this one."""
        return [each for each in self.plans.values() if each is not plan]

    def divide(
        self, rows: Sequence[Row], whereabouts: Callable[[Sequence[str]], Mapping[str, BoardPlan]]
    ) -> Division:
        """The rows by board. All rows of one key go to the board of the last one that names it.

        `whereabouts` gives the boards that keys are on: there a record goes that does not hold the
        properties of the name, and, where the mode leaves items alone, each one. A row that
        does not name its board by itself is not remembered by its bytes.
        """
        division = Division()
        named: list[tuple[Row, str | None, str | None]] = []
        last: dict[str, str] = {}
        for row in rows:
            key = self.spec.key_or_none(row.record)
            try:
                name = self._name(row.record)
            except Reject as error:
                division.rejected.append((row, error))
                continue
            named.append((row, key, name))
            if key is not None and name is not None:
                last[key] = name
        stay = self.spec.mode == "insert_only"
        asked = [key for _, key, _ in named if key is not None and (stay or key not in last)]
        at = whereabouts(asked) if asked else {}
        for row, key, name in named:
            if key is not None and key in at:
                part: str | None = at[key].spec.part
            else:
                part = name if key is None else last.get(key)
            if part is None:
                division.rejected.append((row, NoBoard(f"{self._fields} missing in the record")))
            else:
                named_here = row.bytes_ is None or name == part
                division.rows.setdefault(part, []).append(
                    row if named_here else msgspec.structs.replace(row, bytes_=None)
                )
        return division

    def names(self, record: Mapping[str, Any], plan: BoardPlan) -> bool:
        """Whether a record names this board by itself."""
        try:
            return self._name(record) == plan.spec.part
        except Reject:
            return False

    def _name(self, record: Mapping[str, Any]) -> str | None:
        """The name of the record's board; None if it does not say. Raises NoBoard or BadCell."""
        template = self.spec.name_by
        if template is None:
            return ""
        if any(is_empty(record.get(field, "?")) for field in template.fields):
            if self.spec.name_if_null is None:
                raise NoBoard(f"{self._fields} null, so that the row has no board")
            return self.spec.name_if_null
        try:
            made = template.render(record)
        except BadCell as error:
            raise NoBoard(f"the name of its board cannot be told: {error}") from error
        if made is None or isinstance(made, Absent):
            return None
        name = " ".join(unicodedata.normalize("NFC", made).split())
        if not name:
            raise NoBoard("the name of its board is blank")
        if len(name) > TITLE_LIMIT:
            raise NoBoard(f"the name of its board is longer than {TITLE_LIMIT} characters")
        return name

    @property
    def _fields(self) -> str:
        fields = self.spec.name_by.fields if self.spec.name_by else ()
        return f"of the properties of `board_name` ({', '.join(fields)}) one is"
