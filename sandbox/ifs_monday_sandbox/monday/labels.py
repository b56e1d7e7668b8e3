"""Labels of status and dropdown columns: what may be defined, found and added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday.errors import bad_argument
from ifs_monday_sandbox.monday.records import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "COLOURS",
    "DEFAULT_STATUS",
    "add_label",
    "dropdown_labels",
    "find_label",
    "label_settings",
    "merge_labels",
    "status_labels",
]

# The enum StatusColumnColors in its order. A colour is used once in a column, so that its place
# serves as the label's id: which is not the label's index, as with monday.
COLOURS: Final = (  # noqa: SIM905  (in the words of the enum)
    "working_orange done_green stuck_red dark_blue purple explosive grass_green bright_blue "
    "saladish egg_yolk blackish dark_red sofia_pink lipstick dark_purple bright_green chili_blue "
    "american_gray brown dark_orange sunset bubble peach berry winter river navy aquamarine "
    "indigo dark_indigo pecan lavender royal steel orchid lilac tan sky coffee teal"
).split()
STATUS_LABELS = 40
STATUS_LABEL_LENGTH = 30

DEFAULT_STATUS: Final = (
    Label(0, "Working on it", 0, "working_orange"),
    Label(1, "Done", 1, "done_green", is_done=True),
    Label(2, "Stuck", 2, "stuck_red"),
)


def status_labels(wanted: Iterable[Mapping[str, Any]]) -> tuple[Label, ...]:
    """Labels as a status column is created with: label, color and index each; all distinct."""
    labels = tuple(
        Label(
            id=int(one["id"]) if one.get("id") is not None else COLOURS.index(one["color"]),
            label=str(one["label"]),
            index=int(one["index"]),
            color=one["color"],
            is_done=bool(one.get("is_done")),
            is_deactivated=bool(one.get("is_deactivated")),
        )
        for one in wanted
    )
    _check_status(labels)
    return labels


def dropdown_labels(wanted: Iterable[Mapping[str, Any]]) -> tuple[Label, ...]:
    """Labels as a dropdown column is created with; ids count from 1."""
    labels: list[Label] = []
    for one in wanted:
        number = one.get("id") or 1 + max((label.id for label in labels), default=0)
        off = bool(one.get("is_deactivated"))
        labels.append(Label(int(number), str(one["label"]), len(labels), is_deactivated=off))
    _check_distinct(labels, "label")
    return tuple(labels)


def merge_labels(old: Sequence[Label], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What replaces `old`, with the ids of the labels that stay; at most one may go a call."""
    ids = {label.label: label.id for label in old}
    merged = [{**one, "id": one.get("id", ids.get(one["label"]))} for one in wanted]
    kept = {one["id"] for one in merged}
    gone = [label for label in old if label.id not in kept]
    added = [one for one in merged if one["id"] is None]
    if len(gone) > 1 or (gone and added):
        raise bad_argument(
            "Labels are replaced as a whole: one call deletes at most one, and adds none then",
            deleted=[label.label for label in gone],
        )
    return merged


def add_label(labels: Sequence[Label], text: str, *, colours: bool) -> tuple[Label, ...]:
    """`labels` with one more; `colours` for a status column. Raises ValueError when full."""
    index = 1 + max((label.index for label in labels), default=-1)
    if not colours:
        number = 1 + max((label.id for label in labels), default=0)
        return (*labels, Label(number, text, index))
    if len(text) > STATUS_LABEL_LENGTH:
        raise ValueError(f"a status label has at most {STATUS_LABEL_LENGTH} characters: {text!r}")
    used = {label.color for label in labels}
    free = next((colour for colour in COLOURS if colour not in used), None)
    if free is None:
        raise ValueError(f"a status column has at most {STATUS_LABELS} labels")
    return (*labels, Label(COLOURS.index(free), text, index, free))


def find_label(labels: Iterable[Label], text: str) -> Label | None:
    """The active label with this text, its case being right."""
    return next((one for one in labels if one.label == text and not one.is_deactivated), None)


def label_settings(labels: Iterable[Label], *, colours: bool) -> list[dict[str, Any]]:
    """The labels as `Column.settings` shows them."""
    shown: list[dict[str, Any]] = []
    for label in labels:
        one = {"id": label.id, "label": label.label}
        if colours:
            one |= {"color": label.color, "index": label.index, "is_done": label.is_done}
        shown.append({**one, "is_deactivated": label.is_deactivated})
    return shown


def _check_status(labels: Sequence[Label]) -> None:
    if len(labels) > STATUS_LABELS:
        raise bad_argument(f"A status column has at most {STATUS_LABELS} labels")
    too_long = [one.label for one in labels if len(one.label) > STATUS_LABEL_LENGTH]
    if too_long:
        raise bad_argument(
            f"Status labels have at most {STATUS_LABEL_LENGTH} characters", labels=too_long
        )
    for attribute in ("label", "color", "index"):
        _check_distinct(labels, attribute)


def _check_distinct(labels: Sequence[Label], attribute: str) -> None:
    values = [getattr(label, attribute) for label in labels]
    if len(set(values)) < len(values):
        raise bad_argument(f"Each {attribute} can be used once in a column", values=values)
