"""The tenant's own list of its projections, `AllProjections.svc/Projections`.

It needs a grant of its own, and what its columns are called is not documented: public clients read
`ProjectionName`, `Name`, `Description`, `Categories` and `ApiClass`. So columns are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_ifs_cloud.odata.errors import IfsError
from tap_ifs_cloud.odata.peek import peek
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_ifs_cloud.odata.session import Session

__all__ = ["CATALOGUE", "Catalogue", "CatalogueUnreadable", "Projection", "read_catalogue"]

CATALOGUE: Final = "AllProjections"
ENTITY_SET: Final = "Projections"
PAGE: Final = 1000
MOST: Final = 100_000  # projections: more than any tenant has
NEAREST: Final = 5

# By falling likelihood; the first that a row has a value in counts.
_NAMES: Final = ("ProjectionName", "Name", "Projection", "ServiceName", "Service", "EntityName")
_DESCRIPTIONS: Final = ("Description", "Title")
_CATEGORIES: Final = ("Categories", "Category")
_CLASSES: Final = ("ApiClass", "APIClass", "Class")

_ENTITY_SERVICE: Final = frozenset({"entityservice", "standardentity"})


class CatalogueUnreadable(IfsError):
    """The list of projections has another form than any that is known."""

    code = "CATALOGUE_UNREADABLE"


@dataclass(frozen=True, slots=True)
class Projection:
    """One line of the list; what the tenant does not tell is empty."""

    name: str
    description: str = ""
    categories: tuple[str, ...] = ()
    api_class: str = ""

    @property
    def is_entity_service(self) -> bool:
        """Whether it is an entity service, which IFS serves only once it was activated."""
        told = (*self.categories, self.api_class)
        return any(_folded(text).replace(" ", "") in _ENTITY_SERVICE for text in told)

    def mentions(self, text: str) -> bool:
        """Whether `text` occurs in the name or the description, in any case."""
        return _folded(text) in _folded(f"{self.name} {self.description}")


@dataclass(frozen=True)
class Catalogue:
    """The projections by name, in alphabetical order."""

    projections: tuple[Projection, ...]
    _by_name: Mapping[str, Projection] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {each.name: each for each in self.projections})

    def named(self, name: str) -> Projection | None:
        """The projection of exactly that name; case counts in IFS."""
        return self._by_name.get(name)

    def nearest(self, name: str) -> tuple[str, ...]:
        """Names like this one, the likeliest first."""
        near = get_close_matches(_folded(name), self._folded, NEAREST)
        return tuple(self._folded[each] for each in near)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {_folded(each.name): each.name for each in self.projections}


def read_catalogue(session: Session, url: str) -> Catalogue:
    """The whole list from the service at `url`, which ends in "/".

    Raises IfsError: Forbidden or NotFound where the service user has no grant on it, and
    CatalogueUnreadable where no column holds names.
    """
    sets = Service(session, url).metadata().entity_sets
    if ENTITY_SET not in sets:
        raise CatalogueUnreadable(
            f"{url} has no entity set {ENTITY_SET!r}; it offers: {', '.join(sets) or 'none'}"
        )
    columns = sets[ENTITY_SET].properties
    names = [*(name for name in _NAMES if name in columns), *_called_name(columns)]
    if not names:
        raise CatalogueUnreadable(
            f"{url}{ENTITY_SET} has no column that could hold names; it has: {', '.join(columns)}"
        )
    rows = _all_rows(session, f"{url}{ENTITY_SET}", sets[ENTITY_SET].key or tuple(names[:1]))
    listed = {each.name: each for each in (_projection(row, names) for row in rows) if each}
    return Catalogue(tuple(sorted(listed.values(), key=lambda each: _folded(each.name))))


def _called_name(columns: Iterable[str]) -> list[str]:
    """Further columns whose name ends so; `luname` is IFS's own name of the kind of row."""
    return [name for name in columns if _folded(name).endswith("name") and name != "luname"]


def _all_rows(session: Session, url: str, order: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Page by page until one brings nothing new: a server may give fewer rows than asked for.

    One that takes no notice of `$skip` gives the first page again and again.
    """
    read, known = 0, set[bytes]()
    while read < MOST and (rows := peek(session, url, Query(orderby=order, top=PAGE, skip=read))):
        texts = set(map(msgspec.json.encode, rows))
        if texts <= known:
            return
        known |= texts
        yield from rows
        read += len(rows)


def _projection(row: Mapping[str, Any], names: Sequence[str]) -> Projection | None:
    name = _first_text(row, names).removesuffix(".svc")
    if not name:
        return None
    return Projection(
        name=name,
        description=_first_text(row, _DESCRIPTIONS),
        categories=_texts(row, _CATEGORIES),
        api_class=_first_text(row, _CLASSES),
    )


def _first_text(row: Mapping[str, Any], columns: Iterable[str]) -> str:
    return next((text for column in columns if (text := _text(row.get(column)))), "")


def _texts(row: Mapping[str, Any], columns: Iterable[str]) -> tuple[str, ...]:
    """The parts of a list, or of a text with separators."""
    for column in columns:
        value = row.get(column)
        parts = value if isinstance(value, list) else str(value or "").replace(";", ",").split(",")
        if told := tuple(filter(None, map(_text, parts))):
            return told
    return ()


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _folded(text: str) -> str:
    return text.casefold()
