"""Rows of an entity set as structs compiled from `$metadata`: exact, checked, without OData's own.

A page is read in one pass by a decoder made for the chosen columns: what is not chosen is never
built, and a value of another type is found while it is read. No binary float exists between the
body of an answer and the record: numbers become Decimal, also where a server writes them as text
(`IEEE754Compatible`). Moments stay as they came.

A row with a value that no record can hold is a row all the same, since a walk goes on behind it. It
comes without the value, and `finish` says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType, field

from tap_ifs_cloud.odata.decoding import Undecodable, decoded
from tap_ifs_cloud.odata.envelope import ErrorInfo  # noqa: TC001 # msgspec looks it up
from tap_ifs_cloud.odata.etag import row_version
from tap_ifs_cloud.odata.tolerant import DEEPEST, read_anything

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.metadata import Metadata, Property

__all__ = [
    "ETAG",
    "ROW_VERSION",
    "Fault",
    "PageBody",
    "Reference",
    "Row",
    "RowType",
    "is_number",
    "is_readable",
]

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


def is_number(declared: Property) -> bool:
    """Whether values of the property are numbers."""
    return _TYPES.get(declared.type) is Decimal


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


class Fault(msgspec.Struct, frozen=True):
    """One value that keeps a row from being a record; the value itself is not shown."""

    column: str
    problem: str  # as in "holds text that no record can hold as Edm.Date"
    is_missing: bool = False  # whether it is a part of the key without a value


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
    shape: Any  # of a row, none of whose columns must be there
    bad_shape: Any  # of a row that comes without some values; its `faults` say why
    strict: msgspec.json.Decoder[PageBody]  # for pages on which every row has its key
    lenient: msgspec.json.Decoder[PageBody]
    has_keyless: bool = False  # whether a row came that lacks a part of its key
    has_bad: bool = False  # whether a row came that lacks a value that it should have

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
        types = {
            name: f"Collection({each.type})" if each.collection else each.type
            for name, each in properties.items()
        }
        attributes = {name: f"c{index}" for index, name in enumerate(shapes)}
        attributes |= {n: attribute for n, attribute in _OF_ETAG.items() if n in chosen}
        shape = _row_shape(shapes, attributes)
        return cls(
            entity_set,
            key,
            attributes,
            shapes,
            types | {name: each.target for name, each in expanded.items()},
            {name: form.settle for name, form in forms.items() if form.settle is not None},
            shape,
            msgspec.defstruct(
                "BadRow", [("faults", tuple[Fault, ...], ())], bases=(shape,), gc=False
            ),
            _decoder(_row_shape(shapes, attributes, required=key)),
            _decoder(shape),
        )

    def decode(self, content: bytes, *, tolerant: bool = False) -> PageBody:
        """A page; its rows are still to be finished. Raises Undecodable on what is no page.

        What is not JSON may have been spoilt on its way. So only a `tolerant` decoder finds rows in
        it: for a body that was asked for before.
        """
        try:
            return decoded(self.strict, content)
        except Undecodable as error:
            if not error.is_json and not tolerant:
                raise
        try:
            page = decoded(self.lenient, content)
        except Undecodable:
            return self._tolerated(read_anything(content))
        self.has_keyless = True
        return page

    def _tolerated(self, page: Any) -> PageBody:
        """A page with at least one value that is at fault. Raises Undecodable."""
        if not isinstance(page, dict):
            raise Undecodable("the answer is not a page of rows")
        rows = page.pop("value", UNSET)
        try:
            head = msgspec.convert(page, PageBody)
        except msgspec.ValidationError as error:
            raise Undecodable(str(error)) from error
        if rows is UNSET:
            return head
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Undecodable("`value` is not a list of rows")
        return msgspec.structs.replace(head, value=[self._tolerated_row(row) for row in rows])

    def _tolerated_row(self, sent: Mapping[str, Any]) -> Row:
        row: Row = self._taken(sent, self.shape)
        if row is None:
            values, faults = {}, []
            for name, attribute, shape in self._members():
                if name not in sent:
                    continue
                values[attribute] = self._taken(sent[name], shape)
                if values[attribute] is None and sent[name] is not None:
                    faults.append(Fault(name, self._problem(name, sent[name])))
            row = self.bad_shape(**values, faults=tuple(faults))
            self.has_bad = True
        self.has_keyless = self.has_keyless or self._is_keyless(row)
        return row

    def _members(self) -> Iterator[tuple[str, str, Any]]:
        """What is read of a row: the name in JSON, the attribute, and the shape of its values."""
        for name, shape in self.shapes.items():
            yield name, self.attributes[name], shape
        if any(name in self.attributes for name in _OF_ETAG):
            yield _SENT, "sent", str

    @staticmethod
    def _taken(value: object, shape: Any) -> Any:
        """The value in its shape; `None` if it does not fit, or could not be written again."""
        try:
            taken = msgspec.convert(value, shape | None)
            _WRITER.encode(taken)
        except (msgspec.ValidationError, UnicodeError, ArithmeticError):
            return None
        return taken

    def _problem(self, name: str, value: object) -> str:
        kind = next(kind for types, kind in _KINDS if isinstance(value, types))
        return f"holds {kind} that no record can hold as {self.types.get(name, 'text')}"

    def _is_keyless(self, row: Row) -> bool:
        """Whether a row has no value in some column of the key."""
        return any(getattr(row, self.attributes[c]) in (None, UNSET) for c in self.key)

    def finish(self, rows: Rows) -> dict[int, tuple[Fault, ...]]:
        """Check and change what no decoder can.

        Returns:
            Position of each row that cannot be a record as it is -> what is wrong with it. Such a
            row has no value where one is at fault.
        """
        faults: dict[int, tuple[Fault, ...]] = {}
        try:
            for name, settle in self.settled.items():
                self._settle(rows, self.attributes[name], settle)
        except _UNSETTLED:
            faults = {i: found for i, row in enumerate(rows) if (found := self._unsettled(row))}
        if self.has_bad or self.has_keyless:
            for i, row in enumerate(rows):
                found = (*getattr(row, "faults", ()), *faults.get(i, ()))
                if found := (*found, *self._missing(row, {fault.column for fault in found})):
                    faults[i] = found
        if ETAG in self.attributes or ROW_VERSION in self.attributes:
            self._name_etags(rows)
        return faults

    def _unsettled(self, row: Row) -> tuple[Fault, ...]:
        """Settle the values of one row, some of which may be settled already."""
        faults = []
        for name, settle in self.settled.items():
            attribute = self.attributes[name]
            value = getattr(row, attribute)
            if value is None or value is UNSET:
                continue
            try:
                setattr(row, attribute, settle(value))
            except _UNSETTLED:
                faults.append(Fault(name, self._problem(name, value)))
                setattr(row, attribute, UNSET)
        return tuple(faults)

    def _missing(self, row: Row, known: Container[str]) -> Iterator[Fault]:
        for column in self.key:
            if getattr(row, self.attributes[column]) in (None, UNSET) and column not in known:
                yield Fault(column, "has no value, although it is part of the key", is_missing=True)

    def without(self, row: Row, columns: Iterable[str]) -> Row:
        """The row with nothing in some columns, as a row that may be written."""
        emptied: Row = self.shape(*(getattr(row, name) for name in self.shape.__struct_fields__))
        for column in self.attributes.keys() & set(columns):
            setattr(emptied, self.attributes[column], None)
        return emptied

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


# What a value is called in an error, by what it was decoded as.
_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "a boolean"),
    (str, "text"),
    (date, "a date"),
    ((Decimal, int), "a number"),
    (list, "a list"),
    (object, "an object"),
)
_UNSETTLED: Final = (TypeError, ValueError, ArithmeticError, AttributeError)
_WRITER: Final = msgspec.json.Encoder()
_SENT: Final = "@odata.etag"
_OF_ETAG: Final[Mapping[str, str]] = {ETAG: "etag", ROW_VERSION: "version"}


def _row_shape(
    shapes: Mapping[str, Any], attributes: Mapping[str, str], *, required: Sequence[str] = ()
) -> Any:
    """The struct of rows that must have a value in the `required` columns."""
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
        members.append(("sent", text, field(name=_SENT, default=UNSET)))
        members += [
            (attribute, text, field(name=name, default=UNSET))
            for name, attribute in _OF_ETAG.items()
        ]
    return msgspec.defstruct("Row", members, gc=False)


def _decoder(row: Any) -> msgspec.json.Decoder[PageBody]:
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


def _without_control(value: Any, depth: int = 0) -> Any:
    """A value of unknown members without what OData says about it."""
    if depth > DEEPEST:
        raise ValueError
    if isinstance(value, dict):
        return {n: _without_control(v, depth + 1) for n, v in value.items() if "@" not in n}
    if isinstance(value, list):
        return [_without_control(inner, depth + 1) for inner in value]
    return _number(value) if isinstance(value, Decimal) else value


def _number(number: Decimal) -> Decimal:
    if not number.is_finite():  # JSON has no NaN and no infinity
        raise ValueError
    return number


def _whole(number: Decimal | int) -> int:
    if isinstance(number, int):
        return number
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
