"""Rows of an entity set as structs compiled from `$metadata`: exact, checked, without OData's own.

A page is read in one pass by a decoder made for the chosen columns: what is not chosen is never
built, and a value of another type is found while it is read. No binary float exists between the
body of an answer and the record: numbers become Decimal, also where a server writes them as text
(`IEEE754Compatible`). Moments stay as they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType, field

from tap_ifs_cloud.odata.envelope import ErrorInfo  # noqa: TC001 # msgspec looks it up
from tap_ifs_cloud.odata.errors import ValueInvalid
from tap_ifs_cloud.odata.etag import row_version

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.metadata import Metadata, Property

__all__ = ["ETAG", "ROW_VERSION", "PageBody", "Row", "RowType", "is_readable"]

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
_WHOLE: Final = frozenset({"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"})


def is_readable(declared: Property, metadata: Metadata) -> bool:
    """Whether values of the property can stand in a record."""
    return (
        declared.type in _TYPES
        or declared.type in metadata.enums
        or declared.type in metadata.complex_types
    )


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
        cls, entity_set: str, metadata: Metadata, *, names: Iterable[str], key: tuple[str, ...]
    ) -> RowType:
        """A type for `names`, which may hold `_ifs_etag` and `_ifs_row_version`."""
        declared, chosen = metadata.entity_sets[entity_set], set(names)
        properties = {n: p for n, p in declared.properties.items() if n in chosen}
        shapes = {name: _shape(each, metadata) for name, each in properties.items()}
        attributes = {name: f"c{index}" for index, name in enumerate(shapes)}
        attributes |= {n: attribute for n, attribute in _OF_ETAG.items() if n in chosen}
        settled = {name: _settle(each) for name, each in properties.items()}
        return cls(
            entity_set,
            key,
            attributes,
            shapes,
            {name: each.type for name, each in properties.items()},
            {name: settle for name, settle in settled.items() if settle is not None},
            _decoder(shapes, attributes, required=key),
            _decoder(shapes, attributes),
        )

    def decode(self, content: bytes) -> PageBody:
        """A page whose rows are ready to be written.

        Raises ValueInvalid on a row that does not fit, msgspec.ValidationError on other JSON that
        is no page, and msgspec.DecodeError or UnicodeDecodeError on what is no JSON.
        """
        try:
            return self._finished(self.strict.decode(content))
        except UnicodeDecodeError:
            raise
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError):
            return self._looked_at_closely(content)

    def _looked_at_closely(self, content: bytes) -> PageBody:
        """The page if all that it lacks are keys; else the error that names the value."""
        try:
            page = self._finished(self.lenient.decode(content))
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
            fault = self._fault(content)
            raise error if fault is None else fault from error
        self.has_keyless = True
        return page

    def is_keyless(self, row: Row) -> bool:
        """Whether a row has no value in some column of the key."""
        return any(getattr(row, self.attributes[c]) in (None, UNSET) for c in self.key)

    def _finished(self, page: PageBody) -> PageBody:
        """Check and change what no decoder can. Raises TypeError or ValueError."""
        rows = page.value or ()
        for name, settle in self.settled.items():
            attribute = self.attributes[name]
            values = map(attrgetter(attribute), rows)
            if settle is _moment:  # it stays as it came
                deque(map(datetime.fromisoformat, filter(None, values)), maxlen=0)
            elif settle is _number:
                if not all(map(Decimal.is_finite, filter(None, values))):
                    raise ValueError
            else:
                for row, value in zip(rows, values, strict=True):
                    if value is not None and value is not UNSET:
                        setattr(row, attribute, settle(value))
        if ETAG in self.attributes or ROW_VERSION in self.attributes:
            self._name_etags(rows)
        return page

    def _name_etags(self, rows: Rows) -> None:
        """Move each etag from OData's member to the columns that are made of it."""
        wants_etag, wants_version = ETAG in self.attributes, ROW_VERSION in self.attributes
        for row in rows:
            etag = row.sent or None
            row.sent = UNSET
            if wants_etag:
                row.etag = etag
            if wants_version:
                row.version = row_version(etag)

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


def _shape(declared: Property, metadata: Metadata, inside: frozenset[str] = frozenset()) -> Any:
    """The Python type of a property's values; `inside` holds the complex types around it."""
    if declared.type in _TYPES:
        one = _TYPES[declared.type]
    elif declared.type in metadata.enums:
        one = str
    elif declared.type in inside:
        one = dict[str, Any]  # a type that holds itself is not followed further
    else:
        one = _structure(declared.type, metadata, inside | {declared.type})
    return list[one | None] if declared.collection else one  # type: ignore[valid-type]


def _structure(name: str, metadata: Metadata, inside: frozenset[str]) -> Any:
    properties = metadata.complex_types[name].properties.items()
    members = [
        (
            f"c{index}",
            _shape(each, metadata, inside) | None | UnsetType,
            field(name=member, default=UNSET),
        )
        for index, (member, each) in enumerate(properties)
        if is_readable(each, metadata)
    ]
    return msgspec.defstruct("Complex", members, gc=False)


def _settle(declared: Property) -> Settle | None:
    """What is left to do with a value of the property, or to check; `None` if nothing is."""
    if declared.type in _WHOLE:
        return _wholes if declared.collection else _whole
    if declared.collection:
        return None
    if declared.type == "Edm.DateTimeOffset":
        return _moment
    return _number if _TYPES.get(declared.type) is Decimal else None


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _number(number: Decimal) -> Decimal:
    if not number.is_finite():  # JSON has no NaN and no infinity
        raise ValueError
    return number


def _whole(number: Decimal) -> int:
    whole = int(number)
    if whole != number:
        raise ValueError
    return whole


def _wholes(numbers: Sequence[Decimal | None]) -> list[int | None]:
    return [None if number is None else _whole(number) for number in numbers]
