"""Exploring a tenant: what is shown is what it has, and what is printed can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from tap_ifs_cloud.explore import main
from tap_ifs_cloud.exploring.paste import streams_yaml
from tap_ifs_cloud.tap import TapIfsCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

SECRET = "opens-the-sandbox"

Explore = Any


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A tenant that grants everything."""
    with Sandbox(SandboxSettings(size=10, ifs=IfsSettings(client_secret=SECRET))) as running:
        yield running


def connection(url: str) -> dict[str, str]:
    """Settings that reach a sandbox."""
    return {
        "base_url": url,
        "realm": "sandbox",
        "client_id": "sandbox",
        "client_secret": SECRET,
    }


@pytest.fixture
def explore(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Callable[..., Result]:
    """Runs the command with settings in the environment, as Meltano does."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str, at: Sandbox = sandbox, **settings: str) -> Result:
        for name, value in {**connection(at.ifs_url), **settings}.items():
            monkeypatch.setenv(f"TAP_IFS_CLOUD_{name.upper()}", value)
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return run


@pytest.fixture
def document(explore: Explore) -> Callable[..., Any]:
    """The JSON document that the command prints; nothing else may stand on stdout."""

    def run(*arguments: str, **options: Any) -> Any:
        ended = explore(*arguments, "--json", **options)
        assert ended.exit_code == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


def one(entity_sets: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in entity_sets if each["name"] == name)


# The list of projections


def test_all_projections_are_listed_with_their_categories(document: Any) -> None:
    """In alphabetical order."""
    projections = document()["projections"]

    names = [each["name"] for each in projections]
    assert names == sorted(names, key=str.casefold)
    assert one(projections, "PurchaseOrderHandling")["categories"] == ["Standard"]
    assert one(projections, "PurchaseOrderEntity")["categories"] == ["EntityService"]


def test_the_list_can_be_searched_and_narrowed(document: Any) -> None:
    """By name or description, in any case, and by category."""

    def names(*options: str) -> list[str]:
        return [each["name"] for each in document(*options)["projections"]]

    assert names("--search", "VOUCHER rows") == ["VoucherRowsAnalysis"]
    assert names("--category", "integration") == ["SupplierService"]
    assert names("--search", "supplier", "--category", "Standard") == ["SupplierHandling"]


def test_a_tenant_that_does_not_grant_its_list_says_how_to_go_on(
    explore: Explore, start_sandbox: Any
) -> None:
    """The list fails; a projection that is known by name does not need it."""
    settings = IfsSettings(client_secret=SECRET, denied=frozenset({"AllProjections"}))
    tenant = start_sandbox(SandboxSettings(size=10, ifs=settings))

    listed = explore(at=tenant)
    known = explore("SupplierHandling", "--json", at=tenant)
    unknown = explore("SupplierHandlin", at=tenant)

    assert (listed.exit_code, listed.stdout) == (1, "")
    assert listed.stderr.startswith("CATALOGUE_NOT_GRANTED: ")
    assert "a name that you know" in listed.stderr
    assert known.exit_code == 0
    assert unknown.stderr.startswith("PROJECTION_UNREACHABLE: ")


def test_a_long_list_comes_page_by_page(document: Any, start_sandbox: Any) -> None:
    """Also where the server gives fewer rows than were asked for."""
    tenant = start_sandbox(
        SandboxSettings(size=10, ifs=IfsSettings(client_secret=SECRET, page_cap=4))
    )

    assert document(at=tenant) == document()


CATALOGUE = """<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="N">
<EntityType Name="P">%s</EntityType><EntityContainer Name="C">
<EntitySet Name="%s" EntityType="N.P"/></EntityContainer></Schema></edmx:DataServices>
</edmx:Edmx>"""


def answers(answer: Any, columns: list[str], rows: list[dict[str, Any]], name: str) -> list[Any]:
    """What a double sends for the list: its metadata, one page, and an empty one."""
    properties = "".join(f'<Property Name="{each}" Type="Edm.String"/>' for each in columns)
    bodies = (CATALOGUE % (properties, name), *(json.dumps({"value": v}) for v in (rows, [])))
    return [answer(200, body.encode(), part="AllProjections") for body in bodies]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"ProjectionName": "A", "Name": None, "Categories": "Standard; Premium"},
            {"name": "A", "categories": ["Standard", "Premium"]},
        ),
        ({"Name": "A.svc", "Title": "T"}, {"name": "A", "description": "T"}),
        ({"Service": "A", "Class": "Premium"}, {"name": "A", "api_class": "Premium"}),
        ({"luname": "X", "SomeDisplayName": "A"}, {"name": "A"}),
        ({"Name": "A", "Category": ["One", "Two"]}, {"name": "A", "categories": ["One", "Two"]}),
    ],
)
def test_columns_of_the_list_are_looked_for(
    explore: Explore, ifs: Any, answer: Any, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What IFS calls them is not documented."""
    ifs.plan(*answers(answer, list(row), [row], "Projections"))

    ended = explore("--json", base_url=ifs.url)

    [found] = json.loads(ended.stdout)["projections"]
    assert found == {"description": "", "categories": [], "api_class": ""} | expected


def test_a_list_that_takes_no_notice_of_skip_ends(explore: Explore, ifs: Any, answer: Any) -> None:
    """The first page again is the end, as an empty one is."""
    declared, page, _ = answers(answer, ["Name"], [{"Name": "A"}, {"Name": "B"}], "Projections")
    ifs.plan(declared, page, page)

    ended = explore("--json", base_url=ifs.url)

    assert [each["name"] for each in json.loads(ended.stdout)["projections"]] == ["A", "B"]


@pytest.mark.parametrize(("columns", "name"), [(["luname", "X"], "Projections"), (["Name"], "Q")])
def test_a_list_of_unknown_form_is_told(
    explore: Explore, ifs: Any, answer: Any, columns: list[str], name: str
) -> None:
    """With what it has."""
    ifs.plan(*answers(answer, columns, [], name))

    ended = explore(base_url=ifs.url)

    assert ended.exit_code == 1
    assert ended.stderr.startswith("CATALOGUE_UNREADABLE: ")
    assert ("X" if name == "Projections" else "Q") in ended.stderr


# One projection


def test_a_projection_shows_what_its_sets_are_made_of(document: Any, sandbox: Sandbox) -> None:
    """Key, stamps, other dates, custom fields, enumerations, references and rows."""
    shown = document("PurchaseOrderHandling")
    found = one(shown["entity_sets"], "PurchaseOrderSet")

    assert found["key"] == ["OrderNo"]
    assert found["replication_key"] == "Cf_Last_Modified"
    assert found["stamps"] == ["Cf_Last_Modified"]
    assert {"OrderDate", "DateEntered"} <= {*found["unsafe_dates"]}
    assert found["custom_fields"] == ["Cf_Supply_Risk", "Cf_Last_Modified"]
    assert "Released" in found["enums"]["Objstate"]
    assert "VendorNoRef" in found["references"]
    for entity_set in shown["entity_sets"]:
        table = entity_set["name"]
        assert entity_set["rows"] == len(sandbox.business.rows(table)), table


def test_references_are_those_to_one_row(explore: Explore, ifs: Any) -> None:
    """`$expand` of many rows is not served."""
    ways = (
        b'<NavigationProperty Name="PartRef" Type="IfsApp.Test.Part"/>'
        b'<NavigationProperty Name="PartArray" Type="Collection(IfsApp.Test.Part)"/></EntityType>'
    )
    ifs.metadata = ifs.metadata.replace(b"</EntityType>", ways, 1)

    shown = json.loads(explore("Test", "--json", base_url=ifs.url).stdout)

    assert one(shown["entity_sets"], "OrderSet")["references"] == ["PartRef"]


def test_a_set_that_leads_nowhere_does_not_hide_the_others(explore: Explore, ifs: Any) -> None:
    """It is told of and left out."""
    broken = b'<EntitySet Name="NoSet" EntityType="IfsApp.Test.Nothing"/></EntityContainer>'
    ifs.metadata = ifs.metadata.replace(b"</EntityContainer>", broken)

    ended = explore("Test", "--json", base_url=ifs.url)

    names = [each["name"] for each in json.loads(ended.stdout)["entity_sets"]]
    assert names == ["OrderSet", "PartSet", "ViewSet"]


def test_without_counts_no_rows_are_asked_for(document: Any) -> None:
    """Neither counts nor a sample."""
    shown = document("SupplierHandling", "--no-count")
    columns = document("SupplierHandling", "SupplierSet", "--no-count")

    assert {each["rows"] for each in shown["entity_sets"]} == {None}
    assert {each["not_counted"] for each in shown["entity_sets"]} == {None}
    assert (columns["sample"], columns["entity_set"]["rows"]) == (None, None)


def test_a_set_that_cannot_be_counted_tells_why(explore: Explore, start_sandbox: Any) -> None:
    """The others are counted."""
    denied = frozenset({"SupplierHandling/SupplierSet"})
    settings = IfsSettings(client_secret=SECRET, denied=denied)
    tenant = start_sandbox(SandboxSettings(size=10, ifs=settings))

    shown = json.loads(explore("SupplierHandling", "--json", at=tenant).stdout)
    refused = one(shown["entity_sets"], "SupplierSet")
    columns = json.loads(explore("SupplierHandling", "SupplierSet", "--json", at=tenant).stdout)
    table = explore("SupplierHandling", at=tenant).stdout

    assert refused["rows"] is None
    assert refused["not_counted"].startswith("ENTITY_SET_REFUSED: SupplierSet: HTTP 403")
    assert one(shown["entity_sets"], "Reference_IsoCountry")["rows"] > 0
    assert columns["not_sampled"].startswith("ENTITY_SET_REFUSED: ")
    assert "SupplierSet was not counted: ENTITY_SET_REFUSED: " in table


def test_a_service_without_counts_is_not_taken_for_a_missing_grant(
    explore: Explore, ifs: Any, failure: Any
) -> None:
    """`$count` is not offered everywhere."""
    ifs.plan(*[failure(404, "ODP_RESOURCE_NOTFOUND", "Not found.", part="$count")] * 3)

    shown = json.loads(explore("Test", "--json", base_url=ifs.url).stdout)

    reasons = {each["not_counted"] for each in shown["entity_sets"]}
    assert all("may offer no `$count`" in reason for reason in reasons)


def test_a_stamp_that_cannot_be_filtered_by_is_told(
    explore: Explore, ifs: Any, failure: Any
) -> None:
    """Metadata does not tell it, and an incremental run would fail."""
    refusal = failure(400, "ODP_X", "Cf_Last_Modified cannot be filtered.", part="$filter=Cf_")

    ifs.plan(refusal)
    shown = json.loads(explore("Test", "--json", base_url=ifs.url).stdout)
    ifs.plan(refusal)
    table = explore("Test", base_url=ifs.url).stdout
    taken = json.loads(explore("Test", "--json", base_url=ifs.url).stdout)

    told = one(shown["entity_sets"], "OrderSet")["stamp_refused"]
    assert told.startswith("IFS_BAD_REQUEST: ")
    assert "the service does not filter by it" in " ".join(table.split())
    assert {each["stamp_refused"] for each in taken["entity_sets"]} == {None}


def test_the_projection_is_found_wherever_it_is(document: Any) -> None:
    """The printed settings then say where."""
    integration = document("SupplierService")
    entity = document("PurchaseOrderEntity.svc")

    assert (integration["gateway"], integration["service"]) == ("int", "projection")
    assert (entity["gateway"], entity["service"]) == ("int", "entity")
    assert entity["streams"] == [
        {
            "entity_set": "PurchaseOrderSet",
            "projection": "PurchaseOrderEntity",
            "service": "entity",
            "gateway": "int",
            "name": "purchase_order",
        }
    ]


def test_a_named_place_is_the_only_one_looked_at(explore: Explore) -> None:
    """Another one is told, not taken; `--service entity` means the gateway that has those."""
    wrong = explore("SupplierService", "--gateway", "main")
    right = explore("PurchaseOrderEntity", "--service", "entity", "--json")

    assert wrong.exit_code == 1
    assert wrong.stderr == (
        "GATEWAY_WRONG: SupplierService is not served at main/projection but at int/projection: "
        "set `gateway: int`\n"
    )
    assert right.exit_code == 0


def test_the_general_gateway_is_not_repeated_in_a_stream(document: Any) -> None:
    """It holds for all streams."""
    [stream] = document("SupplierService", gateway="int")["streams"]

    assert "gateway" not in stream


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PurchaseOrderHandlin", "PurchaseOrderHandling"),
        ("purchaseorderhandling", "PurchaseOrderHandling"),
        ("VoucherHandling", "VouchersHandling"),
    ],
)
def test_an_unknown_projection_names_the_nearest(explore: Explore, name: str, told: str) -> None:
    """The likeliest first."""
    ended = explore(name)

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"PROJECTION_UNKNOWN: the tenant has no projection '{name}'")
    assert f"the nearest names are {told}" in ended.stderr


