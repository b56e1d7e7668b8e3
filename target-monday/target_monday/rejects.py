"""Why a single row is not delivered: codes that stay the same, sentences that name the thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_monday.quoting import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "AmbiguousKey",
    "BadCell",
    "EmptyName",
    "LabelLimit",
    "LabelMissing",
    "LinkBoardUnconnected",
    "LinkTargetMissing",
    "NoBoard",
    "NullKey",
    "PersonUnknown",
    "Reject",
    "reject_codes",
]


class Reject(Exception):
    """This row cannot be delivered as it is; the run goes on without it."""

    code: ClassVar[str] = "REJECTED"
    column_id: str | None = None  # the column whose cell stands against it, where it is one


class NullKey(Reject):
    """A key property is null or missing: the row cannot be told from others."""

    code = "NULL_KEY"

    def __init__(self, key_property: str, *, missing: bool = False) -> None:
        self.missing = missing
        what = "is missing" if missing else "is null"
        super().__init__(f"key property {quoted(key_property)} {what}")


class NoBoard(Reject):
    """The template of the board's name gives this row none."""

    code = "NO_BOARD"


class BadCell(Reject):
    """A value that its column cannot hold."""

    code = "BAD_CELL"


class LabelLimit(Reject):
    """A label that is too long, too many of them, or one that monday would read as a number."""

    code = "LABEL_LIMIT"


class LabelMissing(Reject):
    """The label is not on the board and `missing_labels` is `reject`."""

    code = "LABEL_MISSING"


class PersonUnknown(Reject):
    """The account has no active user with this e-mail address, or several."""

    code = "PERSON_UNKNOWN"


class LinkTargetMissing(Reject):
    """The targets of a link are not there, also not at the end of the next run."""

    code = "LINK_TARGET_MISSING"

    def __init__(self, column: str, stream: str, keys: Sequence[str]) -> None:
        shown = listed(keys)
        super().__init__(
            f"column {column!r} links to {shown} of stream {stream!r}, which is not on its board: "
            "the row is delivered without the link, which is made as soon as its target comes"
        )


class LinkBoardUnconnected(Reject):
    """The targets of a link are on boards that its column does not connect.

    monday takes the boards of a column when the column is made, and later from people only.
    """

    code = "LINK_BOARD_UNCONNECTED"

    def __init__(self, column: str, stream: str, boards: Mapping[str, Sequence[str]]) -> None:
        shown = "; ".join(f"{listed(keys)} on {board}" for board, keys in boards.items())
        super().__init__(
            f"column {column!r} links to rows of stream {stream!r} on boards that it does not "
            f"connect ({shown}): connect them in the column's settings on monday. The row is "
            "delivered without the link, which is made as soon as that is done"
        )


class EmptyName(Reject):
    """Neither the name template nor the key gives an item name."""

    code = "EMPTY_NAME"


class AmbiguousKey(Reject):
    """Several items carry one key: whichever were updated could be the wrong one."""

    code = "AMBIGUOUS_KEY"

    def __init__(self, key: str, item_ids: Sequence[str]) -> None:
        self.key, self.item_ids = key, tuple(item_ids)
        ids = ", ".join(self.item_ids)
        super().__init__(f"items {ids} all carry key {quoted(key)}: archive all but one")


def reject_codes(of: type[Reject] = Reject) -> frozenset[str]:
    """Return the codes that the target itself gives to rejects; monday's own come beside them."""
    return frozenset({of.code}).union(*(reject_codes(each) for each in of.__subclasses__()))
