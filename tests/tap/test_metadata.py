"""`$metadata`: what a real tenant declares, and what other OData services may."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tap_ifs_cloud.odata.errors import InvalidMetadata, UnsafeMetadata
from tap_ifs_cloud.odata.metadata import Metadata, parse_metadata

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" {attributes}>
{types}</Schema></edmx:DataServices></edmx:Edmx>"""


def parsed(types: str, attributes: str = 'Namespace="N.S"') -> Metadata:
    return parse_metadata(SCHEMA.format(types=types, attributes=attributes).encode(), "here")


@pytest.fixture
def real(real_ifs: Path) -> Metadata:
    document = (real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes()
    return parse_metadata(document, "VoucherRowsAnalysis")


def test_a_real_document_is_read_whole(real: Metadata) -> None:
    """Entity types, properties, enumerations and sets of a recorded tenant are all there."""
    properties = [p for t in real.entity_types.values() for p in t.properties.values()]
    members = sum(len(enum.members) for enum in real.enums.values())

    assert len(real.entity_types) == 17
    assert len(properties) == 342
    assert (len(real.enums), members) == (26, 83)
    assert len(real.entity_sets) == 16
    assert len(real.complex_types) == 7
    assert sum(len(t.properties) for t in real.complex_types.values()) == 208


def test_a_real_document_keeps_its_types(real: Metadata) -> None:
    """Every property has the type that the tenant declares."""
    types = Counter(
        "enum" if p.type in real.enums else p.type
        for t in real.entity_types.values()
        for p in t.properties.values()
    )

    assert types == {
        "Edm.String": 230,
        "enum": 49,
        "Edm.Decimal": 27,
        "Edm.Date": 23,
        "Edm.Boolean": 13,
    }


def test_a_real_set_has_its_key_and_columns(real: Metadata) -> None:
    """VoucherRowSet is found with its five key columns in their order."""
    voucher_row = real.entity_sets["VoucherRowSet"]

    assert voucher_row.key == ("Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo")
    assert len(voucher_row.properties) == 88
    assert voucher_row.properties["Company"].max_length == 20
    assert len(real.entity_sets["Reference_Account"].properties) == 60
    assert real.entity_sets["Reference_TaxBookLov"].key == ("Objid",)


def test_enumeration_members_that_look_like_constants_stay_text(real: Metadata) -> None:
    """`None`, `True` and `False` are names of members."""
    assert real.enums["IfsApp.VoucherRowsAnalysis.FndBoolean"].members == ("False", "True")
    assert "None" in real.enums["IfsApp.VoucherRowsAnalysis.SatLevel"].members


def test_a_derived_type_has_what_it_inherits() -> None:
    """Key and properties of the base type come first."""
    metadata = parsed("""<EntityType Name="Base"><Key><PropertyRef Name="Id"/></Key>
        <Property Name="Id" Type="Edm.Int64" Nullable="false"/></EntityType>
        <EntityType Name="Derived" BaseType="N.S.Base"><Property Name="More" Type="Edm.Guid"/>
        </EntityType>""")

    derived = metadata.entity_types["N.S.Derived"]

    assert derived.key == ("Id",)
    assert list(derived.properties) == ["Id", "More"]
    assert not derived.properties["Id"].nullable


def test_aliases_and_type_definitions_are_resolved() -> None:
    """A type may be called by its namespace's alias, or stand for a simple one."""
    metadata = parsed(
        """<EnumType Name="Color"><Member Name="Red"/></EnumType>
        <TypeDefinition Name="Short" UnderlyingType="Edm.String" MaxLength="5"/>
        <EntityType Name="Thing"><Key><PropertyRef Name="Id"/></Key>
        <Property Name="Id" Type="Self.Short"/>
        <Property Name="Colors" Type="Collection(Self.Color)"/>
        </EntityType><EntityContainer Name="C"><EntitySet Name="Things" EntityType="Self.Thing"/>
        </EntityContainer>""",
        'Namespace="N.S" Alias="Self"',
    )

    properties = metadata.entity_sets["Things"].properties

    assert (properties["Id"].type, properties["Id"].max_length) == ("Edm.String", 5)
    assert (properties["Colors"].type, properties["Colors"].collection) == ("N.S.Color", True)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', id="entity"),
        pytest.param('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', id="external"),
    ],
)
def test_a_doctype_is_refused(document: str) -> None:
    """No entity is expanded and nothing is fetched for a DOCTYPE."""
    with pytest.raises(UnsafeMetadata, match=r"^SECURITY_METADATA: here"):
        parse_metadata(document.encode(), "here")


@pytest.mark.parametrize("document", [b"", b"<a>", b"<html/>", b'{"error":1}'])
def test_what_is_no_csdl_is_named(document: bytes) -> None:
    """Other documents end in one sentence with the address."""
    with pytest.raises(InvalidMetadata, match=r"^METADATA_INVALID: here"):
        parse_metadata(document, "here")
