"""`$metadata`: what a real tenant declares, and what other OData services may."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tap_ifs_cloud.odata.errors import InvalidMetadata
from tap_ifs_cloud.odata.metadata import Metadata, Navigation, Property, parse_metadata

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


def test_a_real_type_has_its_links(real: Metadata) -> None:
    """To-one references carry the columns that they join by."""
    navigations = real.entity_sets["VoucherRowSet"].navigations

    assert navigations["EnteredByUserGroupRef"] == Navigation(
        "EnteredByUserGroupRef",
        "IfsApp.VoucherRowsAnalysis.UserGroupFinance",
        constraints={"Company": "Company", "EnteredByUserGroup": "UserGroup"},
    )
    assert {each.target for each in navigations.values()} <= set(real.entity_types)


def test_links_are_inherited_and_told_from_links_to_many() -> None:
    """A derived type has the links of its base; `Collection()` and `Nullable` are kept."""
    metadata = parsed(
        """<EntityType Name="Base"><NavigationProperty Name="Lines" Type="Collection(S.Base)"/>
        </EntityType><EntityType Name="Derived" BaseType="S.Base">
        <NavigationProperty Name="Home" Type="S.Base" Nullable="false">
        <ReferentialConstraint Property="A" ReferencedProperty="B"/><OnDelete Action="None"/>
        </NavigationProperty></EntityType>""",
        'Namespace="N.S" Alias="S"',
    )

    assert dict(metadata.entity_types["N.S.Derived"].navigations) == {
        "Lines": Navigation("Lines", "N.S.Base", collection=True),
        "Home": Navigation("Home", "N.S.Base", nullable=False, constraints={"A": "B"}),
    }


def test_a_key_is_inherited_over_several_types_and_schemas() -> None:
    """The nearest type with a key decides; columns come topmost first."""
    metadata = parse_metadata(
        b"""<Edmx><DataServices>
        <Schema Namespace="Top" Alias="T"><EntityType Name="Root" Abstract="true">
        <Property Name="Made" Type="Edm.Date"/></EntityType>
        <EntityType Name="Keyed" BaseType="T.Root"><Key><PropertyRef Name="B"/>
        <PropertyRef Name="A"/></Key><Property Name="A" Type="Edm.String"/>
        <Property Name="B" Type="Edm.String"/></EntityType></Schema>
        <Schema Namespace="Low"><EntityType Name="Leaf" BaseType="T.Keyed"/>
        <EntityContainer Name="C"><EntitySet Name="Leaves" EntityType="Low.Leaf"/>
        </EntityContainer></Schema></DataServices></Edmx>""",
        "here",
    )

    leaf = metadata.entity_sets["Leaves"]

    assert leaf.name == "Low.Leaf"
    assert leaf.key == ("B", "A")
    assert list(leaf.properties) == ["Made", "A", "B"]


@pytest.mark.parametrize("part", ['Name="Address/Zip" Alias="Zip"', 'Name="Gone"'])
def test_a_key_of_which_a_part_is_no_column_is_none(part: str) -> None:
    """The rest of it would take different rows for one."""
    metadata = parsed(
        f"""<ComplexType Name="Address"><Property Name="Zip" Type="Edm.String"/></ComplexType>
        <EntityType Name="Home"><Key><PropertyRef Name="Id"/><PropertyRef {part}/></Key>
        <Property Name="Id" Type="Edm.String"/><Property Name="Address" Type="N.S.Address"/>
        </EntityType>"""
    )

    assert metadata.entity_types["N.S.Home"].key == ()


def test_definitions_of_other_schemas_give_type_and_length() -> None:
    """A length at the property goes before that of its definition, also where it is `max`."""
    metadata = parse_metadata(
        b"""<Edmx><DataServices><Schema Namespace="D" Alias="Defs">
        <TypeDefinition Name="Code" UnderlyingType="Edm.String" MaxLength="5"/>
        <TypeDefinition Name="Sub" UnderlyingType="Defs.Code"/>
        <TypeDefinition Name="Ring" UnderlyingType="D.Ring"/></Schema>
        <Schema Namespace="N"><ComplexType Name="T"><Property Name="A" Type="Defs.Sub"/>
        <Property Name="B" Type="Collection(D.Code)" MaxLength="max" Nullable="false"/>
        <Property Name="C" Type="D.Code" MaxLength="2"/><Property Name="D" Type="D.Ring"/>
        </ComplexType></Schema></DataServices></Edmx>""",
        "here",
    )

    assert list(metadata.complex_types["N.T"].properties.values()) == [
        Property("A", "Edm.String", max_length=5),
        Property("B", "Edm.String", collection=True, nullable=False),
        Property("C", "Edm.String", max_length=2),
        Property("D", "D.Ring"),
    ]


def test_an_enumeration_tells_what_it_is_made_of() -> None:
    """Its underlying type, and whether rows carry several members."""
    enums = parsed("""<EnumType Name="A" UnderlyingType="Edm.Int64" IsFlags="true">
        <Member Name="One" Value="1"/><Member Name="Two" Value="2"/></EnumType>
        <EnumType Name="B"/>""").enums

    assert enums["N.S.A"].members == ("One", "Two")
    assert (enums["N.S.A"].underlying, enums["N.S.A"].is_flags) == ("Edm.Int64", True)
    assert (enums["N.S.B"].members, enums["N.S.B"].underlying) == ((), "Edm.Int32")
    assert not enums["N.S.B"].is_flags


def test_a_complex_type_may_inherit_nest_and_hold_itself() -> None:
    """What is open stays open for what is derived from it."""
    complexes = parsed("""<ComplexType Name="Base" OpenType="true">
        <Property Name="Parts" Type="Collection(N.S.Base)"/></ComplexType>
        <ComplexType Name="More" BaseType="N.S.Base"><Property Name="Inner" Type="N.S.Plain"/>
        </ComplexType><ComplexType Name="Plain"/>""").complex_types

    assert list(complexes["N.S.More"].properties) == ["Parts", "Inner"]
    assert complexes["N.S.More"].properties["Parts"].collection
    assert complexes["N.S.More"].is_open
    assert not complexes["N.S.Plain"].is_open


def test_types_that_nobody_reads_stay_as_declared() -> None:
    """Streams, untyped values and types of documents elsewhere are named, nothing more."""
    names = ["Edm.Stream", "Edm.Untyped", "Edm.GeographyPoint", "Org.Elsewhere.Thing"]
    columns = "".join(f'<Property Name="P{n}" Type="{t}"/>' for n, t in enumerate(names))

    metadata = parsed(f'<ComplexType Name="T">{columns}</ComplexType>')

    properties = metadata.complex_types["N.S.T"].properties.values()
    assert [each.type for each in properties] == names


def test_sets_of_extended_containers_are_sets_and_singletons_are_not() -> None:
    """All containers of a document count; imports of functions do not."""
    metadata = parsed("""<EntityType Name="T"/>
        <EntityContainer Name="Base"><EntitySet Name="Old" EntityType="N.S.T"/></EntityContainer>
        <EntityContainer Name="C" Extends="N.S.Base"><EntitySet Name="New" EntityType="N.S.T">
        <NavigationPropertyBinding Path="P" Target="Old"/></EntitySet>
        <Singleton Name="Me" Type="N.S.T"/><FunctionImport Name="F" Function="N.S.F"/>
        </EntityContainer>""")

    assert list(metadata.entity_sets) == ["Old", "New"]
    assert metadata.entity_sets["Old"] is metadata.entity_types["N.S.T"]


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        pytest.param("", "'N.S.T'.*not declared", id="no type"),
        pytest.param('<EntityType Name="T" BaseType="N.S.Gone"/>', "'N.S.Gone'", id="no base"),
        pytest.param('<EntityType Name="T" BaseType="N.S.T"/>', "of itself", id="circle"),
    ],
)
def test_only_asking_for_what_leads_nowhere_fails(declared: str, why: str) -> None:
    """One unreadable set does not take the others with it, and its error names it."""
    metadata = parsed(
        f"""{declared}<EntityType Name="Fine"/><EntityContainer Name="C">
        <EntitySet Name="Broken" EntityType="N.S.T"/><EntitySet Name="Sound" EntityType="N.S.Fine"/>
        </EntityContainer>"""
    )

    assert metadata.entity_sets["Sound"].name == "N.S.Fine"
    assert list(metadata.entity_sets) == ["Broken", "Sound"]
    assert "Broken" in metadata.entity_sets
    with pytest.raises(InvalidMetadata, match=rf"^METADATA_INVALID: here.*'Broken'.*{why}"):
        metadata.entity_sets.get("Broken")


def test_a_complex_type_that_leads_nowhere_is_an_unknown_one() -> None:
    """A property of it is then one whose type nobody can read."""
    metadata = parsed("""<ComplexType Name="Lost" BaseType="Elsewhere.Base"/>
        <ComplexType Name="Child" BaseType="N.S.Lost"/><ComplexType Name="Fine"/>
        <EntityType Name="T"><Property Name="P" Type="N.S.Child"/></EntityType>""")

    assert list(metadata.complex_types) == ["N.S.Fine"]
    assert metadata.entity_types["N.S.T"].properties["P"].type == "N.S.Child"


def test_aliases_of_included_schemas_are_written_out() -> None:
    """What another document declares keeps its full name."""
    metadata = parse_metadata(
        b"""<x:Edmx xmlns:x="x"><x:Reference Uri="http://127.0.0.1:9/core.xml">
        <x:Include Namespace="Org.OData.Core.V1" Alias="Core"/></x:Reference>
        <x:DataServices><e:Schema xmlns:e="e" Namespace="N"><e:ComplexType Name="T">
        <e:Property Name="P" Type="Core.Tag"/></e:ComplexType></e:Schema></x:DataServices>
        </x:Edmx>""",
        "here",
    )

    assert metadata.complex_types["N.T"].properties["P"].type == "Org.OData.Core.V1.Tag"


def test_what_belongs_to_others_is_no_column() -> None:
    """Parameters, annotations and their parts stay out, wherever they stand."""
    metadata = parsed("""<Action Name="A"><Parameter Name="X" Type="Edm.String"/></Action>
        <Annotations Target="N.S.T"><Annotation Term="Z"/></Annotations>
        <EntityType Name="T"><Annotation Term="Y"><Record><PropertyValue Property="P"/>
        <Collection><Property Name="Q"/></Collection></Record></Annotation>
        <Property Name="R" Type="Edm.Int32"><Annotation Term="W" String="a &lt;b&gt;"/></Property>
        </EntityType>""")

    assert list(metadata.entity_types["N.S.T"].properties) == ["R"]
