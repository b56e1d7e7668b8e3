"""What `expand` asks for, resolved against live metadata: references to one row each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tap_ifs_cloud.odata.errors import ColumnMissing, ExpandInvalid
from tap_ifs_cloud.odata.rows import Reference, is_readable
from tap_ifs_cloud.schema import PLUMBING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_ifs_cloud.odata.metadata import EntityType, Metadata

__all__ = ["expanded"]

# `SupplierRef`, or `SupplierRef($select=Name,Country)`
_TERM: Final = re.compile(r"\s*(?P<name>\w+)\s*(?:\(\s*\$select\s*=(?P<select>[\w\s,]+)\)\s*)?")


def expanded(
    terms: Iterable[str], source: EntityType, metadata: Metadata, where: str
) -> Mapping[str, Reference]:
    """The references that the terms name, in their order.

    IFS answers ODP_NOT_IMPLEMENTED to the `$expand` of a collection, so none is taken anywhere.
    Raises ExpandInvalid, ColumnMissing.
    """
    found: dict[str, Reference] = {}
    for term in terms:
        parsed = _TERM.fullmatch(term)
        if parsed is None:
            raise ExpandInvalid(
                f"{where}: `expand` holds {term!r}: write `SupplierRef`, or "
                "`SupplierRef($select=Name,Country)`"
            )
        name = parsed["name"]
        if name in found:
            raise ExpandInvalid(f"{where}: `expand` names {name} twice")
        _check(name, source, metadata, where)
        found[name] = _reference(name, parsed["select"], source, metadata, where)
    return found


def _check(name: str, source: EntityType, metadata: Metadata, where: str) -> None:
    ways = source.navigations
    offered = [n for n, w in ways.items() if not w.collection and w.target in metadata.entity_types]
    if name in offered:
        return
    if name not in ways:
        what = f"has no reference {name!r}"
    elif ways[name].collection:
        what = f"cannot expand {name}, which leads to many rows: read them as a stream of their own"
    else:
        what = f"cannot expand {name}, whose type {ways[name].target!r} is not declared"
    raise ExpandInvalid(f"{where} {what}; it can expand: {', '.join(offered) or 'none'}")


def _reference(
    name: str, select: str | None, source: EntityType, metadata: Metadata, where: str
) -> Reference:
    target = source.navigations[name].target
    declared = metadata.entity_types[target].properties
    readable = {n: p for n, p in declared.items() if is_readable(p, metadata)}
    if select is None:
        columns = {n: p for n, p in readable.items() if n not in PLUMBING}
        return Reference(name, target, columns, name)
    wanted = tuple(each.strip() for each in select.split(",") if each.strip())
    missing = [each for each in wanted if each not in readable]
    if missing or not wanted:
        raise ColumnMissing(f"{where}/{name}", missing, list(readable))
    chosen = {n: p for n, p in readable.items() if n in wanted}
    return Reference(name, target, chosen, f"{name}($select={','.join(wanted)})")
