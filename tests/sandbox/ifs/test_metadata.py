"""Metadata: it has the shape of a real tenant's, and the rows keep to it."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from defusedxml.ElementTree import fromstring
from ifs_monday_sandbox.ifs.model import Kind, Service
from ifs_monday_sandbox.ifs.projections import PROJECTIONS
from ifs_monday_sandbox.ifs.settings import IfsSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from ifs_monday_sandbox.business import Business

NAMES = [each.name for each in PROJECTIONS if each.service is Service.PROJECTION]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
PYTHON: dict[Kind, type | tuple[type, ...]] = {
    Kind.TEXT: str,
    Kind.NUMBER: (int, Decimal),
    Kind.DATE: date,
    Kind.TIMESTAMP: datetime,
    Kind.FLAG: bool,
    Kind.CHOICE: str,
}


@pytest.fixture
def real(real_ifs: Path) -> Element:
    """The recorded metadata of VoucherRowsAnalysis."""
    return fromstring((real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes())


@pytest.fixture
def ours(twin: Any) -> Element:
    """The twin's metadata of the same service."""
    answer = twin.get("VoucherRowsAnalysis.svc/$metadata", accept="application/xml")
    assert answer.headers["Content-Type"] == "application/xml"
    return fromstring(answer.content)


def shape(root: Element) -> dict[str, set[tuple[str, ...]]]:
    """For every path of elements, the sets of attributes that occur there."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)

    def visit(element: Element, path: str) -> None:
        here = f"{path}/{element.tag.rpartition('}')[2]}"
        found[here].add(tuple(element.attrib))
        for child in element:
            visit(child, here)

    visit(root, "")
    return found


def properties(root: Element, kind: str) -> dict[str, dict[str, str]]:
    """The properties of an entity type by name, with their facets."""
    found = root.findall(f".//{EDM}EntityType[@Name='{kind}']/{EDM}Property")
    return {each.attrib["Name"]: each.attrib for each in found}


def test_every_element_looks_like_the_real_one(real: Element, ours: Element) -> None:
    """Elements, their nesting and the order of their attributes are the recorded ones."""
    known, found = shape(real), shape(ours)

    assert found.keys() == known.keys()
    for path, attributes in found.items():
        assert attributes <= known[path], path


def test_elements_come_in_the_real_order(real: Element, ours: Element) -> None:
    """Enum types, entity types, complex types, functions, container."""

    def order(root: Element) -> list[str]:
        return list(dict.fromkeys(child.tag for child in root[0][0]))

    assert order(ours) == order(real)


@pytest.mark.parametrize("kind", ["VoucherRow", "Account", "CodeB"])
def test_columns_are_real_ones(real: Element, ours: Element, kind: str) -> None:
    """Every column of these types exists in reality, with the same type and length."""
    known = properties(real, kind)

    for name, facets in properties(ours, kind).items():
        assert facets == known[name], name


def test_metadata_is_written_as_the_real_one_is(twin: Any, real_ifs: Path) -> None:
    """One line, with the same declaration and the same closing of empty elements."""
    pattern = r"<\?xml[^>]*\?>|<Property Name=\"luname\"[^/]*</Property>|<PropertyRef[^>]*/>"
    real = (real_ifs / "voucher-rows-analysis.metadata.xml").read_text()

    text = twin.get("VoucherRowsAnalysis.svc/$metadata").text

    assert "\n" not in text
    assert set(re.findall(pattern, text)) <= set(re.findall(pattern, real))


@pytest.mark.parametrize("name", NAMES)
def test_every_service_declares_what_it_uses(twin: Any, name: str) -> None:
    """Types of properties, targets of navigation and bindings of sets all exist."""
    root = fromstring(twin.get(f"{name}.svc/$metadata", gateway="int").content)
    declared = {
        f"IfsApp.{name}.{each.attrib['Name']}"
        for each in root[0][0]
        if each.tag != f"{EDM}EntityContainer"
    }
    sets = {each.attrib["Name"] for each in root.iter(f"{EDM}EntitySet")}

    used = {
        re.sub(r"^Collection\((.*)\)$", r"\1", element.attrib[name])
        for element in root.iter()
        for name in ("Type", "EntityType", "Function")
        if name in element.attrib
    }

    assert {each for each in used if not each.startswith("Edm.")} <= declared
    assert {each.attrib["Target"] for each in root.iter(f"{EDM}NavigationPropertyBinding")} <= sets


def tables() -> list[Any]:
    """A set for each table of the business."""
    seen = {}
    for projection in PROJECTIONS[1:]:
        for each in projection.sets:
            seen[each.table] = each
    return [pytest.param(each, id=each.table) for each in seen.values()]


@pytest.mark.parametrize("entity_set", tables())
def test_rows_keep_to_what_is_declared(business: Business, entity_set: Any) -> None:
    """Every row has every declared column, of its type, no longer than it may be; keys are set."""
    kind = entity_set.type
    declared = [
        each for each in kind.properties if each.name not in {"luname", "keyref", "Objgrants"}
    ]
    rows = business.rows(entity_set.table)
    assert rows

    for row in rows:
        for each in declared:
            value = row[each.name]
            if value is None:
                assert each.name not in kind.key
                continue
            assert isinstance(value, PYTHON[each.kind]), each.name
            assert each.kind is not Kind.TEXT or len(str(value)) <= each.length
            assert value != ""
    assert len({tuple(row[name] for name in kind.key) for row in rows}) == len(rows)


def test_choices_are_members_of_their_enumeration(business: Business) -> None:
    """No row holds a state that the metadata does not list."""
    for projection in PROJECTIONS[1:]:
        for each in projection.sets:
            for column in each.type.properties:
                if column.enum:
                    found = {row[column.name] for row in business.rows(each.table)}
                    assert found - {None} <= set(projection.enums[column.enum].members)


def test_the_service_document_lists_sets_and_functions(twin: Any) -> None:
    """A client must take the entity sets only."""
    listed = twin.get("VoucherRowsAnalysis.svc/").json()["value"]

    assert {"name": "VoucherRowSet", "kind": "EntitySet", "url": "VoucherRowSet"} in listed
    assert "FunctionImport" in {each["kind"] for each in listed}


def test_the_catalogue_lists_the_services(twin: Any) -> None:
    """Projections and entity services stand in one list, told apart by their category."""
    rows = twin.rows("AllProjections.svc/Projections", select="ProjectionName,Categories")

    listed = {row["ProjectionName"]: row["Categories"] for row in rows}
    assert listed["PurchaseOrderHandling"] == "Standard"
    assert listed["SupplierService"] == "Integration"
    assert listed["PurchaseOrderEntity"] == "EntityService"


def test_an_unknown_service_has_no_metadata(twin: Any) -> None:
    """The answer is JSON whatever was asked for."""
    answer = twin.get("NoSuchServiceXyz.svc/$metadata", accept="application/xml")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"]["message"] == "Metadata not found."


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("int/ifsapplications/projection/v1/PurchaseOrderHandling.svc", 200),
        ("int/ifsapplications/entity/v1/PurchaseOrderEntity.svc", 200),
        ("main/ifsapplications/entity/v1/PurchaseOrderEntity.svc", 404),
        ("int/ifsapplications/projection/v1/PurchaseOrderEntity.svc", 404),
        ("b2b/ifsapplications/projection/v1/PurchaseOrderHandling.svc", 404),
        ("int/ifsapplications/projection/v1/SupplierService.svc", 200),
        ("main/ifsapplications/projection/v1/SupplierService.svc", 404),
        ("main/ifsapplications/projection/v1/PurchaseOrderHandling", 404),
    ],
)
def test_a_service_has_its_gateways(twin: Any, path: str, status: int) -> None:
    """Entity services and integration projections are on the integration gateway only.

    A wrong gateway is a plain 404.
    """
    answer = twin.session.get(f"{twin.url}/{path}/$metadata", timeout=30)

    assert answer.status_code == status


def test_entity_services_serve_the_same_rows(twin: Any, business: Business) -> None:
    """The set of an entity service is named after its logical unit."""
    url = f"{twin.url}/int/ifsapplications/entity/v1/PurchaseOrderEntity.svc/PurchaseOrderSet"

    rows = twin.session.get(f"{url}?$select=OrderNo", timeout=30).json()["value"]

    assert len(rows) == len(business.rows("PurchaseOrderSet"))


def test_metadata_that_the_client_has_is_not_sent_again(twin: Any) -> None:
    """By its ETag or, without one, by its date: 304 and no body."""
    url = f"{twin.url}/main/ifsapplications/projection/v1/VouchersHandling.svc/$metadata"
    first = twin.session.get(url, timeout=30)

    def ask(**headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = twin.session.get(url, headers=named, timeout=30)
        assert answer.headers["ETag"] == first.headers["ETag"]
        return answer.status_code, answer.content

    stamp = first.headers["Last-Modified"]
    earlier = "Mon, 01 Jan 2024 00:00:00 GMT"
    assert ask(If_None_Match=first.headers["ETag"]) == (304, b"")
    assert ask(If_Modified_Since=stamp) == (304, b"")
    assert ask(If_None_Match='W/"another"', If_Modified_Since=stamp) == (200, first.content)
    assert ask(If_Modified_Since=earlier) == (200, first.content)
    assert ask(If_Modified_Since="yesterday") == (200, first.content)


def test_services_differ_in_their_etags(twin: Any) -> None:
    """So that no cache takes one for the other."""
    names = ("VouchersHandling", "CustomerOrderHandling")

    assert len({twin.get(f"{name}.svc/$metadata").headers["ETag"] for name in names}) == 2


def test_a_denied_projection_looks_like_an_unknown_one(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """404 with the same words, for its metadata, its service document and its rows."""
    twin = start_twin(business, IfsSettings(denied=frozenset({"VouchersHandling"})))
    unknown = twin.get("NoSuchServiceXyz.svc/$metadata")

    for part in ("$metadata", "", "VoucherSet", "VoucherSet/$count"):
        answer = twin.get(f"VouchersHandling.svc/{part}")
        assert (answer.status_code, answer.json()) == (404, unknown.json())
    listed = twin.rows("AllProjections.svc/Projections", select="ProjectionName")
    assert "VouchersHandling" in {row["ProjectionName"] for row in listed}


def test_a_denied_set_is_declared_but_not_given(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """403 for its rows and their number; other sets of the service are given."""
    twin = start_twin(business, IfsSettings(denied=frozenset({"VouchersHandling/VoucherSet"})))

    assert b"VoucherSet" in twin.get("VouchersHandling.svc/$metadata").content
    for part in ("VoucherSet", "VoucherSet/$count"):
        answer = twin.get(f"VouchersHandling.svc/{part}")
        assert answer.status_code == 403
        assert answer.json()["error"]["message"] == "Insufficient privileges."
    assert twin.rows("VouchersHandling.svc/Reference_VoucherType")


def test_outdated_metadata_is_told_once(start_twin: Callable[..., Any], business: Business) -> None:
    """The same request, repeated, works."""
    twin = start_twin(business, IfsSettings(outdated=frozenset({"VouchersHandling"})))

    refused = twin.get("VouchersHandling.svc/VoucherSet", top=1)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.json()["error"]["code"] == "MI_MODIFIED_ERROR"
    assert len(twin.rows("VouchersHandling.svc/VoucherSet", top=1)) == 1
