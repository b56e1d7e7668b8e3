"""Status, dropdown, people and tags: values that are chosen among those that the account has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_monday.cells.codec import Codec, Json, Setup, member, text_member, whole
from target_monday.cells.texts import plain
from target_monday.directory import addresses, tag_name
from target_monday.labels import Labels, is_number_like, label_of
from target_monday.quoting import quoted
from target_monday.rejects import BadCell, PersonUnknown

if TYPE_CHECKING:
    from target_monday.diff import Cell

__all__ = ["dropdown", "people", "status", "tags"]


def _listed(value: object) -> list[str]:
    """The texts of a list, or of one value; those that show nothing are none of them."""
    several = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list) for each in several):
        raise BadCell(f"{quoted(value)} is not a choice, nor a list of them")
    found = (plain(each) for each in several if each is not None)
    return [text for text in found if text and label_of(text)]


def status(setup: Setup) -> Codec:
    """A label, or a list of one. It goes out by its text: monday's numbers are easily mistaken.

    Only a text that looks like a number would be taken for such a number: it goes by its own.
    """
    labels = setup.labels or Labels("")

    def canonical(value: object) -> Cell:
        texts = _listed(value)
        if len(texts) > 1:
            raise BadCell(f"{len(texts)} labels, the column takes one in a cell")
        return labels.resolve(texts[0]) if texts else None

    def encode(cell: str) -> Json:
        known = labels.id_of(cell) if is_number_like(cell) else None
        return {"label": cell} if known is None else {"index": known}

    def decode(text: str | None, value: Json) -> Cell:
        index = member(value, "index")
        known = labels.text_of(index) if isinstance(index, int) else None
        return known or text or None

    return Codec(canonical, encode, decode)


def dropdown(setup: Setup) -> Codec:
    """Labels, as many as the column takes."""
    labels = setup.labels or Labels("")
    limited = setup.settings.get("limit_select")
    most = whole(setup.settings.get("label_limit_count"), 1) if limited else None

    def canonical(value: object) -> Cell:
        wanted = {labels.resolve(text) for text in _listed(value)}
        if most is not None and len(wanted) > most:
            raise BadCell(f"{len(wanted)} labels, the column takes {most} in a cell")
        return sorted(wanted) or None

    def encode(cell: list[str]) -> Json:
        known = [labels.id_of(text) for text in cell]
        by_id = any(is_number_like(text) for text in cell) and None not in known
        return {"ids": known} if by_id else {"labels": cell}

    def decode(text: str | None, value: Json) -> Cell:
        ids = member(value, "ids") or []
        found = [known for label_id in ids if (known := labels.text_of(label_id)) is not None]
        return sorted(found) or (sorted(text.split(", ")) if text else None)

    return Codec(canonical, encode, decode)


def people(setup: Setup) -> Codec:
    """Users by their e-mail addresses, which the directory knows; the cell holds their ids."""
    known = setup.directory.people
    empty = setup.options.unknown_people == "empty"

    def canonical(value: object) -> Cell:
        found: set[str] = set()
        texts = value if isinstance(value, list) else [value]
        if not all(each is None or isinstance(each, str) for each in texts):
            raise BadCell(f"{quoted(value)} is neither an e-mail address nor a list of them")
        for address in addresses(value):
            if "@" not in address:
                raise BadCell(f"{quoted(address)} is not an e-mail address")
            number = known.get(address)
            if number is not None:
                found.add(str(number))
            elif not empty:
                raise PersonUnknown(f"the account has no active user {quoted(address)}, or several")
        return sorted(found) or None

    def encode(cell: list[str]) -> Json:
        return {"personsAndTeams": [{"id": int(number), "kind": "person"} for number in cell]}

    def decode(_: str | None, value: Json) -> Cell:
        read = member(value, "personsAndTeams") or []
        return sorted(_person(each) for each in read) or None

    return Codec(canonical, encode, decode)


def _person(each: Json) -> str:
    number, kind = str(int(each["id"])), text_member(each, "kind")
    return number if kind in {None, "person"} else f"{kind}:{number}"


def tags(setup: Setup) -> Codec:
    """Tags by their names, which monday keeps without blanks."""
    known = setup.directory.tags

    def canonical(value: object) -> Cell:
        texts = value.split(",") if isinstance(value, str) else _listed(value)
        return sorted({name for text in texts if (name := tag_name(text))}) or None

    def encode(cell: list[str]) -> Json:
        return {"tag_ids": [known[name] for name in cell]}

    def decode(text: str | None, _: Json) -> Cell:
        return sorted(text.split(", ")) if text else None

    return Codec(canonical, encode, decode)
