"""Labels of status and dropdown columns: what a wanted text means on a board. No I/O."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_monday.quoting import quoted
from target_monday.rejects import LabelLimit, LabelMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "MAX_LABELS",
    "MAX_LABEL_LENGTH",
    "Label",
    "Labels",
    "is_number_like",
    "label_of",
    "status_colours",
]

MAX_LABELS = 40  # of a status column; developer.monday.com/api-reference/reference/status
MAX_LABEL_LENGTH = 30
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_NUMBER_LIKE = re.compile(r"\s*[-+]?\d+(?:[.,]\d+)?\s*")
# What states say, and the colours for it: the usual one, then others that look like it.
_STATE_WORDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("done_green", "grass_green", "bright_green"),
        (
            *("closed", "paid", "invoiced", "received", "done", "posted", "active", "completed"),
            *("yes", "true"),
        ),
    ),
    (
        ("stuck_red", "dark_red", "sunset"),
        (
            *("cancelled", "canceled", "stopped", "blocked", "rejected", "error", "overdue"),
            *("failed", "high"),
        ),
    ),
    (
        ("working_orange", "dark_orange", "peach"),
        ("planned", "preliminary", "entered", "created", "draft", "new", "unpaid", "medium"),
    ),
    (
        ("bright_blue", "dark_blue", "chili_blue"),
        ("released", "confirmed", "open", "approved", "authorized", "low"),
    ),
    (
        ("egg_yolk", "saladish"),
        ("partially", "partly", "partial", "pending", "hold", "waiting", "awaiting"),
    ),
    (
        ("purple", "dark_purple", "berry"),
        ("arrived", "reserved", "picked", "delivered", "transferred", "matched"),
    ),
    (("american_gray", "winter", "steel"), ("no", "false", "not", "none", "inactive")),
)
_OTHER_COLOURS = (
    *("aquamarine", "river", "indigo", "brown", "lavender", "navy", "pecan", "royal", "teal"),
    *("orchid", "tan", "sky", "coffee", "lilac", "dark_indigo", "bubble", "lipstick"),
    *("sofia_pink", "blackish", "explosive"),
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label as the column's settings declare it; `id` is what monday calls index in a value."""

    text: str
    id: int


def label_of(text: str) -> str:
    """What two spellings of one label share: case and blanks do not make a new label.

    Nor do characters that cannot be seen; a label of these alone is "".
    """
    seen = "".join(
        each for each in text if each.isspace() or unicodedata.category(each) not in _UNSEEN
    )
    return _tidy(seen).casefold()


def _tidy(text: str) -> str:
    """A label as it is created: composed letters, one blank between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_number_like(text: str) -> bool:
    """Whether monday would read the text as the number of a label and not as its name."""
    return _NUMBER_LIKE.fullmatch(text) is not None


@dataclass(slots=True)
class Labels:
    """The labels of one column, and those that this run adds to it.

    `mapped` says which label a value means; under "*" stands the label of all values that are
    neither mapped nor labels of the board.
    """

    column: str
    create: bool = True
    max_count: int | None = MAX_LABELS
    max_length: int | None = MAX_LABEL_LENGTH
    mapped: Mapping[str, str] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)  # what spellings share -> label
    _meanings: dict[str, str] = field(default_factory=dict)  # value -> label
    _ids: dict[str, int] = field(default_factory=dict)

    def know(self, labels: Iterable[Label]) -> None:
        """Learn the labels that the board has."""
        for label in labels:
            self._texts.setdefault(label_of(label.text), label.text)
            self._ids[label.text] = label.id

    def id_of(self, text: str) -> int | None:
        """The id of an existing label, None for one that this run creates."""
        return self._ids.get(text)

    def text_of(self, label_id: int) -> str | None:
        """The label that has this id."""
        return next((text for text, known in self._ids.items() if known == label_id), None)

    def resolve(self, text: str) -> str:
        """The label that `text` means, as the board spells it. Raises LabelLimit, LabelMissing."""
        known = self._meanings.get(text)
        if known is None:
            known = self._meanings[text] = self._found(text) or self._created(text)
        return known

    def _found(self, text: str) -> str | None:
        """The label that the mapping or the board has for `text`."""
        asked = {label_of(value): label for value, label in self.mapped.items()}
        label = asked.get(label_of(text))
        if label is None and label_of(text) not in self._texts:
            label = asked.get("*")
        if label is None:
            return self._texts.get(label_of(text))
        return self._texts.get(label_of(label)) or self._created(label)

    def _created(self, text: str) -> str:
        self._refuse_what_cannot_be_created(text)
        created = self._texts[label_of(text)] = _tidy(text)
        return created

    def _refuse_what_cannot_be_created(self, text: str) -> None:
        if not self.create:
            raise LabelMissing(
                f"column {self.column!r} has no label {quoted(text)}: add it on the board, "
                "map it under `labels`, or set `missing_labels` to `create`"
            )
        if not label_of(text):
            raise LabelLimit(f"column {self.column!r}: label {quoted(text)} has nothing to be seen")
        if self.max_length is not None and len(_tidy(text)) > self.max_length:
            raise LabelLimit(
                f"column {self.column!r}: label {quoted(text)} is longer than "
                f"{self.max_length} characters; map the property to a text column"
            )
        if is_number_like(text):
            raise LabelLimit(
                f"column {self.column!r}: monday would read label {quoted(text)} as the number of "
                "a label; create it on the board or map the property to a text column"
            )
        if self.max_count is not None and self._count() >= self.max_count:
            raise LabelLimit(
                f"column {self.column!r} has its {self.max_count} labels, no room for "
                f"{quoted(text)}; "
                "map the property to a text column"
            )

    def _count(self) -> int:
        return len(set(self._texts.values()))


def status_colours(labels: Iterable[str]) -> list[tuple[str, str]]:
    """Each label with a colour by its state words; no colour is used twice (monday forbids it).

    Labels without such a word get what the others leave.
    """
    said = list(labels)
    free = dict.fromkeys(
        [*_OTHER_COLOURS, *(each for shades, _ in _STATE_WORDS for each in shades)]
    )
    chosen: dict[int, str] = {}
    for at, label in enumerate(said):
        colour = next((each for each in _shades(label) if each in free), None)
        if colour is not None:
            chosen[at] = colour
            del free[colour]
    left = iter(free)
    return [(label, chosen.get(at) or next(left)) for at, label in enumerate(said)]


def _shades(label: str) -> Iterator[str]:
    """The colours that fit a label by its words, the fittest first."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower()
    for word in re.findall(r"[a-z]+", spaced):
        for shades, states in _STATE_WORDS:
            if word in states:
                yield from shades
