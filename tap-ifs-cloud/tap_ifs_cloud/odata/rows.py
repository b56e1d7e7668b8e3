"""Rows of an entity set as structs compiled from `$metadata`: exact, checked, without OData's own.

A page is read in one pass by a decoder made for the chosen columns: what is not chosen is never
built, and a value of another type is found while it is read. No binary float exists between the
body of an answer and the record: numbers become Decimal, also where a server writes them as text
(`IEEE754Compatible`). Moments stay as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType, field

from tap_ifs_cloud.odata.envelope import ErrorInfo  # noqa: TC001 # msgspec looks it up
from tap_ifs_cloud.odata.errors import ValueInvalid
from tap_ifs_cloud.odata.etag import row_version

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.metadata import Metadata, Property

__all__ = ["ETAG", "ROW_VERSION", "PageBody", "Reference", "Row", "RowType", "is_readable"]

Row: TypeAlias = Any  # an instance of the struct that a RowType has compiled
Rows: TypeAlias = Sequence[Row]
Settle: TypeAlias = Callable[[Any], Any]

ETAG: Final = "_ifs_etag"
ROW_VERSION: Final = "_ifs_row_version"

# What is not here (Binary, Stream, Geography...) is left out of streams.
_TYPES: Final[Mapping[str, Any]] = {
    "Edm.String": str,
    "Edm.Boolean": bool,
    "Edm.Decimal": Decimal,
    "Edm.Double": Decimal,
    "Edm.Single": Decimal,
    "Edm.Byte": Decimal,
    "Edm.SByte": Decimal,
    "Edm.Int16": Decimal,
    "Edm.Int32": Decimal,
    "Edm.Int64": Decimal,
    "Edm.Date": date,
    "Edm.DateTimeOffset": str,
    "Edm.TimeOfDay": str,
    "Edm.Duration": str,
    "Edm.Guid": str,
}
LONGEST: Final = 18  # place of the first digit of the largest Int64
_WHOLE: Final = frozenset({"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"})


def is_readable(declared: Property, metadata: Metadata) -> bool:
    """Whether values of the property can stand in a record."""
    return (
        declared.type in _TYPES
        or declared.type in metadata.enums
        or declared.type in metadata.complex_types
    )


@dataclass(frozen=True, slots=True)
class Reference:
    """A row of another set that comes within the row that refers to it."""

    name: str
    target: str  # the qualified name of its entity type
    properties: Mapping[str, Property]
    option: str  # as `$expand` asks for it


class PageBody(msgspec.Struct, frozen=True):
    """A page as OData JSON has it; the server may also fail after it has said 200."""

    value: list[Row] | UnsetType = UNSET
    next_link: str | None = field(name="@odata.nextLink", default=None)
    error: ErrorInfo | None = None


@dataclass(slots=True)
class RowType:
    """The chosen columns of an entity set, and what reads its pages.

    Columns are attributes of the struct: `c0`, `c1`... since a name of OData need not be one of
    Python. An attribute is `UNSET` where the server has left the column out of a row.
    """

    entity_set: str
    key: tuple[str, ...]
    attributes: Mapping[str, str]  # column -> attribute
    shapes: Mapping[str, Any]  # column -> type of its values
    types: Mapping[str, str]  # column -> type that `$metadata` declares
    settled: Mapping[str, Settle]  # column -> what the decoder leaves to do
    strict: msgspec.json.Decoder[PageBody]  # for pages on which every row has its key
    lenient: msgspec.json.Decoder[PageBody]
    has_keyless: bool = False  # whether a row came that lacks a part of its key

    @classmethod
    def compile(
        cls,
        entity_set: str,
        metadata: Metadata,
        *,
        names: Iterable[str],
        key: tuple[str, ...],
        references: Iterable[Reference] = (),
    ) -> RowType:
        """A type for `names`: of properties, of `references`, `_ifs_etag`, `_ifs_row_version`."""
        declared, chosen = metadata.entity_sets[entity_set], set(names)
        properties = {n: p for n, p in declared.properties.items() if n in chosen}
        shaper = _Shaper(metadata)
        forms = {name: shaper.form(each) for name, each in properties.items()}
        expanded = {each.name: each for each in references if each.name in chosen}
        forms |= {n: shaper.structure(each.properties) for n, each in expanded.items()}
        shapes = {name: form.shape for name, form in forms.items()}
        types = {name: each.type for name, each in properties.items()}
        attributes = {name: f"c{index}" for index, name in enumerate(shapes)}
        attributes |= {n: attribute for n, attribute in _OF_ETAG.items() if n in chosen}
        return cls(
            entity_set,
            key,
            attributes,
            shapes,
            types | {name: each.target for name, each in expanded.items()},
            {name: form.settle for name, form in forms.items() if form.settle is not None},
            _decoder(shapes, attributes, required=key),
            _decoder(shapes, attributes),
        )

    def decode(self, content: bytes) -> PageBody:
        """A page; its rows are still to be finished.

        Raises ValueInvalid on a row that does not fit, msgspec.ValidationError on other JSON that
        is no page, and msgspec.DecodeError or UnicodeDecodeError on what is no JSON.
        """
        try:
            return self.strict.decode(content)
        except msgspec.ValidationError:
            pass
        try:
            page = self.lenient.decode(content)
        except msgspec.ValidationError as error:
            fault = self._fault(content)
            raise error if fault is None else fault from error
        self.has_keyless = True
        return page

    def is_keyless(self, row: Row) -> bool:
        """Whether a row has no value in some column of the key."""
        return any(getattr(row, self.attributes[c]) in (None, UNSET) for c in self.key)

    def finish(self, rows: Rows) -> None:
        """Check and change what no decoder can. Raises ValueInvalid."""
        try:
            for name, settle in self.settled.items():
                self._settle(rows, self.attributes[name], settle)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._misfit(rows) or error from error
        if ETAG in self.attributes or ROW_VERSION in self.attributes:
            self._name_etags(rows)

    @staticmethod
    def _settle(rows: Rows, attribute: str, settle: Settle) -> None:
        values = map(attrgetter(attribute), rows)
        if settle is _number:
            if not all(map(Decimal.is_finite, filter(None, values))):
                raise ValueError
        else:
            for row, value in zip(rows, values, strict=True):
                if value is not None and value is not UNSET:
                    setattr(row, attribute, settle(value))

    def _name_etags(self, rows: Rows) -> None:
        """Move each etag from OData's member to the columns that are made of it."""
        etags = [row.sent or None for row in rows]
        versions = map(row_version, etags) if ROW_VERSION in self.attributes else repeat(UNSET)
        sent = etags if ETAG in self.attributes else repeat(UNSET)
        for row, etag, version in zip(rows, sent, versions, strict=False):
            row.sent, row.etag, row.version = UNSET, etag, version

    def values(self, columns: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
        """What gives the values of some columns of a row."""
        attributes = [self.attributes[column] for column in columns]
        if len(attributes) > 1:
            return attrgetter(*attributes)
        one = attrgetter(*attributes)
        return lambda row: (one(row),)

    @staticmethod
    def record(row: Row) -> dict[str, Any]:
        """The row as the SDK takes it."""
        record: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(Decimal,))
        return record

    def _misfit(self, rows: Rows) -> ValueInvalid | None:
        """About the first value that cannot be settled."""
        for row in rows:
            record = self.record(row)
            for name in self.settled:
                if not self._fits(name, record.get(name)):
                    return self._invalid(record, name)
        return None

    def _fault(self, content: bytes) -> ValueInvalid | None:
        """About the first value on the page that does not fit its column, if there is one."""
        page = _ANYTHING.decode(content)
        rows = page.get("value") if isinstance(page, dict) else None
        for row in rows if isinstance(rows, list) else ():
            for name in self.shapes:
                if isinstance(row, dict) and not self._fits(name, row.get(name)):
                    return self._invalid(row, name)
        return None

    def _fits(self, name: str, value: object) -> bool:
        try:
            taken = msgspec.convert(value, self.shapes[name] | None)
            settle = self.settled.get(name)
            return taken is None or settle is None or settle(taken) is not NotImplemented
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError):
            return False

    def _invalid(self, row: Mapping[str, Any], name: str) -> ValueInvalid:
        where = ", ".join(f"{part}={row.get(part)!r}" for part in self.key)
        return ValueInvalid(
            f"{self.entity_set} ({where}): {name} holds a {type(row[name]).__name__} that is no "
            f"{self.types.get(name)}. Deselect the property, or ask who writes it"
        )


