"""`$metadata` as a document: what is refused, in which encodings it comes, what it costs."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.errors import InvalidMetadata, UnsafeMetadata
from tap_ifs_cloud.odata.metadata import Property, parse_metadata

LAUGHS = """<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>"""
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


def document(body: str, encoding: str = "utf-8") -> str:
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><!-- of a test --><Edmx><DataServices>'
        f'<Schema Namespace="N">{body}</Schema></DataServices></Edmx>'
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', id="entity"),
        pytest.param('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', id="external"),
        pytest.param('<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><a/>', id="param"),
        pytest.param('<?xml version="1.0"?>\n<!-- > --><?a >?>\n<!DOCTYPE a><a/>', id="hidden"),
        pytest.param(LAUGHS, id="laughs"),
    ],
)
def test_a_doctype_is_refused(text: str, encoding: str) -> None:
    """No entity is expanded and nothing is fetched for a DOCTYPE."""
    with pytest.raises(UnsafeMetadata, match=r"^SECURITY_METADATA: here"):
        parse_metadata(text.encode(encoding), "here")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a>",
        b"<a>&unknown;</a>",
        b"<!-- no end",
        b"<html/>",
        b'{"error":1}',
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="no-such-code"?><a/>',
        document("<EntityType Name='T'>").encode(),
        document("<EntityType Name='T'><EntityType Name='U'/></EntityType>").encode(),
        document("").encode()[:-3],
    ],
)
def test_what_is_no_csdl_is_named(content: bytes) -> None:
    """Other documents end in one sentence with the address."""
    with pytest.raises(InvalidMetadata, match=r"^METADATA_INVALID: here"):
        parse_metadata(content, "here")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "cp1252"])
def test_names_come_whole_in_any_encoding(encoding: str) -> None:
    """Declarations are found by bytes, but read as the text that they are."""
    body = (
        '<ComplexType Name="Rück"/><EnumType Name="Größe"><Member Name="Übergroß"/></EnumType>'
        '<EntityType Name="Maß"><Property Name="Straße" Type="Edm.String"/></EntityType>'
    )

    metadata = parse_metadata(document(body, encoding.removesuffix("-sig")).encode(encoding), "x")

    assert list(metadata.entity_types["N.Maß"].properties) == ["Straße"]
    assert metadata.enums["N.Größe"].members == ("Übergroß",)
    assert dict(metadata.complex_types["N.Rück"].properties) == {}


@given(st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=4), max_size=5), st.booleans())
def test_every_type_is_read_from_its_own_place(types: dict[str, list[str]], spaced: bool) -> None:  # noqa: FBT001
    """Whatever names hold, and however a declaration is written, types do not mix."""
    gap = "\n <!-- </EntityType> -->" if spaced else ""
    body = gap.join(_entity(name, columns, gap) for name, columns in types.items())

    metadata = parse_metadata(document(body).encode(), "here")

    found = {name: list(one.properties.values()) for name, one in metadata.entity_types.items()}
    assert found == {f"N.{n}": [Property(c, "A.B") for c in types[n]] for n in types}


def test_memory_does_not_grow_with_what_is_not_asked_for() -> None:
    """A type of a large service costs its name and place; one that is asked for, its columns."""
    count, width = 500, 60
    columns = "".join(f'<Property Name="Column{n}" Type="Edm.String"/>' for n in range(width))
    types = "".join(f'<EntityType Name="T{n}">{columns}</EntityType>' for n in range(count))
    sets = "".join(f'<EntitySet Name="S{n}" EntityType="N.T{n}"/>' for n in range(count))
    content = document(f'{types}<EntityContainer Name="C">{sets}</EntityContainer>').encode()

    tracemalloc.start()
    try:
        metadata = parse_metadata(content, "here")
        _, indexed = tracemalloc.get_traced_memory()
        assert sum(len(each.properties) for each in metadata.entity_sets.values()) == count * width
        _, built = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    parser = 2**21
    assert indexed < parser + 1_000 * count
    assert built < parser + (1_000 + 400 * width) * count


def _entity(name: str, columns: list[str], gap: str) -> str:
    if not columns:
        return f"<EntityType Name={_quoted(name)}/>"
    inner = gap.join(f"<Property Name={_quoted(column)} Type='A.B'/>" for column in columns)
    return f"<EntityType Name={_quoted(name)}>{gap}{inner}</EntityType>"


def _quoted(text: str) -> str:
    for character, entity in {"&": "&amp;", "<": "&lt;", '"': "&quot;"}.items():
        text = text.replace(character, entity)
    return f'"{text}"'