def test_an_unknown_set_names_those_that_are_there(explore: Explore) -> None:
    """One line with a code."""
    ended = explore("SupplierHandling", "SuplierSet")

    assert ended.exit_code == 1
    assert ended.stderr.startswith("ENTITY_SET_MISSING: ")
    assert "SupplierSet" in ended.stderr


# Settings to paste


@pytest.mark.parametrize(
    "projection", ["PurchaseOrderHandling", "SupplierService", "AccountEntity"]
)
def test_printed_settings_can_be_read(
    explore: Explore, sandbox: Sandbox, projection: str, capfdbinary: Any
) -> None:
    """They are YAML as it stands there, and the tap reads rows with them."""
    printed = explore(projection).stdout
    pasted = yaml.safe_load(printed[printed.index("streams:\n") :])
    tap = TapIfsCloud(config={**connection(sandbox.ifs_url), **pasted})
    capfdbinary.readouterr()

    tap.sync_all()

    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    read = {line["stream"] for line in lines if line["type"] == "RECORD"}
    assert read == {stream["name"] for stream in pasted["streams"]}


TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=9)
SETTINGS = st.sampled_from(["entity_set", "projection", "service", "gateway", "name"])
ENTRIES = st.dictionaries(SETTINGS, TEXTS | st.sampled_from(["No", "1_000", "~"]), min_size=1)


