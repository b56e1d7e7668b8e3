"""A set with a column of every type that OData knows, and rows of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

SET: Final = {"entity_set": "ThingSet", "projection": "Test", "name": "thing"}

# Column -> type. Numbers stand apart, as servers write them in two ways.
NUMBERS: Final = {
    "Sum": "Edm.Decimal",
    "Ratio": "Edm.Double",
    "Share": "Edm.Single",
    "Octet": "Edm.Byte",
    "Signed": "Edm.SByte",
    "Short": "Edm.Int16",
    "Whole": "Edm.Int32",
    "Long": "Edm.Int64",
}
TEXTS: Final = {
    "Name": "Edm.String",
    "Done": "Edm.Boolean",
    "Day": "Edm.Date",
    "Moment": "Edm.DateTimeOffset",
    "Clock": "Edm.TimeOfDay",
    "Span": "Edm.Duration",
    "Uid": "Edm.Guid",
    "Kind": "N.Kind",
}
NESTED: Final = {
    "Home": "N.Address",
    "Homes": "Collection(N.Address)",
    "Tags": "Collection(Edm.String)",
    "Sums": "Collection(Edm.Decimal)",
    "Kinds": "Collection(N.Kind)",
}
UNREADABLE: Final = {
    "Blob": "Edm.Binary",
    "Media": "Edm.Stream",
    "Place": "Edm.GeographyPoint",
    "Shape": "Edm.Geometry",
    "Blobs": "Collection(Edm.Binary)",
}

PRICE: Final = Decimal("1234567890123456789012345678901234567890.123456789012345678901234567890")


def things(columns: dict[str, str]) -> bytes:
    """The metadata of a set of things with some columns, a key and a stamp."""
    declared = {"Id": "Edm.String", "Changed": "Edm.DateTimeOffset", **columns}
    properties = "".join(f'<Property Name="{n}" Type="{t}"/>' for n, t in declared.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="N">
<EnumType Name="Kind"><Member Name="Small" Value="0"/><Member Name="Large" Value="1"/></EnumType>
<ComplexType Name="Address"><Property Name="City" Type="Edm.String"/>
<Property Name="Rent" Type="Edm.Decimal"/><Property Name="Rooms" Type="Edm.Int32"/>
<Property Name="Plan" Type="Edm.Binary"/><Property Name="Former" Type="N.Address"/></ComplexType>
<EntityType Name="Thing"><Key><PropertyRef Name="Id"/></Key>{properties}</EntityType>
<EntityContainer Name="C"><EntitySet Name="ThingSet" EntityType="N.Thing"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>""".encode()


def thing(number: int, **values: Any) -> dict[str, Any]:
    """A row with a key and a stamp; what is not given is left out of it."""
    return {"Id": f"T{number}", "Changed": f"2026-03-01T10:00:0{number}Z", **values}


FILLED: Final[dict[str, Any]] = {
    "Sum": PRICE,
    "Ratio": Decimal("1.7976931348623157E+308"),
    "Share": Decimal("0.1"),
    "Octet": 255,
    "Signed": -128,
    "Short": -32768,
    "Whole": 2147483647,
    "Long": 9223372036854775807,
    "Name": '007 "é"\\/\u2028\t\x00 😀',
    "Done": True,
    "Day": "2026-02-28",
    "Moment": "2026-10-25T02:30:00.120Z",
    "Clock": "23:59:59.1234567",
    "Span": "P1DT2H3M4.5S",
    "Uid": "0F8FAD5B-D9CB-469F-A165-70867728950E",
    "Kind": "Large",
    "Home": {
        "@odata.type": "#N.Address",
        "City": "Malmö",
        "Rent": PRICE,
        "Rooms": 3,
        "Plan": "AAAA",
        "Former": {"City": None, "Rent": Decimal("0.10"), "More": {"City@odata.type": "x"}},
    },
    "Homes": [{"City": "A", "Rent": None}, None, {}],
    "Tags": ["a", None, ""],
    "Sums": [Decimal("1.10"), None, Decimal("-0.00"), PRICE],
    "Kinds": ["Small", "Unheard"],
    "Blob": "AAAA",
    "Media": "AAAA",
    "Place": {"type": "Point", "coordinates": [Decimal("1.5"), 2]},
    "Shape": {"type": "Point", "coordinates": [Decimal("1.5"), 2]},
    "Blobs": ["AAAA"],
}
LEAST: Final[dict[str, Any]] = {
    "Sum": Decimal("0E-7"),
    "Ratio": Decimal("-2.5E-324"),
    "Share": Decimal("-0.0"),
    "Octet": 0,
    "Signed": Decimal("5.0"),
    "Short": Decimal("1E+2"),
    "Whole": 0,
    "Long": -9223372036854775808,
    "Name": "",
    "Done": False,
    "Day": "0001-01-01",
    "Kind": "Unheard",
    "Home": {},
    "Homes": [],
    "Tags": [],
    "Sums": [],
    "Kinds": [],
}
