"""References to one row come along with the row that refers to them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from tap_ifs_cloud.odata.errors import IfsError
from tap_ifs_cloud.tap import StreamsFailed, TapIfsCloud

if TYPE_CHECKING:
    from collections.abc import Callable

SUPPLIER = b"""<EntityType Name="Supplier"><Key><PropertyRef Name="Id"/></Key>
<Property Name="luname" Type="Edm.String"/><Property Name="Id" Type="Edm.String"/>
<Property Name="Rating" Type="Edm.Int32"/><Property Name="Limit" Type="Edm.Decimal"/>
<Property Name="Logo" Type="Edm.Binary"/></EntityType><EntityType Name="Part">"""
WAYS = b"""<NavigationProperty Name="SupplierRef" Type="IfsApp.Test.Supplier"/>
<NavigationProperty Name="Lines" Type="Collection(IfsApp.Test.Part)"/></EntityType>"""


@pytest.fixture(autouse=True)
def suppliers(ifs: Any, orders: Any) -> None:
    """The double's orders refer to suppliers; the last one to none."""
    head, end, tail = ifs.metadata.partition(b"</EntityType>")
    tail = tail.replace(b'<EntityType Name="Part">', SUPPLIER)
    ifs.metadata = head + end.replace(b"</EntityType>", WAYS) + tail
    ifs.sets["OrderSet"] = orders(3)
    for n, row in enumerate(ifs.sets["OrderSet"]):
        row["SupplierRef"] = {
            "@odata.etag": "x",
            "luname": "Supplier",
            "Id": f"S{n}",
            "Rating": "5",
            "Limit": "0.10",
        }
    ifs.sets["OrderSet"][2]["SupplierRef"] = None
    shown = ifs._columns

    def columns(row: dict[str, Any], select: str | None) -> dict[str, Any]:
        expand = ifs.gets("OrderSet?")[-1].options.get("$expand", "")
        inner = {"SupplierRef": row["SupplierRef"]} if expand.startswith("SupplierRef") else {}
        return {**shown(row, select), **inner}

    ifs._columns = columns


def stream(*terms: str, **more: Any) -> dict[str, Any]:
    entry = {"entity_set": "OrderSet", "projection": "Test", "replication": "full"}
    return {"streams": [entry | {"expand": list(terms)} | more]}


@pytest.fixture
def run(
    config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., list[dict[str, Any]]]:
    """Runs the tap and gives its records."""

    def records(settings: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        capfdbinary.readouterr()
        TapIfsCloud(config=config | settings, **options).sync_all()
        lines = capfdbinary.readouterr().out.splitlines()
        messages = [json.loads(line, parse_float=Decimal) for line in lines]
        return [message["record"] for message in messages if message["type"] == "RECORD"]

    return records


def test_a_reference_is_decoded_like_the_row(run: Any, ifs: Any) -> None:
    """Exact, typed, without OData's own members; null where there is none; on every page."""
    found = [record["SupplierRef"] for record in run(stream("SupplierRef", page_size=2))]

    assert found[:2] == [{"Id": f"S{n}", "Rating": 5, "Limit": Decimal("0.10")} for n in range(2)]
    assert found[2] is None
    pages = [seen.options for seen in ifs.gets("OrderSet?")]
    assert {options["$expand"] for options in pages} == {"SupplierRef"}
    assert all("SupplierRef" not in options["$select"] for options in pages)
    assert all("$expand" not in seen.options for seen in ifs.gets("$count"))


def test_only_some_columns_of_a_reference_can_be_asked_for(run: Any, ifs: Any) -> None:
    """By a `$select` of its own."""
    records = run(stream("SupplierRef($select=Id, Limit)"))

    assert records[0]["SupplierRef"] == {"Id": "S0", "Limit": Decimal("0.10")}
    assert "$expand=SupplierRef($select=Id,Limit)" in ifs.gets("OrderSet?")[0].path


def test_the_schema_holds_a_nullable_object(config: dict[str, Any]) -> None:
    """With the columns of the target that a record can hold."""
    entry = TapIfsCloud(config=config | stream("SupplierRef")).catalog_dict["streams"][0]

    column = entry["schema"]["properties"]["SupplierRef"]
    assert column["type"] == ["object", "null"]
    assert list(column["properties"]) == ["Id", "Rating", "Limit"]


def test_a_deselected_reference_is_not_expanded(run: Any, ifs: Any, config: dict[str, Any]) -> None:
    """It costs the server nothing then."""
    settings = stream("SupplierRef")
    catalog = TapIfsCloud(config=config | settings).catalog_dict
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"] == ["properties", "SupplierRef"]:
            entry["metadata"]["selected"] = False

    assert all("SupplierRef" not in record for record in run(settings, catalog=catalog))
    assert all("$expand" not in seen.options for seen in ifs.gets("OrderSet?"))


def test_a_reference_can_be_flattened(run: Any) -> None:
    """The SDK's own features see a dict."""
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}

    assert run(stream("SupplierRef") | flat)[0]["SupplierRef__Limit"] == Decimal("0.10")


@pytest.mark.parametrize(
    ("term", "said"),
    [
        pytest.param("Nope", "has no reference 'Nope'", id="unknown"),
        pytest.param("Lines", "cannot expand Lines, which leads to many rows", id="collection"),
        pytest.param("SupplierRef($top=1)", "write `SupplierRef`", id="another-option"),
    ],
)
def test_what_cannot_be_expanded_is_refused(config: dict[str, Any], term: str, said: str) -> None:
    """In discovery, by a code."""
    with pytest.raises(IfsError, match=r"^EXPAND_INVALID") as caught:
        TapIfsCloud(config=config | stream(term))

    assert said in str(caught.value)


def test_a_value_of_another_type_inside_a_reference_is_refused(run: Any, ifs: Any) -> None:
    """NaN is no JSON, however deep it lies."""
    ifs.sets["OrderSet"][0]["SupplierRef"]["Limit"] = "NaN"

    with pytest.raises(StreamsFailed, match=r"VALUE_INVALID: .*SupplierRef"):
        run(stream("SupplierRef"))


def test_the_sandbox_is_expanded(
    start_sandbox: Callable[[SandboxSettings], Sandbox], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Orders come with their site, as IFS names it."""
    sandbox = start_sandbox(SandboxSettings(size=5))
    entry = {
        "entity_set": "PurchaseOrderSet",
        "projection": "PurchaseOrderHandling",
        "expand": ["ContractRef"],
    }
    config = {
        "base_url": sandbox.ifs_url,
        "realm": "sandbox",
        "client_id": "sandbox",
        "client_secret": "s4ndb0x-1fs-cl0ud",
        "streams": [entry],
    }
    TapIfsCloud(config=config).sync_all()

    messages = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert records
    assert all(r["ContractRef"]["Contract"] == r["Contract"] for r in records)
    assert not any(name.startswith("@") for r in records for name in r["ContractRef"])