@given(st.lists(ENTRIES, max_size=3))
def test_any_text_survives_yaml(streams: list[dict[str, str]]) -> None:
    """Also `No`, `1_000` and `~`; OData has no names beyond the Basic Multilingual Plane."""
    parsed = yaml.safe_load(streams_yaml(streams))

    assert (parsed["streams"] or []) == [{**stream} for stream in streams]


# One entity set


def test_a_set_shows_its_columns(document: Any, sandbox: Sandbox) -> None:
    """Type, key, members, whether it is selected, and in how many rows there is a value."""
    shown = document("PurchaseOrderHandling", "PurchaseOrderSet")
    columns = {column["name"]: column for column in shown["columns"]}
    rows = sandbox.business.rows("PurchaseOrderSet")

    assert shown["entity_set"]["rows"] == len(rows)
    assert shown["sample"] == min(100, len(rows))
    assert columns["OrderNo"] | {"filled": 0} == {
        "name": "OrderNo",
        "type": "Edm.String(12)",
        "key": True,
        "custom": False,
        "selected": True,
        "left_out": False,
        "dates": None,
        "members": [],
        "filled": 0,
    }
    assert not columns["keyref"]["selected"]
    assert columns["Objstate"]["type"] == "PurchaseOrderState"
    assert "Released" in columns["Objstate"]["members"]
    assert columns["Cf_Last_Modified"]["dates"] == "auto"
    assert columns["DateEntered"]["dates"] == "unsafe"
    assert columns["OrderNo"]["filled"] == shown["sample"]
    assert columns["Objgrants"]["filled"] == 0
    assert shown["streams"][0]["name"] == "purchase_order"