_ANYTHING: Final = msgspec.json.Decoder(float_hook=Decimal)
_OF_ETAG: Final[Mapping[str, str]] = {ETAG: "etag", ROW_VERSION: "version"}


def _decoder(
    shapes: Mapping[str, Any], attributes: Mapping[str, str], *, required: Sequence[str] = ()
) -> msgspec.json.Decoder[PageBody]:
    """For pages of rows that must have a value in the `required` columns."""
    members: list[Any] = [
        (attributes[name], shapes[name], field(name=name)) for name in required if name in shapes
    ]
    members += [
        (attributes[name], shape | None | UnsetType, field(name=name, default=UNSET))
        for name, shape in shapes.items()
        if name not in required
    ]
    text = str | None | UnsetType
    if any(name in attributes for name in _OF_ETAG):
        members.append(("sent", text, field(name="@odata.etag", default=UNSET)))
        members += [
            (attribute, text, field(name=name, default=UNSET))
            for name, attribute in _OF_ETAG.items()
        ]
    row: Any = msgspec.defstruct("Row", members, gc=False)
    rows: Any = list[row] | UnsetType
    body: Any = msgspec.defstruct("Page", [("value", rows, UNSET)], bases=(PageBody,), frozen=True)
    return msgspec.json.Decoder(body, float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class _Form:
    """The Python type of some values, and what the decoder leaves to do with each, or to check."""

    shape: Any
    settle: Settle | None = None


@dataclass(frozen=True, slots=True)
class _Shaper:
    """Makes the forms of properties; `inside` holds the complex types around them."""

    metadata: Metadata
    inside: frozenset[str] = frozenset()

    def form(self, declared: Property) -> _Form:
        one = self._one(declared.type)
        if not declared.collection:
            return one
        each = None if one.settle is None else partial(_settle_each, settle=one.settle)
        return _Form(list[one.shape | None], each)  # type: ignore[name-defined]

    def _one(self, name: str) -> _Form:
        if name in _TYPES:
            return _Form(_TYPES[name], _SETTLED.get(name))
        if name in self.metadata.enums:
            return _Form(str)
        if name in self.inside:  # a type that holds itself is not followed further
            return _Form(dict[str, Any], _without_control)
        inner = _Shaper(self.metadata, self.inside | {name})
        return inner.structure(self.metadata.complex_types[name].properties)

    def structure(self, properties: Mapping[str, Property]) -> _Form:
        """The form of a value that has properties of its own."""
        readable = {n: p for n, p in properties.items() if is_readable(p, self.metadata)}
        forms = [(name, self.form(declared)) for name, declared in readable.items()]
        shape = msgspec.defstruct(
            "Structure",
            [
                (f"c{index}", form.shape | None | UnsetType, field(name=name, default=UNSET))
                for index, (name, form) in enumerate(forms)
            ],
            gc=False,
        )
        settled = {f"c{i}": form.settle for i, (_, form) in enumerate(forms) if form.settle}
        return _Form(shape, partial(_settle_members, settled=settled) if settled else None)


def _settle_members(value: Any, *, settled: Mapping[str, Settle]) -> Any:
    for attribute, settle in settled.items():
        member = getattr(value, attribute)
        if member is not None and member is not UNSET:
            setattr(value, attribute, settle(member))
    return value


def _settle_each(values: Sequence[Any], *, settle: Settle) -> list[Any]:
    return [None if value is None else settle(value) for value in values]


def _without_control(value: Any) -> Any:
    """A value of unknown members without what OData says about it."""
    if isinstance(value, dict):
        return {n: _without_control(inner) for n, inner in value.items() if "@" not in n}
    if isinstance(value, list):
        return [_without_control(inner) for inner in value]
    return value


def _number(number: Decimal) -> Decimal:
    if not number.is_finite():  # JSON has no NaN and no infinity
        raise ValueError
    return number


def _whole(number: Decimal) -> int:
    if number.adjusted() > LONGEST:  # 1E+999999999 would take its time to become an int
        raise ValueError
    whole = int(number)
    if whole != number:
        raise ValueError
    return whole


_SETTLED: Final[Mapping[str, Settle]] = {
    **{name: _number for name, shape in _TYPES.items() if shape is Decimal},
    **dict.fromkeys(_WHOLE, _whole),
}