def test_what_cannot_be_a_record_is_shown_as_left_out(explore: Explore, ifs: Any) -> None:
    """And a stamp that tells the day only as doubtful."""
    day = b'<Property Name="ModifiedDate" Type="Edm.Date"/>'
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="Picture"', day + b'<Property Name="Picture"'
    )

    shown = json.loads(explore("Test", "OrderSet", "--json", base_url=ifs.url).stdout)

    columns = {column["name"]: column for column in shown["columns"]}
    assert columns["Picture"]["left_out"]
    assert columns["ModifiedDate"]["dates"] == "doubtful"
    assert shown["entity_set"]["doubtful_dates"] == ["ModifiedDate"]


# Tables


@pytest.mark.parametrize(
    "arguments", [(), ("VoucherRowsAnalysis",), ("VoucherRowsAnalysis", "VoucherRowSet")]
)
def test_tables_fit_a_terminal_and_cut_nothing(
    explore: Explore, document: Any, arguments: tuple[str, ...]
) -> None:
    """80 characters, where only addresses may be longer; names are whole or folded."""
    text = explore(*arguments).stdout

    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("http"))
    shown = document(*arguments)
    listed = shown.get("projections") or shown.get("columns") or shown["entity_sets"]
    squeezed = "".join(text.split())
    assert all(each["name"] in squeezed for each in listed)


@pytest.mark.parametrize(
    ("key", "told"),
    [(b'<Key><PropertyRef Name="Objid"/></Key>', "changes when data is moved"), (b"", "none decl")],
)
def test_a_key_that_does_not_serve_is_told(
    explore: Explore, ifs: Any, key: bytes, told: str
) -> None:
    """Views have none, or the place of a row."""
    view = b'<EntityType Name="View">'
    column = b'<Property Name="Objid" Type="Edm.String"/>'
    ifs.metadata = ifs.metadata.replace(view, view + key + column)

    text = explore("Test", "--no-count", base_url=ifs.url).stdout

    details = text[text.index("\nViewSet\n") :]
    assert told in " ".join(details.split())
    assert "set `key_properties`" in " ".join(details.split())


def test_the_tap_itself_does_not_draw() -> None:
    """Its start-up is not the time to load tables."""
    check = "import sys, tap_ifs_cloud.tap; sys.exit('rich' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# Settings and faults


def test_settings_may_stand_in_files(sandbox: Sandbox, tmp_path: Any) -> None:
    """Later ones win. Streams play no part, so they may be wrong."""
    general, more = tmp_path / "general.json", tmp_path / "more.json"
    general.write_text(json.dumps({**connection(sandbox.ifs_url), "client_secret": "old"}))
    more.write_text(json.dumps({"client_secret": SECRET, "streams": [{"name": 1}]}))
    options = ["--config", str(general), "--config", str(more)]

    ended = CliRunner().invoke(main, [*options, "SupplierHandling", "--no-count"])

    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"base_url": ""}, "SETTING_MISSING: `base_url`"),
        ({"headers": "{"}, "SETTING_INVALID: `headers`"),
        ({"client_secret": "wrong-secret"}, "AUTH_IFS: no token for client 'sandbox'"),
        ({"realm": "elsewhere"}, "AUTH_IFS: no token for client 'sandbox'"),
    ],
)
@pytest.mark.parametrize("arguments", [(), ("SupplierHandling", "--json")])
def test_faults_are_one_line_each(
    explore: Explore, settings: dict[str, str], told: str, arguments: tuple[str, ...]
) -> None:
    """On stderr, with a code and without a secret; exit code 1, nothing on stdout."""
    ended = explore(*arguments, **settings)

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(told)
    assert len(ended.stderr.splitlines()) == 1
    assert "wrong-secret" not in ended.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Any) -> None:
    """With the code that the tap has for it."""
    ended = CliRunner().invoke(main, ["--config", str(tmp_path / "none.json")])

    assert ended.exit_code == 1
    assert ended.stderr.startswith("SETTING_FILE: ")
